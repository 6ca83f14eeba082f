"""What several tests of faults begin with."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.damage import Left, left_by_a_kill


@pytest.fixture(scope="session")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Return the journal that a killed processor left; tests copy it."""
    return asyncio.run(left_by_a_kill(tmp_path_factory.mktemp("left")))
