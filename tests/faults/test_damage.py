"""A journal that was damaged between two starts: the start goes on with what is sound, what is lost is counted and told, never made up.

Every kind of damage, with other dice each time, is in `tests/full/kills.py`.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

import pytest

from tests.faults import damage as kinds
from tests.faults.damage import NO_DOUBT, QUICK, Damage, Left, started_on
from tests.faults.downstream import Downstream
from tests.faults.processor import Processor
from tests.faults.survival import Reader, until

pytestmark = pytest.mark.faults
FUTURE = (kinds.from_the_future, kinds.state_from_the_future)
SOME: list[Damage] = [kinds.empty, kinds.end_torn, kinds.pages_overwritten(5), kinds.rows_changed, kinds.lock_garbage, *FUTURE]


@pytest.mark.parametrize("damage", SOME, ids=lambda damage: damage.__name__)
async def test_a_damaged_journal_is_no_end(tmp_path: Path, left: Left, damage: Damage) -> None:
    """It starts, takes requests and stops; what arrives was sent so; what was acknowledged and does not arrive is counted and told."""
    found = await started_on(tmp_path, left, damage, 0)

    assert [] == found.problems
    assert (damage not in NO_DOUBT) or (found.lost and found.set_aside == 1)
    assert (damage is not kinds.lock_garbage) or not (found.lost or found.set_aside)
    assert (damage is not kinds.rows_changed) or found.lost


async def test_what_was_set_aside_as_newer_can_still_be_delivered(tmp_path: Path, left: Left) -> None:
    """A processor of the version that wrote it, started on the folder it was moved to, delivers everything."""
    shutil.copytree(left.state, tmp_path / "state")
    data = tmp_path / "state" / "journal" / "data.mdb"
    kinds.from_the_future(data, random.Random(1))
    with Downstream(tmp_path) as downstream:
        processor = Processor(tmp_path, downstream.endpoint, directory=tmp_path / "state", more=QUICK)
        await asyncio.to_thread(processor.start)
        assert 0 == await asyncio.to_thread(processor.stop)
        (aside,) = (tmp_path / "state" / "set_aside").iterdir()
        kinds.marked(aside / "journal" / "data.mdb", b"journal_format", (1).to_bytes(8, "big"))  # for want of that version
        processor.directory = aside
        await asyncio.to_thread(processor.start)
        reader = Reader(downstream)
        await until(lambda: reader.has(left.sent), 15, "everything arrives")
        processor.kill()
