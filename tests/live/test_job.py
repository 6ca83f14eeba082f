"""A real job in a process of its own: what it told last arrives, by LiveKit's own provider."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

pytest.importorskip("livekit.agents", reason="needs the extra: pip install -e '.[dev,livekit]'")

from otel_voice_processor.config import Config, Receiver
from otel_voice_processor.model import CallRecord
from otel_voice_processor.service import Service

pytestmark = pytest.mark.livekit
ROOT = Path(__file__).parents[2]


async def test_a_job_that_ends_right_after_its_last_event_loses_nothing() -> None:
    """LiveKit waits for our flush; the first call is named after LiveKit's mock room, and the end of both is told."""
    records: list[CallRecord] = []
    service = Service(Config(receiver=Receiver(endpoint="127.0.0.1:0")), on_call=records.append)
    await service.start()
    job = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.live.job",
        str(service.port),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(job.communicate(), 60)
    except TimeoutError:
        job.kill()
        raise
    await service.stop()

    assert 0 == job.returncode, said.decode()
    assert ["console", "second"] == sorted(record.call_id for record in records), said.decode()
    assert {"console": 1} == {record.call_id: len(record.episodes) for record in records if record.call_id == "console"}
    for record in records:
        assert record.started_seen
        assert "unknown" == record.task_outcome
        assert "livekit" == record.runtime
        assert "unknown" == record.ended_by, "its end was told: `expired` where it was not"
