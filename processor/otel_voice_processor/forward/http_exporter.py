"""OTLP over HTTP out, in the collector's `otlp_http` vocabulary: protobuf, plain or compressed, one attempt."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Mapping
from typing import Final

import grpc
import zstandard
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from otel_voice.printable import printable
from otel_voice_processor import config as settings
from otel_voice_processor.config import Tls
from otel_voice_processor.errors import Retryable, Unsure
from otel_voice_processor.forward.partial import MAX_SHOWN, PartialSuccess
from otel_voice_processor.http_client import Answer, HttpClient
from otel_voice_processor.model import LOGS, TRACES
from otel_voice_processor.rpc import Refused
from otel_voice_processor.telemetry import Counters

NO_LIMIT_S: Final = 60.0  # where `timeout` is 0, which the collector reads as for ever
LARGE: Final = 64 << 10  # bytes that take a millisecond to compress
RETRYABLE: Final = frozenset({429, 502, 503, 504})  # by OTLP, and no other
UNSURE: Final = frozenset({502, 504})  # a gateway's: nobody knows whether what is behind it took the request
_Code = grpc.StatusCode
CODES: Final = {  # what a sender by gRPC is told instead
    400: _Code.INVALID_ARGUMENT,
    401: _Code.UNAUTHENTICATED,
    403: _Code.PERMISSION_DENIED,
    404: _Code.UNIMPLEMENTED,
    405: _Code.UNIMPLEMENTED,
    407: _Code.UNAUTHENTICATED,
    413: _Code.RESOURCE_EXHAUSTED,
    415: _Code.UNIMPLEMENTED,
    422: _Code.INVALID_ARGUMENT,
}


class HttpExporter:
    """One OTLP HTTP destination; `urls` are whole, by signal."""

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        name: str = "otlp_http",
        headers: Mapping[str, str] | None = None,
        compression: str = "none",
        timeout_s: float = 30.0,
        tls: Tls | None = None,
        counters: Counters | None = None,
    ) -> None:
        self.signals = frozenset(urls)
        self.endpoint = next(iter(urls.values()), "")
        self._urls = dict(urls)
        self._compression = compression
        given = {"content-type": "application/x-protobuf", **({} if compression == "none" else {"content-encoding": compression})}
        self._client = HttpClient(tls or Tls(), headers={**(headers or {}), **given}, timeout_s=timeout_s or NO_LIMIT_S)
        self._partial = PartialSuccess(name, counters or Counters())

    @classmethod
    def of(cls, config: settings.HttpExporter, counters: Counters | None = None) -> HttpExporter:
        """Return the exporter that a config section describes."""
        return cls(
            config.urls,
            name=config.name,
            headers=config.headers,
            compression=config.compression,
            timeout_s=config.timeout,
            tls=config.tls,
            counters=counters,
        )

    async def send(self, body: bytes, signal: str = TRACES) -> str | None:
        """Send, once; raise `Retryable` where it may be taken later, `Refused` where it never will."""
        url = self._urls[signal]
        answer = await self._client.post(url, await compressed(body, self._compression))
        if not 200 <= answer.status < 300:
            raise sorted_answer(answer, url, signal)
        return self._partial.note(answer.body, signal, url)

    async def close(self) -> None:
        """Close every connection; safe before the first `send` and twice."""
        await self._client.close()


async def compressed(body: bytes, compression: str) -> bytes:
    """Return a body as it travels; a large one is compressed in a thread, so that requests go on meanwhile."""
    if compression == "none":
        return body
    pack = _gzip if compression == "gzip" else _zstd
    return await asyncio.to_thread(pack, body) if len(body) > LARGE else pack(body)


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)  # the fastest level: half the time of the usual one, for a third more bytes
    return packer.compress(body) + packer.flush()


def _zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(body)


def sorted_answer(answer: Answer, url: str, signal: str = TRACES) -> Retryable | Refused:
    """Return an answer that is no success as one of our two kinds of error."""
    words = printable(f"`{url}` answered {answer.status}: {said(answer)}")
    if answer.status in RETRYABLE:
        return Unsure(words, answer.retry_after_s) if answer.status in UNSURE else Retryable(words, answer.retry_after_s)
    if 300 <= answer.status < 400:
        words += "; redirects are not followed, since headers may hold secrets: name the endpoint it leads to"
        return Refused(words, _Code.UNIMPLEMENTED, str(answer.status))
    code = CODES.get(answer.status, _Code.UNKNOWN)
    if code is _Code.UNIMPLEMENTED and signal == LOGS:
        words += "; if it takes no logs, `signals: [traces]` in its exporter says so, and the events in them are judged"
    return Refused(words, code, str(answer.status))


def said(answer: Answer) -> str:
    """Return an answer's words: the message of a `google.rpc.Status`, or the beginning of its text."""
    message = ""
    try:
        if answer.content_type == "application/x-protobuf":
            message = Status.FromString(answer.body).message
        elif answer.content_type == "application/json":
            told = json.loads(answer.body)
            message = str(told.get("message") or "") if isinstance(told, dict) else ""
    except (DecodeError, ValueError, RecursionError):
        pass
    if not message and answer.content_type != "application/x-protobuf":
        message = " ".join(answer.body[: 4 * MAX_SHOWN].decode("utf-8", "replace").split())
    return message[:MAX_SHOWN] or "nothing more"
