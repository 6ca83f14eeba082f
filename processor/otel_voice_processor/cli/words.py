"""What happened in words: the answer a reader wants before any picture or proof."""

from __future__ import annotations

from datetime import UTC, datetime

from otel_voice_schema import attributes as a

from otel_voice.printable import printable
from otel_voice_processor.model import CallRecord, Episode, Stretch
from otel_voice_processor.reviews import perhaps

S = 1_000_000_000
MS = 1_000_000
SHORT_PAUSE_NS = 200 * MS  # shorter gaps are not heard as a pause
LONG_QUOTE = 120  # characters of what was said, in a sentence
LONG_TEXT = 240  # in a row of its own
JOINERS = "\u200c\u200d"  # within letters and emoji; they move nothing
MOST_MISSING = 3
LONG_NAME = 120  # of anybody's name for something
VERDICTS = {
    "correct": ("Correct.", "bold green"),
    "false_interruption": ("False interruption.", "bold red"),
    "missed_interruption": ("Missed interruption.", "bold red"),
    "undetermined": ("Undetermined.", "bold yellow"),
}
ACTS = {"correction": "corrects the agent", "escalation": "asks for a person"}
SLOW = {"slow_evidence": "the recogniser or detector was late", "slow_agent": "the agent knew but was slow"}
NEXT = {"reprompt": "asked again", "wait": "went on waiting", "escalate": "handed over", "end_call": "ended the call"}


def seconds(ns: int) -> str:
    """Return a duration as a reader says it, such as `0.31 s`."""
    return f"{round(ns / S, 2) + 0.0:.2f} s"  # never a minus before nothing


def clock(ns: int) -> str:
    """Return a moment of a call as a player of its recording shows it, such as `1:12.4`."""
    tenths = max(0, ns) // (100 * MS)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def iso(ns: int) -> str | None:
    """Return a moment as ISO 8601 in UTC, to the millisecond; None for none."""
    if not 0 < ns < 253_402_300_800_000_000_000:
        return None
    whole, rest = divmod(ns, S)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest // MS:03d}Z"


def short(text: str, most: int = LONG_NAME) -> str:
    """Return somebody else's text fit for a line: nothing in it moves a cursor, and what is too long is cut and said to be."""
    cut = text if len(text) <= most else f"{text[: most - 1].rstrip()}… ({len(text):,} characters)"
    return printable(cut, keep=JOINERS)


def quoted(stretch: Stretch) -> str:
    """Return what the caller said: the text where it was kept, else what is known of it."""
    if stretch.input_type == "dtmf":
        digit = stretch.attributes.get(a.VOICE_CALLER_DTMF_DIGIT)
        return f"key {short(str(digit))}" if digit is not None else "a key"
    if stretch.input_type == "command":
        return f"the command {short(str(stretch.attributes.get(a.VOICE_CALLER_INTENT_LABEL, '(label unknown)')))}"
    if stretch.text:
        return f'"{short(stretch.text, LONG_QUOTE)}"'
    count = stretch.attributes.get(a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT)
    if isinstance(count, int) and count > 0:
        return f"what was said ({count} word{'s' if count > 1 else ''}, text redacted)"
    if stretch.transcript_status == "empty":
        return "a sound without words"
    if stretch.transcript_status is None and stretch.input_class in {"correction", "escalation", "backchannel"}:
        return "what was said (not in the data)"
    return "sound of unknown content"


def silent_ns(episode: Episode) -> int | None:
    """Return when the agent fell silent because of this input, or None where it did not."""
    if episode.net_audio == "stopped":
        return episode.response.end_ns
    if episode.net_audio == "paused_resumed":
        onset = episode.stretches[0].onset_ns
        heard = (s for s, e in episode.response.pauses if s >= onset and (e is None or e - s >= SHORT_PAUSE_NS))
        into = (onset for s, e in episode.response.pauses if s < onset and e is not None and e > onset)  # said into a pause
        return next(heard, next(into, None))
    return None


def _perhaps_words(stretch: Stretch) -> str:
    if stretch.input_type == "dtmf":
        came = f"The caller pressed {quoted(stretch)}."
    elif stretch.input_type == "command":
        came = f"There came {quoted(stretch)}."
    else:
        came = f"There was {quoted(stretch)}." if stretch.transcript_status == "empty" else f"The caller spoke: {quoted(stretch)}."
    return f"{came} Whether the agent was still speaking is not known: its end was never reported."


def intent_words(episode: Episode) -> str:
    """Say whether the caller meant to interrupt, and why that is believed."""
    stretch, sure = episode.stretch, f"(confidence {episode.class_confidence:.2f})"
    if perhaps(episode):
        return _perhaps_words(stretch)
    if episode.intent == "yes":
        if stretch.input_type == "dtmf":
            return f"The caller meant it: {quoted(stretch)} was pressed."
        return f"The caller meant it: {quoted(stretch)} {ACTS.get(episode.input_class, 'is a turn of its own')} {sure}."
    if episode.intent == "no":
        what = "a backchannel" if episode.input_class == "backchannel" else short(episode.input_class)
        fired = {"stopped": "fired on", "paused_resumed": "paused for"}.get(episode.net_audio)
        if fired is None:
            return f"Nobody meant to interrupt: {quoted(stretch)} is {what} {sure}."
        return f"Nobody meant to interrupt, we {fired} {what}: {quoted(stretch)} {sure}."
    return f"Nobody can tell whether the caller meant it: {quoted(stretch)} is of class {short(episode.input_class)} {sure}."


