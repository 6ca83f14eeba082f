"""The exporters' part of the config file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from otel_voice_processor.config import Batch, File, HttpExporter, MetricsExporter, Retry, Rotation, SendingQueue, Tls, TraceExporter
from otel_voice_processor.config_file_values import Read, ValueReader
from otel_voice_processor.endpoints import server_problem, url_problem
from otel_voice_processor.model import LOGS, TRACES
from otel_voice_processor.paths import output_problem
from otel_voice_processor.rpc import TlsUnusable, is_plain, tls_context

GRPC: Final = "otlp_grpc"
HTTP: Final = "otlp_http"
ALIASES: Final = {GRPC: GRPC, "otlp": GRPC, HTTP: HTTP, "otlphttp": HTTP}  # the collector's, with their older names
MAX_CONSUMERS: Final = 100
MAX_BATCH: Final = 64 << 20  # bytes: no receiver takes more
_NAMED: Final = re.compile(rf"({'|'.join(ALIASES)})(/.*)?")
_NAME: Final = re.compile(r"/[A-Za-z0-9_.-]{1,60}")
_OF_OTHERS: Final = frozenset({"snappy", "zstd", "zlib", "deflate", "lz4"})  # compressions that the collector has
_NOT_QUEUED: Final = {  # of the collector's sending queue
    "enabled": "what waits lies in the journal; `extensions.file_storage.directory: none` is how to have none",
    "queue_size": "how much may wait is `extensions.file_storage.max_megabytes`, for all exporters together",
    "storage": "what waits lies in the journal, where `extensions.file_storage.directory` says",
    "block_on_overflow": "when the journal is full, senders are asked to come back",
    "wait_for_result": "a sender waits for downstream where `extensions.file_storage.directory` is `none`",
    "sizer": "what waits is counted in bytes",
}
_NOT_BATCHED: Final = {  # of the collector's batch
    "flush_timeout": "what waits goes at once, with all that came meanwhile",
    "min_size": "what waits goes at once, with all that came meanwhile",
    "partition": "requests are joined as they came, each signal by itself",
}
_NOT_HTTP: Final = {  # of the collector's OTLP HTTP exporter
    "encoding": "requests go as protobuf",
    "metrics_endpoint": "the scorecard has an exporter of its own, `exporters.metrics`",
}
_NOT_NEEDED: Final = {  # of the collector's file exporter
    "flush_interval": "here a request is written before its sender is answered",
    "compression_params": "the level is 3",
    "directory_permissions": "a folder that is made is its owner's alone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporters:
    """What `exporters` says."""

    traces: tuple[TraceExporter | HttpExporter, ...]
    file: File | None
    metrics: MetricsExporter | None


class ExporterReader(ValueReader):
    """Reads where traces, logs and metrics go."""

    def exporters(self, node: yaml.Node | None, where: str) -> Exporters:
        """Return the whole section; there may be several of `otlp_grpc` and `otlp_http`, told apart as `otlp_grpc/NAME`."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)] if isinstance(node, yaml.MappingNode) else []
        named = tuple(key for key in dict.fromkeys(keys) if _NAMED.fullmatch(key))
        out = self.section(node, where, tuple(dict.fromkeys((*ALIASES, "file", "metrics", *named))))
        traces: dict[str, TraceExporter | HttpExporter | None] = {}
        for key in (each for each in named if each in out):
            kind, _, name = key.partition("/")
            full = ALIASES[kind] + (f"/{name}" if "/" in key else "")
            if "/" in key and not _NAME.fullmatch(f"/{name}"):
                self.report(
                    out[key], f"{where}.{key[:80]}: after the `/` a name is wanted, of letters, digits, `_`, `.` and `-`, 60 at most"
                )
            elif full in traces:
                self.report(out[key], f"{where}.{key} is `{full}` once more: a name tells two apart, as `{ALIASES[kind]}/second`")
            else:
                read = self._http if ALIASES[kind] == HTTP else self._grpc
                traces[full] = read(out[key], f"{where}.{key}", full)
        return Exporters(
            traces=tuple(each for each in traces.values() if each is not None),
            file=self._file(out["file"], f"{where}.file") if "file" in out else None,
            metrics=self._metrics(out["metrics"], f"{where}.metrics") if "metrics" in out else None,
        )

    def tls(self, node: yaml.Node, where: str) -> Tls:
        """Return the PEM files named, which `_check_tls` looks into."""
        return Tls(**self.values(node, where, {"insecure": self.flag, "ca_file": self.text, "cert_file": self.text, "key_file": self.text}))

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
        return Retry(**self.values(node, where, kinds))

    def signals(self, node: yaml.Node, where: str) -> frozenset[str] | None:
        """Return which signals go to an exporter, one at least."""
        found = frozenset(name for each in self.items(node, where) if (name := self.choice(each, where, (TRACES, LOGS))) is not None)
        if not found and isinstance(node, yaml.SequenceNode) and not node.value:
            self.report(node, f"{where} is empty: leave the exporter out, or name `{TRACES}`, `{LOGS}` or both")
        return found or None

    def sending_queue(self, node: yaml.Node, where: str) -> SendingQueue:
        """Return how what waits is sent."""
        kinds: dict[str, Read] = {
            "num_consumers": lambda value, at: self.whole(value, at, 1, MAX_CONSUMERS),
            "batch": self._batch,
        }
        return SendingQueue(**self.values(node, where, kinds, _NOT_QUEUED))

    def _batch(self, node: yaml.Node, where: str) -> Batch:
        kinds: dict[str, Read] = {
            "max_size": lambda value, at: self.whole(value, at, 1, MAX_BATCH),
            "sizer": self.one_of("bytes"),
        }
        return Batch(**self.values(node, where, kinds, _NOT_BATCHED))

    def grpc_compression(self, node: yaml.Node, where: str) -> str | None:
        """Return none or gzip; of the others it is said why they are not there."""
        if isinstance(node, yaml.ScalarNode) and node.value in _OF_OTHERS:
            there = "; `otlp_http` has zstd" if node.value == "zstd" else ""
            self.report(node, f"{where}{self.shown(node)} is not there: gRPC for Python compresses by gzip alone{there}")
            return None
        return self.choice(node, where, ("none", "gzip"))

    def _going_on(self) -> dict[str, Read]:
        return {
            "timeout": self.seconds,
            "headers": self.headers,
            "tls": self.tls,
            "retry_on_failure": self.retry,
            "sending_queue": self.sending_queue,
            "signals": self.signals,
        }

    def _grpc(self, node: yaml.Node, where: str, name: str) -> TraceExporter | None:
        kinds = {"endpoint": self.endpoint(server_problem), "compression": self.grpc_compression, **self._going_on()}
        fields = self.fields(node, where, kinds)
        found = self.read(fields, where, kinds)
        return TraceExporter(name=name, **found) if self._dialled(node, where, fields, found) else None

    def _http(self, node: yaml.Node, where: str, name: str) -> HttpExporter | None:
        url = self.endpoint(url_problem)
        kinds = {
            "endpoint": url,
            "traces_endpoint": url,
            "logs_endpoint": url,
            "compression": self.one_of("none", "gzip", "zstd"),
            **self._going_on(),
        }
        fields = self.fields(node, where, kinds, _NOT_HTTP)
        found = self.read(fields, where, kinds)
        given = [key for key in ("endpoint", "traces_endpoint", "logs_endpoint") if key in fields]
        if not given:
            self.needs("endpoint", node, where, fields)
        for key in (each for each in given if each in found):
            self._check_tls(node, f"{where}.tls", fields, found[key], found.get("tls", Tls()))
        path = next((path for path in ("/v1/traces", "/v1/logs") if found.get("endpoint", "").rstrip("/").endswith(path)), None)
        if path is not None:
            self.report(fields["endpoint"], f"{where}.endpoint ends in `{path}`, which is appended to it: leave that out")
        if any(key not in found for key in given) or not given:
            return None
        exporter = HttpExporter(name=name, **found)
        for signal in sorted(exporter.signals - exporter.urls.keys()) if "signals" in found else ():
            self.report(fields["signals"], f"{where}.signals has `{signal}`, and there is neither `endpoint` nor `{signal}_endpoint`")
        return exporter

    def _metrics(self, node: yaml.Node, where: str) -> MetricsExporter | None:
        fields = self.section(node, where, tuple(MetricsExporter.__dataclass_fields__))
        by_grpc = "protocol" in fields and fields["protocol"].value == "grpc"
        kinds: dict[str, Read] = {
            "endpoint": self.endpoint(server_problem if by_grpc else url_problem),
            "protocol": self.one_of("grpc", "http/protobuf"),
            "interval": self.interval,
            "timeout": self.seconds,
            "headers": self.headers,
            "tls": self.tls,
        }
        found = self.read(fields, where, kinds)
        return MetricsExporter(**found) if self._dialled(node, where, fields, found) else None

    def _dialled(self, node: yaml.Node, where: str, fields: Mapping[str, yaml.Node], found: Mapping[str, Any]) -> bool:
        """Tell whether an exporter can be dialled: it has an endpoint, and TLS that agrees with it and can be used."""
        if "endpoint" not in found:
            self.needs("endpoint", node, where, fields)
            return False
        self._check_tls(node, f"{where}.tls", fields, found["endpoint"], found.get("tls", Tls()))
        return True

    def _check_tls(self, node: yaml.Node, where: str, fields: Mapping[str, yaml.Node], endpoint: str, tls: Tls) -> None:
        if tls.insecure and endpoint.startswith("https://"):
            self.report(fields["tls"], f"{where}.insecure is true, and the endpoint begins with `https://`: one of them is wrong")
        elif is_plain(endpoint, tls) and (tls.ca_file or tls.cert_file or tls.key_file):
            self.report(fields["tls"], f"{where} names files, and the connection is to be made without TLS")
        elif not is_plain(endpoint, tls):
            try:
                tls_context(tls)
            except TlsUnusable as error:
                self.report(fields.get("tls", node), f"{where}: {error}")

    def rotation(self, node: yaml.Node, where: str) -> Rotation:
        """Return when a file is rotated; nothing in it is the defaults, as in the collector."""
        kinds: dict[str, Read] = {
            "max_megabytes": self.count,
            "max_days": self.limit,
            "max_backups": self.limit,
            "localtime": self.flag,
            "interval": self.interval,
        }
        return Rotation(**self.values(node, where, kinds))

    def _file(self, node: yaml.Node, where: str) -> File | None:
        kinds: dict[str, Read] = {
            "path": self.text,
            "format": self.one_of("json", "proto"),
            "compression": self.one_of("none", "zstd"),
            "append": self.flag,
            "create_directory": self.flag,
            "rotation": self.rotation,
        }
        fields = self.fields(node, where, kinds, _NOT_NEEDED)
        found = self.read(fields, where, kinds)
        if "path" not in fields:
            self.needs("path", node, where, fields)
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
