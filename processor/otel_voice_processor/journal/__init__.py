"""The journal: requests, cursors and state on disk, in LMDB, before anybody is answered OK."""

from __future__ import annotations

from otel_voice_processor.journal.journal import Journal, Keeper
from otel_voice_processor.journal.store import Damaged

__all__ = ["Damaged", "Journal", "Keeper"]
