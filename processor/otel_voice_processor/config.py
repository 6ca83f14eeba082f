"""The processor's settings, one frozen object per part, in the collector's vocabulary. Every key has a default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from otel_voice_processor.model import LOGS, TRACES


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepalive:
    """The collector's `keepalive.server_parameters`, and `min_time` of its `enforcement_policy`; in seconds, 0 is for ever."""

    max_connection_idle: float = 0.0
    max_connection_age: float = 0.0
    max_connection_age_grace: float = 0.0
    time: float = 60.0
    timeout: float = 20.0
    min_time: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where OTLP comes in; sizes in MiB, as the collector's OTLP receiver counts them, times in seconds.

    `max_connections` 0 is as many as the process may open files for, less some.
    """

    endpoint: str = "localhost:4317"
    max_recv_msg_size_mib: int = 64
    max_in_flight_mib: int = 256
    max_concurrent_streams: int = 1_000
    max_connections: int = 0
    read_timeout: float = 60.0
    keepalive: Keepalive = Keepalive()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLimiter:
    """The collector's `memory_limiter`; `limit_mib` 0 takes the percentage, a spike limit of 0 is a fifth of the limit.

    `check_interval` in seconds, 0 is off.
    """

    check_interval: float = 1.0
    limit_mib: int = 0
    spike_limit_mib: int = 0
    limit_percentage: int = 80
    spike_limit_percentage: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The collector's `retry_on_failure`; times in seconds, 0 is no limit in `max_elapsed_time`.

    None is as the mode wants it: in memory a sender waits (2 s, 5 s in all), out of the journal nobody does (30 s, for ever).
    """

    enabled: bool = True
    initial_interval: float = 0.5
    max_interval: float | None = None
    max_elapsed_time: float | None = None
    multiplier: float = 1.5
    randomization_factor: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The collector's `batch`: how many bytes of the waiting requests go in one, unless one alone is larger."""

    max_size: int = 3_670_016  # a stock receiver takes 4 MiB
    sizer: str = "bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingQueue:
    """The collector's `sending_queue`, of which the journal is the queue: how many requests are under way at once, and how large."""

    num_consumers: int = 4
    batch: Batch = Batch()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The collector's `tls`; paths of PEM files."""

    insecure: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceExporter:
    """Where traces and logs go on by OTLP gRPC; `timeout` in seconds, `signals` which of the two it takes, `name` its key in the file."""

    endpoint: str
    name: str = "otlp_grpc"
    compression: str = "none"
    timeout: float = 5.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: Tls = Tls()
    retry_on_failure: Retry = Retry()
    sending_queue: SendingQueue = SendingQueue()
    signals: frozenset[str] = frozenset({TRACES, LOGS})

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Return every endpoint that is dialled."""
        return (self.endpoint,)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpExporter:
    """Where traces and logs go on by OTLP over HTTP in protobuf; `traces_endpoint` and `logs_endpoint` are whole URLs."""

    endpoint: str | None = None
    traces_endpoint: str | None = None
    logs_endpoint: str | None = None
    name: str = "otlp_http"
    compression: str = "none"
    timeout: float = 30.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: Tls = Tls()
    retry_on_failure: Retry = Retry()
    sending_queue: SendingQueue = SendingQueue()
    signals: frozenset[str] = frozenset({TRACES, LOGS})

    @property
    def urls(self) -> Mapping[str, str]:
        """Return the URL of each signal that goes there; `/v1/traces` and `/v1/logs` are appended to `endpoint` alone."""
        own = {TRACES: self.traces_endpoint, LOGS: self.logs_endpoint}
        base = self._with_scheme(self.endpoint).rstrip("/") if self.endpoint else None
        found = {signal: self._with_scheme(url) if url else base and f"{base}/v1/{signal}" for signal, url in own.items()}
        return {signal: url for signal, url in found.items() if url and signal in self.signals}

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Return every endpoint that is dialled."""
        given = (self.endpoint, self.traces_endpoint, self.logs_endpoint)
        return tuple(each for each in given if each)

    def _with_scheme(self, endpoint: str) -> str:
        return endpoint if "://" in endpoint else f"{'http' if self.tls.insecure else 'https'}://{endpoint}"


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
class Storage:
    """The collector's `file_storage`: where the journal lies, and what it may hold; `max_age` in seconds, 0 is no limit.

    `directory` None is one of the user's own, by the receiver's port.
    """

    directory: str | None = None
    in_memory: bool = False
    create_directory: bool = True
    fsync: bool = True
    max_megabytes: int = 4096
    max_age: float = 0.0
    max_dead_letter_megabytes: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole."""

    receiver: Receiver = Receiver()
    memory_limiter: MemoryLimiter = MemoryLimiter()
    traces: tuple[TraceExporter | HttpExporter, ...] = ()
    file: File | None = None
    metrics: MetricsExporter | None = None
    judging: Judging = Judging()
    storage: Storage = Storage()
    status: str | None = "localhost:13134"
