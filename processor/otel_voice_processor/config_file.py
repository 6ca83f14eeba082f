"""The config file: YAML in the collector's vocabulary, read strictly, every problem with its line and at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from otel_voice.strict import StrictReader, read_root, read_text
from otel_voice_processor.config import Config, File, Judging, MetricsExporter, Receiver, Retry, Rotation, Tls, TraceExporter
from otel_voice_processor.endpoints import listener_problem, server_problem, url_problem
from otel_voice_processor.errors import ConfigError
from otel_voice_processor.model import LOGS, TRACES
from otel_voice_processor.paths import output_problem
from otel_voice_processor.rpc import TlsUnusable, is_plain, tls_context

MAX_COUNT: Final = 10**9
MAX_LIMIT: Final = 100_000  # of days or files
MAX_MESSAGE_MIB: Final = 2047  # gRPC holds a message's size in 31 bits
LONGEST_S: Final = 720 * 3600.0
_DURATION: Final = re.compile(r"(\d{1,20}\.?\d{0,20}|\.\d{1,20})(ns|us|µs|μs|ms|s|m|h)")  # Go's `time.ParseDuration`, without signs
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_ENV: Final = re.compile(r"\$\$|\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{[^}]*\}?")
_HEADER: Final = re.compile(r"[a-z0-9_.-]+")  # what gRPC allows in a metadata key
_OURS: Final = frozenset({"connection", "content-length", "content-type", "host", "te", "transfer-encoding", "user-agent"})
_NOT_NEEDED: Final = {  # of the collector's file exporter
    "flush_interval": "here a request is written before its sender is answered",
    "compression_params": "the level is 3",
    "directory_permissions": "a folder that is made is its owner's alone",
}
Read = Callable[[yaml.Node, str], Any]


def load_config(path: str | Path) -> Config:
    """Read a config file; raise `ConfigError` with every problem in it, each `file:line: what is wrong`."""
    reader = _Reader(str(path))
    text = read_text(reader, path)
    return _config(reader, text)


def parse_config(text: str, name: str) -> Config:
    """Read config text; `name` is how problems call the file. Raises as `load_config` does."""
    return _config(_Reader(name), text)


def _config(reader: _Reader, text: str | None) -> Config:
    root = read_root(reader, text) if text is not None else None
    config = reader.config(root) if root is not None else Config()
    if reader.problems:
        raise ConfigError(reader.problems, policy=config.judging.policy)
    return config


class _Reader(StrictReader):
    """Reads our settings. A value from the environment is never shown: problems show it as it is written."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self._written: dict[yaml.Node, str] = {}

    def shown(self, node: yaml.Node) -> str:
        """Return a value as the file has it."""
        written = self._written.get(node)
        return super().shown(node) if written is None else f" `{written}`"

    def config(self, root: yaml.Node) -> Config:
        """Return the whole file's settings, as far as they are right."""
        self._expand(root)
        top = self._section(root, "the file", ("receivers", "processors", "exporters", "extensions"))
        otlp = self._section(self._section(top.get("receivers"), "receivers", ("otlp",)).get("otlp"), "receivers.otlp", ("protocols",))
        grpc = self._section(otlp.get("protocols"), "receivers.otlp.protocols", ("grpc",)).get("grpc")
        ours = self._section(top.get("processors"), "processors", ("voice_interruption",)).get("voice_interruption")
        out = self._section(top.get("exporters"), "exporters", ("otlp_grpc", "otlp", "file", "metrics"))
        traces = [self._traces(out[key], f"exporters.{key}") for key in ("otlp_grpc", "otlp") if key in out]
        return Config(
            receiver=self._receiver(grpc, "receivers.otlp.protocols.grpc"),
            traces=tuple(each for each in traces if each is not None),
            file=self._file(out["file"], "exporters.file") if "file" in out else None,
            metrics=self._metrics(out["metrics"], "exporters.metrics") if "metrics" in out else None,
            judging=self._judging(ours, "processors.voice_interruption"),
            status=self._status(self._section(top.get("extensions"), "extensions", ("health_check",)).get("health_check")),
        )

    def _expand(self, node: yaml.Node) -> None:
        """Put the environment into every value, never into YAML: a token with a colon or a hash in it is still that token."""
        if isinstance(node, yaml.MappingNode):
            for _, value in node.value:
                self._expand(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                self._expand(value)
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

    def _section(self, node: yaml.Node | None, where: str, known: tuple[str, ...]) -> dict[str, yaml.Node]:
        if node is None or node.tag.endswith(":null"):
            return {}
        return self.mapping(node, where, known) or {}

    def _needs(self, key: str, node: yaml.Node, where: str, fields: Mapping[str, yaml.Node]) -> None:
        if key not in fields and (isinstance(node, yaml.MappingNode) or node.tag.endswith(":null")):
            self.report(node, f"{where} has no `{key}`")

    def _values(self, node: yaml.Node | None, where: str, kinds: Mapping[str, Read]) -> dict[str, Any]:
        fields = self._section(node, where, tuple(kinds))
        read = {key: kinds[key](value, f"{where}.{key}") for key, value in fields.items()}
        return {key: value for key, value in read.items() if value is not None}

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

    def tls(self, node: yaml.Node, where: str) -> Tls:
        """Return the PEM files named, which `_dialled` looks into."""
        return Tls(
            **self._values(node, where, {"insecure": self.flag, "ca_file": self.text, "cert_file": self.text, "key_file": self.text})
        )

    def retry(self, node: yaml.Node, where: str) -> Retry:
        """Return when to try again."""
        kinds: dict[str, Read] = {
            "enabled": self.flag,
            "initial_interval": self.pause,
            "max_interval": self.pause,
            "max_elapsed_time": self.seconds,
            "multiplier": self.multiplier,
            "randomization_factor": self.share,
        }
        return Retry(**self._values(node, where, kinds))

    def signals(self, node: yaml.Node, where: str) -> frozenset[str] | None:
        """Return which signals go to an exporter, one at least."""
        found = frozenset(name for each in self.items(node, where) if (name := self.choice(each, where, (TRACES, LOGS))) is not None)
        if not found and isinstance(node, yaml.SequenceNode) and not node.value:
            self.report(node, f"{where} is empty: leave the exporter out, or name `{TRACES}`, `{LOGS}` or both")
        return found or None

    def _receiver(self, node: yaml.Node | None, where: str) -> Receiver:
        kinds: dict[str, Read] = {
            "endpoint": self.endpoint(listener_problem),
            "max_recv_msg_size_mib": self.mib,
            "max_in_flight_mib": self.count,
        }
        found = Receiver(**self._values(node, where, kinds))
        if found.max_in_flight_mib < found.max_recv_msg_size_mib:
            limits = f"{found.max_in_flight_mib} MiB, less than max_recv_msg_size_mib, {found.max_recv_msg_size_mib} MiB"
            self.report(node, f"{where}.max_in_flight_mib is {limits}: the largest requests would never be taken")
        return found

    def _traces(self, node: yaml.Node, where: str) -> TraceExporter | None:
        kinds: dict[str, Read] = {
            "endpoint": self.endpoint(server_problem),
            "compression": self.one_of("none", "gzip"),
            "timeout": self.seconds,
            "headers": self.headers,
            "tls": self.tls,
            "retry_on_failure": self.retry,
            "signals": self.signals,
        }
        found = self._values(node, where, kinds)
        return TraceExporter(**found) if self._dialled(node, where, found) else None

    def _metrics(self, node: yaml.Node, where: str) -> MetricsExporter | None:
        fields = self._section(node, where, tuple(MetricsExporter.__dataclass_fields__))
        by_grpc = "protocol" in fields and fields["protocol"].value == "grpc"
        kinds: dict[str, Read] = {
            "endpoint": self.endpoint(server_problem if by_grpc else url_problem),
            "protocol": self.one_of("grpc", "http/protobuf"),
            "interval": self.interval,
            "timeout": self.seconds,
            "headers": self.headers,
            "tls": self.tls,
        }
        found = self._values(node, where, kinds)
        return MetricsExporter(**found) if self._dialled(node, where, found) else None

    def _dialled(self, node: yaml.Node, where: str, found: Mapping[str, Any]) -> bool:
        """Tell whether an exporter can be dialled: it has an endpoint, and TLS that agrees with it and can be used."""
        fields = self._section(node, where, tuple(TraceExporter.__dataclass_fields__ | MetricsExporter.__dataclass_fields__))
        if "endpoint" not in found:
            self._needs("endpoint", node, where, fields)
            return False
        endpoint, tls = found["endpoint"], found.get("tls", Tls())
        if tls.insecure and endpoint.startswith("https://"):
            self.report(fields["tls"], f"{where}.tls.insecure is true, and the endpoint begins with `https://`: one of them is wrong")
        elif is_plain(endpoint, tls) and (tls.ca_file or tls.cert_file or tls.key_file):
            self.report(fields["tls"], f"{where}.tls names files, and the connection is to be made without TLS")
        else:
            try:
                tls_context(tls)
            except TlsUnusable as error:
                self.report(fields.get("tls", node), f"{where}.tls: {error}")
        return True

    def rotation(self, node: yaml.Node, where: str) -> Rotation:
        """Return when a file is rotated; nothing in it is the defaults, as in the collector."""
        kinds: dict[str, Read] = {
            "max_megabytes": self.count,
            "max_days": self.limit,
            "max_backups": self.limit,
            "localtime": self.flag,
            "interval": self.interval,
        }
        return Rotation(**self._values(node, where, kinds))

    def _file(self, node: yaml.Node, where: str) -> File | None:
        kinds: dict[str, Read] = {
            "path": self.text,
            "format": self.one_of("json", "proto"),
            "compression": self.one_of("none", "zstd"),
            "append": self.flag,
            "create_directory": self.flag,
            "rotation": self.rotation,
        }
        fields = self._section(node, where, (*kinds, *_NOT_NEEDED))
        for key in _NOT_NEEDED.keys() & fields.keys():
            self.report(fields.pop(key), f"{where}.{key} is the collector's: {_NOT_NEEDED[key]}")
        found = {key: value for key, given in fields.items() if (value := kinds[key](given, f"{where}.{key}")) is not None}
        if "path" not in fields:
            self._needs("path", node, where, fields)
        if "path" not in found:
            return None
        file = File(**found)
        problem = output_problem(file.path, create_directory=file.create_directory)
        if problem is not None:
            self.report(fields["path"], f"{where}.path{self.shown(fields['path'])}{problem}")
        if file.rotation is None and file.compression != "none":
            self.report(
                fields["compression"], f"{where}.compression is of rotated files, and there is no `rotation`: `rotation: {{}}` will do"
            )
        if file.rotation is not None and not file.append:
            self.report(fields["append"], f"{where}.append is false, and there is `rotation`: one of them is wrong")
        return file

    def _status(self, node: yaml.Node | None) -> str | None:
        fields = self._section(node, "extensions.health_check", ("endpoint",))
        if "endpoint" not in fields:
            return Config().status
        if fields["endpoint"].value == "none":
            return None
        read: str | None = self.endpoint(listener_problem)(fields["endpoint"], "extensions.health_check.endpoint")
        return read

    def _judging(self, node: yaml.Node | None, where: str) -> Judging:
        kinds: dict[str, Read] = {
            "policy": self.text,
            "keep_transcript_text": self.flag,
            "accept_aliases": self.flag,
            "settle_after": self.seconds,
            "expire_after": self.seconds,
            "forget_after": self.seconds,
            "agent_name_label": self.flag,
            "max_calls": self.count,
            "max_events_per_call": self.count,
        }
        return Judging(**self._values(node, where, kinds))
