"""How often judgement is wrong, by what is wrong with the evidence: simulated calls of known truth, told worse and worse.

Run: `python tests/full/judgement_errors.py [--write | --check]`, about a minute on two cores. `--write` puts the table into
`judgement_errors.txt` and into `processor/JUDGING.md`; `--check` fails where either says anything else.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tests are no package that is installed

from otel_voice_processor.simulate import COMPLETE, LEVELS, Impairments, simulate

from tests.processor.oracle import compared, judged

CALLS = 1_000
SEED = 2_026
TABLE = Path(__file__).with_suffix(".txt")
PAGE = Path(__file__).parents[2] / "processor" / "JUDGING.md"
BEGIN, END = "<!-- judgement errors -->", "<!-- end of judgement errors -->"
WORDS = {"slow_recogniser": "words known after", "skew": "a second emitter's clock ahead by", "withheld": "never told:"}
COLUMNS = ("right", "undetermined", "wrong", "absent", "nobody's", "nobody's, undetermined")


def counted(level: tuple[str, Impairments]) -> tuple[str, Counter[str]]:
    """Return how the verdicts of all calls relate to the truth under one impairment."""
    name, impairments = level
    told: Counter[str] = Counter()
    for script in simulate(SEED, CALLS):
        told += compared(script, judged(script, impairments=impairments)).told
    return name, told


def levels() -> list[tuple[str, Impairments]]:
    """Return every impairment with its name in the table."""
    out = [("complete evidence", COMPLETE)]
    for what, found in LEVELS.items():
        out += [(f"{WORDS.get(what, what)} {level.replace('_', ' ')}", impairments) for level, impairments in found.items()]
    return out


def table() -> str:
    """Return the table, as Markdown."""
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(counted, levels()))
    rows = [("evidence", *COLUMNS), ("---",) + ("---:",) * len(COLUMNS)]
    for name, told in found:
        true = sum(told[each] for each in ("right", "undetermined", "wrong", "absent"))
        shares = [f"{told[each] / true:.2%}" if told[each] else "" for each in COLUMNS[:4]]
        rows.append((name, *shares, *(f"{told[each]}" if told[each] else "" for each in COLUMNS[4:])))
    truth = sum(found[0][1].values())
    head = f"{CALLS:,} calls, {truth:,} interruptions, seed {SEED}."
    return head + "\n\n" + "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def documented(page: str) -> str:
    """Return the table as the page has it."""
    return page.partition(BEGIN)[2].partition(END)[0].strip() + "\n"


def main() -> int:
    """Measure; print, write or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--write", action="store_true")
    group.add_argument("--check", action="store_true")
    options = parser.parse_args()
    made, page = table(), PAGE.read_text(encoding="utf-8")
    if options.write:
        TABLE.write_text(made, encoding="utf-8")
        before, after = page.partition(BEGIN)[0], page.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{made}{END}{after}", encoding="utf-8")
    elif options.check:
        wrong = [
            name
            for name, text in (("judgement_errors.txt", TABLE.read_text(encoding="utf-8")), ("JUDGING.md", documented(page)))
            if text != made
        ]
        if wrong:
            print(made)
            print(f"{' and '.join(wrong)} say otherwise: run with --write and look at the difference", file=sys.stderr)
            return 1
    else:
        print(made)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
