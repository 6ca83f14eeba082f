"""Renders the boards to JSON, the rules to YAML, and what the panels say to PANELS.md: `python -m otel_voice_dashboards.render [--check]`.

Needs grafana-foundation-sdk, which users do not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
except ModuleNotFoundError:
    print("the boards are made with grafana-foundation-sdk, which is in the extra `dev`: pip install -e '.[dev]'", file=sys.stderr)
    raise SystemExit(2) from None

from otel_voice_dashboards import RENDERED, call, overview, processor, release, workflow
from otel_voice_dashboards.pages import panels_page
from otel_voice_dashboards.rule_files import GRAFANA_FILE, PROMETHEUS_FILE, grafana_alerts, prometheus_rules

BOARDS = {
    overview.UID: overview.overview,
    workflow.UID: workflow.workflow,
    release.UID: release.release,
    call.UID: call.call,
    processor.UID: processor.processor,
}
RULES = {PROMETHEUS_FILE: prometheus_rules, GRAFANA_FILE: grafana_alerts}


def render(uid: str) -> str:
    """Return a board's JSON as it is committed."""
    model = json.loads(JSONEncoder(sort_keys=True).encode(BOARDS[uid]().build()))
    for part in _parts(model):
        # newer Grafana moves links with this key into a menu
        part.pop("placement", None)
    for variable in model["templating"]["list"]:
        if variable["type"] != "interval":  # the SDK writes what intervals have on all of them; Grafana's own types refuse it
            for key in ("auto", "auto_min", "auto_count"):
                variable.pop(key, None)
    return json.dumps(model, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _parts(model: Any) -> Iterator[dict[str, Any]]:
    if isinstance(model, dict):
        yield model
        for value in model.values():
            yield from _parts(value)
    elif isinstance(model, list):
        for value in model:
            yield from _parts(value)


def _files() -> Iterator[tuple[Path, str]]:
    """Yield each file and its text; boards first, since alerts point to their panels."""
    rendered = {uid: render(uid) for uid in BOARDS}
    for uid, text in rendered.items():
        yield RENDERED / f"{uid}.json", text
    yield RENDERED.parents[1] / "PANELS.md", panels_page(rendered.values())
    for name, made in RULES.items():
        yield RENDERED / "rules" / name, made()


def main(arguments: list[str] | None = None) -> int:
    """Write what changed, or with `--check` say what is stale."""
    parser = argparse.ArgumentParser(description="Render the boards to JSON and the rules to YAML.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is stale")
    options = parser.parse_args(arguments)
    (RENDERED / "rules").mkdir(parents=True, exist_ok=True)
    stale = []
    for path, text in _files():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if not options.check:
                path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name} {'is stale: python -m otel_voice_dashboards.render' if options.check else 'written'}")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
