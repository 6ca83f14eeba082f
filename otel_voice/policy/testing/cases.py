"""Cases of a policy test, and the strict reader of their YAML files: every mistake at once, each with file, line and column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, get_args, get_type_hints

import yaml
from otel_voice_schema.attributes import ATTRIBUTES

from otel_voice.policy.model import CANDIDATE_ATTRIBUTES, CANDIDATE_FIELDS, Candidate
from otel_voice.policy.settings import KEYS
from otel_voice.strict import Fields, StrictReader, read_root, read_text

from .obligations import ASSERTIONS, NO, YES, Expectation, accepted_actions

TESTS: Final = (
    *("true_correction", "short_backchannel", "background_noise", "dtmf_during_prompt"),
    *("legal_disclosure", "long_account_number", "silence_timeout", "escalation_interrupt"),
)
FAILURE_MODES: Final = (
    *("false_barge_in", "missed_correction", "premature_endpointing"),
    *("backchannel_confusion", "lost_recovery", "no_evidence"),
)
ENDINGS: Final = (".yaml", ".yml")
_FILE_KEYS: Final = ("suite", "cases")
_CASE_KEYS: Final = ("name", "of", "setup", "call", "given", "texts", "steps", "expect")
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,400}")
KEY: Final = "key"
_FLAGS: Final = ("protected", "waits", "cancels")
_KINDS: Final = {name: get_args(hint)[0] for name, hint in get_type_hints(Candidate).items()}  # each is a type or None
_CLOSED: Final = {name: ATTRIBUTES[key].values for name, key in CANDIDATE_ATTRIBUTES.items() if ATTRIBUTES[key].values}
_Given = dict[str, object]


class CaseError(ValueError):
    """Case files that cannot be used, with all their problems."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One question to the policy: `label` tells which of its case, `line` where it stands, `whole` that all evidence was in."""

    label: str
    line: int
    candidate: Candidate
    expect: Expectation
    whole: bool = True
    key: str | None = None  # that was pressed; a policy says whether it is on offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: a trial for each of its texts, or for each step that expects something; `call` pins it to a recorded call."""

    name: str
    suite: str
    file: str
    line: int
    of: str | None = None
    setup: str = ""
    call: str | None = None
    trials: tuple[Trial, ...]


def shipped_cases() -> tuple[Case, ...]:
    """Return the cases that come with the package; raise `CaseError`."""
    found: list[Path] = []
    with resources.as_file(resources.files("otel_voice.policy")) as package:
        if (package / "cases").is_dir():
            found = list(_files(package / "cases"))
        return _read({each: _from_here(each) for each in found}, ())


def read_cases(paths: Iterable[str | Path]) -> tuple[Case, ...]:
    """Return the cases of files, and of every YAML file below folders; raise `CaseError` with every problem of them all."""
    files: list[Path] = []
    problems: list[str] = []
    for path in map(Path, paths):
        found = list(_files(path)) if path.is_dir() else [path]
        if not found:
            problems.append(f"{path}:1: no case file in this folder: they end in {' or '.join(f'`{each}`' for each in ENDINGS)}")
        files += found
    return _read({each: str(each) for each in files}, problems)


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(each for each in folder.rglob("*") if each.suffix in ENDINGS and each.is_file())


def _read(files: Mapping[Path, str], problems: Iterable[str]) -> tuple[Case, ...]:
    """Read files, each called what it is to be called."""
    found: list[Case] = []
    wrong = list(problems)
    for file, shown in files.items():
        reader = _CaseReader(shown)
        text = read_text(reader, file)
        if text is not None:
            found += reader.cases(text)
        wrong += reader.problems
    if wrong:
        raise CaseError(wrong)
    return tuple(found)


