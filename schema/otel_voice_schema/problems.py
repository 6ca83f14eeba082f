"""The ways a record may not conform. Codes are stable: none is renamed or given another meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ERROR: Final = "error"
WARNING: Final = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One kind of problem: whether a record with it conforms (`severity` warning) and whether the processor can judge it."""

    name: str
    severity: str
    judged: bool
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One way a record does not conform: what was `found` at `key`, what is `allowed`, and the `nearest` known name or value."""

    code: str
    key: str
    message: str
    found: str = ""
    allowed: str = ""
    nearest: str | None = None

    @property
    def safe(self) -> str:
        """Return the problem without what was found, which may be the caller's words: for logs and answers."""
        if not self.found:
            return self.message
        hint = f": did you mean `{self.nearest}`?" if self.nearest else f": {self.allowed}" if self.allowed else ""
        return f"`{self.key}` holds what it cannot, {self.code}{hint}"

    @property
    def severity(self) -> str:
        """Return error (the record does not conform) or warning."""
        return CODES[self.code].severity


_UNJUDGED: Final = {
    "missing_attribute": "no call id",
    "missing_name": "no event name, in an envelope",
    "missing_time": "no time",
    "wrong_type": "not the registry's type",
    "unknown_value": "not in a closed set",
    "impossible_value": "NaN, a number out of range (a share outside 0 to 1, a negative duration or one over a week), "
    "an end before the start, an id over 256 characters, a time that is none, text that cannot be sent",
}
_JUDGED: Final = {
    "too_long": "a text over its length, 2048 characters where the registry says nothing else",
    "too_many": "a list over its size, 128 items where the registry says nothing else",
    "duplicate_attribute": "a key twice in one record; the last one counts",
    "bad_id": "a trace or span id that is not 16 or 8 bytes, is all zero or no hex",
    "conflicting_versions": "a record that claims two schema versions; its own attribute counts",
    "unknown_version": "a schema version that was never published",
    "unknown_event": "a name under `voice.interruption.` that is no event: passed on, not judged",
}
_WARNINGS: Final = {
    "missing_fact": "a fact of the event that is neither present nor listed in `voice.evidence.missing`",
    "unknown_attribute": "a name near a known one, or one in `voice.evidence.missing` that is none: passed on",
    "newer_version": "a schema version after this one: passed on, counted",
    "deprecated_name": "a name that has a successor",
    "inconsistent_facts": "facts that cannot both hold",
    "reserved_attribute": "an attribute that only the processor sets",
}
_PASSED_ON: Final = frozenset({"unknown_event", "newer_version", "reserved_attribute"})
CODES: Final[dict[str, Code]] = {
    **{name: Code(name=name, severity=ERROR, judged=False, meaning=meaning) for name, meaning in _UNJUDGED.items()},
    **{name: Code(name=name, severity=ERROR, judged=name not in _PASSED_ON, meaning=meaning) for name, meaning in _JUDGED.items()},
    **{name: Code(name=name, severity=WARNING, judged=name not in _PASSED_ON, meaning=meaning) for name, meaning in _WARNINGS.items()},
}
