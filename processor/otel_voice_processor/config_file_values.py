"""Values of the config file: kinds, environment, durations, endpoints, headers. A problem never shows what the environment holds."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import yaml

from otel_voice.strict import StrictReader

MAX_COUNT: Final = 10**9
MAX_LIMIT: Final = 100_000  # of days or files
MAX_MESSAGE_MIB: Final = 2047  # gRPC holds a message's size in 31 bits
LONGEST_S: Final = 720 * 3600.0
_DURATION: Final = re.compile(r"(\d{1,20}\.?\d{0,20}|\.\d{1,20})(ns|us|µs|μs|ms|s|m|h)")  # Go's `time.ParseDuration`, without signs
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_ENV: Final = re.compile(r"\$\$|\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{[^}]*\}?")
_HEADER: Final = re.compile(r"[a-z0-9_.-]+")  # what gRPC allows in a metadata key
_OURS: Final = frozenset(
    {"accept-encoding", "connection", "content-encoding", "content-length", "content-type", "host", "te", "transfer-encoding", "user-agent"}
)
Read = Callable[[yaml.Node, str], Any]


class ValueReader(StrictReader):
    """Reads values of each kind. A value from the environment is never shown: problems show it as it is written."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self._written: dict[yaml.Node, str] = {}

    def shown(self, node: yaml.Node) -> str:
        """Return a value as the file has it."""
        written = self._written.get(node)
        return super().shown(node) if written is None else f" `{written}`"

    def expand(self, node: yaml.Node) -> None:
        """Put the environment into every value, never into YAML: a token with a colon or a hash in it is still that token."""
        if isinstance(node, yaml.MappingNode):
            for _, value in node.value:
                self.expand(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                self.expand(value)
        elif isinstance(node, yaml.ScalarNode) and "$" in node.value:
            self._written[node] = node.value
            node.value = _ENV.sub(lambda match: self._variable(node, match), self._written[node])
            if node.style not in {"'", '"'}:
                node.tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]

    def _variable(self, node: yaml.Node, match: re.Match[str]) -> str:
        name, default = match.groups()
        if match.group() == "$$":
            return "$"
        if name is None:
            self.report(
                node, f"`{match.group()}` cannot be expanded: only `${{env:NAME}}` and `${{env:NAME:-default}}` are, `$$` is a dollar"
            )
            return ""
        if name not in os.environ and default is None:
            self.report(
                node, f"`{match.group()}`: the environment has no `{name}`, and no default is given as in `${{env:{name}:-default}}`"
            )
        return os.environ.get(name, default or "")

    def section(self, node: yaml.Node | None, where: str, known: tuple[str, ...]) -> dict[str, yaml.Node]:
        """Return the fields of a mapping that may be left empty."""
        if node is None or node.tag.endswith(":null"):
            return {}
        return self.mapping(node, where, known) or {}

    def needs(self, key: str, node: yaml.Node, where: str, fields: Mapping[str, yaml.Node]) -> None:
        """Note that a key is missing from a section that is a mapping or empty."""
        if key not in fields and (isinstance(node, yaml.MappingNode) or node.tag.endswith(":null")):
            self.report(node, f"{where} has no `{key}`")

    def fields(
        self, node: yaml.Node | None, where: str, kinds: Mapping[str, Read], not_needed: Mapping[str, str] | None = None
    ) -> dict[str, yaml.Node]:
        """Return a section's fields; a key of the collector's that is not needed here is a problem that says what takes its place."""
        words = not_needed or {}
        fields = self.section(node, where, (*kinds, *words))
        for key in sorted(words.keys() & fields.keys()):
            self.report(fields.pop(key), f"{where}.{key} is the collector's: {words[key]}")
        return fields

    def read(self, fields: Mapping[str, yaml.Node], where: str, kinds: Mapping[str, Read]) -> dict[str, Any]:
        """Return the values of fields, as far as they are right."""
        read = {key: kinds[key](value, f"{where}.{key}") for key, value in fields.items()}
        return {key: value for key, value in read.items() if value is not None}

    def values(
        self, node: yaml.Node | None, where: str, kinds: Mapping[str, Read], not_needed: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return a section's values, as far as they are right."""
        return self.read(self.fields(node, where, kinds, not_needed), where, kinds)

    def text(self, node: yaml.Node, where: str) -> str | None:
        """Return a value's text as written, whatever YAML takes it for: `0123` and `12:30:45` stay."""
        plain = isinstance(node, yaml.ScalarNode) and node.tag.startswith("tag:yaml.org,2002:")
        if (
            plain
            and node.value.strip()
            and node.value.isprintable()
            and (node in self._written or not node.tag.endswith((":null", ":bool")))
        ):
            return str(node.value)
        self.wrong(node, where, "text in one line")
        return None

    def flag(self, node: yaml.Node, where: str) -> bool | None:
        """Return true or false."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":bool") and node.value.lower() in {"true", "false"}:
            return bool(node.value.lower() == "true")
        self.wrong(node, where, "true or false")
        return None

    def count(self, node: yaml.Node, where: str) -> int | None:
        """Return a whole number above 0."""
        return self.whole(node, where, 1, MAX_COUNT)

    def limit(self, node: yaml.Node, where: str) -> int | None:
        """Return a whole number, 0 for no limit."""
        return self.whole(node, where, 0, MAX_LIMIT)

    def mib(self, node: yaml.Node, where: str) -> int | None:
        """Return a message's size in MiB."""
        return self.whole(node, where, 1, MAX_MESSAGE_MIB)

    def multiplier(self, node: yaml.Node, where: str) -> float | None:
        """Return by how much a pause grows."""
        return self.number(node, where, 1, 100)

    def seconds(self, node: yaml.Node, where: str, least: float = 0.0) -> float | None:
        """Return a Go duration in seconds; 0 needs no unit."""
        value = node.value if isinstance(node, yaml.ScalarNode) else ""
        parts = _DURATION.findall(value) if len(value) <= 100 else []
        if value == "0" or (parts and "".join(a + b for a, b in parts) == value):
            total = sum(float(number) * _UNITS[unit] for number, unit in parts)
            if least <= total <= LONGEST_S:
                return total
        bounds = f" from {least:g}s" if least else ""
        self.wrong(node, where, f"a duration such as `15s`, `500ms` or `1m30s`{bounds}, up to 720h")
        return None

    def pause(self, node: yaml.Node, where: str) -> float | None:
        """Return a duration between two tries: not none, which would be a loop at full speed."""
        return self.seconds(node, where, 0.01)

    def interval(self, node: yaml.Node, where: str) -> float | None:
        """Return a duration of a second or more."""
        return self.seconds(node, where, 1.0)

    def endpoint(self, problem_of: Callable[[str], str | None]) -> Read:
        """Return a reader of endpoints of one kind."""

        def read(node: yaml.Node, where: str) -> str | None:
            given = self.text(node, where)
            problem = problem_of(given) if given is not None else None
            if given is None or problem is None:
                return given
            secret = "@" in given or "?" in given  # a password, a token
            self.report(node, f"{where}{'' if secret else self.shown(node)} is no endpoint: {problem}")
            return None

        return read

    def one_of(self, *allowed: str) -> Read:
        """Return a reader of a closed set."""
        return lambda node, where: self.choice(node, where, allowed)

    def headers(self, node: yaml.Node, where: str) -> dict[str, str] | None:
        """Return headers, names in lower case as gRPC wants them. No problem shows a value: it may be a token."""
        if not isinstance(node, yaml.MappingNode):
            self.report(node, f"{where} must be a mapping of names to values")
            return None
        found: dict[str, str] = {}
        for name, value in (self.mapping(node, where, None) or {}).items():
            key, place = name.lower(), f"{where}.{name[:80]}"
            text = value.value if isinstance(value, yaml.ScalarNode) else ""
            if not _HEADER.fullmatch(key):
                self.report(value, f"{place} is no header's name: letters, digits, `_`, `.` and `-` are")
            elif key in _OURS or key.startswith("grpc-") or key.endswith("-bin"):
                self.report(value, f"{place} is set by the protocol itself")
            elif key in found:
                self.report(value, f"{place} is given twice: case does not count")
            elif not isinstance(value, yaml.ScalarNode) or (value.tag.endswith(":null") and value not in self._written):
                self.report(value, f"{place} must be text")
            elif not re.fullmatch(r"[!-~]([ -~]*[!-~])?", text):
                self.report(value, f"{place} must be printable ASCII without a space before or after it, and not empty")
            else:
                found[key] = text
        return found
