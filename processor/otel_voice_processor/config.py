"""The processor's settings, one frozen object per part, read from YAML in the collector's vocabulary. Every key has a default."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from otel_voice_processor.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where OTLP comes in; sizes in MiB, as the collector's OTLP receiver counts them."""

    endpoint: str = "localhost:4317"
    max_recv_msg_size_mib: int = 64
    max_in_flight_mib: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The collector's `retry_on_failure`; times in seconds. Bounded so that the sender is answered, not held."""

    enabled: bool = True
    initial_interval: float = 0.5
    max_interval: float = 2.0
    max_elapsed_time: float = 5.0
    multiplier: float = 1.5
    randomization_factor: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The collector's `tls`; paths of PEM files."""

    insecure: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceExporter:
    """Where traces go on by OTLP gRPC; `timeout` in seconds."""

    endpoint: str
    compression: str = "none"
    timeout: float = 5.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: Tls = Tls()
    retry_on_failure: Retry = Retry()


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsExporter:
    """Where the scorecard goes; `protocol` is grpc or http/protobuf, `interval` in seconds."""

    endpoint: str
    protocol: str = "http/protobuf"
    interval: float = 60.0
    timeout: float = 10.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: Tls = Tls()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How calls are joined and judged; times in seconds."""

    policy: str | None = None
    keep_transcript_text: bool = False
    settle_after: float = 15.0
    expire_after: float = 300.0
    max_calls: int = 100_000
    max_events_per_call: int = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole."""

    receiver: Receiver = Receiver()
    traces: tuple[TraceExporter, ...] = ()
    file: str | None = None
    metrics: MetricsExporter | None = None
    judging: Judging = Judging()


@dataclass(frozen=True, slots=True)
class _Node:
    """A YAML value that knows its line."""

    value: Any
    line: int


