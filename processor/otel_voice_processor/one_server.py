"""Asking one HTTP server that somebody named, with what nobody else may hear: no redirect is followed, no answer drips for ever."""

from __future__ import annotations

import http.client
import time
import urllib.request
from typing import Any, Final
from urllib.parse import urlsplit

BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})  # asked again, it may answer
_PIECE: Final = 1 << 16  # bytes read at a time
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Headers hold secrets: they go to the server that was named and nowhere else."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
        """Follow nothing."""


def opener_for(url: str, *handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    """Return what opens addresses of a server; proxies are the environment's, but for localhost."""
    proxies = [urllib.request.ProxyHandler({})] if urlsplit(url).hostname in _LOCAL else []
    return urllib.request.build_opener(_NoRedirect, *handlers, *proxies)


def read_all(answer: http.client.HTTPResponse, most: int, timeout_s: float) -> bytes:
    """Return a body, cut off past `most` bytes; raise `TimeoutError` where it is not whole in time, however steadily it drips."""
    until, parts, size = time.monotonic() + timeout_s, [], 0
    while size <= most and (part := answer.read1(_PIECE)):
        parts.append(part)
        size += len(part)
        if time.monotonic() > until:
            raise TimeoutError
    return b"".join(parts)
