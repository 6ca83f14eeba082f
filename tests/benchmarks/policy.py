"""What a ruling costs: asked again with other figures, of new words, without words; beside the plain interpreter; and reading a policy.

Run: `python tests/benchmarks/policy.py [--rounds 7]`. Variants take turns, the best of the rounds counts; the ratios are what to compare
between machines.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from otel_voice.policy import Candidate, classify, decide, decide_plainly, load_default, load_policy

WORDS = [
    *("no", "yes", "Friday", "Monday", "I", "want", "my", "order", "the", "number", "is", "four", "one", "five", "address", "wrong"),
    *("please", "change", "it", "yeah", "but", "okay", "right", "human"),
]
TEXTS = ("no, Friday", "yeah", "I need a human", "yeah but I need it by Monday")
RULES = 200


def candidate(text: str | None, position_ms: int = 3000, speech_ms: int = 600) -> Candidate:
    """A caller's words over an answer."""
    status = None if text is None else "final"
    return Candidate(
        input_type="speech",
        text=text,
        transcript_status=status,
        transcript_confidence=None if text is None else 0.93,
        speech_duration_ms=speech_ms,
        agent_state="speaking",
        message_type="support_answer",
        position_ms=position_ms,
        language="en-US",
    )


def best(variants: dict[str, Callable[[], object]], times: int, rounds: int) -> dict[str, float]:
    """Return microseconds per call of each variant, the best of the rounds, without what the loop itself takes."""
    found = dict.fromkeys(variants, float("inf"))
    gc.disable()
    for _ in range(rounds):
        for name, work in variants.items():
            begun = time.perf_counter()
            for _ in range(times):
                work()
            found[name] = min(found[name], (time.perf_counter() - begun) / times * 1e6)
    gc.enable()
    idle = found.pop("nothing")
    return {name: spent - idle for name, spent in found.items()}


def policy_of_many_rules(folder: str) -> Path:
    """A file with a rule for each of many messages."""
    names = {f"message_{at}": "support_answer" for at in range(RULES - 8)}
    rules = {name: {"because": "x", "min_speech_ms": 200 + at, "grace_ms": at + 1} for at, name in enumerate(names)}
    file = Path(folder) / "policy.yaml"
    file.write_text(yaml.safe_dump({"version": "1", "extends": "default", "names": names, "message_types": rules}), encoding="utf-8")
    return file


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    policy, chance, times = load_default(), random.Random(1), 20_000
    known = itertools.cycle([candidate(text, at, long) for text in TEXTS for at in (2000, 3456, 7000) for long in (420, 600, 900)])
    makes = times * options.rounds + times
    new = iter([candidate(f"{' '.join(chance.choices(WORDS, k=chance.randint(1, 6)))} {at}") for at in range(makes)])
    sound = itertools.cycle([candidate(None, at, long) for at in (2000, 3456, 7000) for long in (180, 420, 600)])
    spent = best(
        {
            "nothing": lambda: next(known),
            "words seen before": lambda: decide(policy, next(known)),
            "new text": lambda: decide(policy, next(new)),
            "sound alone, asking again": lambda: decide(policy, next(sound)),
            "plain interpreter": lambda: decide_plainly(policy, next(known)),
            "classified alone": lambda: classify(next(known)),
        },
        times,
        options.rounds,
    )
    print("us per ruling, default policy")
    for name, took in spent.items():
        print(f"{name:<28}{took:>8.2f}   {spent['plain interpreter'] / took:>5.1f} x the plain interpreter's speed")
    with tempfile.TemporaryDirectory() as folder:
        file = policy_of_many_rules(folder)
        load = min(_took(lambda: load_policy(file)) for _ in range(max(2, options.rounds)))
    print(f"reading a policy of {RULES} rules: {load * 1e3:.0f} ms")


def _took(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
