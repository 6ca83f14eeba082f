"""What is wrong with an endpoint: of our listener, of a gRPC server, of an HTTP server."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from otel_voice.strict import nearest

_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?")
_WANTED: Final = "`host:port` is wanted, with a port from 1 to 65535"


def listener_problem(endpoint: str) -> str | None:
    """Return what is wrong with the host:port of a listener, or None; port 0 lets the system choose."""
    if "://" in endpoint:
        return "no scheme goes before an address to listen on"
    if endpoint.startswith(":"):  # the collector takes it, gRPC for Python does not
        return f"a host is missing, `0.0.0.0{endpoint}` is every interface"
    url = _split(endpoint)
    return _problem(url, least=0) or _path_problem(url)


def server_problem(endpoint: str) -> str | None:
    """Return what is wrong with the host:port of a gRPC server, or None; `http://` or `https://` may stand before it."""
    url = _split(endpoint)
    return _problem(url) or _path_problem(url)


def url_problem(endpoint: str) -> str | None:
    """Return what is wrong with an HTTP endpoint, or None; with a scheme it needs no port."""
    url = _split(endpoint)
    if url is not None and not re.fullmatch(r"[!-~]*", url.path):
        return "its path holds what must be percent-encoded"
    return _problem(url, port_needed=url is None or not url.scheme)


def _split(endpoint: str) -> SplitResult | None:
    try:
        return urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    except ValueError:  # a bracket that is not closed
        return None


def _path_problem(url: SplitResult | None) -> str | None:
    return "it takes no path" if url is not None and url.path not in {"", "/"} else None


def _problem(url: SplitResult | None, *, least: int = 1, port_needed: bool = True) -> str | None:
    if url is None:
        return _WANTED
    if url.scheme not in {"", "http", "https"}:
        return f"unknown scheme `{url.scheme}`{nearest(url.scheme, ('http', 'https'))}"
    if "@" in url.netloc:
        return "credentials go into `headers`, not into an endpoint"
    if url.query or url.fragment:
        return "it takes no query and no fragment"
    try:
        port, host = url.port, url.hostname or ""
        if url.netloc.startswith("["):
            ipaddress.IPv6Address(host)
        elif not _HOST.fullmatch(host):
            return _WANTED
    except ValueError:
        return _WANTED
    if port is None:
        return _WANTED if port_needed or url.netloc.endswith(":") else None
    return None if port >= least else _WANTED
