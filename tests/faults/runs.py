"""The two runs that prove it: kills alone, and kills with the power going as well. Tests run them short, `tests/full/kills.py` long."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.downstream import Delivered, Downstream
from tests.faults.outcome import Outcome, Undisturbed
from tests.faults.power import Cut, Power
from tests.faults.processor import Processor
from tests.faults.survival import Plan, survive, undisturbed


async def killed(folder: Path, plan: Plan, *, in_memory: bool = False) -> tuple[Outcome, Undisturbed]:
    """Run a plan on a journal in `folder`, and the same requests undisturbed.

    Everything goes to three destinations: by gRPC, by HTTP, into a file. In memory there is just the first.
    """
    directory = None if in_memory else folder / "state"
    (folder / "second").mkdir()
    kept = folder / "kept.bin"
    with Downstream(folder) as downstream, Downstream(folder / "second") as second:
        exporters: dict[str, Any] = {
            "otlp_grpc": {"endpoint": downstream.endpoint, "tls": {"insecure": True}},
            "otlp_http/second": {"endpoint": second.http_endpoint},
            "file": {"path": str(kept), "format": "proto"},
        }
        processor = Processor(
            folder, downstream.endpoint, downstream.http_endpoint, directory=directory, exporters=None if in_memory else exporters
        )
        try:
            outcome = await survive(processor, downstream, plan, {} if in_memory else {"otlp_http/second": second})
            assert 0 == processor.stop(), processor.said()[-3000:]
        finally:
            processor.kill()
    if not in_memory:
        outcome.elsewhere["file"] = in_file(kept)
    return outcome, await beside(folder, outcome)


def in_file(path: Path) -> Delivered:
    """Return what the file exporter wrote: each request behind its size; one that tells apart neither traces nor logs is read as both."""
    out, data, at = Delivered(), path.read_bytes(), 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 4 + size]
        assert size == len(body), "torn"
        out.add(body, logs=b"cart is empty" in body)
        at += 4 + size
    return out


def power(folder: Path) -> Power:
    """Return a power layer over the folder that the journal goes into; a page takes a moment to the disk, so that kills hit syncs."""
    for name in ("state", "disk"):
        (folder / name).mkdir(mode=0o700)
    return Power(folder / "state", folder / "disk", linger_us=30)


async def cut(
    folder: Path, at: Power, plan: Plan, act: Callable[[random.Random], Cut], **file_storage: Any
) -> tuple[Outcome, Undisturbed, list[Cut]]:
    """Run a plan whose kills are power cuts by `act`, with a downstream that is there half of the time until the last of them."""
    cuts: list[Cut] = []
    more = {"extensions": {"file_storage": file_storage}}
    with Downstream(folder) as downstream:
        downstream.tell(mode="flap", up=0.6, down=0.6)
        plan.between, plan.after = lambda rng: cuts.append(act(rng)), lambda: downstream.tell(mode="ok")
        processor = Processor(
            folder, downstream.endpoint, downstream.http_endpoint, directory=at.folder, more=more, environment=at.environment()
        )
        try:
            outcome = await survive(processor, downstream, plan)
            assert 0 == processor.stop(), processor.said()[-3000:]
        finally:
            processor.kill()
    return outcome, await beside(folder, outcome), cuts


async def beside(folder: Path, outcome: Outcome) -> Undisturbed:
    """Return what the calls of a run come to undisturbed."""
    other = folder / "undisturbed"
    other.mkdir()
    return await undisturbed(other, outcome.sent.voice)
