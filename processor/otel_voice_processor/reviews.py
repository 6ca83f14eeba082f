"""Many recorded calls in one report: the scorecard, workflows worst first, what is undetermined, and which calls to review first. Pure."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from otel_voice_processor.accounts import HERE, Account
from otel_voice_processor.behind import MOST, NAMES, NONE, Behind, Calls, Naming
from otel_voice_processor.model import CallRecord, Episode, Stretch
from otel_voice_processor.rates import TOO_FEW, Rate, rates, wilson

TOP: Final = 20
DEAD_AIR_MS: Final = 3_000
MAX_WORKFLOWS: Final = 200
RANKED: Final = 10  # interruptions counted, below which a workflow stands behind the others
OTHER: Final = "other"

# Why a call is reviewed, gravest first; the words finish the sentence "this call is here because".
WHY: Final = {
    "task_failed": "mishandled, and the task failed, was given up, or a person nobody asked for took over",
    "said_again": "mishandled, and the caller had to say it again or try more than once",
    "required_content_cut": "content that the policy requires to be played was cut",
    "dead_air": f"{DEAD_AIR_MS // 1000} s or more of silence after an interruption, or never an answer",
    "mishandled": "the agent stopped for nothing, or played on over a caller who meant it",
    "agent_barged_in": "the agent began before the caller had finished",
    "lesser": "only paused for nothing, or played on because the policy protects the message",
    "undetermined_with_audio": "undetermined, and there is audio to listen to",
    "undetermined": "undetermined, and no audio is pointed to: find out why the evidence is missing",
}
_MISHANDLED: Final = {"task_failed", "said_again"}  # which say so themselves
_ORDER: Final = {name: place for place, name in enumerate(WHY)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A call to look at: why, as a key of `WHY`, what else holds of it, and its account."""

    why: str
    account: Account
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """What interruptions came to in one workflow. `low` and `high`: 95 % Wilson interval of wrong / determined, None of nothing."""

    name: str
    calls: int
    meant: int
    missed: int
    stopped: int
    false: int
    determined: int
    wrong: int
    undetermined: int
    low: float | None
    high: float | None

    @property
    def too_few(self) -> bool:
        """Tell whether the share is an anecdote."""
        return self.determined < TOO_FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Why so many episodes are undetermined: the judge's reason, and the attributes that are missing; and in which calls."""

    reason: str
    missing: tuple[str, ...]
    episodes: int
    calls: Calls = NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of it. Times are Unix nanoseconds of the first and the last event, 0 where there is none."""

    calls: int
    interrupted: Counter[str]
    first_ns: int
    last_ns: int
    rates: tuple[Rate, ...]
    behind: Mapping[str, Behind]  # by the rate's name
    workflows: tuple[Workflow, ...]
    gaps: tuple[Gap, ...]
    reviews: tuple[Review, ...]
    to_review: int
    judged_here: int
    differing: int
    unobservable: int
    perhaps: int  # episodes of which it is open whether they are one
    unjudged_events: int


def reasons(record: CallRecord) -> tuple[str, ...]:
    """Return why to review a call, gravest first, as keys of `WHY`; empty where nothing is."""
    grave = [ep for ep in record.episodes if _grave(ep)]
    unsure = [ep for ep in record.episodes if ep.verdict == "undetermined"]
    heard = any(_audio(ep) for ep in unsure)
    lesser = [ep for ep in record.episodes if ep.verdict in {"missed_interruption", "false_interruption"} and not _grave(ep)]
    failed = record.task_outcome in {"failed", "abandoned"} or (record.escalated and not record.escalation_asked)
    holds = {
        "task_failed": bool(grave) and bool(failed),
        "said_again": any(ep.repeated or ep.attempts > 1 for ep in grave),
        "required_content_cut": any("required_content_cut" in ep.findings for ep in record.episodes),
        "dead_air": any(dead_air(ep) for ep in record.episodes),
        "mishandled": bool(grave),
        "agent_barged_in": bool(record.premature_endpointings),
        "lesser": bool(lesser),
        "undetermined_with_audio": bool(unsure) and heard,
        "undetermined": bool(unsure) and not heard,
    }
    return tuple(name for name, holding in holds.items() if holding)


def _grave(ep: Episode) -> bool:
    """A mistake that the caller felt and no policy asked for."""
    if ep.verdict == "missed_interruption":
        return not ep.protected
    return ep.verdict == "false_interruption" and ep.net_audio == "stopped"


def perhaps(episode: Episode) -> bool:
    """Tell whether it is open that this was an interruption at all: nobody told the end of the response, nor that it paused."""
    response, onset = episode.response, episode.stretches[0].onset_ns
    unknown = episode.net_audio == "unknown" and response.end_ns is None and episode.reason != "pause_unknown"
    return unknown and not any(end is None or end > onset for _, end in response.pauses)


def dead_air(ep: Episode) -> bool:
    """Tell whether the agent left the caller in silence after it had stopped."""
    waited = ep.silence_ms is not None and ep.silence_ms >= DEAD_AIR_MS
    return (waited or ep.answered is False) and ep.net_audio == "stopped" and ep.verdict != "undetermined"


def _audio(ep: Episode) -> bool:
    return any(stretch.attributes.get("voice.evidence.audio_ref") for stretch in ep.stretches)


def gravity(ep: Episode) -> tuple[int, int]:
    """Return how grave one interruption is, for the order of many in one call: the gravest is the greatest."""
    kind = 3 if _grave(ep) else 2 if ep.findings else 1 if ep.verdict == "undetermined" else 0
    return kind, ep.silence_ms or 0


def gravest(record: CallRecord, most: int) -> tuple[Episode, ...]:
    """Return a call's gravest episodes, in order of time."""
    chosen = sorted(record.episodes, key=gravity, reverse=True)[:most]
    return tuple(sorted(chosen, key=lambda ep: (ep.start_ns, ep.span_id)))


