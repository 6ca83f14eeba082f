"""What a Tempo answers, and what is said where it does not; a real one is asked in `peers/test_tempo.py`."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from otel_voice_processor.cli import main
from otel_voice_processor.errors import Permanent, Retryable
from otel_voice_processor.otlp_json import encode_requests
from otel_voice_processor.tempo import WINDOW_S, Tempo

from otel_voice.emit import derive_ids
from tests.processor.conftest import Timeline
from tests.processor.recorded import told

Answers = Callable[[str, dict[str, str]], tuple[int, dict[str, str], bytes]]
DERIVED = f"{derive_ids('call_1')[0]:032x}"
NOW = 1_790_000_000


class Server:
    """Answers as it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.answers: Answers = lambda path, query: (404, {}, b"")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                outer.asked.append(url.path)
                outer.headers.append(dict(self.headers))
                code, headers, body = outer.answers(url.path, {key: each[0] for key, each in parse_qs(url.query).items()})
                self.send_response(code)
                for key, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.close()


def trace(timeline: Timeline) -> bytes:
    """Return events as Tempo keeps them."""
    ((_, body),) = encode_requests(json.loads(told(timeline.events)))
    return body


def call(name: str = "call_1") -> Timeline:
    return Timeline(name).started().speaks("r1", 1.0, 3.0, "interrupted").says("no, Friday", 2.6, 3.4, told=2.9).ends(5.0)


def ask(server: Server, call_id: str = "call_1", since_s: float = 86_400.0, **headers: str) -> list[object]:
    return list(Tempo(server.url, headers, timeout_s=2.0, now=lambda: NOW).call(call_id, since_s))


def test_a_call_is_found_by_the_trace_id_that_derives_from_its_own(server: Server) -> None:
    """One request, with the headers that were given."""
    server.answers = lambda path, query: (200, {}, trace(call()))

    assert 1 == len(ask(server, **{"X-Scope-OrgID": "team"}))
    assert [f"/api/traces/{DERIVED}"] == server.asked
    assert "team" == server.headers[0]["X-Scope-Orgid" if "X-Scope-Orgid" in server.headers[0] else "X-Scope-OrgID"]


