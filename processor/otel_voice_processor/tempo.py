"""A call's traces out of a Grafana Tempo, by its HTTP API: by the trace id that derives from the call id, else by a TraceQL search."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from otel_voice_schema.attributes import VOICE_CALL_ID
from otel_voice_schema.events import CALL_STARTED

from otel_voice.emit import derive_ids
from otel_voice_processor.errors import Permanent, Retryable, Undecodable
from otel_voice_processor.one_server import BUSY, opener_for, read_all
from otel_voice_processor.otlp_json import request_tree

MAX_ANSWER: Final = 64 << 20  # bytes of one trace
MAX_TRACES: Final = 5  # of one call; it should be one
WINDOW_S: Final = 7 * 86_400  # how far one search may reach, by Tempo's own default

Tree = dict[str, Any]


class Tempo:
    """Asks one Tempo. `headers` go with every request; they and what they hold are never shown. `now` is Unix seconds."""

    def __init__(self, url: str, headers: Mapping[str, str], *, timeout_s: float = 10.0, now: Callable[[], float] = time.time) -> None:
        self._url = (url if "://" in url else f"http://{url}").rstrip("/")
        self._headers, self._timeout_s, self._now = dict(headers), timeout_s, now
        self._opener = opener_for(self._url)

    def call(self, call_id: str, since_s: float) -> Iterator[Tree]:
        """Yield the traces of a call as trees of OTLP JSON; none where there are none.

        Raise `Permanent` where asking again would give the same, `Retryable` where Tempo is away or busy. The search, which looks `since_s`
        seconds back, is for calls that joined somebody's trace.
        """
        derived = f"{derive_ids(call_id)[0]:032x}"
        found = self.trace(derived)
        if found is not None:
            yield found
            if _begins(found, call_id):
                return
        for trace_id in self._search(call_id, since_s):
            tree = self.trace(trace_id) if trace_id != derived else None
            if tree is not None:
                yield tree

    def trace(self, trace_id: str) -> Tree | None:
        """Return one trace by its id in hex as a tree of OTLP JSON, None where Tempo has none; raise as `call` does."""
        body = self._get(f"/api/traces/{trace_id}", "application/protobuf")
        if body is None:
            return None
        try:
            return request_tree(body)
        except Undecodable:
            raise Permanent(f"`{self._url}` answers with no trace in protobuf: is this a Tempo?") from None

    def _search(self, call_id: str, since_s: float) -> list[str]:
        query = f"{{ span.{VOICE_CALL_ID} = {json.dumps(call_id, ensure_ascii=False)} }}"
        found = self._found({"q": query})  # what is new is held apart, and asked for without a range
        now, left = int(self._now()), int(since_s)
        while left > 0 and not found:
            found = self._found({"q": query, "start": str(now - min(left, WINDOW_S)), "end": str(now)})
            now, left = now - WINDOW_S, left - WINDOW_S
        return list(dict.fromkeys(found))[:MAX_TRACES]

    def _found(self, parameters: Mapping[str, str]) -> list[str]:
        body = self._get(f"/api/search?{urlencode({**parameters, 'limit': str(MAX_TRACES)})}", "application/json")
        try:
            traces = json.loads(body or b"").get("traces") or []
            return [f"{int(each['traceID'], 16):032x}" for each in traces]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Permanent(f"`{self._url}` does not answer a search as a Tempo does: is it one, and is its path whole?") from None

    def _get(self, path: str, accept: str) -> bytes | None:
        """Return the body of an answer, None for 404."""
        headers = {"User-Agent": "otel-voice", **self._headers, "Accept": accept}
        request = urllib.request.Request(self._url + path, headers=headers)  # noqa: S310 - http or https, as the options see to
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                body = read_all(answer, MAX_ANSWER, self._timeout_s)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise self._refused(error) from None
        except TimeoutError:
            raise Retryable(f"`{self._url}` did not answer within {self._timeout_s:g} s") from None
        except urllib.error.URLError as error:
            raise self._away(error.reason) from None
        except http.client.HTTPException as error:
            how = type(error).__name__
            raise Permanent(f"`{self._url}` does not speak HTTP as a Tempo does ({how}): its port is 3200 by default") from None
        except OSError as error:
            raise self._away(error) from None
        if len(body) > MAX_ANSWER:
            raise Permanent(f"`{self._url}` holds a trace of more than {MAX_ANSWER >> 20} MiB")
        return body

    def _away(self, reason: object) -> Exception:
        if isinstance(reason, TimeoutError):
            return Retryable(f"`{self._url}` did not answer within {self._timeout_s:g} s")
        why = getattr(reason, "strerror", None) or str(reason)
        return Retryable(f"`{self._url}` cannot be reached: {str(why)[:200].lower()}: is a Tempo there? its port is 3200 by default")

    def _refused(self, error: urllib.error.HTTPError) -> Exception:
        said = error.read(400).decode(errors="replace").strip().split("\n")[0]
        words = f": {said}" if said and not said.startswith("<") else ""
        if error.code in {401, 403}:
            hint = "credentials go into `--header 'Authorization: ...'`, the tenant into `--header 'X-Scope-OrgID: ...'`"
            return Permanent(f"`{self._url}` refuses with {error.code}{words}; {hint}")
        if error.code in BUSY:
            return Retryable(f"`{self._url}` answers {error.code}{words}")
        if 300 <= error.code < 400:
            to = (error.headers.get("Location") or "somewhere else")[:200]
            return Permanent(f"`{self._url}` sends on to `{to}`, which is not followed: name Tempo's own address")
        return Permanent(f"`{self._url}` answers {error.code}{words}")


def _begins(tree: Tree, call_id: str) -> bool:
    """Tell whether a trace holds the begin of a call: then it holds the call."""
    spans = (span for group in tree.get("resourceSpans", ()) for scoped in group.get("scopeSpans", ()) for span in scoped.get("spans", ()))
    named = {"key": VOICE_CALL_ID, "value": {"stringValue": call_id}}
    return any(span.get("name") == CALL_STARTED and named in span.get("attributes", ()) for span in spans)
