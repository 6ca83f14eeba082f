"""What came after an interruption: how the agent took its place up again, dead air, and what the caller said again. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import islice

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.transcript import content_words
from otel_voice_processor.evidence import MEANINGFUL, MS, int_of, text_of
from otel_voice_processor.model import Attributes, Response, Stretch, VoiceEvent
from otel_voice_processor.stretches import CONTINUES_NS
from otel_voice_processor.verdicts import CLOCK_TOLERANCE_NS, Audio, resume_of

NEAR_NS = 30_000 * MS  # what follows later belongs to no interruption
SAME_AGAIN = 0.6  # share of the content words said again, from which it is a repeat
SAME_TALK = 0.4  # share of what is said then that is the same: "stop" is not said again in "stop calling me at the office"
TURNS = 2  # in which the caller may say it again
RESUMES = frozenset({e.AGENT_SPEECH_STARTED, e.FALSE_POSITIVE})
FOLLOWS = frozenset({e.DECISION_MADE, e.RECOVERED, e.FALSE_POSITIVE, e.AGENT_SPEECH_INTERRUPTED, e.AGENT_SPEECH_STARTED})


def near(
    events: Sequence[VoiceEvent],
    met: Sequence[Stretch],
    until_ns: int | None,
    response: Response,
    responses: Sequence[Response],
    named: frozenset[str],
) -> dict[str, Attributes]:
    """Return what followed the input before input of another episode: by event name the attributes that count.

    Of recovery, false positive, cut and resume the first counts; of decisions the last before the audio's fate was sealed. Events that
    name an interruption belong to the stretch whose detector named it; `named` are the names of all stretches.
    """
    onset_ns = met[0].onset_ns
    following = [r.start_ns for r in responses[bisect_right(responses, response.start_ns, key=lambda r: r.start_ns) :][:2]]
    stop = until_ns if until_ns is not None else following[1] if len(following) > 1 else onset_ns + NEAR_NS
    own = {known for stretch in met for known in stretch.interruption_ids}
    last = max(stop - 1, _goes_on(response, onset_ns))
    found: dict[str, Attributes] = {}
    decisions: list[VoiceEvent] = []
    first = bisect_left(events, onset_ns, key=lambda event: event.time_ns)
    for event in islice(events, first, None):
        if event.time_ns > last:
            break
        if event.name not in FOLLOWS or (event.time_ns >= stop and event.name not in RESUMES):
            continue
        name = event.attributes.get(a.VOICE_INTERRUPTION_ID)
        if name in named and name not in own:
            continue
        if event.name == e.DECISION_MADE:
            decisions.append(event)
        elif event.name != e.AGENT_SPEECH_STARTED or event.attributes.get(a.VOICE_AGENT_PLAYBACK_RESUMED) is True:
            found.setdefault(event.name, event.attributes)
    if decisions:
        sealed = _sealed(response, onset_ns)
        before = [event for event in decisions if sealed is None or event.time_ns <= sealed + CLOCK_TOLERANCE_NS]
        found[e.DECISION_MADE] = (before[-1] if before else decisions[0]).attributes
    return found


def _goes_on(response: Response, onset_ns: int) -> int:
    """Return when the first pause after the input was over, 0 where there was none: however much was said into it, it is this input's."""
    return next((end for start, end in response.pauses if start >= onset_ns and end is not None), 0)


def _sealed(response: Response, onset_ns: int) -> int | None:
    """Return when it was settled what the audio did: made final, gone on after a pause, or over; None where that is not known."""
    if response.cut_ns is not None:
        return response.cut_ns
    resumed = [end for start, end in response.pauses if end is not None and start >= onset_ns]
    return resumed[0] if resumed else response.end_ns


def went_on_unseen(following: Mapping[str, Attributes], response: Response, onset_ns: int) -> bool:
    """Tell whether the runtime says that it took the response up again, and no pause is known that it could have done so from."""
    return not _goes_on(response, onset_ns) and following.get(e.FALSE_POSITIVE, {}).get(
        a.VOICE_INTERRUPTION_FALSE_POSITIVE_RESUME_BEHAVIOR
    ) in {"resumed", "restarted"}


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
    met: Sequence[Stretch], response: Response, audio: Audio, call: Sequence[Response], stretches: Sequence[Stretch], *, handed_over: bool
) -> tuple[int | None, bool | None]:
    """Return dead air after a stop in ms, and whether the agent spoke again.

    It lasts from the later of agent and caller silent to the agent's next speech; a caller who goes on within 2 s had not finished.
    (None, None) where there was no stop, the caller's end is not known, or a person took over.
    """
    last = met[-1]
    if audio.net != "stopped" or audio.silent_ns is None or last.end_ns is None:
        return None, None
    silent = audio.silent_ns
    spoke = next((r.start_ns for r in call[bisect_left(call, silent, key=lambda r: r.start_ns) :] if r is not response), None)
    quiet = last.end_ns
    for more in stretches[bisect_right(stretches, last.onset_ns, key=lambda s: s.onset_ns) :]:
        if more.onset_ns > quiet + CONTINUES_NS or (spoke is not None and more.onset_ns >= spoke):
            break
        if more.end_ns is None:
            return None, None if spoke is None else True
        quiet = max(quiet, more.end_ns)
    if spoke is not None:
        return max(0, spoke - max(silent, quiet)) // MS, True
    return None, None if handed_over else False


def repeated(own: Sequence[Stretch], stretches: Sequence[Stretch], responses: Sequence[Response]) -> bool:
    """Tell whether the content was said again in the caller's next two turns, or in a further try within the episode.

    The same content: at least 0.6 of the content words, and 0.4 of what is said then; as hashes where the text stays in the agent.
    """
    said = _content(own[0])
    if not said:
        return False
    if any(_same(said, stretch) for stretch in own[1:]):
        return True
    turns, before = 0, own[-1].onset_ns
    for stretch in stretches[bisect_right(stretches, before, key=lambda s: s.onset_ns) :]:
        if stretch.input_class not in MEANINGFUL or stretch.input_type != "speech":
            continue
        first = bisect_right(responses, before, key=lambda r: r.start_ns)
        if turns == 0 or (first < len(responses) and responses[first].start_ns <= stretch.onset_ns):
            turns += 1  # the agent spoke in between, or it is the first after the interruption
        if turns > TURNS:
            return False
        if _same(said, stretch):
            return True
        before = stretch.onset_ns
    return False


def _same(said: frozenset[str], stretch: Stretch) -> bool:
    now = _content(stretch)
    return len(said & now) >= max(SAME_AGAIN * len(said), SAME_TALK * len(now))


def _content(stretch: Stretch) -> frozenset[str]:
    """Return the words that say what it is about, as the helpers hash them."""
    return frozenset(stretch.word_hashes or content_words(stretch.text or ""))
