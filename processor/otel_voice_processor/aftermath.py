"""What came after an interruption: how the agent took its place up again, dead air, and what the caller said again. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice_processor.evidence import MEANINGFUL, MS, int_of, text_of
from otel_voice_processor.model import Attributes, Response, Stretch, VoiceEvent
from otel_voice_processor.stretches import UNFINISHED
from otel_voice_processor.verdicts import Audio, resume_of

NEAR_NS = 30_000 * MS  # what follows later belongs to no interruption
SAME_AGAIN = 0.6  # share of the content words said again, from which it is a repeat
TURNS = 2  # in which the caller may say it again


def near(
    events: Sequence[VoiceEvent], onset_ns: int, until_ns: int | None, response: Response, responses: Sequence[Response]
) -> dict[str, Attributes]:
    """Return the first decision, recovery, false positive, cut and resume that follow the input, before input of another episode."""
    following = [r.start_ns for r in responses if r.start_ns > response.start_ns]
    stop = until_ns if until_ns is not None else following[1] if len(following) > 1 else onset_ns + NEAR_NS
    found: dict[str, Attributes] = {}
    first = bisect_left(events, onset_ns, key=lambda event: event.time_ns)
    for event in events[first:]:
        if event.time_ns >= stop:
            break
        resumed = event.name == e.AGENT_SPEECH_STARTED and event.attributes.get(a.VOICE_AGENT_PLAYBACK_RESUMED) is True
        if event.name in {e.DECISION_MADE, e.RECOVERED, e.FALSE_POSITIVE, e.AGENT_SPEECH_INTERRUPTED} or resumed:
            found.setdefault(event.name, event.attributes)
    return found


def resumed_how(audio: Audio, following: Mapping[str, Attributes], task_state: str | None) -> str:
    """Return how the agent took its place up again: clean, restarted, lost or unknown."""
    if task_state == "lost":
        return "lost"
    behavior = text_of(following.get(e.FALSE_POSITIVE, {}).get(a.VOICE_INTERRUPTION_FALSE_POSITIVE_RESUME_BEHAVIOR))
    paused = int_of(following.get(e.AGENT_SPEECH_INTERRUPTED, {}).get(a.VOICE_AGENT_PLAYBACK_POSITION_MS))
    resumed = int_of(following.get(e.AGENT_SPEECH_STARTED, {}).get(a.VOICE_AGENT_PLAYBACK_POSITION_MS))
    recovered = int_of(following.get(e.RECOVERED, {}).get(a.VOICE_INTERRUPTION_RECOVERY_POSITION_MS))
    return resume_of(audio.net, behavior, paused, resumed if resumed is not None else recovered)


def silence_after(
    last: Stretch, response: Response, audio: Audio, responses: Sequence[Response], events: Sequence[VoiceEvent]
) -> tuple[int | None, bool | None]:
    """Return dead air after a stop in ms, and whether the agent spoke again; (None, None) where there was no stop or a hand-off."""
    if audio.net != "stopped" or audio.silent_ns is None or last.end_ns is None:
        return None, None
    quiet = max(audio.silent_ns, last.end_ns)
    spoke = [r.start_ns for r in responses if r.start_ns >= audio.silent_ns and r is not response]
    if spoke:
        return max(0, min(spoke) - quiet) // MS, True
    handed_over = any(event.name == e.CALL_ENDED and event.attributes.get(a.VOICE_CALL_ESCALATED) is True for event in events)
    return None, None if handed_over else False


def repeated(own: Sequence[Stretch], stretches: Sequence[Stretch]) -> bool:
    """Tell whether the content was said again in the caller's next two turns, or within the episode."""
    said = _content(own[0])
    if not said:
        return False
    later = [s for s in stretches if s.onset_ns > own[-1].onset_ns and s.input_class in MEANINGFUL][:TURNS]
    return any(len(said & _content(s)) >= SAME_AGAIN * len(said) for s in (*own[1:], *later) if _content(s))


def _content(stretch: Stretch) -> frozenset[str]:
    if stretch.word_hashes:
        return frozenset(stretch.word_hashes)
    words = (stretch.text or "").lower().replace(",", " ").replace(".", " ").split()
    return frozenset(word for word in words if len(word) > 2 and word not in UNFINISHED)
