"""A settled call and the scorecard on a terminal: the answer first, in words, then the picture, then the proof."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from otel_voice_processor.accounts import Account
from otel_voice_processor.cli.answers import STYLES, Answer, answer, episode_answer, notes
from otel_voice_processor.cli.lanes import picture
from otel_voice_processor.cli.proof import call_facts, judged_against, proof
from otel_voice_processor.cli.sums import counted_words, range_words, value_words
from otel_voice_processor.cli.words import after_words, clock, no_episode_words, short
from otel_voice_processor.model import CallRecord, Episode
from otel_voice_processor.rates import TOO_FEW, Rate
from otel_voice_processor.reviews import gravest

MOST = 20  # interruptions of one call that are drawn
NOTE = 44  # columns of the words below a rate's name
KEY = 12  # columns of the proof's left side


def render_call(
    record: CallRecord, *, width: int = 100, lanes: int | None = None, account: Account | None = None, most: int = MOST
) -> Text:
    """Return one call, legible without colour and within `width` columns; the first line answers whether the caller meant to interrupt.

    Of more than `most` interruptions the gravest are drawn, and it is said how many are not. `account` adds who judged it;
    `lanes` is their width where it is another.
    """
    told = answer(record)
    lines = [*_answer(told, width), Text(), *_header(record, width)]
    lines += [Text(line, style="yellow") for note in (notes(account) if account else ()) for line in textwrap.wrap(note, width)]
    lines.append(Text())
    shown = gravest(record, most)
    bare = account.unseen if account else frozenset[bytes]()
    for number, episode in enumerate(record.episodes, 1):
        if episode in shown:
            lines += [
                *_heading(record, episode, number, width),
                *(picture(record, episode, width=lanes or width) if episode.span_id not in bare else ()),
                *_proof(record, episode, width),
                Text(),
            ]
    if len(shown) < len(record.episodes):
        left = f"{len(record.episodes) - len(shown)} more are not drawn: the {len(shown)} gravest are. `--json` has all."
        lines += [Text(line, style="yellow") for line in textwrap.wrap(left, width)]
    beside = no_episode_words(record)
    for words, style in beside if record.episodes else beside[1:]:
        lines += [Text(line, style=style) for line in textwrap.wrap(words, width)]
    if not record.episodes and (record.responses or record.stretches):
        lines += [*picture(record, None, width=lanes or width), Text()]
    lines += [Text(line, style="dim") for line in textwrap.wrap(call_facts(record), width)]
    return Text("\n").join(lines)


def _header(record: CallRecord, width: int) -> list[Text]:
    runtime = f"{short(record.runtime)} {short(record.runtime_version)}".strip()
    name = short(record.call_id)
    version = record.policy_version
    own = "a policy without version" if version == "unversioned" else f"policy {short(version)}"
    runs = f"agent runs {own}; judged against policy {judged_against(record)}"
    facts = f"{name}   {short(record.workflow)}   {runtime}"
    lines = [facts, *textwrap.wrap(runs, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)]
    whole = Text(f"{facts}   {runs}" if len(facts) + 3 + len(runs) <= width else "\n".join(lines))
    whole.stylize("bold", 0, len(name))
    return list(whole.split("\n"))


def _answer(told: Answer, width: int) -> list[Text]:
    """Return the answer in lines, its verdict coloured."""
    whole = Text("\n".join(textwrap.wrap(told.whole, width)))
    whole.stylize(STYLES[told.tone], max(0, len(whole.plain) - len(told.verdict or told.line)))
    return list(whole.split("\n"))


def _heading(record: CallRecord, episode: Episode, number: int, width: int) -> list[Text]:
    """Return what stands above one of several drawings: which, when, and its own answer; and what came after."""
    after = [Text(line) for line in textwrap.wrap(after_words(episode), width)]
    if len(record.episodes) == 1:
        return [*after, Text()] if after else []
    place = f"{number} of {len(record.episodes)}, at {clock(episode.start_ns - record.start_ns)}"
    return [Text(place, style="bold"), *_answer(episode_answer(episode), width), *after, Text()]


def _proof(record: CallRecord, episode: Episode, width: int) -> list[Text]:
    return [line for key, value in proof(record, episode) for line in _row(key, value, width)]


def _row(key: str, value: str, width: int) -> list[Text]:
    first, *rest = textwrap.wrap(value, width - KEY, break_on_hyphens=False) or [""]
    lines = [Text.assemble((f"  {key:<{KEY - 2}}", "dim"), first)]
    return lines + [Text(" " * KEY + line) for line in rest]


def render_scorecard(rates: Sequence[Rate], *, calls: int) -> Table:
    """Return the seven rates with counts, what is undetermined beside each, and how sure each figure is."""
    table = Table(box=box.SIMPLE_HEAD, title=f"Scorecard of {calls:,} calls", title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("Rate", min_width=NOTE)
    for name in ("Value", "Counted", "Undet."):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Range", no_wrap=True)
    table.add_column("", no_wrap=True)
    for rate in rates:
        few = "too few" if rate.denominator < TOO_FEW else ""
        note = textwrap.fill(rate.note, NOTE, initial_indent="  ", subsequent_indent="  ")
        title = Text.assemble(rate.title, (f"\n{note}", "dim") if note else "")
        table.add_row(title, value_words(rate), counted_words(rate), f"{rate.undetermined:,}", range_words(rate), few)
    table.caption = (
        "Range: 95 % interval of a share; shortest to 95th percentile of a duration.\n"
        f"Undet.: undetermined, in no rate. Too few: fewer than {TOO_FEW} counted, an anecdote and no rate."
    )
    table.caption_justify = "left"
    return table
