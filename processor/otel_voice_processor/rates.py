"""The seven rates of settled calls, each with its interval and what it could not count. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from otel_voice_processor.model import CallRecord, Episode

Z = 1.96  # 95 %
TOO_FEW = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One rate of the scorecard; `low` and `high` are its 95 % Wilson interval, `value` is None where nothing was counted."""

    name: str
    title: str
    numerator: int
    denominator: int
    undetermined: int
    unit: str
    value: float | None
    low: float | None
    high: float | None
    note: str


def wilson(numerator: int, denominator: int) -> tuple[float, float] | tuple[None, None]:
    """Return the Wilson score interval of a share (E. B. Wilson, 1927), or (None, None) of nothing."""
    if denominator <= 0:
        return None, None
    share = numerator / denominator
    spread = Z * math.sqrt(share * (1 - share) / denominator + Z * Z / (4 * denominator * denominator))
    middle, scale = share + Z * Z / (2 * denominator), 1 + Z * Z / denominator
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def rates(records: Iterable[CallRecord]) -> tuple[Rate, ...]:
    """Return the seven rates over settled calls; `undetermined` is in no denominator."""
    calls = list(records)
    episodes = [ep for record in calls for ep in record.episodes]
    return (*_mistakes(episodes), *_recovery(episodes), _silence(episodes), *_afterwards(calls))


def _mistakes(episodes: Sequence[Episode]) -> tuple[Rate, Rate]:
    """Return the two ways to be rude: stopping for nothing, and not stopping."""
    unsure = sum(ep.verdict == "undetermined" for ep in episodes)
    stopped = [ep for ep in episodes if ep.net_audio == "stopped" and ep.verdict != "undetermined"]
    false = sum(ep.verdict == "false_interruption" for ep in stopped)
    paused = sum(ep.verdict == "false_interruption" and ep.net_audio == "paused_resumed" for ep in episodes)
    meant = _meant(episodes)
    missed = [ep for ep in meant if ep.verdict == "missed_interruption"]
    split = f"{sum(ep.protected for ep in missed)} of them protected by policy"
    return (
        _share("false_interruption", "False interruption rate", false, len(stopped), unsure, f"{paused} more only paused and resumed"),
        _share("missed_interruption", "Missed interruption rate", len(missed), len(meant), unsure, split),
    )


def _meant(episodes: Sequence[Episode]) -> list[Episode]:
    return [ep for ep in episodes if ep.intent == "yes" and ep.verdict != "undetermined"]


def _recovery(episodes: Sequence[Episode]) -> tuple[Rate, Rate]:
    resumes = [ep.resume for ep in episodes if ep.resume in {"clean", "restarted", "lost"}]
    clean, unknown = resumes.count("clean"), sum(ep.resume in {"unknown", "not_supported"} for ep in episodes)
    meant, unsure = _meant(episodes), sum(ep.verdict == "undetermined" for ep in episodes)
    again = sum(ep.repeated for ep in meant)
    return (
        _share("resume_success", "Resume success rate", clean, len(resumes), unknown, "resumed within 0.5 s of where it stopped"),
        _share("repeated_speech", "Repeated user speech rate", again, len(meant), unsure, "said again in the next two turns"),
    )


def _afterwards(calls: Sequence[CallRecord]) -> tuple[Rate, Rate]:
    """Return what became of interrupted calls: an association, no cause."""
    touched = [record for record in calls if record.interrupted in {"handled", "mishandled"}]
    unsure = sum(record.interrupted == "unknown" for record in calls)  # perhaps interrupted, and shown beside
    known = [record for record in touched if record.task_outcome != "unknown"]
    told = [record for record in touched if record.escalated is not None]
    asked = [record for record in calls if record.escalation_asked and record.escalated is not None]
    done = sum(record.task_outcome == "completed" for record in known)
    handed, got = sum(record.escalated is True for record in told), sum(record.escalated is True for record in asked)
    note = f"asked for a person in {len(asked)} calls, got one in {got}"
    return (
        _share(
            "task_completion", "Task completion after interruption", done, len(known), len(touched) - len(known) + unsure, _beside(calls)
        ),
        _share("escalation", "Escalation after interruption", handed, len(told), len(touched) - len(told) + unsure, note),
    )


def _share(name: str, title: str, numerator: int, denominator: int, undetermined: int, note: str) -> Rate:
    low, high = wilson(numerator, denominator)
    value = numerator / denominator if denominator else None
    return Rate(
        name=name,
        title=title,
        numerator=numerator,
        denominator=denominator,
        undetermined=undetermined,
        unit="ratio",
        value=value,
        low=low,
        high=high,
        note=note,
    )


def _silence(episodes: Sequence[Episode]) -> Rate:
    waits = sorted(ep.silence_ms / 1000 for ep in episodes if ep.silence_ms is not None)
    unanswered = sum(ep.answered is False for ep in episodes)
    p95 = waits[min(len(waits) - 1, math.ceil(0.95 * len(waits)) - 1)] if waits else None
    return Rate(
        name="silence_after",
        title="Silence after interruption (median)",
        numerator=len(waits),
        denominator=len(waits),
        undetermined=unanswered,
        unit="seconds",
        value=statistics.median(waits) if waits else None,
        low=waits[0] if waits else None,
        high=p95,
        note=f"shortest to 95th percentile beside; {unanswered} never answered",
    )


def _beside(calls: Sequence[CallRecord]) -> str:
    plain = [record for record in calls if record.interrupted == "none" and record.task_outcome != "unknown"]
    done = sum(record.task_outcome == "completed" for record in plain)
    return f"uninterrupted calls: {done} of {len(plain)}"
