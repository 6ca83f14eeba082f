"""Take caller content out of our own records before they leave: pointers, lengths and hashes stay. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from otel_voice_schema import attributes as a

from otel_voice_processor.model import Attributes, CallRecord, Stretch, Value

CONTENT = frozenset(key for key, attribute in a.ATTRIBUTES.items() if attribute.sensitivity == "content")
SHORTEST = 5  # letters of a name that alone is taken for content: `digit` may be anybody's, `transcriptText` is not


def _names() -> frozenset[str]:
    """Return every spelling of a content key, its envelope path and that path's last member, without case and separators."""
    spellings: set[str] = set()
    for key in CONTENT:
        path = a.ATTRIBUTES[key].json
        spellings |= {_squashed(key), _squashed(key.removeprefix("voice.")), _squashed(path)}
        leaf = _squashed(path.rpartition(".")[2])
        spellings |= {leaf} if len(leaf) > SHORTEST else set()
    return frozenset(spellings - {""})


def _squashed(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


_HIDDEN = _names()
# What unknown names end in that hold words.
_WORDS = frozenset({"text", "transcript", "transcripts", "transcription", "alternatives", "utterance"})
_CLEAN: set[str] = set()  # keys that were looked at and hide nothing
MAX_CLEAN = 4096
LONGEST = 256  # characters of a key that is remembered


def hidden(key: str) -> bool:
    """Tell whether a key is one of content, however it is spelt: a sender's slip must not let the caller's words through."""
    return _hidden(key) if len(key) <= LONGEST else _hidden.__wrapped__(key)


@lru_cache(maxsize=4096)
def _hidden(key: str) -> bool:
    if key in a.ATTRIBUTES:
        return key in CONTENT
    plain = _squashed(key)
    words = [word for word in re.split(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])", key) if word]  # `text2` and `text[0]` are texts
    last = words[-1].lower() if words else ""
    return plain in _HIDDEN or plain.removesuffix("s") in _HIDDEN or last in _WORDS


def redaction_of(attributes: Attributes, *, keep_text: bool) -> dict[str, Value | None]:
    """Return what to write over the attributes (None: drop), empty where nothing is to be hidden."""
    if keep_text:
        return {}
    changes: dict[str, Value | None] = {}
    if not _CLEAN.issuperset(attributes):  # to ask this is all that most events cost
        unseen = attributes.keys() - _CLEAN
        changes = {key: None for key in unseen if hidden(key)}
        if len(unseen) > len(changes) and len(_CLEAN) < MAX_CLEAN:
            _CLEAN.update(key for key in unseen if key not in changes and len(key) <= LONGEST)
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
