"""HTTP out, one attempt at a time: every answer whole or not at all, in bounded time and size, with no redirect followed."""

from __future__ import annotations

import asyncio
import io
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
import grpc
import yarl

from otel_voice.printable import printable
from otel_voice_processor.config import Tls
from otel_voice_processor.errors import Retryable, TimedOut, Unsure
from otel_voice_processor.rpc import Refused, tls_context

MAX_ANSWER: Final = 4 << 20  # bytes, as OTLP advises
MAX_CONNECTIONS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered; `retry_after_s` is the wait it asks for, or None."""

    status: int
    content_type: str
    retry_after_s: float | None
    body: bytes


class HttpClient:
    """Posts to one server. `headers` go with every request, `timeout_s` is for all of it: connecting, sending, the answer's last byte."""

    def __init__(self, tls: Tls, *, headers: Mapping[str, str], timeout_s: float) -> None:
        self._tls = tls
        self._headers = {"user-agent": "otel-voice", **headers, "accept-encoding": "identity"}
        self._timeout_s = timeout_s
        self._context: ssl.SSLContext | None = None
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, *, shown: str | None = None) -> Answer:
        """Return the answer, whatever its status; errors call the server `shown`, or by the URL.

        Raise `Retryable` where the server cannot be reached, `TimedOut` or `Unsure` where it may have the request and gave no whole answer,
        `TlsUnusable` where the certificates cannot be used, `Refused` where no server could be asked in this way.
        """
        session, name = self._opened(), shown or url
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._posted(session, url, body)
        except TimeoutError:
            raise TimedOut(f"`{name}` did not answer within {self._timeout_s:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise Retryable(f"`{name}` cannot be reached: {error}") from None
        except (aiohttp.InvalidURL, ValueError) as error:
            raise Refused(f"`{name}` cannot be asked: {error}", grpc.StatusCode.UNIMPLEMENTED) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unsure(f"`{name}` did not answer: {printable(str(error)[:200]) or type(error).__name__}") from None

    async def close(self) -> None:
        """Close every connection; safe before the first `post` and twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # nothing was asked for but plain: what is not could be of any size
            )
        return self._session

    def _trust(self, url: str) -> ssl.SSLContext | bool:
        if not url.startswith("https://"):
            return True
        if self._context is None:
            self._context = tls_context(self._tls)
        return self._context

    async def _posted(self, session: aiohttp.ClientSession, url: str, body: bytes) -> Answer:
        asked = session.post(
            yarl.URL(url, encoded=True), data=io.BytesIO(body), headers=self._headers, allow_redirects=False, ssl=self._trust(url)
        )
        async with asked as answer:
            said = bytearray()
            async for piece in answer.content.iter_any():
                said += piece
                if len(said) > MAX_ANSWER:
                    answer.close()
                    raise aiohttp.ClientPayloadError(f"its answer is larger than {MAX_ANSWER >> 20} MiB")
            return Answer(
                status=answer.status,
                content_type=answer.content_type,
                retry_after_s=retry_after(answer.headers.get("retry-after", ""), time.time()),
                body=bytes(said) if answer.headers.get("content-encoding", "identity") == "identity" else b"",
            )


def retry_after(value: str, now_s: float) -> float | None:
    """Return the seconds that a `Retry-After` asks for, as a number or a date, None where it says nothing that can be read."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError):  # what is no date is one or the other, by the version of Python
        return None
    return max((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now_s, 0.0)