def _from_here(file: Path) -> str:
    """Return a path as one would type it from here, where it lies below."""
    try:
        return str(file.relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(file)


class _CaseReader(StrictReader):
    """Reads one file's cases; what cannot be read is a problem and no case."""

    def cases(self, text: str) -> list[Case]:
        """Return the cases of a file, as far as they are right."""
        root = read_root(self, text)
        if root is None:
            if not self.problems:
                self.report(None, "no cases: the file is empty")
            return []
        fields = self.mapping(root, "the file", _FILE_KEYS) or {}
        suite = self.text(fields["suite"], "suite") if "suite" in fields else None
        for key in _FILE_KEYS:
            if key not in fields and isinstance(root, yaml.MappingNode):
                self.report(root, f"key `{key}` is missing")
        items = self.items(fields["cases"], "cases") if "cases" in fields else []
        if "cases" in fields and isinstance(fields["cases"], yaml.SequenceNode) and not items:
            self.report(fields["cases"], "cases must hold a case")
        named: dict[str, int] = {}
        found = [self._case(item, f"cases[{at}]", suite or "", named) for at, item in enumerate(items)]
        return [case for case in found if case is not None]

    def _case(self, node: yaml.Node, where: str, suite: str, named: dict[str, int]) -> Case | None:
        fields = self.mapping(node, where, _CASE_KEYS)
        if fields is None:
            return None
        line = node.start_mark.line + 1
        name = self.text(fields["name"], f"{where}.name") if "name" in fields else None
        if "name" not in fields:
            self.report(node, f"key `name` is missing at {where}")
        elif name is not None and named.setdefault(name, line) != line:
            self.report(fields["name"], f"`{name}` at {where}.name is the name of the case at line {named[name]}, too")
        texts = {key: self.text(fields[key], f"{where}.{key}") or "" for key in ("setup", "call") if key in fields}
        of = self.choice(fields["of"], f"{where}.of", (*TESTS, *FAILURE_MODES)) if "of" in fields else None
        trials = self._trials(node, fields, where)
        if name is None:
            return None
        return Case(
            name=name, suite=suite, file=self.file, line=line, of=of, setup=texts.get("setup", ""), call=texts.get("call"), trials=trials
        )

    def _trials(self, node: yaml.Node, fields: Fields, where: str) -> tuple[Trial, ...]:
        """Return a case's questions: of each text, of each step that expects something, or of what is given alone."""
        given = self._given(fields["given"], f"{where}.given") if "given" in fields else {}
        expect = self._expect(fields["expect"], f"{where}.expect") if "expect" in fields else {}
        texts = self._texts(fields["texts"], f"{where}.texts") if "texts" in fields else []
        if "steps" in fields:
            if "texts" in fields:
                self.report(fields["steps"], f"{where} has both `texts` and `steps`: make two cases of it")
            return self._of_steps(fields, given, expect, where)
        for key, why in (("given", "a case says what is known of the input"), ("expect", "a case expects something")):
            if key not in fields:
                self.report(node, f"key `{key}` is missing at {where}: {why}")
        if "texts" not in fields:
            return (self._trial("", node, given, expect),)
        if "text" in given:
            self.report(fields["texts"], f"{where} has both `texts` and a `text` that is given")
        return tuple(self._trial(f'text "{text}"', item, given | {"text": text}, expect) for text, item in texts)

    def _texts(self, node: yaml.Node, where: str) -> list[tuple[str, yaml.Node]]:
        """Return what is said, each text with where it stands."""
        found: dict[str, yaml.Node] = {}
        for at, item in enumerate(self._some(node, where)):
            text = self._words(item, f"{where}[{at}]")
            if text is not None and text in found:
                self.report(item, f"text{self.shown(item)} at {where} is given twice")
            elif text is not None:
                found[text] = item
        return list(found.items())

    def _of_steps(self, fields: Fields, given: _Given, expect: Expectation, where: str) -> tuple[Trial, ...]:
        """Return the questions of steps, each knowing what the one before knew; the case's own expectation is of the last."""
        steps = self._some(fields["steps"], f"{where}.steps")
        found: list[Trial] = []
        expecting = "expect" in fields
        for at, item in enumerate(steps):
            place = f"{where}.steps[{at}]"
            own = self.mapping(item, place, ("given", "expect")) or {}
            if "given" in own:
                given = given | self._given(own["given"], f"{place}.given")
            wanted = self._expect(own["expect"], f"{place}.expect") if "expect" in own else {}
            expecting = expecting or "expect" in own
            if at == len(steps) - 1:
                for key in (each for each in wanted if each in expect):
                    self.report(own["expect"], f"`{key}` is expected twice: at {place}.expect, the last step, and at {where}.expect")
                wanted = {**expect, **wanted}
                self._possible(own.get("expect") or fields.get("expect") or item, wanted, place)
            if wanted:
                found.append(self._trial(f"step {at + 1}", item, given, wanted, whole=at == len(steps) - 1))
        if not expecting:
            self.report(fields["steps"], f"nothing is expected at {where}: neither of a step nor of the case")
        return tuple(found)

    def _trial(self, label: str, node: yaml.Node, given: _Given, expect: Expectation, *, whole: bool = True) -> Trial:
        key = given.get(KEY)
        if key is not None and (given.get("text") or given.get("input_type") not in (None, "dtmf")):
            self.report(node, f"`{KEY}` is pressed here, so there is no text and `input_type` is dtmf; null takes it back")
        facts = {name: value for name, value in given.items() if name != KEY}
        candidate = Candidate(**facts)  # type: ignore[arg-type]  # each value was read by its field's type
        return Trial(
            label=label,
            line=node.start_mark.line + 1,
            candidate=candidate,
            expect=expect,
            whole=whole,
            key=key if isinstance(key, str) else None,
        )

    def _some(self, node: yaml.Node, where: str) -> list[yaml.Node]:
        """Return the items of a list that must have some."""
        items = self.items(node, where)
        if not items and isinstance(node, yaml.SequenceNode):
            self.report(node, f"{where} is empty")
        return items

    def _given(self, node: yaml.Node, where: str) -> _Given:
        """Return what is given of a candidate; a null takes back what a step before knew."""
        fields = self.mapping(node, where, (*CANDIDATE_FIELDS, KEY)) or {}
        return {
            name: None if value.tag.endswith(":null") else self._value(name, value, f"{where}.{name}") for name, value in fields.items()
        }

    def _value(self, name: str, node: yaml.Node, where: str) -> object:
        """Return a value of the right type; numbers may be any, for tests of what nobody should send."""
        if name == KEY:
            return self.choice(node, where, KEYS)
        closed, kind = _CLOSED.get(name), _KINDS[name]
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if closed is not None:
            return self.choice(node, where, sorted(closed))
        if kind is str:
            return self._words(node, where)
        if kind is bool and node.tag.endswith(":bool"):
            return text.lower() in {"true", "yes", "on"}
        if kind in {int, float} and node.tag.endswith(":int") and _WHOLE.fullmatch(text):
            return kind(text)
        if kind is float and node.tag.endswith(":float") and ":" not in text:
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan").replace("_", ""))
        self.wrong(node, where, {bool: "true or false", int: "a whole number", float: "a number"}[kind])
        return None

    def _words(self, node: yaml.Node, where: str) -> str | None:
        """Return text, which may be empty; what YAML takes for something else has to be quoted."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith((":str", ":timestamp")):
            return str(node.value)
        self.wrong(node, where, "text, in quotes" if isinstance(node, yaml.ScalarNode) else "text")
        return None

    def _expect(self, node: yaml.Node, where: str) -> Expectation:
        """Return what is expected, of each assertion the values that pass."""
        fields = self.mapping(node, where, ASSERTIONS)
        if fields is None:
            return {}
        if not node.value:
            self.report(node, f"nothing is expected at {where}")
        found = {key: self._accepted(key, value, f"{where}.{key}") for key, value in fields.items()}
        expect = {key: values for key, values in found.items() if values}
        if len(expect) == len(fields):
            self._possible(node, expect, where)
        return expect

    def _possible(self, node: yaml.Node, expect: Expectation, where: str) -> None:
        if not accepted_actions(expect):
            self.report(node, f"what is expected at {where} can never be: no action does all of it")

    def _accepted(self, key: str, node: yaml.Node, where: str) -> tuple[str, ...]:
        """Return the accepted values of one assertion: one, or a list of them."""
        if key in _FLAGS:
            if not node.tag.endswith(":bool"):
                self.wrong(node, where, "true or false")
                return ()
            return (YES if node.value.lower() in {"true", "yes", "on"} else NO,)
        if key == "wait_until_ms":
            whole = self.whole(node, where)
            return () if whole is None else (str(whole),)
        allowed = ASSERTIONS[key]
        nodes = self._some(node, where) if isinstance(node, yaml.SequenceNode) else [node]
        found = [self.text(each, where) if allowed is None else self.choice(each, where, allowed) for each in nodes]
        values = [value for value in found if value is not None]
        self.once(node, where, values)
        return tuple(dict.fromkeys(values))