def load_config(path: str | Path) -> Config:
    """Read a config file; raise `ConfigError` with every problem found, each `file:line: what is wrong`."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"]) from None
    return parse_config(text, str(path))


def parse_config(text: str, name: str) -> Config:
    """Read config text; `name` is how problems call the file."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise ConfigError([f"{where}: not YAML: {getattr(error, 'problem', error)}"]) from None
    reader = _Reader(name)
    try:
        config = reader.config(reader.node(root)) if root is not None else Config()
    except (RecursionError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ConfigError([*reader.problems, f"{name}: holds a value that cannot be read: {str(error).splitlines()[0]}"]) from None
    if reader.problems:
        raise ConfigError(reader.problems)
    return config


_ENV = re.compile(r"\$\$|\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def _expanded(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        return "$" if match.group(0) == "$$" else os.environ.get(match.group(1), match.group(2) or "")

    return _ENV.sub(one, text)


class _Reader:
    """Walks the YAML tree, keeping every problem."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[str] = []

    def node(self, node: yaml.Node) -> _Node:
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            out: dict[str, _Node] = {}
            for key, value in node.value:
                if key.value in out:
                    self.fault(key.start_mark.line + 1, f"key `{key.value}` stands twice")
                out[str(key.value)] = self.node(value)
            return _Node(out, line)
        if isinstance(node, yaml.SequenceNode):
            return _Node([self.node(item) for item in node.value], line)
        if not isinstance(node, yaml.ScalarNode):
            return _Node(None, line)
        text = _expanded(node.value)
        if node.style in {"'", '"'}:
            return _Node(text, line)
        return _Node(yaml.safe_load(text) if text != node.value else yaml.SafeLoader("").construct_object(node), line)

    def fault(self, line: int, message: str) -> None:
        self.problems.append(f"{self.name}:{line}: {message}")

    def section(self, node: _Node | None, where: str, known: tuple[str, ...]) -> dict[str, _Node]:
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            self.fault(node.line, f"`{where or 'the file'}` is not a mapping")
            return {}
        for key, value in node.value.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f": did you mean `{near[0]}`?" if near else f": known are {', '.join(known)}"
                self.fault(value.line, f"unknown key `{key}`{f' at `{where}`' if where else ''}{hint}")
        return {key: value for key, value in node.value.items() if key in known}

    def values(self, node: _Node | None, where: str, kinds: Mapping[str, Callable[[_Node, str], Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in self.section(node, where, tuple(kinds)).items():
            read = kinds[key](value, f"{where}.{key}")
            if read is not None:
                found[key] = read
        return found

    def text(self, node: _Node, where: str) -> str | None:
        if isinstance(node.value, (str, int, float)) and not isinstance(node.value, bool) and node.value != "":
            return str(node.value)
        self.fault(node.line, f"`{where}` is not text")
        return None

    def flag(self, node: _Node, where: str) -> bool | None:
        if isinstance(node.value, bool):
            return node.value
        self.fault(node.line, f"`{where}` is `{node.value}`, not true or false")
        return None

    def whole(self, node: _Node, where: str) -> int | None:
        if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value > 0:
            return node.value
        self.fault(node.line, f"`{where}` is `{node.value}`, not a whole number above 0")
        return None

    def number(self, node: _Node, where: str) -> float | None:
        if isinstance(node.value, (int, float)) and not isinstance(node.value, bool) and node.value >= 0:
            return float(node.value)
        self.fault(node.line, f"`{where}` is `{node.value}`, not a number of 0 or more")
        return None

    def seconds(self, node: _Node, where: str) -> float | None:
        if node.value == 0:
            return 0.0
        parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", str(node.value))
        if parts and "".join(a + b for a, b in parts) == str(node.value):
            return sum(float(a) * _UNITS[b] for a, b in parts)
        self.fault(node.line, f"`{where}` is `{node.value}`, not a duration such as `15s`, `500ms` or `5m`")
        return None

    def pause(self, node: _Node, where: str) -> float | None:
        read = self.seconds(node, where)
        if read is not None and read < 1:
            self.fault(node.line, f"`{where}` is `{node.value}`, less than a second")
            return None
        return read

    def endpoint(self, node: _Node, where: str) -> str | None:
        given = self.text(node, where)
        if given is None:
            return None
        bare = re.sub(r"^https?://", "", given).split("/", 1)[0]
        if re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\s]*):\d{1,5}", bare) and int(bare.rsplit(":", 1)[1]) < 65536:
            return given
        if given.startswith(("http://", "https://")) and bare:
            return given
        self.fault(node.line, f"`{where}` is `{given}`, not host:port")
        return None

    def one_of(self, *allowed: str) -> Callable[[_Node, str], str | None]:
        def read(node: _Node, where: str) -> str | None:
            if node.value in allowed:
                return str(node.value)
            near = difflib.get_close_matches(str(node.value), allowed, n=1)
            hint = f": did you mean `{near[0]}`?" if near else f": one of {', '.join(allowed)}"
            self.fault(node.line, f"`{where}` is `{node.value}`{hint}")
            return None

        return read

    def headers(self, node: _Node, where: str) -> dict[str, str] | None:
        if not isinstance(node.value, dict):
            self.fault(node.line, f"`{where}` is not a mapping")
            return None
        return {key.lower(): str(value.value) for key, value in node.value.items()}

    def tls(self, node: _Node, where: str) -> Tls:
        return Tls(**self.values(node, where, {"insecure": self.flag, "ca_file": self.text, "cert_file": self.text, "key_file": self.text}))

    def retry(self, node: _Node, where: str) -> Retry:
        kinds = {
            "enabled": self.flag,
            "initial_interval": self.seconds,
            "max_interval": self.seconds,
            "max_elapsed_time": self.seconds,
            "multiplier": self.number,
            "randomization_factor": self.number,
        }
        return Retry(**self.values(node, where, kinds))

    def traces(self, node: _Node, where: str) -> TraceExporter | None:
        kinds: dict[str, Callable[[_Node, str], Any]] = {
            "endpoint": self.endpoint,
            "compression": self.one_of("none", "gzip"),
            "timeout": self.seconds,
            "headers": self.headers,
            "tls": self.tls,
            "retry_on_failure": self.retry,
        }
        found = self.values(node, where, kinds)
        if "endpoint" not in found:
            if not isinstance(node.value, dict) or "endpoint" not in node.value:
                self.fault(node.line, f"`{where}` has no `endpoint`")
            return None
        return TraceExporter(**found)

    def metrics(self, node: _Node, where: str) -> MetricsExporter | None:
        kinds: dict[str, Callable[[_Node, str], Any]] = {
            "endpoint": self.endpoint,
            "protocol": self.one_of("grpc", "http/protobuf"),
            "interval": self.pause,
            "timeout": self.seconds,
            "headers": self.headers,
            "tls": self.tls,
        }
        found = self.values(node, where, kinds)
        if "endpoint" not in found:
            if not isinstance(node.value, dict) or "endpoint" not in node.value:
                self.fault(node.line, f"`{where}` has no `endpoint`")
            return None
        return MetricsExporter(**found)

    def judging(self, node: _Node | None) -> Judging:
        kinds: dict[str, Callable[[_Node, str], Any]] = {
            "policy": self.text,
            "keep_transcript_text": self.flag,
            "settle_after": self.seconds,
            "expire_after": self.seconds,
            "max_calls": self.whole,
            "max_events_per_call": self.whole,
        }
        return Judging(**self.values(node, "processors.voice_interruption", kinds))

    def config(self, root: _Node) -> Config:
        top = self.section(root, "", ("receivers", "processors", "exporters"))
        receivers = self.section(top.get("receivers"), "receivers", ("otlp",))
        otlp = self.section(receivers.get("otlp"), "receivers.otlp", ("protocols",))
        protocols = self.section(otlp.get("protocols"), "receivers.otlp.protocols", ("grpc",))
        grpc_kinds: dict[str, Callable[[_Node, str], Any]] = {
            "endpoint": self.endpoint,
            "max_recv_msg_size_mib": self.whole,
            "max_in_flight_mib": self.whole,
        }
        receiver = Receiver(**self.values(protocols.get("grpc"), "receivers.otlp.protocols.grpc", grpc_kinds))
        processors = self.section(top.get("processors"), "processors", ("voice_interruption",))
        out = self.section(top.get("exporters"), "exporters", ("otlp_grpc", "otlp", "file", "metrics"))
        traces = [self.traces(out[key], f"exporters.{key}") for key in ("otlp_grpc", "otlp") if key in out]
        file = self.values(out.get("file"), "exporters.file", {"path": self.text}).get("path")
        if "file" in out and file is None:
            self.fault(out["file"].line, "`exporters.file` has no `path`")
        metrics = self.metrics(out["metrics"], "exporters.metrics") if "metrics" in out else None
        judging = self.judging(processors.get("voice_interruption"))
        return Config(receiver=receiver, traces=tuple(t for t in traces if t), file=file, metrics=metrics, judging=judging)
