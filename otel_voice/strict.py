"""Strict reading of YAML files: kinds, closed sets, duplicates and near misses, each problem with file and line."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.reader import ReaderError

from otel_voice.printable import printable

MAX_BYTES: Final = 1 << 20  # of a file: written by hand, none comes near
MAX_WHOLE: Final = 10**12
LEAST_BEGUN: Final = 3  # characters that say which name was begun
MAX_SHOWN: Final = 80  # characters of a value in a problem
Fields = dict[str, yaml.Node]
_TYPE_NAMES: Final = {
    "!!map": "a mapping",
    "!!seq": "a list",
    "!!str": "text",
    "!!int": "a whole number",
    "!!float": "a number",
    "!!bool": "a boolean",
}


class StrictReader:
    """Reads nodes and gathers problems instead of stopping at the first."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[tuple[int, int, str]] = []

    @property
    def problems(self) -> list[str]:
        """Every problem found, `file:line:column: what is wrong`, in the order of the lines, each once and on one line."""
        found = sorted(self._found, key=lambda each: each[:2])
        lines = (f"{self.file}:{line}:{f'{column}:' if column else ''} {message}" for line, column, message in found)
        return list(dict.fromkeys(map(printable, lines)))

    def report(self, node: yaml.Node | None, message: str) -> None:
        """Note a problem where a node begins; at the first line where there is none."""
        mark = node.start_mark if node is not None else None
        self.report_at(mark.line + 1 if mark else 1, message, mark.column + 1 if mark else 0)

    def report_at(self, line: int, message: str, column: int = 0) -> None:
        """Note a problem at a line and column, which count from 1; 0 is no column."""
        self._found.append((line, column, message))

    def place(self, node: yaml.Node) -> str:
        """Return where a node begins, as `file:line`."""
        return f"{self.file}:{node.start_mark.line + 1}"

    def shown(self, node: yaml.Node) -> str:
        """Return what a problem shows of a value: a scalar's text in backticks, cut, or nothing."""
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        return f" `{text[:MAX_SHOWN]}{'…' if len(text) > MAX_SHOWN else ''}`" if text else ""

    def wrong(self, node: yaml.Node, where: str, wanted: str) -> None:
        """Note that something else was wanted here."""
        got = _TYPE_NAMES.get(node.tag.replace("tag:yaml.org,2002:", "!!"), "nothing" if node.tag.endswith(":null") else "something else")
        self.report(node, f"{where} must be {wanted}, not {got}{self.shown(node)}")

    def mapping(self, node: yaml.Node, where: str, allowed: Iterable[str] | None) -> Fields | None:
        """Return a mapping's fields; unknown and repeated keys are problems."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, where, "a mapping")
            return None
        names = None if allowed is None else tuple(allowed)
        found: Fields = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.report(key, f"a key at {where} must be text")
            elif any("\ud800" <= each <= "\udfff" for each in key.value):
                self.report(key, f"a key at {where} must be text without half characters (surrogates)")
            elif key.value in found:
                self.report(key, f"key{self.shown(key)} at {where} is given twice")
            elif names is not None and key.value not in names:
                self.report(key, f"unknown key{self.shown(key)} at {where}{nearest(key.value, names)}")
            else:
                found[key.value] = value
        return found

    def text(self, node: yaml.Node, where: str) -> str | None:
        """Return text, or note what is there instead."""
        if isinstance(node, yaml.ScalarNode) and any("\ud800" <= each <= "\udfff" for each in node.value):
            self.wrong(node, where, "text without half characters (surrogates)")
            return None
        if isinstance(node, yaml.ScalarNode) and node.value.strip() and (node.tag.endswith(":str") or node.tag.endswith(":timestamp")):
            return str(node.value)
        plain = isinstance(node, yaml.ScalarNode) and node.style is None and node.value
        self.wrong(node, where, "text, in quotes" if plain else "text")
        return None

    def choice(self, node: yaml.Node, where: str, allowed: Iterable[str]) -> str | None:
        """Return one of a closed set."""
        names = tuple(allowed)
        if isinstance(node, yaml.ScalarNode) and node.value in names:
            return str(node.value)
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":str") and node.value:
            self.report(node, f"unknown value{self.shown(node)} at {where}{nearest(node.value, names)}")
        else:
            self.wrong(node, where, f"one of {', '.join(f'`{name}`' for name in names)}")
        return None

    def flag(self, node: yaml.Node, where: str) -> bool | None:
        """Return true or false."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":bool"):
            return node.value.lower() in {"true", "yes", "on"}
        self.wrong(node, where, "true or false")
        return None

    def whole(self, node: yaml.Node, where: str, least: int = 0, most: int = MAX_WHOLE) -> int | None:
        """Return a whole number within bounds."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int") and node.value.isascii() and node.value.isdigit():
            digits = node.value.lstrip("0") or "0"
            if len(digits) <= len(str(most)) and least <= int(digits) <= most:
                return int(digits)
        wanted = f"a whole number, {least} or more" if most == MAX_WHOLE else f"a whole number from {least} to {most}"
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int") and not node.value.lstrip("+-").isdigit():
            wanted += " in plain digits"
        self.wrong(node, where, wanted)
        return None

    def number(self, node: yaml.Node, where: str, least: float, most: float) -> float | None:
        """Return a number within bounds."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith((":int", ":float")):
            try:
                number = float(node.value)
            except ValueError:
                number = math.nan
            if least <= number <= most:
                return number
        self.wrong(node, where, f"a number between {least:g} and {most:g}")
        return None

    def share(self, node: yaml.Node, where: str) -> float | None:
        """Return a number between 0 and 1."""
        return self.number(node, where, 0, 1)

    def once(self, node: yaml.Node, where: str, values: Iterable[str], what: str = "") -> None:
        """Note each value of a list that is given twice."""
        for value in sorted(value for value, times in Counter(values).items() if times > 1):
            self.report(node, f"{what}`{value}` at {where} is given twice")

    def items(self, node: yaml.Node, where: str) -> list[yaml.Node]:
        """Return a list's items."""
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self.wrong(node, where, "a list")
        return []


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the end of an error: the name that was probably meant, or those there are."""
    known, name = tuple(names), name[:MAX_SHOWN]
    begun = [each for each in known if len(name) >= LEAST_BEGUN and each.startswith(name)]
    close = begun[:1] or difflib.get_close_matches(name, known, n=1, cutoff=0.62)  # less alike than that misleads
    return f": did you mean `{close[0]}`?" if close else f": known are {', '.join(f'`{each}`' for each in known)}"


_HINTS: Final = {  # the parser's words, and what somebody who writes a policy did
    "mapping values are not allowed": ": text with a colon in it needs quotes",
    "expected <block end>": ": this line is not indented as those it belongs to",
    "'\\t' that cannot start": ": indent with spaces",
}


class _Loader(yaml.SafeLoader):
    """Composes a tree that is one: an alias would let ten lines stand for millions of nodes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            alias: Any = self.get_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(None, None, "aliases are not read here, write the value out", alias.start_mark)
        return super().compose_node(parent, index)


