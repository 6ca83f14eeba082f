"""Break the default policy and the lexicons in every single way there is, and see whether a shipped case notices.

    python tests/full/policy_mutants.py [--check | --write]

Mutants of the policy: each setting removed, each threshold moved both ways, each action given another effect, each list entry left out.
Mutants of the lexicons: in English each phrase moved to the opposite class (or left out where there is none), in the other languages each
list as a whole. `--write` stores the survivors beside this file; `--check` fails below 95 % or where they are others than those stored.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from otel_voice.policy import Policy, PolicyError, load_default, load_policy
from otel_voice.policy.interpret import decide_plainly
from otel_voice.policy.lexicon import KINDS, LANGUAGES, PERSON_KINDS, Lexicons, build, data_of, name_of
from otel_voice.policy.model import EFFECTS, Action
from otel_voice.policy.testing import Case, shipped_cases
from otel_voice.policy.testing.run import checks_of

STORED = Path(__file__).with_suffix(".txt")
GOAL = 0.95
POLICY, PARTS = "policy", 8  # English has the most by far
OTHER_EFFECT = {"stop": "continue_agent_audio", "keep": "stop_agent_audio_and_accept_user_turn", "pause": "continue_agent_audio"}
OTHER_KIND = {"answers": "cues", "listening": "cues", "fillers": "cues", "vocatives": "cues", "cues": "listening", "cancels": "listening"}
Mutant = tuple[str, Policy | None]


def notices(policy: Policy, cases: tuple[Case, ...]) -> bool:
    """Tell whether any case fails; asked plainly, so that nothing is remembered from another mutant."""
    return any(
        not check.passed
        for case in cases
        for trial in case.trials
        for check in checks_of(trial.expect, decide_plainly(policy, trial.candidate))
    )


def of_policy() -> Iterator[Mutant]:
    """Yield every single change of the default policy's file."""
    text = resources.files("otel_voice.policy").joinpath("default.yaml").read_text(encoding="utf-8")
    tree = yaml.safe_load(text)
    parts = [("defaults",), *(("message_types", name) for name in tree["message_types"])]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mutant.yaml"
        for path in parts:
            for said, change in _changes(_at(tree, path)):
                mutant = copy.deepcopy(tree)
                change(_at(mutant, path))
                file.write_text(yaml.safe_dump(mutant, allow_unicode=True), encoding="utf-8")
                try:
                    yield f"policy {'.'.join(path)}: {said}", load_policy(file)
                except PolicyError:
                    yield f"policy {'.'.join(path)}: {said}", None  # refused at load: noticed earlier than by a case


def _at(tree: Any, path: tuple[str, ...]) -> dict[str, Any]:
    for part in path:
        tree = tree[part]
    found: dict[str, Any] = tree
    return found


