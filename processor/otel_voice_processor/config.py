"""The processor's settings, one frozen object per part, in the collector's vocabulary. Every key has a default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from otel_voice_processor.model import LOGS, TRACES


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
    """Where traces and logs go on by OTLP gRPC; `timeout` in seconds, `signals` which of the two it takes."""

    endpoint: str
    compression: str = "none"
    timeout: float = 5.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: Tls = Tls()
    retry_on_failure: Retry = Retry()
    signals: frozenset[str] = frozenset({TRACES, LOGS})


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
class Rotation:
    """The collector's `rotation`, and `interval` in seconds; 0 is no limit in `max_days`, `max_backups` and `interval`."""

    max_megabytes: int = 100
    max_days: int = 0
    max_backups: int = 100
    localtime: bool = False
    interval: float = 0.0

    @property
    def max_bytes(self) -> int:
        """How large a file may grow."""
        return self.max_megabytes << 20

    @property
    def max_age(self) -> float:
        """After how many seconds a file is rotated, 0 for never."""
        ages = [age for age in (self.interval, self.max_days * 86400.0) if age]
        return min(ages, default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """The collector's `file` exporter: where requests are kept. `compression` is of rotated files."""

    path: str
    format: str = "json"
    compression: str = "none"
    append: bool = True
    create_directory: bool = False
    rotation: Rotation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How calls are joined and judged; times in seconds."""

    policy: str | None = None
    keep_transcript_text: bool = False
    accept_aliases: bool = False
    settle_after: float = 15.0
    expire_after: float = 300.0
    forget_after: float = 3600.0
    agent_name_label: bool = False
    max_calls: int = 100_000
    max_events_per_call: int = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole."""

    receiver: Receiver = Receiver()
    traces: tuple[TraceExporter, ...] = ()
    file: File | None = None
    metrics: MetricsExporter | None = None
    judging: Judging = Judging()
    status: str | None = "localhost:13134"
