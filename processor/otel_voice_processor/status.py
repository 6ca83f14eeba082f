"""HTTP for people and probes: `GET /` says that the processor serves, and how; `GET /calls/{id}` what came of a call, to loopback alone."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import ipaddress
import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

LOG = logging.getLogger(__name__)
PATIENCE_S: Final = 5.0
MOST_OPEN: Final = 64  # connections, each of which has a thread
SERVING: Final = {"status": "serving", "service": "otel-voice"}
Ask = Callable[[str], dict[str, Any] | None]
About = Callable[[], dict[str, Any]]
Told = Callable[[str | None], dict[str, Any] | None]


class StatusServer:
    """Listens in threads of its own, and asks the processor on its loop: `ask` of a call.

    `about` returns what `GET /` tells beside `SERVING`; it is asked in another thread.
    """

    def __init__(self, endpoint: str, ask: Ask, about: About = dict) -> None:
        self._endpoint = endpoint
        self._ask = ask
        self._about = about
        self._server: http.server.ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    async def start(self) -> None:
        """Open the port; where that fails, say so and go on: traces do not depend on it."""
        host, _, port = self._endpoint.rpartition(":")
        loop, ask, about = asyncio.get_running_loop(), self._ask, self._about

        async def on_loop(call_id: str) -> dict[str, Any] | None:
            return ask(call_id)

        def told(call_id: str | None) -> dict[str, Any] | None:
            if call_id is None:
                return SERVING | about()  # here and now: a loop that is busy is no reason to end the process
            return asyncio.run_coroutine_threadsafe(on_loop(call_id), loop).result(PATIENCE_S)

        try:
            self._server = _server(host.strip("[]"), int(port), told)
        except OSError as error:
            LOG.warning(
                "cannot listen on `%s` (%s): `otel-voice doctor` cannot ask this processor", self._endpoint, error.strerror or error
            )
            return
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Stop listening; safe before `start` and twice."""
        server, thread, self._server, self._thread = self._server, self._thread, None, None
        if server is not None and thread is not None:
            await asyncio.to_thread(server.shutdown)
            await asyncio.to_thread(thread.join)
            server.server_close()


def _server(host: str, port: int, told: Told) -> http.server.ThreadingHTTPServer:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]

    class Server(_Bounded):
        address_family = family

    class Handler(_Handler):
        tell = staticmethod(told)

    return Server((str(address[0]), port), Handler)


class _Bounded(http.server.ThreadingHTTPServer):
    """Holds a few connections for a few seconds each: where too many come the oldest goes, so that a probe is always answered."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_port = False

    def __init__(self, *given: Any) -> None:
        self._open: dict[Any, float] = {}  # since when
        super().__init__(*given)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open[request] = time.monotonic()
        for oldest in list(self._open)[:-MOST_OPEN]:
            self._cut(oldest)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        long_ago = time.monotonic() - PATIENCE_S
        for request in [each for each, since in list(self._open.items()) if since < long_ago]:
            self._cut(request)

    def _cut(self, request: Any) -> None:
        self._open.pop(request, None)
        with contextlib.suppress(OSError):  # it has gone by itself
            request.shutdown(socket.SHUT_RDWR)  # its thread reads the end, and is done

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Somebody who hangs up is no news."""
        LOG.debug("an answer was not taken", exc_info=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    tell: Told
    server_version = "otel-voice"
    sys_version = ""
    timeout = PATIENCE_S  # of a client that does not finish its request

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/":
            self._told(None)
        elif not path.startswith("/calls/"):
            self._answer(404, {"error": "there are `/` and `/calls/{id}`"})
        elif not ipaddress.ip_address(self.client_address[0].partition("%")[0]).is_loopback:
            self._answer(403, {"error": "calls are told to loopback alone"})
        else:
            self._told(unquote(path.removeprefix("/calls/")))

    def _told(self, call_id: str | None) -> None:
        try:
            told = self.tell(call_id)
        except Exception:
            LOG.exception("a question could not be answered")
            self._answer(500, {"error": "the processor failed on this question; its log says why"})
            return
        self._answer(*((404, {"error": "no such call came in, or it is forgotten"}) if told is None else (200, told)))

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Probes come every second: nothing is logged."""
