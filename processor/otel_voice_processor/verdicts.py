"""Judge one interruption: the caller's intent against what the audio did, and the agent against the policy. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from otel_voice_schema import attributes as a

from otel_voice.policy import JUDGE_FLOOR, effect_of
from otel_voice_processor.model import Response, Ruling, Stretch

MS = 1_000_000
LIMIT_NS = 1_500 * MS  # an agent that is silent this soon after the first meaningful word did right
CLOCK_TOLERANCE_NS = 150 * MS  # across emitters
SHORT_PAUSE_NS = 200 * MS  # a gap that no caller takes for a stop
CLEAN_RESUME_MS = 500
REACTS_NS = 5_000 * MS  # a stop later than this after a murmur has another cause
HANGS_UP_NS = 500 * MS  # audio that ends this near to the call's end was ended by it
MEANT = frozenset({"correction", "escalation", "dtmf"})
UNMEANT = frozenset({"backchannel", "noise"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """What the caller heard happen to a response: `silent_ns` is when it fell silent for good, or first paused."""

    net: str
    silent_ns: int | None
    missing: str = ""  # the fact for want of which it is unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with its reason, the facts that were missing, and the reaction where it was a right stop."""

    verdict: str
    reason: str
    missing: tuple[str, ...] = ()
    reaction_ms: int | None = None


def intent_of(stretch: Stretch) -> str:
    """Return yes, no or unknown. Nobody presses a key by accident; below the judge's floor nothing is known.

    That a caller meant nothing takes all their words: a partial "yeah" may have gone on with "but".
    """
    if stretch.input_type == "dtmf":
        return "yes"
    if stretch.class_confidence < JUDGE_FLOOR:
        return "unknown"
    if stretch.input_class in MEANT:
        return "yes"
    return "no" if stretch.input_class in UNMEANT and stretch.transcript_status != "partial" else "unknown"


def audio_after(stretch: Stretch, response: Response, until_ns: int | None, intent: str, *, over_ns: int | None) -> Audio:
    """Return what the response did from the stretch's onset on; stops after `until_ns` belong to later input.

    What nobody meant is answered soon or not at all: neither a stop much later is its doing, nor one by the end of the call at `over_ns`.
    """
    onset_ns = stretch.onset_ns
    given = CLOCK_TOLERANCE_NS if stretch.emitter != response.emitter else 0
    latest_ns = max(stretch.onset_ns, stretch.end_ns or 0) + REACTS_NS if intent == "no" else None

    def mine(at: int) -> bool:
        soon = latest_ns is None or at <= latest_ns
        hung_up = intent == "no" and over_ns is not None and at >= over_ns - HANGS_UP_NS
        return onset_ns - given <= at and soon and not hung_up and (until_ns is None or at < until_ns)

    cut = response.end_ns if response.end_reason == "interrupted" else None
    if cut is not None and mine(cut):
        withdrawable = until_ns is not None and response.cut_ns is not None and response.cut_ns > until_ns
        return Audio(net="paused_resumed" if withdrawable else "stopped", silent_ns=cut)  # made final by what the caller said later
    if intent == "yes":
        if cut is not None and cut < onset_ns:  # said into a pause, and accepted
            return Audio(net="stopped", silent_ns=onset_ns)
        if any(start <= onset_ns and end is not None and end > onset_ns for start, end in response.pauses):
            return Audio(net="paused_resumed", silent_ns=onset_ns)
    if any(mine(at) for at in response.resumed_blind):
        return Audio(net="unknown", silent_ns=None, missing=a.VOICE_AGENT_PLAYBACK_PROVISIONAL)
    pauses = [(start, end) for start, end in response.pauses if mine(start)]
    held = [start for start, end in pauses if end is not None and end - start >= SHORT_PAUSE_NS]
    if held:
        return Audio(net="paused_resumed", silent_ns=held[0])
    if response.end_reason in {None, "failed"} and not _played_until(response, until_ns):
        return Audio(net="unknown", silent_ns=pauses[0][0] if pauses else None, missing=a.VOICE_AGENT_PLAYBACK_END_REASON)
    return Audio(net="kept", silent_ns=None)


def _played_until(response: Response, until_ns: int | None) -> bool:
    """Tell whether a response without a proper end is known to have sounded until later input came: it paused or failed after that."""
    if until_ns is None:
        return False
    return any(start >= until_ns for start, _ in response.pauses) or (response.end_ns is not None and response.end_ns >= until_ns)