def _place(review: Review) -> tuple[int, int, int, int, str]:
    """Gravest reason first, then most mistakes, then the longest silence, then the oldest call."""
    record = review.account.record
    silence = max((ep.silence_ms or 0 for ep in record.episodes), default=0)
    wrong = sum(_grave(ep) for ep in record.episodes)
    return _ORDER[review.why], -wrong, -silence, record.start_ns, record.call_id


@dataclass(slots=True)
class _Tally:
    calls: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, ep: Episode) -> None:
        determined = ep.verdict != "undetermined"
        self.counts["undetermined"] += not determined
        self.counts["determined"] += determined
        self.counts["meant"] += determined and ep.intent == "yes"
        self.counts["missed"] += ep.verdict == "missed_interruption"
        self.counts["stopped"] += determined and ep.net_audio == "stopped"
        false = ep.verdict == "false_interruption" and ep.net_audio == "stopped"
        self.counts["false"] += false
        self.counts["wrong"] += false or ep.verdict == "missed_interruption"

    def workflow(self, name: str) -> Workflow:
        low, high = wilson(self.counts["wrong"], self.counts["determined"])
        names = ("meant", "missed", "stopped", "false", "determined", "wrong", "undetermined")
        return Workflow(name=name, calls=self.calls, low=low, high=high, **{each: self.counts[each] for each in names})


class Reporting:
    """Takes calls one by one and keeps little of each; only those that are to be reviewed are kept whole.

    Behind each figure `most` calls are named.
    """

    def __init__(self, *, top: int = TOP, most: int = MOST, on_call: Callable[[int], None] | None = None) -> None:
        self._naming = Naming(most=most)
        self._top, self._on_call = top, on_call
        self._records: list[CallRecord] = []
        self._reviews: list[Review] = []
        self._workflows: dict[str, _Tally] = {}
        self._gaps: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self._counts: Counter[str] = Counter()

    def add(self, account: Account) -> None:
        """Take a call."""
        record = account.record
        self._records.append(_slim(record))
        self._tally(record)
        found = reasons(record)
        if found:
            self._counts["to_review"] += 1
            said = {"lesser", *(["mishandled"] if found[0] in _MISHANDLED else [])}  # by the first reason, or no news beside it
            also = tuple(name for name in found[1:] if name not in said)
            insort(self._reviews, Review(why=found[0], account=account, also=also), key=_place)
            del self._reviews[self._top :]
        gaps = Counter((ep.reason, ep.missing) for ep in record.episodes if ep.verdict == "undetermined")
        self._gaps.update(gaps)
        for gap in gaps:
            self._naming.add(gap, record.call_id)
        self._naming.count(record)
        self._counts["perhaps"] += sum(map(perhaps, record.episodes))
        self._counts["judged_here"] += account.judged_by == HERE
        self._counts["differing"] += bool(account.differences)
        self._counts["unobservable"] += record.observable == ()
        self._counts["unjudged"] += account.unjudged
        if self._on_call is not None:
            self._on_call(len(self._records))

    def _tally(self, record: CallRecord) -> None:
        for name in {ep.workflow for ep in record.episodes} or {record.workflow}:
            self._workflow(name).calls += 1
        for ep in record.episodes:
            self._workflow(ep.workflow).add(ep)

    def _workflow(self, name: str) -> _Tally:
        known = name if name in self._workflows or len(self._workflows) < MAX_WORKFLOWS else OTHER
        return self._workflows.setdefault(known, _Tally())

    def report(self) -> Report:
        """Return what came of all calls that were taken."""
        counted = [record for record in self._records if record.start_ns]
        gaps = [
            Gap(reason=key[0], missing=key[1], episodes=count, calls=self._naming.calls(key)) for key, count in self._gaps.most_common()
        ]
        return Report(
            calls=len(self._records),
            interrupted=Counter(record.interrupted for record in self._records),
            first_ns=min((record.start_ns for record in counted), default=0),
            last_ns=max((record.end_ns for record in counted), default=0),
            rates=rates(self._records),
            behind={name: self._naming.behind(name) for name in NAMES},
            workflows=worst_first([tally.workflow(name) for name, tally in self._workflows.items()]),
            gaps=tuple(gaps),
            reviews=tuple(self._reviews),
            to_review=self._counts["to_review"],
            judged_here=self._counts["judged_here"],
            differing=self._counts["differing"],
            unobservable=self._counts["unobservable"],
            perhaps=self._counts["perhaps"],
            unjudged_events=self._counts["unjudged"],
        )


def worst_first(workflows: Sequence[Workflow]) -> tuple[Workflow, ...]:
    """Return workflows by what their share of wrong is at least, to 95 %; those with fewer than `RANKED` stand behind the others."""
    return tuple(
        sorted(workflows, key=lambda each: (each.determined < RANKED, -(each.low or 0.0), -each.wrong, -each.determined, each.name))
    )


def _slim(record: CallRecord) -> CallRecord:
    """Return what rates are made of: a call without the words and attributes of its events."""
    episodes = tuple(replace(ep, stretches=tuple(map(_bare, ep.stretches[:1]))) for ep in record.episodes)
    return replace(record, episodes=episodes, responses=(), stretches=())


def _bare(stretch: Stretch) -> Stretch:
    return replace(stretch, attributes={}, word_hashes=(), text=None, interruption_ids=(), reports=())
