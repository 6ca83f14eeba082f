"""What both gRPC edges share: method names, RetryInfo in its two forms, which codes are worth a retry, how to dial."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from otel_voice.printable import printable
from otel_voice_processor.config import Tls
from otel_voice_processor.errors import Permanent, ProcessorError, Retryable, TimedOut

TRACE_EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOGS_EXPORT: Final = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
METRICS_EXPORT: Final = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
STATUS_TRAILER: Final = "grpc-status-details-bin"  # what collectors read
RETRY_TRAILER: Final = "google.rpc.retryinfo-bin"  # what the Python exporter reads
MAX_SHOWN: Final = 1_000  # characters of what a server says
RawCall = Callable[..., Awaitable[bytes]]
_Code = grpc.StatusCode
RETRYABLE: Final = frozenset(
    {_Code.CANCELLED, _Code.DEADLINE_EXCEEDED, _Code.ABORTED, _Code.OUT_OF_RANGE, _Code.UNAVAILABLE, _Code.DATA_LOSS}
)
ABOUT_US: Final = frozenset({_Code.UNAUTHENTICATED, _Code.PERMISSION_DENIED, _Code.UNIMPLEMENTED})


class TlsUnusable(Retryable):
    """A certificate or key cannot be used as it lies there; once it is mended, the same request succeeds."""


class Refused(Permanent):
    """Downstream refused for good; `code` is the gRPC code it gave, or the one that says the same as the HTTP status `told`."""

    def __init__(self, message: str, code: grpc.StatusCode, told: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.told = told or code.name

    @property
    def about_us(self) -> bool:
        """Tell whether it is about who sends or what is configured, so that any request would be refused."""
        return self.code in ABOUT_US


def retry_trailers(code: grpc.StatusCode, message: str, delay_s: float) -> tuple[tuple[str, bytes], ...]:
    """Return the trailers that ask a sender to come back after `delay_s`."""
    wait = Duration()
    wait.FromNanoseconds(round(delay_s * 1e9))
    info = RetryInfo(retry_delay=wait)
    packed = AnyMessage()
    packed.Pack(info)
    status = Status(code=code.value[0], message=message, details=[packed])
    return (STATUS_TRAILER, status.SerializeToString()), (RETRY_TRAILER, info.SerializeToString())


def retry_delay(trailers: Iterable[tuple[str, str | bytes]]) -> float | None:
    """Return the seconds that RetryInfo asks for, None where there is none."""
    info = RetryInfo()
    for key, value in trailers:
        if not isinstance(value, bytes):
            continue
        try:
            if key == RETRY_TRAILER:
                return float(RetryInfo.FromString(value).retry_delay.ToNanoseconds()) / 1e9
            if key == STATUS_TRAILER and any(detail.Unpack(info) for detail in Status.FromString(value).details):
                return float(info.retry_delay.ToNanoseconds()) / 1e9
        except DecodeError:
            continue
    return None


def sorted_out(error: grpc.aio.AioRpcError, endpoint: str) -> ProcessorError:
    """Return the error as one of our two kinds: `Retryable` with the wait asked for, or `Refused`."""
    trailers: Iterable[tuple[str, str | bytes]] = error.trailing_metadata() or ()  # type: ignore[assignment]  # pairs, the stubs differ
    delay = retry_delay(trailers)
    code = error.code()
    message = printable(f"`{endpoint}` answered {code.name}: {(error.details() or 'nothing more')[:MAX_SHOWN]}")
    if code is _Code.DEADLINE_EXCEEDED:
        return TimedOut(message, delay)
    if code in RETRYABLE or (code is _Code.RESOURCE_EXHAUSTED and delay is not None):
        return Retryable(message, delay)
    return Refused(message, code)


def _pem(path: str | None) -> bytes | None:
    try:
        return Path(path).read_bytes() if path else None
    except OSError as error:
        raise TlsUnusable(f"`{path}` cannot be read: {error.strerror or error}") from None


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return a client's context of the PEM files named; raise `TlsUnusable` where one cannot be used."""
    for path in (tls.ca_file, tls.cert_file, tls.key_file):
        _pem(path)  # the errors of `ssl` do not name the file
    if bool(tls.cert_file) != bool(tls.key_file):
        raise TlsUnusable("`cert_file` and `key_file` go together: one of them is missing")
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except OSError as error:
        raise TlsUnusable(f"`{tls.ca_file}` holds no certificate in PEM: {error.strerror or error}") from None
    if tls.cert_file:
        try:
            context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: "none")  # never asks a terminal
        except OSError as error:
            told = error.strerror or error
            raise TlsUnusable(f"`{tls.cert_file}` and `{tls.key_file}` are no certificate in PEM with its key: {told}") from None
    return context


def is_plain(endpoint: str, tls: Tls) -> bool:
    """Tell whether an endpoint is dialled without TLS; `http://` asks for that as `insecure` does."""
    return tls.insecure or endpoint.startswith("http://")


def check_tls(endpoint: str, tls: Tls) -> None:
    """Raise `TlsUnusable` where the endpoint could never be dialled with the files named."""
    if not is_plain(endpoint, tls):
        try:
            tls_context(tls)
        except TlsUnusable as error:
            raise TlsUnusable(f"TLS to `{endpoint}`: {error}") from None


def credentials(tls: Tls) -> grpc.ChannelCredentials:
    """Return channel credentials from the PEM files named, gRPC's own authorities where none is."""
    tls_context(tls)  # gRPC would not look into them before the first handshake
    return grpc.ssl_channel_credentials(_pem(tls.ca_file), _pem(tls.key_file), _pem(tls.cert_file))


def dial(endpoint: str, tls: Tls, compression: str) -> grpc.aio.Channel:
    """Open a channel; raise `TlsUnusable` where its files cannot be used."""
    target = endpoint.split("://", 1)[-1].rstrip("/")
    options = [
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", 4 << 20),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 1_000),
        ("grpc.max_reconnect_backoff_ms", 2_000),  # gRPC's own two minutes would hold up senders long after downstream is back
    ]
    pack = grpc.Compression.Gzip if compression == "gzip" else grpc.Compression.NoCompression
    if is_plain(endpoint, tls):
        return grpc.aio.insecure_channel(target, options=options, compression=pack)
    return grpc.aio.secure_channel(target, credentials(tls), options=options, compression=pack)


def raw_call(channel: grpc.aio.Channel, method: str) -> RawCall:
    """Return a call that takes and gives bytes as they are: typed stubs cost more than all else on the way."""
    return channel.unary_unary(method, None, None)  # None is identity
