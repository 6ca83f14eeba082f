"""Wheel, sdist and editable install work in an empty environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging
ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both distributions, the wheel built from the sdist."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT)
    return out


def fresh(folder: Path, what: str, *, editable: bool = False) -> Path:
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin/pip", "install", "-q", *(["-e"] if editable else []), what)
    return folder / "bin"


def test_the_wheel_carries_its_data(built: Path) -> None:
    """Registry, JSON Schemas, lexicon, default policy, recordings and py.typed are in the wheel; tests are not."""
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        "otel_voice_schema/registry/attributes.yaml",
        "otel_voice_schema/versions/2026-11-25/envelope.json",
        "otel_voice/policy/default.yaml",
        "otel_voice/policy/lexicons/en.yaml",
        "otel_voice/policy/lexicons/hi.yaml",
        "otel_voice/policy/cases/eight.yaml",
        "otel_voice/policy/cases/languages/ja.yaml",
        "otel_voice_processor/data/livekit.jsonl",
        "otel_voice_dashboards/rendered/otel-voice-overview.json",
    }
    wanted |= {f"{package}/py.typed" for package in ("otel_voice", "otel_voice_schema", "otel_voice_processor", "otel_voice_dashboards")}

    assert wanted <= names
    assert not [name for name in names if name.startswith("tests/")]


def test_the_wheel_has_the_native_codec_where_it_could_be_built(built: Path, tmp_path: Path) -> None:
    """Then it is of this platform and of every CPython from 3.11; asked not to, it is pure Python, and the codec is the slim one."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    (wheel,) = built.glob("*.whl")
    environment = os.environ | {"OTEL_VOICE_NATIVE": "0"}
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    (pure,) = tmp_path.glob("*.whl")

    assert "-cp311-abi3-" in wheel.name
    assert "otel_voice_processor/wire/_native.abi3.so" in zipfile.ZipFile(wheel).namelist()
    assert pure.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(pure).namelist() if "_native." in name and not name.endswith(".pyi")]


def test_an_install_that_asks_for_the_native_codec_says_why_it_has_none(tmp_path: Path) -> None:
    """Without a compiler: in words, and only where it was asked for."""
    environment = os.environ | {"CC": str(tmp_path / "no-compiler"), "PYTHONWARNINGS": ""}
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT]
    lenient = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    strict = subprocess.run(command, env=environment | {"OTEL_VOICE_NATIVE": "1"}, check=False, capture_output=True, text=True)

    assert lenient.returncode == 0, lenient.stderr
    assert "the native codec is not built, the package works without" in lenient.stdout + lenient.stderr
    assert strict.returncode != 0
    assert "no-compiler" in strict.stdout + strict.stderr


def test_the_agents_side_is_small_and_imports(built: Path, tmp_path: Path) -> None:
    """The bare wheel installs without grpc or an SDK, the helpers import, and the boards can be written and pushed."""
    (wheel,) = built.glob("*.whl")
    bin_ = fresh(tmp_path / "agent", str(wheel))
    listed = run(bin_ / "pip", "list", "--format=freeze").lower()

    assert "grpcio" not in listed
    assert "opentelemetry-sdk" not in listed
    run(bin_ / "python", "-c", "import otel_voice, otel_voice_schema; from otel_voice.policy import load_default; load_default()")
    assert "otel-voice-overview" in run(bin_ / "otel-voice", "dashboards", "list")
    assert "boards/otel-voice-overview.json: new" in run(bin_ / "otel-voice", "dashboards", "write", tmp_path / "grafana")
    command = [bin_ / "otel-voice", "dashboards", "push", "--url", "http://127.0.0.1:1"]
    assert "is a Grafana there?" in subprocess.run(command, check=False, capture_output=True, text=True).stderr


def test_the_processor_installs_and_checks(built: Path, tmp_path: Path) -> None:
    """With its extra, the CLI runs from the wheel and from an editable install."""
    (wheel,) = built.glob("*.whl")
    for name, bin_ in (
        ("wheel", fresh(tmp_path / "wheel", f"{wheel}[processor]")),
        ("editable", fresh(tmp_path / "editable", f"{ROOT}[processor]", editable=True)),
    ):
        assert "conform" in run(bin_ / "otel-voice", "check"), name
        assert "voice_interruption_episodes_total" in run(bin_ / "otel-voice", "queries"), name