def verdict_of(stretch: Stretch, response: Response, audio: Audio, intent: str) -> Judgement:
    """Return the verdict by the table: intent against net audio."""
    if intent == "unknown":
        unheard = stretch.transcript_status in {None, "unavailable", "partial"}
        missing = a.VOICE_CALLER_TRANSCRIPT_STATUS if unheard else a.VOICE_CALLER_INPUT_CLASS
        return Judgement(verdict="undetermined", reason="intent_unknown", missing=(missing,))
    if audio.net == "unknown":
        reason = "playback_end_unknown" if audio.missing == a.VOICE_AGENT_PLAYBACK_END_REASON else "pause_unknown"
        return Judgement(verdict="undetermined", reason=reason, missing=(audio.missing,))
    if intent == "no":
        if audio.net == "kept":
            return Judgement(verdict="correct", reason=f"{stretch.input_class}_ignored")
        return Judgement(verdict="false_interruption", reason=f"{audio.net}_for_{stretch.input_class}")
    return _of_meaningful(stretch, response, audio)


def _of_meaningful(stretch: Stretch, response: Response, audio: Audio) -> Judgement:
    word = stretch.first_word_ns if stretch.first_word_ns is not None else stretch.onset_ns
    limit = LIMIT_NS + (CLOCK_TOLERANCE_NS if stretch.emitter != response.emitter else 0)
    if audio.net == "stopped" and audio.silent_ns is not None:
        reaction = max(0, audio.silent_ns - word)
        if reaction <= limit:
            return Judgement(verdict="correct", reason="stopped_in_time", reaction_ms=reaction // MS)
        known = [at for at in (stretch.evidence_ns, stretch.detected_ns) if at is not None]
        late = any(at - word > LIMIT_NS for at in known)
        return Judgement(verdict="missed_interruption", reason="slow_evidence" if late else "slow_agent")
    if audio.net == "kept" and response.end_ns is not None and response.end_ns - word <= limit:
        return Judgement(verdict="correct", reason="response_ended_by_itself")
    return Judgement(verdict="missed_interruption", reason="resumed_over_caller" if audio.net == "paused_resumed" else "kept_playing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the policy says: on all evidence, on that of the moment the audio fell silent, and on that known while the response lasted."""

    final: Ruling | None
    then: Ruling | None
    last: Ruling | None


def compliance_of(asked: Asked, audio: Audio, *, known_ns: int | None, ended_in_time: bool) -> str:
    """Compare the agent with the policy: followed, early (policy agreed later), deviated, or unknown.

    `known_ns` is when the evidence was there that the policy rules on: a stop more than the judge's limit later did not follow it.
    """
    if asked.final is None or asked.last is None or audio.net == "unknown":
        return "unknown"
    if audio.net == "kept":
        return "followed" if ended_in_time or asked.last.effect == "keep" else "deviated"
    if asked.then is None:
        return "unknown"
    if audio.net == "stopped":
        if asked.final.effect == "stop":
            slow = known_ns is not None and audio.silent_ns is not None and audio.silent_ns - known_ns > LIMIT_NS
            return "early" if asked.then.effect == "keep" else "deviated" if slow else "followed"
        return "followed" if asked.then.effect == "stop" else "deviated"
    if asked.then.effect == "pause":
        return "deviated" if asked.last.effect == "stop" else "followed"
    return "early" if asked.then.effect == "keep" and asked.last.effect == "pause" else "deviated"


def findings_of(
    stretch: Stretch, judged: Judgement, audio: Audio, *, required_cut: bool, decided: str | None, lost: bool
) -> tuple[str, ...]:
    """Name the failure modes of one episode."""
    found: list[str] = []
    if judged.verdict == "false_interruption":
        found.append("backchannel_confusion" if stretch.input_class == "backchannel" else "false_barge_in")
    if judged.verdict == "missed_interruption":
        found.append("missed_correction")
    if judged.verdict == "undetermined":
        found.append("no_evidence")
    if lost:
        found.append("lost_recovery")
    if required_cut:
        found.append("required_content_cut")
    effect = effect_of(decided) if decided else None
    unstopped = effect == "stop" and audio.net in {"kept", "paused_resumed"} and judged.verdict != "correct"
    if unstopped or (effect == "keep" and audio.net == "stopped"):
        found.append("decision_not_played")
    if stretch.input_type == "dtmf" and stretch.attributes.get(a.VOICE_CALLER_DTMF_EXPECTED) == "none" and audio.net == "kept":
        found.append("invalid_key_ignored")
    return tuple(found)


def resume_of(net: str, behavior: str | None, paused_at_ms: int | None, resumed_at_ms: int | None) -> str:
    """Return how the agent took its place up again after a false interruption; positions in ms of the response."""
    if paused_at_ms is not None and resumed_at_ms is not None:
        if abs(resumed_at_ms - paused_at_ms) <= CLEAN_RESUME_MS:
            return "clean"
        return "restarted" if resumed_at_ms < paused_at_ms else "lost"
    if behavior == "restarted":
        return "restarted"
    if net == "stopped" and behavior in {"none", "new_response"}:
        return "lost"
    return "unknown"
