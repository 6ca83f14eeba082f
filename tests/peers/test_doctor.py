"""The doctor behind a real collector: what it was told is the processor's word, whatever the collector answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from otel_voice_processor.cli import doctor, main
from otel_voice_processor.config import Config, Judging, Receiver
from otel_voice_processor.service import Service
from otel_voice_processor.testing import free_port

from tests.peers.servers import collector
from tests.peers.test_collector import hop

pytestmark = pytest.mark.peers


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A doctor who waits 2 s, not ten, for what never comes."""
    monkeypatch.setattr(doctor, "ARRIVES_S", 2.0)


async def examined(tmp_path: Path, *, compression: str = "gzip", plugged: bool = True) -> int:
    """Run the doctor through a collector that takes everything, and passes it on to the processor or to nobody."""
    front = free_port()
    service = Service(Config(receiver=Receiver(endpoint="127.0.0.1:0"), judging=Judging(settle_after=0.5), status="127.0.0.1:0"))
    await service.start()
    config = hop(front, f"127.0.0.1:{service.port if plugged else free_port()}").replace("compression: none", f"compression: {compression}")
    try:
        with collector(tmp_path, config):
            url = f"http://127.0.0.1:{service.status_port}"
            asked = ["--endpoint", f"127.0.0.1:{front}", "--processor", url, "--collector", str(tmp_path / "config.yaml")]
            return await asyncio.to_thread(main, ["doctor", *asked])
    finally:
        await service.stop()


@pytest.mark.parametrize("compression", ["none", "gzip"])
async def test_a_whole_pipeline_is_in_order(tmp_path: Path, compression: str, capsys: pytest.CaptureFixture[str]) -> None:
    """SDK, collector, processor: the call settles as it was made."""
    assert 0 == await examined(tmp_path, compression=compression), capsys.readouterr().out


@pytest.mark.usefixtures("impatient")
async def test_an_unplugged_processor_is_not_believed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The collector answers OK to every span, and the processor never sees one."""
    assert 1 == await examined(tmp_path, plugged=False)
    assert "the endpoint took the call, and the processor never got it" in capsys.readouterr().out


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("compression", ["zstd", "snappy"])
async def test_a_compression_that_cannot_be_read_is_named(tmp_path: Path, compression: str, capsys: pytest.CaptureFixture[str]) -> None:
    """gRPC for Python knows gzip and deflate only."""
    assert 1 == await examined(tmp_path, compression=compression)
    told = capsys.readouterr().out
    assert f"exporters.otlp_grpc.compression is `{compression}`" in told
    assert "the processor never got it" in told
