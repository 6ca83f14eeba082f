"""The system's Chromium, driven headless; pages are loaded from files, and whatever they ask the network for is noted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Looked:
    """A page as it was drawn: what it said, what it asked for, and the page itself."""

    page: Any
    console: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


Look = Callable[..., Looked]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser for a file of tests; not longer, since Playwright's loop runs for as long and no other could."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
    binary = os.environ.get("OTEL_VOICE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if binary is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def look(chromium: Any) -> Iterator[Look]:
    """Open a page in a window of some width and scheme."""
    contexts: list[Any] = []

    def opened(path: Path, *, width: int = 1280, scheme: str = "light") -> Looked:
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        looked = Looked(context.new_page())
        looked.page.on("console", lambda message: looked.console.append(message.text))
        looked.page.on("pageerror", lambda error: looked.console.append(str(error)))
        looked.page.on("request", lambda request: looked.asked.append(request.url))
        looked.page.goto(path.as_uri())
        return looked

    yield opened
    for context in contexts:
        context.close()