def _changes(rule: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (what is changed, the change) for each setting of one rule."""
    for key, value in rule.items():
        if key == "because":
            continue
        yield f"{key} removed", lambda at, key=key: at.pop(key)
        if isinstance(value, bool):
            yield f"{key} turned", lambda at, key=key, value=value: at.update({key: not value})
        elif isinstance(value, int | float):
            for factor in (0.5, 1.5):
                moved = type(value)(value * factor) if value > 1 or isinstance(value, float) else value + (1 if factor > 1 else -1)
                yield f"{key} {value} -> {moved}", lambda at, key=key, moved=moved: at.update({key: moved})
        elif key == "held":
            yield f"{key} changed", lambda at: at.update(held="continue_agent_audio")
        elif key == "actions":
            for name, action in value.items():
                effect = EFFECTS[Action(action)]
                yield f"actions.{name} removed", lambda at, name=name: at["actions"].pop(name)
                yield (
                    f"actions.{name} -> {OTHER_EFFECT[effect]}",
                    lambda at, name=name, effect=effect: at["actions"].update({name: OTHER_EFFECT[effect]}),
                )
        elif key == "silence":
            for at_step, step in enumerate(value):
                yield f"silence[{at_step}] removed", lambda at, n=at_step: at["silence"].pop(n)
                for factor in (0.9, 1.1):
                    moved = int(step["after_ms"] * factor)
                    yield (
                        f"silence[{at_step}] {step['after_ms']} -> {moved}",
                        lambda at, n=at_step, m=moved: at["silence"][n].update(after_ms=m),
                    )
                other = "wait" if step["action"] != "wait" else "reprompt"
                yield f"silence[{at_step}] -> {other}", lambda at, n=at_step, o=other: at["silence"][n].update(action=o)
        elif isinstance(value, list):
            for entry in value:
                yield f"{key} without {entry}", lambda at, key=key, entry=entry: at[key].remove(entry)


def of_lexicon(language: str, part: int = 0, parts: int = 1) -> Iterator[Mutant]:
    """Yield one lexicon's mutants, on top of the default policy: every so many of them."""
    for at, (name, data) in enumerate(_changed(language)):
        if at % parts == part:
            yield name, _with(language, data)


def _changed(language: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    data = data_of(language)
    english = language == "en"
    for kind in KINDS:
        entries = list(dict.fromkeys(data.get(kind, ())))
        for changed in [[each] for each in entries] if english else [entries] if entries else []:
            yield f"lexicon {language}.{kind}: {changed[0] if english else f'all {len(changed)}'}", _moved(data, kind, changed)
    for kind in PERSON_KINDS:
        entries = list(dict.fromkeys(data["escalation"].get(kind, ())))
        for changed in [[each] for each in entries] if english else [entries] if entries else []:
            what = changed[0] if english else f"all {len(changed)}"
            left = [each for each in data["escalation"][kind] if each not in changed]
            yield f"lexicon {language}.escalation.{kind}: {what}", {**data, "escalation": {**data["escalation"], kind: left}}


def _moved(data: Mapping[str, Any], kind: str, entries: list[str]) -> dict[str, Any]:
    """Return the data with entries in the opposite class; where there is none, without them."""
    mutant = {**data, kind: [each for each in data[kind] if each not in entries]}
    other = OTHER_KIND.get(kind)
    if other is not None:
        mutant[other] = [*mutant.get(other, ()), *entries]
    return mutant


def _with(language: str, data: Mapping[str, Any]) -> Policy:
    lexicons = Lexicons()
    lexicons._found[language] = build(language, data)
    return replace(load_default(), lexicons=lexicons)


def tried(task: tuple[str, int, int]) -> list[tuple[str, bool]]:
    """Return the mutants of one task, each with whether a case noticed it."""
    language, part, parts = task
    cases = shipped_cases()
    if language == POLICY:
        return [(name, mutant is None or notices(mutant, cases)) for name, mutant in of_policy()]
    read = [(case, [trial for trial in case.trials if name_of(trial.candidate.language) == language]) for case in cases]
    mine = tuple(replace(case, trials=tuple(trials)) for case, trials in read if trials)
    return [(name, mutant is None or notices(mutant, mine)) for name, mutant in of_lexicon(language, part, parts)]


def main() -> int:
    """Run all mutants, on every core; print and store what survived."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    began = time.perf_counter()
    if notices(load_default(), shipped_cases()):
        print("the cases fail without any mutant: nothing can be said", file=sys.stderr)
        return 2
    survivors: list[str] = []
    made: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    tasks = [(POLICY, 0, 1), *(("en", part, PARTS) for part in range(PARTS)), *((each, 0, 1) for each in LANGUAGES if each != "en")]
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(tried, tasks))
    for (language, _, _), mutants in zip(tasks, found, strict=True):
        group = POLICY if language == POLICY else f"lexicon {language}"
        for name, noticed in mutants:
            made[group] += 1
            if noticed:
                killed[group] += 1
            else:
                survivors.append(name)
    survivors.sort()
    total, dead = sum(made.values()), sum(killed.values())
    told = [f"{group}: {killed[group]} of {made[group]} noticed" for group in made]
    told.append(f"in all: {dead} of {total} noticed, {dead / total:.1%}")
    text = "\n".join([*told, "", "not noticed by any shipped case:", *survivors]) + "\n"
    print(text + f"({time.perf_counter() - began:.0f} s)")
    if options.write:
        STORED.write_text(text, encoding="utf-8")
    if options.check:
        same = STORED.read_text(encoding="utf-8") == text
        if not same:
            print(f"{STORED.name} tells otherwise: run with --write and look at the difference", file=sys.stderr)
        return 0 if same and dead >= GOAL * total else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
