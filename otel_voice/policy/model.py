"""The nouns of the policy engine: what is known of an input, its class, what a policy says and what it ruled."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final

from otel_voice_schema import attributes as a
from otel_voice_schema.attributes import ATTRIBUTES, Action, InputClass

from .lexicon import PACKAGED, Lexicons

KEEP: Final = "keep"
PAUSE: Final = "pause"
STOP: Final = "stop"
PERSON_FLOOR: Final = 0.55
NUMBERS: Final = (int, float)  # `int | float` would be made anew at each use
EFFECTS: Final[Mapping[Action, str]] = MappingProxyType(
    {
        Action.STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN: STOP,
        Action.CONTINUE_AGENT_AUDIO: KEEP,
        Action.ACKNOWLEDGE_AND_CONTINUE: KEEP,
        Action.PAUSE_AGENT_AUDIO: PAUSE,
        Action.RESUME_AGENT_AUDIO: KEEP,
        Action.BUFFER_INPUT_AND_CONTINUE: KEEP,
        Action.ROUTE_DTMF: STOP,
        Action.REPROMPT: KEEP,
        Action.WAIT: KEEP,
        Action.ESCALATE_TO_HUMAN: STOP,
    }
)


def effect_of(action: str) -> str:
    """Return what an action does to playback: stop, keep or pause; an unknown action touches nothing, so it keeps."""
    return EFFECTS.get(action, KEEP)  # type: ignore[call-overload, no-any-return]  # a StrEnum hashes as its string


def known(value: object) -> float | None:
    """Return a measurement as a number, or nothing where it is absent, not finite or negative: such evidence is no evidence."""
    if isinstance(value, bool) or not isinstance(value, NUMBERS):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Candidate:
    """All that may be known of a caller's input at the moment of asking. Every field may be absent.

    It is never changed. It is not frozen, since one is made of every event and freezing takes three quarters of that time.
    """

    input_type: str | None = None
    text: str | None = None
    transcript_status: str | None = None
    word_count: int | None = None
    speech_duration_ms: int | None = None
    vad_confidence: float | None = None
    transcript_confidence: float | None = None
    audio_energy_db: float | None = None
    is_backchannel: bool | None = None
    dtmf_class: str | None = None
    dtmf_expected: str | None = None
    intent_label: str | None = None
    language: str | None = None
    agent_state: str | None = None
    agent_text: str | None = None
    question_pending: bool | None = None
    position_ms: int | None = None
    response_duration_ms: int | None = None
    message_type: str | None = None
    workflow: str | None = None
    input_class: str | None = None
    class_confidence: float | None = None
    silence_ms: int | None = None

    def sound(self) -> Candidate:
        """Return it without the values that are of no type a field may have."""
        given = {name: getattr(self, name) for name, _, _ in _WANTED}
        return Candidate(**{name: given[name] for name, _, wanted in _WANTED if isinstance(given[name], tuple(wanted))})


CANDIDATE_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "input_type": a.VOICE_CALLER_INPUT_TYPE,
        "text": a.VOICE_CALLER_TRANSCRIPT_TEXT,
        "transcript_status": a.VOICE_CALLER_TRANSCRIPT_STATUS,
        "word_count": a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT,
        "speech_duration_ms": a.VOICE_CALLER_SPEECH_DURATION_MS,
        "vad_confidence": a.VOICE_CALLER_VAD_CONFIDENCE,
        "transcript_confidence": a.VOICE_CALLER_TRANSCRIPT_CONFIDENCE,
        "audio_energy_db": a.VOICE_CALLER_AUDIO_ENERGY_DB,
        "is_backchannel": a.VOICE_CALLER_INPUT_IS_BACKCHANNEL,
        "dtmf_class": a.VOICE_CALLER_DTMF_CLASS,
        "dtmf_expected": a.VOICE_CALLER_DTMF_EXPECTED,
        "intent_label": a.VOICE_CALLER_INTENT_LABEL,
        "language": a.VOICE_CALLER_LANGUAGE,
        "agent_state": a.VOICE_AGENT_SPEECH_STATE,
        "agent_text": a.VOICE_AGENT_HEARD_TEXT_TEXT,
        "question_pending": a.VOICE_AGENT_QUESTION_PENDING,
        "position_ms": a.VOICE_AGENT_PLAYBACK_POSITION_MS,
        "response_duration_ms": a.VOICE_AGENT_RESPONSE_DURATION_MS,
        "message_type": a.VOICE_AGENT_MESSAGE_TYPE,
        "workflow": a.VOICE_WORKFLOW,
        "input_class": a.VOICE_CALLER_INPUT_CLASS,
        "class_confidence": a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE,
        "silence_ms": a.VOICE_SILENCE_ELAPSED_MS,
    }
)
_PYTHON: Final[Mapping[str, tuple[type, ...]]] = {"string": (str,), "int": (int,), "double": (int, float), "boolean": (bool,)}
_WANTED: Final = tuple((name, key, frozenset(_PYTHON[ATTRIBUTES[key].type])) for name, key in CANDIDATE_ATTRIBUTES.items())
_FIELDS: Final = {key: (name, wanted) for name, key, wanted in _WANTED}


def candidate_from_attributes(attrs: Mapping[str, object]) -> Candidate:
    """Read a candidate from an event's attributes; a value of the wrong type counts as absent."""
    found: dict[str, object] = {}
    for key, value in attrs.items():  # mostly fewer than there are fields
        field = _FIELDS.get(key)
        if field is not None and type(value) in field[1]:
            found[field[0]] = value
    return Candidate(**found)  # type: ignore[arg-type]  # each value was checked against the registry's type


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """What kind of input it is, how sure that is (0..1), and why: `reason` never quotes the caller."""

    input_class: InputClass
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """How much of a message has to be heard before it may be cut: its end, a position, or a fraction of it."""

    end: bool = False
    position_ms: int | None = None
    fraction: float | None = None

    def reached(self, position_ms: float | None, duration_ms: float | None) -> bool:
        """Tell whether that much was heard; what cannot be known was not heard."""
        needed = self.at_ms(duration_ms)
        return position_ms is not None and needed is not None and position_ms >= needed

    def at_ms(self, duration_ms: float | None) -> int | None:
        """Return the playback position at which the protection ends, if it can be known."""
        if self.position_ms is not None:
            return self.position_ms
        if duration_ms is None:
            return None
        return int(duration_ms if self.end or self.fraction is None else duration_ms * self.fraction)


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceStep:
    """What to do once the caller has been silent for so long: a step of a ladder, already counted out where it is repeated."""

    after_ms: int
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a policy says of one message type, in one workflow or in all."""

    name: str
    because: str = ""
    interrupted_by: frozenset[str] = frozenset()
    protected_allows: frozenset[str] = frozenset()
    grace_ms: int = 0
    min_speech_ms: int = 0
    min_words: int = 0
    min_vad_confidence: float = 0.0
    confidence_floor: float = 0.55
    confidence_floors: Mapping[str, float] = field(default_factory=dict)
    ask_again_ms: int = 700
    patience_ms: int = 0
    sustained_ms: int = 0
    until: Until | None = None
    held: Action = Action.BUFFER_INPUT_AND_CONTINUE
    cancellable: bool = False
    expected_keys: tuple[str, ...] = ()
    actions: Mapping[str, Action] = field(default_factory=dict)
    silence: tuple[SilenceStep, ...] = ()

    def floor_of(self, input_class: str) -> float:
        """Return the confidence below which a class counts as unknown.

        A wish for a person is held back in so many words or not at all: a general floor counts for it up to `PERSON_FLOOR`.
        """
        own = self.confidence_floors.get(input_class)
        if own is not None:
            return own
        return min(self.confidence_floor, PERSON_FLOOR) if input_class == InputClass.ESCALATION else self.confidence_floor

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (Rule, _facts(self))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Policy:
    """A versioned set of rules by (workflow, message type); `names` maps open message types onto the ruled ones.

    `origins` tells for (workflow, message type, setting) the file and line that a value comes from.
    """

    version: str
    names: Mapping[str, str]
    rules: Mapping[tuple[str | None, str], Rule]
    lexicons: Lexicons = PACKAGED
    extensions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origins: Mapping[tuple[str | None, str, str], str] = field(default_factory=dict)
    compiled: Any = field(init=False, compare=False, default=None)  # set by `compiled.py`, once asked

    def __repr__(self) -> str:
        return f"Policy(version={self.version!r}, {len(self.rules)} rules)"

    def __hash__(self) -> int:
        return hash(self.version)

    def __reduce__(self) -> tuple[Any, ...]:  # an agent's jobs may be processes of their own
        facts = {name: value for name, value in _facts(self).items() if name not in {"lexicons", "compiled"}}
        return _policy_remade, (facts,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the policy says should happen, with the rule, the reason and the rules tried.

    `wait_until_ms` says to ask again at the latest then: in playback position, for silence in elapsed silence. `cancels` says that what
    runs behind the message is called off too.
    """

    action: Action
    effect: str
    input_class: InputClass
    rule: str
    reason: str
    confidence: float
    policy_version: str
    protected: bool = False
    wait_until_ms: int | None = None
    cancels: bool = False
    trail: tuple[str, ...] = ()


def _facts(of: Rule | Policy) -> dict[str, Any]:
    """Return fields by name, with plain maps in place of read-only ones."""
    found = {each.name: getattr(of, each.name) for each in fields(of)}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in found.items()}


def _remade(kind: Callable[..., Any], facts: dict[str, Any]) -> Any:
    return kind(**{name: MappingProxyType(value) if isinstance(value, dict) else value for name, value in facts.items()})


def _policy_remade(facts: dict[str, Any]) -> Any:
    return _remade(Policy, facts | {"lexicons": Lexicons(facts["extensions"]) if facts["extensions"] else PACKAGED})


CANDIDATE_FIELDS: Final = tuple(each.name for each in fields(Candidate))
