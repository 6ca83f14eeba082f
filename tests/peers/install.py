"""Builds the real servers that tests marked `peers` need, or finds them built: `python tests/peers/install.py`.

Binaries go to `$OTEL_VOICE_PEERS`, by default `~/.cache/otel-voice/peers`, with their checksums beside them; one that does not match, or
was built by another recipe, is built again. Needs Go; its module proxy and checksum database see to it that the sources are those named.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -modcacherw", "GOTOOLCHAIN": "auto"}
COLLECTOR, CONTRIB = "go.opentelemetry.io/collector", "github.com/open-telemetry/opentelemetry-collector-contrib"
BETA, STABLE = "v0.161.0", "v1.67.0"
PARTS = {
    "receivers": [f"{COLLECTOR}/receiver/otlpreceiver {BETA}"],
    "processors": [f"{COLLECTOR}/processor/batchprocessor {BETA}"],
    "exporters": [
        f"{COLLECTOR}/exporter/otlpexporter {BETA}",
        f"{COLLECTOR}/exporter/otlphttpexporter {BETA}",
        f"{COLLECTOR}/exporter/nopexporter {BETA}",
        f"{CONTRIB}/exporter/fileexporter {BETA}",
    ],
    "extensions": [
        f"{CONTRIB}/extension/healthcheckextension {BETA}",
        f"{CONTRIB}/extension/storage/filestorage {BETA}",
    ],
    "providers": [f"{COLLECTOR}/confmap/provider/{name}provider {STABLE}" for name in ("env", "file", "yaml")],
}
PROMETHEUS = "github.com/prometheus/prometheus/cmd/prometheus"
PROMTOOL = "github.com/prometheus/prometheus/cmd/promtool"
PROMETHEUS_VERSION = "v0.316.0"  # 3.16
TEMPO, TEMPO_VERSION = "github.com/grafana/tempo", "v1.5.1-0.20250529124718-87c2dc380cec"  # 2.8, with TraceQL
TEMPO_SUM = "h1:wnzJov9RhSHGaTYGzTygL4qq986fLen8xSqnQgaMd28="  # pinned here: the checksum database does not know this one module
TEMPO_MODULE = """module peer
go 1.24.3
replace (
  k8s.io/api => k8s.io/api v0.25.0
  k8s.io/client-go => k8s.io/client-go v0.25.0
  github.com/hashicorp/memberlist => github.com/grafana/memberlist v0.3.1-0.20220708130638-bd88e10a3d91
)
"""  # as Tempo's own go.mod replaces them
RECIPES = {
    "prometheus": [
        ["go", "mod", "init", "peer"],
        ["go", "get", "-tags", "remove_all_sd", f"{PROMETHEUS}@{PROMETHEUS_VERSION}"],
        [
            "go",
            "build",
            "-tags",
            "remove_all_sd",
            "-ldflags=-s -w -X github.com/prometheus/common/version.Version=3.16.0",
            "-o",
            "prometheus",
            PROMETHEUS,
        ],
    ],
    "promtool": [
        ["go", "mod", "init", "peer"],
        ["go", "get", "-tags", "remove_all_sd", f"{PROMTOOL}@{PROMETHEUS_VERSION}"],
        ["go", "build", "-tags", "remove_all_sd", "-ldflags=-s -w", "-o", "promtool", PROMTOOL],
    ],
    "tempo": [
        ["go", "get", f"{TEMPO}/cmd/tempo@{TEMPO_VERSION}"],
        ["go", "build", "-ldflags=-s -w -X main.Version=2.8.0", "-o", "tempo", f"{TEMPO}/cmd/tempo"],
    ],
    "otelcol": [
        ["go", "run", f"{COLLECTOR}/cmd/builder@{BETA}", "--config", "builder.yaml", "--skip-compilation"],
        ["go", "-C", "build", "build", "-trimpath", "-ldflags=-s -w", "-o", "../otelcol", "."],
    ],
}


def folder() -> Path:
    """Return where the binaries are."""
    return Path(os.environ.get("OTEL_VOICE_PEERS") or Path.home() / ".cache/otel-voice/peers")


def found(name: str) -> Path | None:
    """Return a server's binary where it is the one that was built by today's recipe."""
    binary = folder() / name
    try:
        said = json.loads((folder() / f"{name}.json").read_text(encoding="utf-8"))
        right = said == {"recipe": _recipe(name), "sha256": hashlib.sha256(binary.read_bytes()).hexdigest()}
    except (OSError, ValueError):
        return None
    return binary if right else None


def build(name: str) -> Path:
    """Build a server and put it into the folder, whole or not at all."""
    if shutil.which("go") is None:
        raise SystemExit(f"{name} needs Go to be built: https://go.dev/doc/install")
    folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder()) as work:
        Path(work, "builder.yaml").write_text(_builder(), encoding="utf-8")
        if name == "tempo":
            _prepare_tempo(Path(work))
        for command in RECIPES[name]:
            _run(name, command, work)
        os.replace(Path(work, name), folder() / name)
    said = {"recipe": _recipe(name), "sha256": hashlib.sha256((folder() / name).read_bytes()).hexdigest()}
    (folder() / f"{name}.json").write_text(json.dumps(said), encoding="utf-8")
    return folder() / name


def _run(name: str, command: list[str], work: str | Path) -> str:
    """Run one command of a recipe and return what it printed."""
    environment = os.environ | ENVIRONMENT | ({"GONOSUMDB": TEMPO} if name == "tempo" else {})
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: `{' '.join(command[:3])}` failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def _prepare_tempo(work: Path) -> None:
    """Write a module that builds Tempo as Tempo's own go.sum says, where Tempo itself is the one that is pinned here."""
    (work / "go.mod").write_text(TEMPO_MODULE, encoding="utf-8")
    told = json.loads(_run("tempo", ["go", "mod", "download", "-json", f"{TEMPO}@{TEMPO_VERSION}"], work))
    if told["Sum"] != TEMPO_SUM:
        raise SystemExit(f"tempo: its sources are {told['Sum']}, not those that are pinned")
    (work / "go.sum").write_text(Path(told["Dir"], "go.sum").read_text(encoding="utf-8"), encoding="utf-8")


def _recipe(name: str) -> str:
    more = [TEMPO_MODULE, TEMPO_SUM] if name == "tempo" else []
    return hashlib.sha256(json.dumps([RECIPES[name], _builder(), ENVIRONMENT, *more]).encode()).hexdigest()


def _builder() -> str:
    lines = ["dist: {name: otelcol, output_path: ./build, version: 0.161.0}"]
    for kind, modules in PARTS.items():
        lines += [f"{kind}:", *(f"  - gomod: {module}" for module in modules)]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Build what is missing."""
    for name in RECIPES:
        began, binary = time.monotonic(), found(name)
        made = binary or build(name)
        print(f"{name}: {'found' if binary else 'built'} in {time.monotonic() - began:.0f} s: {made}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
