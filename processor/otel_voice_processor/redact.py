"""Take caller content out of our own spans before they leave: pointers, lengths and hashes stay. Pure."""

from __future__ import annotations

from dataclasses import replace

from otel_voice_schema import attributes as a

from otel_voice_processor.model import Attributes, CallRecord, Stretch, Value

CONTENT = frozenset(key for key, attribute in a.ATTRIBUTES.items() if attribute.sensitivity == "content")


def redaction_of(attributes: Attributes, *, keep_text: bool) -> dict[str, Value | None]:
    """Return what to write over the attributes (None: drop), empty where nothing is to be hidden."""
    if keep_text:
        return {}
    changes: dict[str, Value | None] = {key: None for key in CONTENT if key in attributes}
    text = attributes.get(a.VOICE_CALLER_TRANSCRIPT_TEXT)
    if isinstance(text, str):
        changes[a.VOICE_CALLER_TRANSCRIPT_REDACTION] = "redacted"
        changes.setdefault(a.VOICE_CALLER_TRANSCRIPT_LENGTH, len(text))
        changes.setdefault(a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT, len(text.split()))
    return changes


def applied(attributes: Attributes, changes: dict[str, Value | None]) -> dict[str, Value]:
    """Return the attributes with the changes made."""
    merged: dict[str, Value | None] = {**attributes, **changes}
    return {key: value for key, value in merged.items() if value is not None}


def without_text(record: CallRecord) -> CallRecord:
    """Return a call record without what the caller said, for whoever is shown it: lengths and counts stay."""
    episodes = tuple(replace(each, stretches=tuple(map(_bare, each.stretches))) for each in record.episodes)
    return replace(record, episodes=episodes, stretches=tuple(map(_bare, record.stretches)))


def _bare(stretch: Stretch) -> Stretch:
    changes = redaction_of(stretch.attributes, keep_text=False)
    return replace(stretch, text=None, attributes=applied(stretch.attributes, changes)) if changes or stretch.text else stretch
