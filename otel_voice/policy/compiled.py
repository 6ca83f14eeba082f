"""The same rulings as `decide_plainly`, faster: most calls ask what was asked before, of other words at another position.

A ruling depends on the input's class and on which of the rule's limits are passed, on no other figure. So each (workflow, message type,
input type) gets a function with its rule's thresholds in place, which folds a candidate's figures into a few bits; a ruling that the plain
interpreter gave once then stands for every candidate with the same class and bits. What does not fit is ruled plainly.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Final, NamedTuple

from otel_voice_schema.attributes import InputClass, SpeechState

from .classify import (
    CLICK_STEPS,
    EDGE_MS,
    LONG_NOISE_STEPS,
    MARGIN_STEPS,
    MOST_STEPS,
    PER_WORD_STEPS,
    QUIET_DB,
    STEP_MS,
    at_edge,
    classify,
    hundredths,
)
from .echo import MANY_WORDS
from .interpret import SILENT_STATES, decide_plainly, rule_for, rule_on
from .model import NUMBERS, Candidate, Classification, Policy, Ruling, known
from .reading import read, read_anew

EXACT: Final = 2**53  # the plain interpreter reckons in floats
REMEMBERED: Final = 8192  # classes held per policy, past which they are found anew
LONGEST: Final = 4_000  # characters of text in what is held
MOST_SLOTS: Final = 1024  # message types and workflows come from senders
Decider = Callable[[Candidate], Ruling]
_STATES: Final = {**dict.fromkeys((each.value for each in SILENT_STATES), 0), SpeechState.PAUSED.value: 1}
_SPEAKING: Final = 2
_ASK_AGAIN, _MIN_SPEECH, _UNTIL = 1, 2, 3
_MEASURED: Final = frozenset({InputClass.SILENCE, InputClass.DTMF})  # classes of which a ruling depends on facts of their own


def decide(policy: Policy, candidate: Candidate) -> Ruling:
    """Return what the policy says should happen on this input, given what is known of it now; never raises.

    Ask again as evidence grows: what comes with all of it is final.
    """
    compiled: Decider | None = policy.compiled
    if compiled is None:
        compiled = Compiled(policy).decider()
        object.__setattr__(policy, "compiled", compiled)  # found again if lost, so no change of the policy
    return compiled(candidate)


class _Class(NamedTuple):
    """A class with what a ruling needs beside it: the words heard, and the rulings given so far by bits, per rule."""

    judged: Classification
    words: float | None
    rulings: dict[object, tuple[Ruling, int]]


class Compiled:
    """A policy, ready to be asked; one per policy, shared by threads: it only ever adds what it could find again."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._marks: dict[tuple[int, str], int] = {}
        self._numbers = count()  # each once, whatever threads do
        self._slots: dict[tuple[object, object], Decider] = {}
        self._classes: dict[object, _Class] = {}
        self._kinds: dict[object, tuple[Classification, dict[object, tuple[Ruling, int]]]] = {}
        self._rulings: dict[tuple[object, ...], dict[object, tuple[Ruling, int]]] = {}

    def decider(self) -> Decider:
        """Return the function that rules as `decide_plainly` does."""
        slots, policy = self._slots, self._policy

        def decide(candidate: Candidate) -> Ruling:
            try:
                kind = candidate.input_type
                if kind != "speech" and (kind is not None or candidate.dtmf_class is not None or candidate.silence_ms is not None):
                    return decide_plainly(policy, candidate)
                slot = slots.get((candidate.workflow, candidate.message_type))
                return (slot or self._slot(candidate))(candidate)
            except Exception:  # a value that cannot be looked up or compared, which no schema allows
                return decide_plainly(policy, candidate)

        return decide

    def _slot(self, candidate: Candidate) -> Decider:
        if len(self._slots) >= MOST_SLOTS:
            self._slots.clear()
        slot = self._for_speech(candidate)
        if len(candidate.workflow or "") + len(candidate.message_type or "") <= LONGEST:
            self._slots[(candidate.workflow, candidate.message_type)] = slot
        return slot

    def _for_speech(self, asked: Candidate) -> Decider:
        """Return the function for speech over one message: everything that does not change with the candidate is found here."""
        policy, classes = self._policy, self._classes
        rule, note = rule_for(policy, asked)
        marks = self._marks.setdefault((id(rule), note), next(self._numbers)) << 8  # two rules may share a name
        grace, least, sustained = rule.grace_ms, rule.min_speech_ms, rule.sustained_ms
        words_least, vad_least = rule.min_words, rule.min_vad_confidence
        until, patience, again = rule.until, rule.patience_ms, rule.ask_again_ms
        worded, unworded = self._worded, self._unworded

        def decide(c: Candidate) -> Ruling:
            position, spoken, text = c.position_ms, c.speech_duration_ms, c.text
            if position is not None and (type(position) is not int or not 0 <= position <= EXACT):
                position = known(position)  # type: ignore[assignment]  # whatever a careless caller put there
            if spoken is not None and (type(spoken) is not int or not 0 <= spoken <= EXACT):
                spoken = known(spoken)  # type: ignore[assignment]
            heard, state, length = c.transcript_confidence, c.agent_state, c.response_duration_ms
            if heard is not None:
                heard = int(heard * 100 + 0.5) if type(heard) is float and 0.0 <= heard <= 1.0 else hundredths(heard)
            flag, question = c.is_backchannel, c.question_pending
            steps = None if spoken is None else MOST_STEPS if spoken >= MOST_STEPS * STEP_MS else int(spoken) // STEP_MS
            edge = position is not None and (position < EDGE_MS or (length is not None and at_edge(position, known(length))))
            if text:
                label, said = c.intent_label, c.agent_text
                key: tuple[object, ...] = (text, c.transcript_status, heard, flag, question, c.language, label, state, said, steps, edge)
            else:
                key = _unread_key(c, steps, flag)
            found = classes.get(key)
            if found is None or not ((flag is None or type(flag) is bool) and (question is None or type(question) is bool)):
                found = worded(key, c, heard, steps, edge) if text else unworded(key, c)
                if found is None:
                    return decide_plainly(policy, c)
            count = c.word_count
            words = found.words if count is None else count if type(count) is int and 0 <= count <= EXACT else known(count)
            if words is None:
                words = found.words
            at_state = _STATES.get(state, _SPEAKING) if state is not None else _SPEAKING
            bits = marks + at_state + (4 if position is None else 8 if position < grace else 0)
            if spoken is not None:
                bits += (16 if spoken < least else 0) + (32 if sustained and spoken >= sustained else 0)
            if words is not None and words < words_least:
                bits += 64
            if vad_least and (vad := known(c.vad_confidence)) is not None and vad < vad_least:
                bits += 128
            marked: object = bits
            ends = None
            if until is not None and at_state:
                ends = until.at_ms(known(length))
                marked = (bits, ends is None, position is not None and ends is not None and position >= ends)
            elif patience and not at_state:
                silence = known(c.silence_ms)
                marked = (bits, silence is not None and silence < patience)
            held = found.rulings.get(marked)
            if held is None:
                ruling = rule_on(policy, c, found.judged)
                found.rulings[marked] = (ruling, _waiting(ruling, c))
                return ruling
            ruling, waiting = held
            if not waiting:
                return ruling
            if waiting == _ASK_AGAIN:
                return _asking(ruling, int(position) + again)  # type: ignore[arg-type]  # known, or nothing would wait
            if waiting == _UNTIL:
                return _asking(ruling, ends)  # type: ignore[arg-type]
            return _asking(ruling, int(position + least - spoken))  # type: ignore[operator]

        return decide

    def _worded(self, key: tuple[object, ...], c: Candidate, heard: int | None, steps: int | None, edge: bool) -> _Class | None:
        """Classify words, and remember it where the key says all that the class depends on; new words of a known kind come cheap."""
        lexicon = self._policy.lexicons.for_tag(c.language)
        if lexicon is None or type(c.text) is not str or not (_is_flag(c.is_backchannel) and _is_flag(c.question_pending)):
            return None
        kind, count, rest, _, so_far, only_no = (read if c.agent_text else read_anew)(
            c.text, lexicon
        )  # with the agent's words it is read once more below
        if kind in {"blank", "unheard"}:
            return None
        evidence: object = None
        if not c.agent_text:
            drawn = steps is not None and steps >= MARGIN_STEPS + PER_WORD_STEPS * count
            flags = (count > MANY_WORDS) + 2 * only_no + 4 * drawn + 8 * edge + 16 * lexicon.experimental + 32 * min(rest, 3)
            evidence = (
                kind,
                so_far,
                flags,
                c.transcript_status,
                heard,
                c.is_backchannel,
                c.question_pending,
                c.intent_label,
                c.agent_state,
            )
            known_kind = self._kinds.get(evidence)
            if known_kind is not None:
                return self._remember(key, _Class(known_kind[0], count, known_kind[1]))
        found = self._classed(c, count)
        if evidence is not None:
            if len(self._kinds) >= REMEMBERED:
                self._kinds.clear()
            self._kinds[evidence] = (found.judged, found.rulings)
        return self._remember(key, found)

    def _unworded(self, key: tuple[object, ...], c: Candidate) -> _Class | None:
        if c.input_class in _MEASURED or not _is_flag(c.is_backchannel):
            return None
        return self._remember(key, self._classed(c, 0 if isinstance(c.text, str) else None))

    def _classed(self, c: Candidate, words: float | None) -> _Class:
        judged = classify(c, self._policy.lexicons)
        if len(self._rulings) >= REMEMBERED:
            self._rulings.clear()
        kind = (judged.input_class, judged.confidence, judged.reason, c.transcript_status)
        return _Class(judged, words, self._rulings.setdefault(kind, {}))

    def _remember(self, key: tuple[object, ...], found: _Class) -> _Class:
        if sum(len(each) for each in key if isinstance(each, str)) <= LONGEST:
            if len(self._classes) >= REMEMBERED:
                self._classes.clear()
            self._classes[key] = found
        return found


