"""The stack for Docker and the config for Grafana Cloud: nobody runs Docker here, so all that can be known of them without it holds."""

from __future__ import annotations

import asyncio
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from otel_voice_dashboards.forms import provider
from otel_voice_processor.cli import main
from otel_voice_processor.config import HttpExporter, TraceExporter
from otel_voice_processor.config_file import load_config
from otel_voice_processor.service import Service

from tests.processor.forward.doubles import until, web

ROOT = Path(__file__).parents[2]
HERE = ROOT / "dashboards"
COMPOSE: dict[str, Any] = yaml.safe_load((HERE / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (HERE / "Dockerfile").read_text(encoding="utf-8")


def mounts(service: str) -> dict[str, str]:
    """Return what is mounted into a service, by where it is seen."""
    return {target: source for source, target, *_ in (each.split(":") for each in SERVICES[service]["volumes"])}


def test_nothing_is_shown_beyond_this_machine() -> None:
    """Every port is bound to loopback, and none is bound twice."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
    assert len(ports) == len({port.split(":")[1] for port in ports})


def test_images_are_pinned() -> None:
    """Each names a version; ours is the package's own."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    images = {service["image"] for service in SERVICES.values()} | set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))

    assert f"otel-voice:{version}" in images
    assert all(re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+(-[\w-]+)?", image) for image in images), images


def test_what_is_mounted_and_copied_is_there() -> None:
    """Files and folders exist, volumes are declared, and each declared one is used."""
    used: set[str] = set()
    for name in SERVICES:
        for source in mounts(name).values():
            if source.startswith("."):
                assert (HERE / source).is_file(), source
            else:
                used.add(source)
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+)", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]]

    assert used == set(COMPOSE["volumes"])
    assert copied
    assert all((ROOT / path).exists() for path in copied)
    for service in ("otel-voice", "boards"):
        build = SERVICES[service]["build"]
        assert (HERE / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).is_file()


def test_the_image_is_of_all_that_the_wheel_is_made_of() -> None:
    """What the build reads is what the image copies."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {each.split("/")[0] for each in build["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    wanted |= {"pyproject.toml", "hatch_build.py", build["project"]["readme"], *build["project"]["license-files"]}
    copied = {word for line in re.findall(r"^COPY (?!--from)(.+)", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]}

    assert wanted == copied


def test_volumes_are_the_users_own() -> None:
    """Docker gives a new volume the owner of the folder that it is mounted on in the image: each is made there."""
    made = set(re.findall(r"(/\S+)", " ".join(re.findall(r"install -d (.+)", DOCKERFILE))))
    for service in ("otel-voice", "boards"):
        for target, source in mounts(service).items():
            assert source.startswith(".") or target in made, target


def test_the_processors_config_is_read_and_names_what_is_there() -> None:
    """Its endpoints are services and ports of the stack, its journal is the volume, its listeners are what is published."""
    assert mounts("otel-voice")["/etc/otel-voice/otel-voice.yaml"] == "./stack/otel-voice.yaml"
    assert SERVICES["otel-voice"]["command"] == ["serve", "--config", "/etc/otel-voice/otel-voice.yaml"]
    config = load_config(HERE / "stack/otel-voice.yaml")
    (traces,) = config.traces

    assert isinstance(traces, TraceExporter)
    assert "lgtm:4317" == traces.endpoint
    assert "lgtm" in SERVICES
    assert config.metrics is not None
    assert "http://lgtm:9090/api/v1/otlp/v1/metrics" == config.metrics.endpoint
    assert config.storage.directory in mounts("otel-voice")
    published = {port.split(":")[2] for port in SERVICES["otel-voice"]["ports"]}
    assert {config.receiver.endpoint, config.status} == {f"0.0.0.0:{port}" for port in published}


def test_the_boards_are_where_grafana_and_prometheus_look(tmp_path: Path) -> None:
    """The command that the stack runs writes them; provider, rules and alerts point to what it wrote."""
    command, where = SERVICES["boards"]["command"], "/otel-voice"
    assert 0 == main([str(tmp_path) if word == where else word for word in command])
    (told,) = yaml.safe_load((HERE / "stack/provider.yaml").read_text(encoding="utf-8"))["providers"]
    prometheus = yaml.safe_load((HERE / "stack/prometheus.yaml").read_text(encoding="utf-8"))

    assert mounts("boards")[where] == mounts("lgtm")[where] == "boards"
    assert mounts("boards")[f"{where}/provisioning/alerting"] == mounts("lgtm")["/otel-lgtm/grafana/conf/provisioning/alerting"]
    assert (HERE / "stack/provider.yaml").read_text(encoding="utf-8") == provider("otel-voice", f"{where}/boards")
    assert list((tmp_path / Path(told["options"]["path"]).relative_to(where)).glob("*.json"))
    assert [f"{where}/prometheus/*.yaml"] == prometheus["rule_files"]
    for path in tmp_path.rglob("*.yaml"):
        assert path.relative_to(tmp_path).parts[0] in {"provisioning", "prometheus"}


async def test_grafana_cloud_is_sent_what_it_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces and metrics go below the gateway's `/otlp`, by HTTP, with basic credentials: the config as it ships, run."""
    async with web() as gateway:
        monkeypatch.setenv("GRAFANA_CLOUD_OTLP", f"{gateway.url}/otlp")
        monkeypatch.setenv("GRAFANA_CLOUD_AUTH", "MTIzOmdsY19zZWNyZXQ=")
        monkeypatch.setenv("OTEL_VOICE_JOURNAL", str(tmp_path / "journal"))
        text = (HERE / "stack/grafana-cloud.yaml").read_text(encoding="utf-8")
        path = tmp_path / "otel-voice.yaml"
        changed = text.replace("localhost:4317", "127.0.0.1:0").replace("interval: 60s", "interval: 1s")
        path.write_text(f"{changed}  health_check:\n    endpoint: none\n", encoding="utf-8")
        service = Service(load_config(path))
        await service.start()
        assert 0 == await asyncio.to_thread(main, ["demo", "--calls", "2", "--to", f"127.0.0.1:{service.port}"])
        await until(lambda: {"/otlp/v1/traces", "/otlp/v1/metrics"} <= {path for path, _, _ in gateway.seen})
        await service.stop(1.0)

    assert {"Basic MTIzOmdsY19zZWNyZXQ="} == {headers.get("authorization") for _, headers, _ in gateway.seen}
    assert {"application/x-protobuf"} == {headers["content-type"] for _, headers, _ in gateway.seen}


def test_grafana_clouds_config_wants_its_variables(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A variable that is not set is named; with all of them it conforms, to TLS and whole URLs."""
    path = HERE / "stack/grafana-cloud.yaml"
    monkeypatch.delenv("GRAFANA_CLOUD_OTLP", raising=False)
    monkeypatch.delenv("GRAFANA_CLOUD_AUTH", raising=False)
    assert 2 == main(["check", "--config", str(path)])
    said = capsys.readouterr().err
    assert "GRAFANA_CLOUD_OTLP" in said
    assert "GRAFANA_CLOUD_AUTH" in said

    monkeypatch.setenv("GRAFANA_CLOUD_OTLP", "https://otlp-gateway-prod-eu-west-2.grafana.net/otlp")
    monkeypatch.setenv("GRAFANA_CLOUD_AUTH", "MTIzOmdsY19zZWNyZXQ=")
    config = load_config(path)
    (traces,) = config.traces
    assert isinstance(traces, HttpExporter)
    assert "https://otlp-gateway-prod-eu-west-2.grafana.net/otlp/v1/traces" == traces.urls["traces"]
    assert config.metrics is not None
    assert "https://otlp-gateway-prod-eu-west-2.grafana.net/otlp/v1/metrics" == config.metrics.endpoint
