"""OTLP over HTTP, against a server on a real socket that does what no server should."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import time
from email.utils import formatdate
from pathlib import Path

import pytest
import trustme
import zstandard
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from otel_voice_processor import config as settings
from otel_voice_processor.config import Tls
from otel_voice_processor.errors import Permanent, Retryable, TimedOut, Unsure
from otel_voice_processor.forward import HttpExporter
from otel_voice_processor.http_client import MAX_ANSWER, retry_after
from otel_voice_processor.rpc import Refused
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.testing import free_port

from tests.processor.forward.doubles import Web, web

LARGE = bytes(range(256)) * 20_000  # 5 MB


def exporter_to(one: Web, timeout_s: float = 5.0, compression: str = "none") -> HttpExporter:
    return HttpExporter({"traces": f"{one.url}/v1/traces", "logs": f"{one.url}/v1/logs"}, timeout_s=timeout_s, compression=compression)


async def outcome(exporter: HttpExporter, body: bytes = b"x") -> Exception | str | None:
    try:
        return await exporter.send(body)
    except (Retryable, Permanent) as error:
        return error


async def test_each_signal_goes_to_its_path_with_the_headers_given() -> None:
    """`/v1/traces` and `/v1/logs` are appended to the endpoint; an endpoint of a signal's own is taken as it is."""
    async with web() as one:
        for config in (
            settings.HttpExporter(endpoint=f"{one.url}/otlp/", headers={"x-scope-orgid": "7"}),
            settings.HttpExporter(endpoint=f"127.0.0.1:{one.port}", logs_endpoint=f"{one.url}/here", tls=Tls(insecure=True)),
        ):
            exporter = HttpExporter.of(config)
            assert await exporter.send(b"x") is None
            await exporter.send(b"y", "logs")
            await exporter.close()
            await exporter.close()

    assert ["/otlp/v1/traces", "/otlp/v1/logs", "/v1/traces", "/here"] == [path for path, _, _ in one.seen]
    assert [b"x", b"y", b"x", b"y"] == [body for _, _, body in one.seen]
    assert ("application/x-protobuf", "7") == (one.seen[0][1]["content-type"], one.seen[0][1]["x-scope-orgid"])
    assert "content-encoding" not in one.seen[0][1]


@pytest.mark.parametrize("body", [b"", b"\x0a\x00" * 500, LARGE], ids=["empty", "small", "large"])
@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
async def test_a_body_arrives_as_it_was_however_it_travels(compression: str, body: bytes) -> None:
    """Plain, gzip or zstd, as `content-encoding` says."""
    unpack = {"none": bytes, "gzip": gzip.decompress, "zstd": zstandard.ZstdDecompressor().decompress}[compression]
    async with web() as one:
        exporter = exporter_to(one, compression=compression)
        await exporter.send(body)
        await exporter.close()
    _, headers, sent = one.seen[0]

    assert body == unpack(sent)
    assert compression == headers.get("content-encoding", "none")


async def test_compressing_a_large_body_holds_up_nobody() -> None:
    """It happens in a thread."""
    beats: list[float] = []

    async def beat() -> None:
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0.001)

    async with web() as one:
        exporter = exporter_to(one, compression="gzip")
        beating = asyncio.create_task(beat())
        await asyncio.sleep(0.01)
        await exporter.send(LARGE * 8)
        beating.cancel()
        await exporter.close()

    assert 5 < len(beats)
    assert len(LARGE) * 8 == len(gzip.decompress(one.seen[0][2]))


@pytest.mark.parametrize(
    "status", [300, 301, 302, 303, 305, 307, 308, 400, 401, 403, 404, 405, 407, 408, 409, 411, 413, 415, 418, 422, 429, *range(500, 509)]
)
async def test_each_status_is_worth_a_retry_only_where_otlp_says_so(status: int) -> None:
    """429, 502, 503 and 504, and no other."""
    async with web() as one:
        exporter = exporter_to(one)
        one.answers(f"{status} Said", b"words", location=f"{one.url}/elsewhere")
        found = await outcome(exporter)
        await exporter.close()

    assert 1 == len(one.seen)
    assert f"`{one.url}/v1/traces` answered {status}: words" in str(found)
    assert (status in {429, 502, 503, 504}) == isinstance(found, Retryable)
    assert (status in {502, 504}) == isinstance(found, Unsure)
    if isinstance(found, Refused):
        assert str(status) == found.told
        assert (status < 400 or status in {401, 403, 404, 405, 407, 415}) == found.about_us


