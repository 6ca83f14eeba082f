"""The other end of `push`: a server that keeps boards and folders as Grafana's HTTP API documents it, and goes wrong as it is told to."""

from __future__ import annotations

import copy
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "glsa_secret_0123456789"
Answer = tuple[int, Any]


@dataclass
class Board:
    """A board and its history."""

    model: dict[str, Any]
    folder: str
    versions: list[dict[str, Any]] = field(default_factory=list)
    provisioned: bool = False


class Store:
    """Boards by uid and folders, with the status codes of Grafana; `listed` is how it tells histories from 11.5 on."""

    def __init__(self) -> None:
        self.boards: dict[str, Board] = {}
        self.folders: dict[str, str] = {}
        self.nested: dict[str, str] = {}  # in other folders: not listed at the top
        self.denied: set[str] = set()  # what the token's service account lacks
        self.anonymous = False
        self.conflict = ""  # the status of a 412
        self.adds: dict[str, Any] = {}  # what a server adds to what it is given
        self.before_save: Callable[[str], None] = lambda uid: None  # told the board

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        if path == "/api/health":
            return 200, {"commit": "abc", "database": "ok", "version": "13.2.0"}
        for pattern, act in (
            (r"GET /api/dashboards/uid/([\w-]+)", self._board),
            (r"GET /api/dashboards/uid/([\w-]+)/versions/(\d+)", self._version),
            (r"POST /api/dashboards/db", lambda: self._save(body)),
            (r"GET /api/folders", lambda: (200, self._page(query))),
            (r"GET /api/folders/([\w-]+)", self._folder),
            (r"POST /api/folders", lambda: self._make(body)),
        ):
            found = re.fullmatch(pattern, f"{method} {path}")
            if found:
                return act(*found.groups())  # type: ignore[operator]
        return 404, {"message": "Not found"}

    def lacks(self, permission: str) -> Answer | None:
        said = f"You'll need additional permissions to perform this action. Permissions needed: {permission}"
        return (403, {"accessErrorId": "ACE1", "message": said, "title": "Access denied"}) if permission in self.denied else None

    def _board(self, uid: str) -> Answer:
        if denied := self.lacks("dashboards:read"):
            return denied
        if uid not in self.boards:
            return 404, {"message": "Dashboard not found", "status": "not-found"}
        board = self.boards[uid]
        meta = {"folderUid": board.folder, "folderTitle": (self.folders | self.nested).get(board.folder, "General"), "type": "db"}
        meta |= {"provisioned": board.provisioned, "provisionedExternalId": "otel-voice/x.json" if board.provisioned else "", "version": 7}
        return 200, {"dashboard": board.model | self.adds, "meta": meta}

    def _version(self, uid: str, number: str) -> Answer:
        if denied := self.lacks("dashboards:write"):
            return denied
        found = [each for each in self.boards[uid].versions if each["version"] == int(number)]
        return (200, found[0]) if found else (404, {"message": "Dashboard version not found"})

    def _page(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        limit, page = (int(query[key][0]) for key in ("limit", "page"))
        listed = [{"id": at, "uid": uid, "title": title} for at, (uid, title) in enumerate(self.folders.items(), 1)]
        return listed[(page - 1) * limit : page * limit]

    def _folder(self, uid: str) -> Answer:
        known = self.folders | self.nested
        return (200, {"uid": uid, "title": known[uid]}) if uid in known else (404, {"message": "folder not found"})

    def _make(self, body: Any) -> Answer:
        if denied := self.lacks("folders:create"):
            return denied
        uid = f"folder{len(self.folders)}"
        self.folders[uid] = body["title"]
        return 200, {"id": 1, "uid": uid, "title": body["title"]}

    def _save(self, body: Any) -> Answer:
        self.before_save(body["dashboard"]["uid"])
        if self.conflict:
            return 412, {"message": "A dashboard with the same name in the folder already exists", "status": self.conflict}
        model, uid = copy.deepcopy(body["dashboard"]), body["dashboard"]["uid"]
        there = self.boards.get(uid)
        if denied := self.lacks("dashboards:write" if there else "dashboards:create"):
            return denied
        if body["folderUid"] not in {"", *self.folders, *self.nested}:
            return 400, {"message": "folder not found"}
        if there and there.provisioned:
            return 400, {"message": "Cannot save provisioned dashboard"}
        if there and not body["overwrite"] and model["version"] != there.model["version"]:
            return 412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
        self.put(model, body["folderUid"], body["message"])
        saved = self.boards[uid].model
        return 200, {"id": saved["id"], "uid": uid, "status": "success", "version": saved["version"], "slug": "x", "url": f"/d/{uid}/x"}

    def put(self, model: dict[str, Any], folder: str, message: str) -> None:
        """Save a board as a person at the screen does."""
        board = self.boards.setdefault(model["uid"], Board(model={"version": 0}, folder=folder))
        was = board.model["version"]
        board.model, board.folder = model | {"id": 11, "version": was + 1}, folder
        board.versions.append({"id": 5, "uid": model["uid"], "version": was + 1, "parentVersion": was, "message": message})


class Server:
    """Serves a store below a sub-path; `instead` answers in its place, by method and path, where it does not return None."""

    def __init__(self, sub_path: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.store, self.asked = Store(), list[str]()
        self.tokens = set[str | None]()
        self.instead: Callable[[str, str], tuple[int, dict[str, str], bytes] | None] = lambda method, path: None
        self.slow_s = self.drip_s = 0.0  # before an answer begins; before each of its bytes
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._serve(self, sub_path)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that hangs up
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}{sub_path}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _serve(self, request: BaseHTTPRequestHandler, sub_path: str) -> None:
        url = urlsplit(request.path)
        body = json.loads(request.rfile.read(int(request.headers.get("Content-Length", "0"))) or b"null")
        self.asked.append(f"{request.command} {url.path}")
        self.tokens.add(request.headers.get("Authorization"))
        time.sleep(self.slow_s)
        own = self.instead(request.command, url.path)
        if own is not None:
            code, headers, said = own
        elif not url.path.startswith(f"{sub_path}/"):
            code, headers, said = 404, {"Content-Type": "text/html"}, b"<html>nothing here</html>"
        elif not self._knows(request) and not url.path.endswith("/api/health"):
            code, headers, said = 401, {}, json.dumps({"message": "Invalid API key", "messageId": "api-key.invalid"}).encode()
        else:
            code, told = self.store.answer(request.command, url.path.removeprefix(sub_path), parse_qs(url.query), body)
            headers, said = {"Content-Type": "application/json"}, json.dumps(told).encode()
        request.send_response(code)
        for key, value in {**headers, "Content-Length": str(len(said))}.items():
            request.send_header(key, value)
        request.end_headers()
        for at in range(0, len(said), 1 if self.drip_s else len(said) or 1):
            time.sleep(self.drip_s)
            request.wfile.write(said[at : at + (1 if self.drip_s else len(said))])

    def _knows(self, request: BaseHTTPRequestHandler) -> bool:
        sent = request.headers.get("Authorization")
        return sent == f"Bearer {TOKEN}" or (sent is None and self.store.anonymous)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(sub_path: str = "", tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(sub_path, tls)
    try:
        yield server
    finally:
        server.close()
