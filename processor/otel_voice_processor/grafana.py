"""A Grafana by its HTTP API, as far as boards go: what it holds of one, who saved that last, where it lies, and saving one."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from otel_voice.printable import printable
from otel_voice_processor.errors import Permanent, Retryable
from otel_voice_processor.one_server import BUSY, opener_for, read_all

MAX_ANSWER: Final = 16 << 20  # bytes
PAGE: Final = 1000  # folders a page
MAX_PAGES: Final = 20
_UID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_CONFLICTS: Final = {  # what to do, by the status that comes with a 412
    "version-mismatch": ": somebody saved it just now; run the same again to see what changed",
    "name-exists": ": the folder has another board of that title; rename that one, or choose a folder by `--folder`",
}


class Refused(Permanent):
    """A Grafana answered, and does not do this one thing; `status` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Where boards lie; the root, which has no folder, has no uid."""

    uid: str
    title: str


ROOT: Final = Folder(uid="", title="Dashboards")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A board that a Grafana has; `provisioned` names the file it comes from where it cannot be saved, else it is None."""

    model: dict[str, Any]
    version: int
    folder: Folder
    provisioned: str | None


class Grafana:
    """Asks one Grafana; `url` holds its sub-path if it has one. The token goes with every request and is in no error.

    Proxies are the environment's, but for localhost.
    Every method raises `Retryable` where Grafana is away or busy, `Refused` where it says no to this one thing, and `Permanent` where there
    is nothing to be done with it at all.
    """

    def __init__(self, url: str, token: str | None, *, trust: ssl.SSLContext, timeout_s: float = 10.0) -> None:
        self.url = (url if "://" in url else f"http://{url}").rstrip("/")
        self._token, self._timeout_s = token, timeout_s
        self._opener = opener_for(self.url, urllib.request.HTTPSHandler(context=trust))

    def version(self) -> str:
        """Return which Grafana it is, `""` where it does not tell; raise `Permanent` where none is."""
        try:
            found = self._ask("GET", "/api/health")
        except Refused as error:
            raise Permanent(
                str(error) if error.status in {401, 403} else f"{self._none()} (`/api/health` answers {error.status})"
            ) from None
        if not isinstance(found, dict) or "database" not in found:
            raise Permanent(self._none())
        return str(found.get("version") or "")[:40]

    def board(self, uid: str) -> Held | None:
        """Return the board of that uid, None where there is none."""
        try:
            found = self._ask("GET", f"/api/dashboards/uid/{uid}", permission="`dashboards:read` on the board")
        except Refused as error:
            if error.status == 404:
                return None
            raise
        model, meta = (found.get(key) for key in ("dashboard", "meta")) if isinstance(found, dict) else (None, None)
        if not isinstance(model, dict) or not isinstance(meta, dict):
            raise Permanent(self._none())
        folder = Folder(uid=_text(meta.get("folderUid")), title=_text(meta.get("folderTitle")))
        named = _text(meta.get("provisionedExternalId")) or "a file"
        version = model.get("version", meta.get("version"))
        return Held(
            model=model,
            version=version if isinstance(version, int) else 0,
            folder=ROOT if folder.uid in {"", "general"} else folder,
            provisioned=named if meta.get("provisioned") is True else None,
        )

    def message(self, uid: str, version: int) -> str:
        """Return what was said when this version of a board was saved, `""` where that is not known."""
        try:  # one version by itself: a list calls each first one `Initial save`, whatever was said
            found = self._ask("GET", f"/api/dashboards/uid/{uid}/versions/{version}", permission="`dashboards:write` on the board")
        except Refused as error:
            if error.status == 403:
                raise
            return ""
        return _text(found.get("message")) if isinstance(found, dict) and found.get("version") == version else ""

    def folder(self, named: str) -> Folder | None:
        """Return the folder of that title at the top, or of that uid anywhere, None where there is none; several raise `Refused`."""
        found = [each for each in self._folders() if named in (each.uid, each.title)]
        if len(found) > 1:
            uids = ", ".join(f"`{each.uid}`" for each in found[:5])
            raise Refused(f"`{self.url}` has {len(found)} folders that are called `{named}`: name one by its uid: {uids}", 409)
        if not found and _UID.fullmatch(named):
            try:
                nested = self._ask("GET", f"/api/folders/{named}")
            except Refused:
                return None  # 403, too, is how Grafana tells of a folder that is not there
            found = [_folder(nested)]
        return found[0] if found else None

    def make_folder(self, title: str) -> Folder:
        """Make a folder at the top and return it."""
        return _folder(self._ask("POST", "/api/folders", {"title": title}, permission="`folders:create`"))

    def save(self, model: dict[str, Any], over: Held | None, folder: Folder, message: str) -> None:
        """Save a board over the version that was seen, or as a new one; raise `Refused` where somebody saved it meanwhile."""
        seen = {"id": over.model.get("id"), "version": over.version} if over else {"id": None, "version": 0}
        body = {"dashboard": {**model, **seen}, "folderUid": folder.uid, "message": message, "overwrite": False}
        wanted = "`dashboards:write` on the board" if over else f"`dashboards:create` on the folder `{folder.title}`"
        found = self._ask("POST", "/api/dashboards/db", body, permission=wanted)
        if not isinstance(found, dict) or found.get("status") != "success":
            raise Refused(f"`{self.url}` took the board and does not say that it is saved: {printable(str(found))[:200]}", 200)

    def _folders(self) -> list[Folder]:
        found: list[Folder] = []
        for page in range(1, MAX_PAGES + 1):
            listed = self._ask("GET", f"/api/folders?limit={PAGE}&page={page}", permission="`folders:read`")
            if not isinstance(listed, list):
                raise Permanent(self._none())
            found += [_folder(each) for each in listed]
            if len(listed) < PAGE:
                break
        return found

    def _ask(self, method: str, path: str, body: Any = None, permission: str = "") -> Any:
        """Return an answer's JSON; raise as the class says. `permission` is what a 403 means that the token lacks."""
        headers = {"User-Agent": "otel-voice", "Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            headers["Content-Type"] = "application/json"
        address = self.url + quote(path, safe="/?&=%")
        request = urllib.request.Request(address, data=sent, headers=headers, method=method)  # noqa: S310 - http or https, as the options see to
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                status, said = answer.status, self._read(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error, permission) from None
        except urllib.error.URLError as error:
            raise self._away(error.reason) from None
        except http.client.HTTPException as error:
            raise Permanent(f"{self._none()} ({type(error).__name__})") from None
        except OSError as error:
            raise self._away(error) from None
        try:
            found = json.loads(said)
        except (ValueError, RecursionError):
            raise Permanent(self._none()) from None
        if status != 200:
            raise Refused(f"`{self.url}` answers {status}{self._words(said)}", status)
        return found

    def _read(self, answer: Any) -> bytes:
        """Return a body; raise `TimeoutError` as `read_all` does, `Permanent` if it is too large."""
        body = read_all(answer, MAX_ANSWER, self._timeout_s)
        if len(body) > MAX_ANSWER:
            raise Permanent(f"`{self.url}` answers with more than {MAX_ANSWER >> 20} MiB")
        return body

    def _none(self) -> str:
        sub_path = "the sub-path must be there if it has one, as in `https://example.com/grafana`"
        return f"`{self.url}` does not answer as a Grafana does: is it one? {sub_path}"

    def _words(self, said: bytes) -> str:
        """What a Grafana says of an error, without the token that something may have echoed."""
        found = _error(said)
        text = _text(found.get("message")) if found else said.decode(errors="replace").strip().partition("\n")[0]
        text = text.replace(self._token, "***") if self._token else text
        return f": {printable(text)[:300]}" if text and not text.startswith("<") else ""

    def _refused(self, error: urllib.error.HTTPError, permission: str) -> Exception:
        try:
            said = self._read(error.fp)
        except (OSError, http.client.HTTPException, Permanent):
            said = b""
        words, code = self._words(said), error.code
        if code == 401:
            how = "the token is wrong, was taken back or has expired" if self._token else "it wants a token"
            return Permanent(
                f"`{self.url}` refuses with 401{words}: {how}; one of a service account goes into `--token-file` or `GRAFANA_TOKEN`"
            )
        if code == 403:
            asks = permission and "quota" not in words.lower()
            lacks = f"; the token's service account lacks {permission}, which the role Editor has" if asks else ""
            return Refused(f"`{self.url}` refuses with 403{words}{lacks}", code)
        if code == 412:
            return Refused(f"`{self.url}` refuses with 412{words}{_CONFLICTS.get(_text(_error(said).get('status')), '')}", code)
        if code in BUSY:
            return Retryable(f"`{self.url}` answers {code}{words}: it is busy or ill, try again later")
        if 300 <= code < 400:
            to = urlsplit(error.headers.get("Location") or "")
            where = printable(f"{to.scheme}://{to.netloc.rpartition('@')[2]}{to.path}" if to.netloc else to.path)[:200]
            return Permanent(f"`{self.url}` sends on to `{where}`, which is not followed: name Grafana's own address, with its sub-path")
        return Refused(f"`{self.url}` answers {code}{words}", code)

    def _away(self, reason: object) -> Exception:
        host = urlsplit(self.url).hostname
        if isinstance(reason, TimeoutError):
            return Retryable(f"`{self.url}` did not answer within {self._timeout_s:g} s")
        if isinstance(reason, socket.gaierror):
            return Retryable(f"`{self.url}` cannot be reached: no host `{host}` is known here")
        if isinstance(reason, ssl.SSLCertVerificationError):
            return Permanent(
                f"`{self.url}` has a certificate that is not trusted: {reason.verify_message}; a CA of your own goes into `--ca-file`"
            )
        if isinstance(reason, ssl.SSLError):
            return Permanent(f"`{self.url}` does not speak TLS on that port ({reason.reason or reason}): is it `http://`?")
        why = str(getattr(reason, "strerror", None) or reason)
        hint = ": is a Grafana there? its port is 3000 by default" if isinstance(reason, ConnectionRefusedError) else ""
        return Retryable(f"`{self.url}` cannot be reached: {printable(why[:200].lower())}{hint}")


def _error(said: bytes) -> dict[str, Any]:
    """What a Grafana tells of an error, nothing where it is none's."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _folder(found: object) -> Folder:
    told = found if isinstance(found, dict) else {}
    return Folder(uid=_text(told.get("uid")), title=_text(told.get("title")))