async def test_an_answer_is_heard_though_it_comes_in_the_middle_of_a_request() -> None:
    """A server that will not read 40 MB says so and closes: that is a refusal, not a line that broke."""
    async with web() as one:
        one.answers("413 Too Large", b"too large", connection="close")
        one.early = True
        exporter = exporter_to(one)
        found = [str(await outcome(exporter, LARGE * 8)) for _ in range(3)]
        await exporter.close()

    assert [f"`{one.url}/v1/traces` answered 413: too large"] * 3 == found


async def test_who_takes_no_logs_is_told_how_to_say_so() -> None:
    """Traces alone may be meant; the setting for that is named."""
    async with web() as one:
        one.answers("404 Not Found", b"no page")
        exporter = exporter_to(one)
        with pytest.raises(Refused, match=r"`signals: \[traces\]` in its exporter says so"):
            await exporter.send(b"x", "logs")
        assert "signals" not in str(await outcome(exporter))
        await exporter.close()


async def test_a_url_that_nobody_could_ask_is_ours_to_mend() -> None:
    """It must not cost the data."""
    exporter = HttpExporter({"traces": "http://127.0.0.1:99999999/"})
    found = await outcome(exporter)
    await exporter.close()

    assert isinstance(found, Refused)
    assert found.about_us


async def test_a_redirect_is_said_and_not_followed() -> None:
    """Headers may hold a token that is nobody else's business."""
    async with web() as one, web() as other:
        exporter = exporter_to(one)
        one.answers("307 Temporary Redirect", location=f"{other.url}/v1/traces")
        found = await outcome(exporter)
        await exporter.close()

    assert "redirects are not followed" in str(found)
    assert [] == other.seen


async def test_the_wait_asked_for_is_read_in_seconds_and_as_a_date() -> None:
    """`Retry-After` in both forms."""
    async with web() as one:
        exporter = exporter_to(one)
        for value, least, most in (("7", 7, 7), (formatdate(time.time() + 60, usegmt=True), 55, 60), ("soon", None, None)):
            one.answers("503 Busy", Retry_After=value)
            found = await outcome(exporter)
            assert isinstance(found, Retryable)
            if least is None:
                assert found.delay_s is None
            else:
                assert least <= (found.delay_s or 0) <= (most or 0)
        await exporter.close()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 12 ", 12.0),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("٣", None),
        ("9" * 400, 999_999_999.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
        ("Thu, 01 Jan 1970 00:00:05 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:01:00", 50.0),
        ("Thu, 99 Jan 1970 00:01:00 GMT", None),
        ("Thu, 01 Jan 99999 00:01:00 GMT", None),
    ],
)
def test_a_retry_after_that_cannot_be_read_is_none(value: str, seconds: float | None) -> None:
    """A date is held against our clock; one that has passed is no wait."""
    assert seconds == retry_after(value, 10.0)


async def test_the_message_of_a_status_is_shown() -> None:
    """A `google.rpc.Status` in protobuf or JSON, or the beginning of a text, on one line and cut."""
    async with web() as one:
        exporter = exporter_to(one)
        for kind, body, wanted in (
            ("application/x-protobuf", Status(code=3, message="bad span\n\x1b[2J").SerializeToString(), "bad span\\n\\x1b[2J"),
            ("application/json", json.dumps({"code": 3, "message": "bad json"}).encode(), "bad json"),
            ("application/json", b'["no object"]', '["no object"]'),
            ("application/json", b"{", "{"),
            ("text/html; charset=utf-8", b"<h1>\n No </h1>", "<h1> No </h1>"),
            ("application/x-protobuf", b"\xff", "nothing more"),
            ("text/plain", b"y" * 9_000, "y" * 500),
            ("text/plain", b"", "nothing more"),
        ):
            one.answers("400 Bad", body, content_type=kind)
            assert f"`{one.url}/v1/traces` answered 400: {wanted}" == str(await outcome(exporter))
        await exporter.close()