def _is_flag(value: object) -> bool:
    return value is None or type(value) is bool


def _unread_key(c: Candidate, steps: int | None, flag: object) -> tuple[object, ...]:
    """All that the class of an input without text depends on."""
    vad, energy = known(c.vad_confidence), c.audio_energy_db
    words, sure = c.word_count, c.class_confidence
    return (
        c.text,
        c.transcript_status,
        words,
        type(words),  # True is 1, and no figure
        flag,
        c.language,
        c.intent_label,
        c.input_class,
        sure,
        type(sure),
        None if steps is None else 0 if steps < CLICK_STEPS else 1 if steps < LONG_NOISE_STEPS else 2,
        None if vad is None else 0 if vad < 0.3 else 1 if vad < 0.6 else 2,
        isinstance(energy, NUMBERS) and energy < QUIET_DB,
    )


def _asking(ruling: Ruling, at_ms: int) -> Ruling:
    """Return a ruling that asks again at another time; `dataclasses.replace` would take twice as long."""
    return Ruling(
        action=ruling.action,
        effect=ruling.effect,
        input_class=ruling.input_class,
        rule=ruling.rule,
        reason=ruling.reason,
        confidence=ruling.confidence,
        policy_version=ruling.policy_version,
        protected=ruling.protected,
        wait_until_ms=at_ms,
        cancels=ruling.cancels,
        trail=ruling.trail,
    )


def _waiting(ruling: Ruling, candidate: Candidate) -> int:
    """Tell how a ruling's next time to ask follows from the position: not at all, or as the rule part has it."""
    part = ruling.rule.rsplit(".", 1)[-1]
    if ruling.wait_until_ms is None or part in {"grace", "patience", "silence"}:
        return 0
    if part in {"protected", "escalation"}:
        return _UNTIL
    return _MIN_SPEECH if part == "min_speech" else _ASK_AGAIN
