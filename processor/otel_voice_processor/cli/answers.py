"""The runbook's quick filter, answered in a line: did the caller interrupt intentionally, or did we fire on noise or a backchannel?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from otel_voice_processor.accounts import HERE, Account
from otel_voice_processor.cli.words import audio_words, intent_words, no_episode_words, short, verdict_words
from otel_voice_processor.model import CallRecord, Episode
from otel_voice_processor.reviews import dead_air, perhaps

GOOD, BAD, UNSURE, PLAIN = "good", "bad", "unsure", "plain"
STYLES = {GOOD: "bold green", BAD: "bold red", UNSURE: "bold yellow", PLAIN: "bold"}
CUT = "required_content_cut"
NAMED = 3  # differences that are named one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One line, the verdict that ends it, and its tone: good, bad, unsure or plain."""

    line: str
    verdict: str
    tone: str

    @property
    def whole(self) -> str:
        """Return the line with its verdict."""
        return f"{self.line} {self.verdict}".strip()


def answer(record: CallRecord) -> Answer:
    """Return the answer for a call; beyond one interruption it counts them."""
    if not record.episodes:
        line, style = no_episode_words(record)[0]
        tone = {"bold red": BAD, "bold yellow": UNSURE, "yellow": UNSURE}.get(style, PLAIN)
        return Answer(line=line, verdict="", tone=tone)
    if len(record.episodes) == 1:
        return episode_answer(record.episodes[0])
    sure = [ep for ep in record.episodes if not perhaps(ep)]
    unsure = len(record.episodes) - len(sure)
    told = [_counts(sure), _afterwards(sure)] if sure else []
    told += [perhaps_words(unsure)] if unsure else []
    met = f"{_times(len(sure))} input met the agent's speech:" if sure else ""
    return Answer(line=met, verdict=" ".join(filter(None, told)), tone=_tone(record))


def perhaps_words(count: int) -> str:
    """Say how often it is open whether there was an interruption at all."""
    return f"{_times(count)} the caller spoke and it cannot be told whether the agent was still speaking."


def _times(count: int) -> str:
    return "Once" if count == 1 else f"{count:,} times"


def episode_answer(episode: Episode) -> Answer:
    """Return the answer for one interruption."""
    verdict, style = verdict_words(episode)
    line = f"{intent_words(episode)} {audio_words(episode)}".strip()
    tone = {"bold green": GOOD, "bold red": BAD, "bold yellow": UNSURE}.get(style, PLAIN)
    return Answer(line=line, verdict=verdict, tone=tone)


def _counts(episodes: Sequence[Episode]) -> str:
    meant = [ep for ep in episodes if ep.intent == "yes"]
    not_meant = [ep for ep in episodes if ep.intent == "no"]
    unknown = len(episodes) - len(meant) - len(not_meant)
    said = []
    if meant:
        missed = sum(ep.verdict == "missed_interruption" for ep in meant)
        said.append(f"the caller meant {_of(len(meant), episodes)} ({_share(meant, {'the agent missed': missed})})")
    if not_meant:
        kinds = dict.fromkeys(ep.input_class for ep in not_meant)
        what = " or ".join("backchannel" if kind == "backchannel" else short(kind) for kind in kinds)
        false = [ep.net_audio for ep in not_meant if ep.verdict == "false_interruption"]
        fired = {"we fired on": false.count("stopped"), "we paused for": len(false) - false.count("stopped")}
        said.append(f"{len(not_meant)} {_be(len(not_meant))} {what} ({_share(not_meant, fired)})")
    if unknown:
        said.append(f"{unknown} cannot be told")
    return "; ".join(said) + "."


def _of(count: int, episodes: Sequence[Episode]) -> str:
    return "all of them" if count == len(episodes) else str(count)


def _be(count: int) -> str:
    return "was" if count == 1 else "were"


def _share(episodes: Sequence[Episode], wrong: Mapping[str, int]) -> str:
    """Say how many of some went wrong in which way, how many are undetermined, or that all were handled."""
    whole = len(episodes)
    told = [f"{words} {'it' if count == whole == 1 else 'all' if count == whole else count}" for words, count in wrong.items() if count]
    unsure = sum(ep.verdict == "undetermined" for ep in episodes)
    told += [f"{unsure} undetermined"] if unsure else []
    cut = sum(CUT in ep.findings for ep in episodes)
    told += [f"{'a' if cut == 1 else cut} required message{'' if cut == 1 else 's'} cut"] if cut else []
    return ", ".join(told) or ("handled" if whole == 1 else "all handled")


def _afterwards(episodes: Sequence[Episode]) -> str:
    """Say what did not recover after interruptions; empty where all did."""
    lost = sum(ep.resume in {"restarted", "lost"} for ep in episodes)
    silent = [ep.silence_ms or 0 for ep in episodes if dead_air(ep) and ep.answered is not False]
    never = sum(ep.answered is False for ep in episodes)
    told = [
        (sum(ep.repeated for ep in episodes), "had to be said again"),
        (lost, "resumed from another place than it stopped at"),
        (len(silent), f"left {'up to ' if len(silent) > 1 else ''}{max(silent, default=0) / 1000:.2f} s of silence"),
        (never, f"{_be(never)} never answered"),
    ]
    said = [f"{count} {words}" for count, words in told if count]
    return f"Afterwards {', '.join(said)}." if said else ""


def _tone(record: CallRecord) -> str:
    verdicts = {ep.verdict for ep in record.episodes}
    if verdicts & {"missed_interruption", "false_interruption"}:
        return BAD
    marred = "undetermined" in verdicts or any(CUT in ep.findings for ep in record.episodes) or _afterwards(record.episodes)
    return UNSURE if marred else GOOD


def notes(account: Account) -> list[str]:
    """Say who judged a call, where judging anew differs, and what was left out, a line each; empty where all is as it counted."""
    said: list[str] = []
    record = account.record
    if account.judged_by == HERE:
        said.append(f"Judged here with judge {record.judge_version}; not counted anywhere.")
    elif not account.settled:
        said.append("The call's own summary is not in the data: it had not settled, or was not kept.")
    if account.uncounted:
        said.append(f"{_some(len(account.uncounted), 'interruption')} judged here; not counted anywhere (yet).")
    if account.unseen:
        many = _some(len(account.unseen), "interruption")
        said.append(f"The events of {many} are not in the data: told from the summary alone, nothing is drawn. {_elsewhere(record)}")
    elif not account.events and account.settled:
        said.append(f"Of this call the data hold its summary alone, so nothing is drawn. {_elsewhere(record)}")
    if account.differences:
        said.append(_differs(account))
    if account.unjudged:
        said.append(f"{_some(account.unjudged, 'event')} could not be judged: `otel-voice validate` says why.")
    if account.dropped:
        said.append(f"{_some(account.dropped, 'event')} beyond what is held of one call were left out.")
    return said


def _elsewhere(record: CallRecord) -> str:
    trace = record.trace_id.hex()
    return f"Its events may be in an older file, in one that the agent's own exporter wrote, or in the trace backend: trace {trace}."


def _differs(account: Account) -> str:
    pairs = [
        f"{each.span_id.hex()} counted as {_verdict(each.counted)}, here {_verdict(each.here)}" for each in account.differences[:NAMED]
    ]
    more = f"; and {len(account.differences) - NAMED} more" if len(account.differences) > NAMED else ""
    many = _some(len(account.differences), "interruption")
    return f"Judged anew here, {many} would differ ({'; '.join(pairs)}{more}). What counted is shown."


def _verdict(verdict: str | None) -> str:
    return "none" if verdict is None else short(verdict).replace("_", " ")


def _some(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