async def test_a_partial_success_is_told() -> None:
    """As by gRPC."""
    counters = Counters()
    partial = ExportTraceServiceResponse(partial_success={"rejected_spans": 2, "error_message": "old"}).SerializeToString()
    async with web() as one:
        exporter = HttpExporter({"traces": one.url}, name="otlp_http/x", counters=counters)
        one.answers("200 OK", partial, content_type="application/x-protobuf")
        told = await exporter.send(b"x")
        one.answers("202 Accepted")
        assert await exporter.send(b"x") is None
        await exporter.close()

    assert f"`{one.url}` rejected 2 records: old" == told
    assert 2 == counters.get("otel_voice_exporter_rejected_spans", exporter="otlp_http/x")


async def drips(writer: object) -> None:
    while True:
        writer.write(b"x")  # type: ignore[attr-defined]
        await writer.drain()  # type: ignore[attr-defined]
        await asyncio.sleep(0.02)


async def hangs(writer: object) -> None:
    await asyncio.sleep(60)


async def goes(writer: object) -> None:
    pass


@pytest.mark.parametrize(
    ("answer", "then", "wanted"),
    [
        (b"", hangs, TimedOut),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n", hangs, TimedOut),
        (b"HTTP/1.1 200 OK\r\n\r\n", drips, TimedOut),
        (b"HTTP/1.1 200 OK\r\nx: ", drips, TimedOut),
        (b"", goes, Unsure),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\nbegun", goes, Unsure),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegun\r\n", goes, Unsure),
        (b"\x00\x01garbage\r\n\r\n", goes, Unsure),
        (b"HTTP/1.1 9999 What\r\n\r\n", goes, Unsure),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", goes, Unsure),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", goes, Unsure),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_ANSWER + 9), goes, Unsure),
    ],
    ids=["hangs", "hangs_in_body", "drips", "drips_header", "closes", "cut", "cut_chunk", "garbage", "status", "length", "http2", "huge"],
)
async def test_an_answer_that_is_not_whole_leaves_us_unsure_and_in_time(answer: bytes, then: object, wanted: type[Exception]) -> None:
    """However steadily it drips and however much it sends: the time is for all of it, the size is bounded."""
    async with web() as one:
        one.answer, one.then = answer, then  # type: ignore[assignment]
        exporter = exporter_to(one, timeout_s=0.3 if wanted is TimedOut else 5.0)
        began = time.monotonic()
        found = await outcome(exporter)
        await exporter.close()

    assert type(found) is wanted, found
    assert 3 > time.monotonic() - began
    assert 1 == len(one.seen), "one attempt is one request"


async def test_a_compressed_answer_that_nobody_asked_for_is_not_opened() -> None:
    """It could be of any size."""
    async with web() as one:
        one.answers("400 Bad", gzip.compress(b"x" * 10_000_000), content_encoding="gzip", content_type="text/plain")
        exporter = exporter_to(one)
        found = await outcome(exporter)
        await exporter.close()

    assert "answered 400: nothing more" in str(found)
    assert "identity" == one.seen[0][1]["accept-encoding"]


async def test_nobody_there_may_be_there_later() -> None:
    """Nothing was taken, so it is not unsure."""
    exporter = HttpExporter({"traces": f"http://127.0.0.1:{free_port()}/v1/traces"})
    found = await outcome(exporter)
    await exporter.close()

    assert type(found) is Retryable
    assert "cannot be reached" in str(found)


async def test_it_speaks_tls_to_who_shows_the_right_certificate(tmp_path: Path) -> None:
    """With a certificate of its own where the server asks for one; another's certificate may be mended, and sends nothing."""
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    mine = authority.issue_cert("agent.example")
    ca, other, cert, key = (tmp_path / name for name in ("ca.pem", "other.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(ca)
    stranger.cert_pem.write_to_path(other)
    mine.private_key_pem.write_to_path(key)
    mine.cert_chain_pems[0].write_to_path(cert)
    async with web(context) as one:
        found: list[Exception | str | None] = []
        for tls in (
            Tls(ca_file=str(ca), cert_file=str(cert), key_file=str(key)),
            Tls(ca_file=str(other), cert_file=str(cert), key_file=str(key)),
            Tls(ca_file=str(ca)),
        ):
            exporter = HttpExporter.of(settings.HttpExporter(endpoint=f"127.0.0.1:{one.port}", tls=tls))
            found.append(await outcome(exporter, b"secret"))
            await exporter.close()

    assert found[0] is None
    assert "CERTIFICATE_VERIFY_FAILED" in str(found[1])
    assert isinstance(found[1], Retryable)
    assert isinstance(found[2], Retryable)
    assert [b"secret"] == [body for _, _, body in one.seen]