def audio_words(episode: Episode) -> str:
    """Say what the agent's audio did."""
    first = episode.stretches[0]
    word = first.first_word_ns if first.first_word_ns is not None else first.onset_ns
    since = "the first word" if first.first_word_ns is not None else "the caller's onset"
    at, end = silent_ns(episode), episode.response.end_ns
    if perhaps(episode):
        return ""
    if episode.net_audio == "stopped" and at is not None:
        lead = "The agent was silent" if episode.intent != "no" else "The agent fell silent anyway,"
        return f"{lead} {seconds(max(0, at - word))} after {since}."
    if episode.net_audio == "paused_resumed" and at is not None:
        start, back = next(((s, e) for s, e in episode.response.pauses if s <= at and (e is None or e > at)), (at, None))
        held = f" for {seconds(back - at)}" if back is not None else ""
        over = _went_on(episode, back) if episode.intent == "yes" else "and went on"
        if start < at:
            return f"The agent was paused when the caller spoke, stayed silent for {seconds((back or at) - at)} more {over}."
        return f"The agent paused {seconds(max(0, at - word))} after {since}{held} {over}."
    if episode.net_audio == "kept" and end is not None:
        if episode.intent == "yes" and episode.verdict == "correct":
            return f"The response ended by itself {seconds(max(0, end - word))} after {since}."
        return (
            f"The agent played on for {seconds(max(0, end - word))}{', to the end' if episode.response.end_reason == 'completed' else ''}."
        )
    return "When the agent's audio ended is not known."


def _went_on(episode: Episode, back_ns: int | None) -> str:
    """Say how the agent resumed over somebody who meant it: while they spoke, or after."""
    ends = [stretch.end_ns for stretch in episode.stretches]
    spoken = max((end for end in ends if end is not None), default=None)
    over = back_ns is None or spoken is None or None in ends or back_ns < spoken
    return "and went on over the caller" if over else "and went on as if nothing had been said"


def after_words(episode: Episode) -> str:
    """Say what came after: dead air, repeats, tries, protection; empty where nothing is worth saying."""
    said = []
    if episode.silence_ms is not None and episode.intent == "yes":
        said.append(f"It spoke again {episode.silence_ms / 1000:.2f} s after both were silent.")
    elif episode.answered is False:
        said.append("It never spoke again.")
    if episode.attempts > 1:
        said.append(f"The caller tried {episode.attempts} times.")
    if episode.repeated:
        said.append("The caller had to say it again.")
    return " ".join(said)


def verdict_words(episode: Episode) -> tuple[str, str]:
    """Return the verdict in words, and the style to print it in."""
    word, style = VERDICTS.get(episode.verdict, (f"{short(episode.verdict)}.", "bold"))
    if episode.verdict == "undetermined":
        missing = [short(key) for key in episode.missing[:MOST_MISSING]]
        more = f" and {len(episode.missing) - len(missing)} more" if len(episode.missing) > len(missing) else ""
        verb = "is" if len(episode.missing) < 2 else "are"
        return f"Undetermined: {' and '.join(missing) or short(episode.reason)}{more} {verb} missing.", style
    if episode.verdict == "missed_interruption" and episode.reason in SLOW:
        word = f"Missed interruption: {SLOW[episode.reason]}."
    if episode.verdict == "missed_interruption" and episode.protected:
        return f"{word} Policy protects this message, so playing on is what it asks for.", "bold yellow"
    if "required_content_cut" in episode.findings:
        return f"{word} But the message was required and has been cut.", "bold yellow"
    return word, style


def no_episode_words(record: CallRecord) -> list[tuple[str, str]]:
    """Say what did happen in a call without interruptions, each line with its style."""
    said: list[tuple[str, str]] = []
    for response in record.premature_endpointings:
        at = f" at {clock(response.start_ns - record.start_ns)}" if record.start_ns else ""
        line = f"The agent barged in{at}: {short(response.response_id)} began before the caller had finished. Premature endpointing."
        said.append((line, "bold red"))
    for action in record.silence_timeouts:
        did = NEXT.get(action, f"did: {short(action)}")
        said.append((f"The caller said nothing for too long; the agent {did}. Silence timeout, counted apart from interruptions.", ""))
    if record.turn_overlaps:
        count = len(record.turn_overlaps)
        said.append((f"Caller and agent overlapped at the end of a turn {count} time{'s' if count > 1 else ''}: ordinary talk.", ""))
    if record.observable == ():
        said.append(
            ("Caller input while the agent speaks cannot be seen on this runtime, so interruptions cannot be either.", "bold yellow")
        )
    if not record.episodes and not said:
        unsure = record.interrupted == "unknown"
        said.append(
            ("Whether anybody interrupted in this call is not known.", "yellow")
            if unsure
            else ("Nobody interrupted anybody in this call.", "")
        )
    if record.unknown_ends:
        which = "1 response" if record.unknown_ends == 1 else f"{record.unknown_ends:,} responses"
        them = "it" if record.unknown_ends == 1 else "them"
        said.append((f"The end of {which} was not reported; whether the caller spoke over {them} is not known.", "yellow"))
    return said
