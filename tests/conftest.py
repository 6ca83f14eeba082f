"""For every test: where nothing may be skipped, a skip is a failure; journals without a directory of their own lie in a scratch folder."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a busy machine is no bug
settings.load_profile("untimed")
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="otel-voice-state-")  # also of the processes that tests start
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)


def _strict(report: Any) -> None:
    if os.environ.get("OTEL_VOICE_NO_SKIP") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"skipped where nothing may be: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Judge a test's report."""
    report = yield
    _strict(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """Judge a file's report: whole files are skipped, too."""
    report = yield
    _strict(report)
    return report