def test_a_call_that_joined_a_trace_is_searched_for(server: Server) -> None:
    """What is new is asked for without a range, then week by week back; short ids are padded."""
    ranges: list[tuple[str, str]] = []

    def answers(path: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if path == "/api/search":
            ranges.append((query.get("start", ""), query.get("end", "")))
            assert r'{ span.voice.call.id = "call_\"1\"" }' == query["q"]
            found = [{"traceID": "abc"}] if query.get("start") == str(NOW - 2 * WINDOW_S) else []
            return 200, {}, json.dumps({"traces": found}).encode()
        return (200, {}, trace(call())) if path.endswith("/" + "abc".zfill(32)) else (404, {}, b"")

    server.answers = answers

    assert 1 == len(ask(server, 'call_"1"', since_s=3 * WINDOW_S))
    assert [("", ""), (str(NOW - WINDOW_S), str(NOW)), (str(NOW - 2 * WINDOW_S), str(NOW - WINDOW_S))] == ranges


def test_a_derived_trace_without_the_begin_of_the_call_is_not_all(server: Server) -> None:
    """An emitter that shares only the call's id wrote there, while the agent's part joined another trace."""
    part = call()
    part.events = part.events[3:]

    def answers(path: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if path == "/api/search":
            return 200, {}, json.dumps({"traces": [{"traceID": DERIVED}, {"traceID": "abc"}]}).encode()
        return 200, {}, trace(part if path.endswith(DERIVED) else call())

    server.answers = answers

    assert 2 == len(ask(server))
    assert 1 == server.asked.count(f"/api/traces/{DERIVED}")


@pytest.mark.parametrize(
    ("code", "headers", "body", "kind", "words"),
    [
        (401, {}, b"no org id", Permanent, "refuses with 401: no org id; credentials go into `--header 'Authorization: ...'`"),
        (403, {}, b"<html>", Permanent, "refuses with 403; credentials"),
        (302, {"Location": "http://127.0.0.1:9/login"}, b"", Permanent, "sends on to `http://127.0.0.1:9/login`, which is not followed"),
        (400, {}, b"range exceeds 168h", Permanent, "answers 400: range exceeds 168h"),
        (429, {}, b"slow down", Retryable, "answers 429: slow down"),
        (503, {}, b"", Retryable, "answers 503"),
        (200, {"Content-Type": "text/html"}, b"<html>Grafana</html>", Permanent, "no trace in protobuf: is this a Tempo?"),
    ],
)
def test_each_refusal_has_its_words(
    server: Server, code: int, headers: dict[str, str], body: bytes, kind: type[Exception], words: str
) -> None:
    """Whether it is worth another try, and what to do; what was sent in the headers is not shown."""
    server.answers = lambda path, query: (code, headers, body)
    with pytest.raises(kind) as raised:
        ask(server, Authorization="Bearer very-secret")

    assert words in str(raised.value)
    assert "very-secret" not in str(raised.value)


def test_a_server_that_is_no_tempo_is_named_as_that(server: Server) -> None:
    """One that knows no such paths, or answers a search with something else."""
    with pytest.raises(Permanent, match="does not answer a search as a Tempo does"):
        ask(server)
    server.answers = lambda path, query: (200, {}, b"[]") if path == "/api/search" else (404, {}, b"")
    with pytest.raises(Permanent, match="does not answer a search as a Tempo does"):
        ask(server)


def test_nobody_there_and_nobody_answering_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and one line each."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert 1 == main(["explain", "call_1", "--tempo", url, "--timeout", "200ms"])
        assert f"otel-voice: `{url}` did not answer within 0.2 s\n" == capsys.readouterr().err
    assert 1 == main(["explain", "call_1", "--tempo", url])
    assert f"`{url}` cannot be reached: connection refused: is a Tempo there?" in capsys.readouterr().err
    with socket.create_server(("127.0.0.1", 0)) as listener:  # as a gRPC port does
        threading.Thread(target=lambda: listener.accept()[0].sendall(b"\x00\x00\x12\x04\x00\r\n\r\n"), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert 2 == main(["explain", "call_1", "--tempo", url])
        assert "does not speak HTTP as a Tempo does" in capsys.readouterr().err


def test_a_call_is_explained_from_a_tempo(server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By its id, or by a trace id; a secret comes from the environment."""
    monkeypatch.setenv("TEMPO_AUTH", "c2VjcmV0")

    def answers(path: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        known = path.endswith(DERIVED)
        return (200, {}, trace(call())) if known else (404 if "traces" in path else 200, {}, b'{"traces": []}')

    server.answers = answers
    for wanted in ("call_1", DERIVED):
        assert 0 == main(["explain", wanted, "--tempo", server.url, "--header", "Authorization: Basic ${env:TEMPO_AUTH}"])
        out, err = capsys.readouterr()
        assert out.startswith('The caller meant it: "no, Friday"'), err
    assert "Basic c2VjcmV0" == server.headers[0]["Authorization"]
    assert 2 == main(["explain", "call_2", "--tempo", server.url])
    err = capsys.readouterr().err
    assert f"no call `call_2` in `{server.url}`, not by its trace id and not by `voice.call.id` in the last 24 h" in err
    assert "sampled away" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tempo", "http://localhost:3200"], "name the call"),
        (["latest", "--tempo", "http://localhost:3200"], "name the call"),
        (["call_1", "--tempo", "http://localhost:3200", "--from", "x"], "either `--from` or `--tempo`"),
        (["call_1", "--header", "a: b"], "`--header` goes with `--tempo`"),
        (["call_1", "--tempo", "htp://localhost"], "unknown scheme `htp`"),
        (["call_1", "--tempo", "http://me:very-secret@localhost:3200"], "credentials go into"),
        (["call_1", "--tempo", "localhost:3200", "--header", "very-secret"], "`NAME: VALUE` is wanted"),
        (["call_1", "--tempo", "localhost:3200", "--header", "a: very-secret\r\nb: c"], "`NAME: VALUE` is wanted"),
        (["call_1", "--tempo", "localhost:3200", "--header", "a: ${env:NOBODY_SET_THIS}"], "the environment has no `NOBODY_SET_THIS`"),
        (["call_1", "--tempo", "localhost:3200", "--since", "yesterday"], "no length of time such as"),
        (["call_1", "--tempo", "localhost:3200", "--timeout", "0s"], "no length of time such as"),
    ],
)
def test_a_mistaken_option_is_told_in_a_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, and no secret in the message."""
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["explain", *arguments])
    except SystemExit as stopped:
        code = int(str(stopped.code))
    err = capsys.readouterr().err

    assert 2 == code
    assert words in err.splitlines()[-1]
    assert "very-secret" not in err


def test_an_answer_that_drips_is_given_up() -> None:
    """The limit is for the whole answer: a byte now and then does not hold anybody longer."""

    class Dripping(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            with contextlib.suppress(OSError):  # the client has gone
                for _ in range(100):
                    self.wfile.write(b"x")
                    time.sleep(0.05)

        def log_message(self, *_: object) -> None:
            pass

    drip = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    threading.Thread(target=drip.serve_forever, args=(0.01,), daemon=True).start()
    try:
        with pytest.raises(Retryable, match=r"did not answer within 0\.2 s"):
            Tempo(f"http://127.0.0.1:{drip.server_address[1]}", {}, timeout_s=0.2).trace(DERIVED)
    finally:
        drip.shutdown()
        drip.server_close()


def test_a_search_that_answers_nonsense_is_no_traceback(server: Server) -> None:
    """Two hundred thousand brackets are no Tempo."""
    server.answers = lambda path, query: (200, {}, b"[" * 200_000) if "search" in path else (404, {}, b"")

    with pytest.raises(Permanent, match="does not answer a search as a Tempo does"):
        ask(server)