def read_text(reader: StrictReader, path: str | Path) -> str | None:
    """Return a file's text; what cannot be read, is no UTF-8 or is too large is a problem."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            reader.report(None, f"cannot be read: larger than {MAX_BYTES >> 20} MiB")
            return None
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        reader.report_at(before.count(b"\n") + 1, f"cannot be read: not UTF-8 ({error.reason})", len(before) - before.rfind(b"\n"))
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reader.report(None, f"cannot be read: {getattr(error, 'strerror', None) or error}")
    return None


def read_root(reader: StrictReader, text: str) -> yaml.Node | None:
    """Return the document's node, None where it is empty; what is no YAML is a problem at its line."""
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = str(error.problem or error.context)
        words = f"not readable as YAML: {said}{next((hint for part, hint in _HINTS.items() if part in said), '')}"
        reader.report_at(mark.line + 1 if mark else 1, words, mark.column + 1 if mark else 0)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reader.report_at(line, f"not readable as YAML: {error.reason}", error.position - text.rfind("\n", 0, error.position))
    except RecursionError:
        reader.report(None, "not readable as YAML: nested too deeply")
    except (yaml.YAMLError, ValueError) as error:
        reader.report(None, f"not readable as YAML: {(str(error) or type(error).__name__).splitlines()[0]}")
    else:
        return root
    return None
