"""A settled call and the scorecard on a terminal: the answer first, in words, then the picture, then the proof."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from otel_voice_schema import attributes as a
from rich import box
from rich.table import Table
from rich.text import Text

from otel_voice_processor.cli.lanes import picture
from otel_voice_processor.cli.words import after_words, audio_words, intent_words, no_episode_words, verdict_words
from otel_voice_processor.model import CallRecord, Episode
from otel_voice_processor.rates import Rate

FEW = 20  # below this a rate is an anecdote
NOTE = 44  # columns of the words below a rate's name
KEY = 12  # columns of the proof's left side


COMPLIANCE = {"early": "early (before policy had the evidence, and policy agreed later)"}


def render_call(record: CallRecord, *, width: int = 100) -> Text:
    """Return one call record, legible without colour and within `width` columns."""
    lines = _header(record, width)
    for episode in record.episodes:
        lines += [*_answer(episode, width), Text(), *picture(record, episode, width=width), *_proof(episode, width), Text()]
    for words, style in no_episode_words(record):
        lines += [Text(line, style=style) for line in textwrap.wrap(words, width)]
    if not record.episodes:
        lines += [Text(), *picture(record, None, width=width)]
    lines += [Text(line, style="dim") for line in _call_facts(record, width)]
    return Text("\n").join(lines)


def _header(record: CallRecord, width: int) -> list[Text]:
    runtime = f"{record.runtime} {record.runtime_version}".strip()
    facts = f"{record.call_id}   {record.workflow}   {runtime}   agent's policy {record.policy_version}"
    whole = Text(facts) if len(facts) <= width else Text(facts.replace("   agent's", "\n  agent's"))
    whole.stylize("bold", 0, len(record.call_id))
    return list(whole.split("\n"))


def _answer(episode: Episode, width: int) -> list[Text]:
    verdict, style = verdict_words(episode)
    facts = " ".join(part for part in (intent_words(episode), audio_words(episode), after_words(episode)) if part)
    wrapped = textwrap.wrap(f"{facts} {verdict}", width)
    whole = Text("\n".join(wrapped))
    flat = len(whole.plain) - len(verdict)
    whole.stylize(style, max(0, flat))
    return list(whole.split("\n"))


def _proof(episode: Episode, width: int) -> list[Text]:
    """Return what the answer rests on: ruling, agent, findings, what is missing, recovery, where to look."""
    rows: list[tuple[str, str]] = []
    ruling = episode.ruling
    if ruling is not None:
        sure = f"rule {ruling.rule}, {ruling.reason}, confidence {ruling.confidence:.2f}, policy {ruling.policy_version}"
        rows.append(("policy", f"{ruling.action} ({sure})"))
    decided = episode.decided_action or "no decision reported"
    rows.append(
        ("agent", f"{decided}; compliance: {COMPLIANCE.get(episode.compliance, episode.compliance)}; verdict because {episode.reason}")
    )
    if episode.response.position_ms is not None and episode.response.planned_ms is not None:
        heard, planned = episode.response.position_ms / 1000, episode.response.planned_ms / 1000
        rows.append(("heard", f"{heard:.2f} s of the planned {planned:.2f} s of {episode.response.response_id}"))
    if episode.findings:
        rows.append(("findings", ", ".join(episode.findings)))
    if episode.missing:
        rows.append(("missing", ", ".join(episode.missing)))
    recovery = _recovery(episode)
    if recovery:
        rows.append(("recovery", recovery))
    rows.append(("evidence", _evidence(episode)))
    return [line for key, value in rows for line in _row(key, value, width)]


def _recovery(episode: Episode) -> str:
    said = []
    if episode.resume is not None:
        said.append(f"resume: {episode.resume}")
    if episode.recovered_turn is not None:
        said.append(f"recovered in {episode.recovered_turn}")
    if episode.task_state is not None:
        said.append(f"task {episode.task_state}")
    return ", ".join(said)


def _evidence(episode: Episode) -> str:
    audio = episode.stretch.attributes.get(a.VOICE_EVIDENCE_AUDIO_REF)
    where = f"audio {audio}, " if audio else ""
    text = ", text shown by opt-in" if episode.stretch.text else ""
    return f"{where}trace {episode.trace_id.hex()}, span {episode.span_id.hex()}{text}"


def _row(key: str, value: str, width: int) -> list[Text]:
    first, *rest = textwrap.wrap(value, width - KEY, break_on_hyphens=False) or [""]
    lines = [Text.assemble((f"  {key:<{KEY - 2}}", "dim"), first)]
    return lines + [Text(" " * KEY + line) for line in rest]


def _call_facts(record: CallRecord, width: int) -> list[str]:
    escalated = {True: "escalated", False: "not escalated", None: "escalation unknown"}[record.escalated]
    said = f"call: task {record.task_outcome}, {escalated}, ended by {record.ended_by}, trace {record.trace_id.hex()}"
    return textwrap.wrap(said, width)


def render_scorecard(rates: Sequence[Rate], *, calls: int) -> Table:
    """Return the seven rates with counts, what is undetermined beside each, and how sure each figure is."""
    table = Table(box=box.SIMPLE_HEAD, title=f"Scorecard of {calls} calls", title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("Rate", min_width=NOTE)
    for name in ("Value", "Counted", "Undet."):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Range", no_wrap=True)
    table.add_column("", no_wrap=True)
    for rate in rates:
        counted = f"{rate.numerator}/{rate.denominator}" if rate.unit == "ratio" else f"{rate.denominator}"
        few = "too few" if rate.denominator < FEW else ""
        note = textwrap.fill(rate.note, NOTE, initial_indent="  ", subsequent_indent="  ")
        title = Text.assemble(rate.title, (f"\n{note}", "dim") if note else "")
        table.add_row(title, _value(rate), counted, str(rate.undetermined), _range(rate), few)
    table.caption = (
        "Range: 95 % interval of a share; shortest to 95th percentile of a duration.\n"
        f"Undet.: undetermined, in no rate. Too few: fewer than {FEW} counted, an anecdote and no rate."
    )
    table.caption_justify = "left"
    return table


def _value(rate: Rate) -> str:
    if rate.value is None:
        return "none"
    return f"{rate.value:.0%}" if rate.unit == "ratio" else f"{rate.value:.2f} s"


def _range(rate: Rate) -> str:
    if rate.low is None or rate.high is None:
        return ""
    if rate.unit == "ratio":
        return f"{rate.low:.0%} to {rate.high:.0%}"
    return f"{rate.low:.2f} to {rate.high:.2f} s"
