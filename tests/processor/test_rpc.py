"""TLS on the way out, with real handshakes, and what is said where its files cannot be used."""

from __future__ import annotations

import asyncio
import http.server
import ssl
import threading
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from otel_voice_processor.config import Retry, Tls
from otel_voice_processor.errors import Retryable
from otel_voice_processor.export_metrics import MetricsExporter
from otel_voice_processor.forward import GrpcExporter
from otel_voice_processor.rpc import TlsUnusable, check_tls
from otel_voice_processor.testing import Sink

NO_RETRY = Retry(enabled=False)
ENDPOINT = "127.0.0.1:4317"


def made(folder: Path, name: str) -> tuple[Path, Path]:
    """Return the files of a certificate for 127.0.0.1, with the authority that signed it, and of its key."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    issued.private_key_pem.write_to_path(key)
    for blob in (*issued.cert_chain_pems, authority.cert_pem):
        blob.write_to_path(cert, append=True)
    return cert, key


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return made(tmp_path_factory.mktemp("tls"), "right")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return made(tmp_path_factory.mktemp("tls"), "wrong")


async def test_traces_go_over_tls_to_who_shows_the_right_certificate(pair: tuple[Path, Path], other: tuple[Path, Path]) -> None:
    """`ca_file` tells whom to trust; another's certificate is an error that may pass and names the endpoint."""
    cert, key = pair
    async with Sink(certificate=(key.read_bytes(), cert.read_bytes())) as sink:
        exporter = GrpcExporter(sink.endpoint, tls=Tls(ca_file=str(cert)))
        await exporter.send(b"x")
        await exporter.close()
        mistaken = GrpcExporter(sink.endpoint, tls=Tls(ca_file=str(other[0])))
        with pytest.raises(Retryable, match=f"`{sink.endpoint}` answered UNAVAILABLE: .*CERTIFICATE_VERIFY_FAILED"):
            await mistaken.send(b"y")
        await mistaken.close()

        assert [b"x"] == sink.requests


async def test_metrics_go_over_tls_by_grpc_and_by_http(pair: tuple[Path, Path], other: tuple[Path, Path]) -> None:
    """The same files mean the same for the scorecard."""
    cert, key = pair
    right, wrong = Tls(ca_file=str(cert)), Tls(ca_file=str(other[0]))
    async with Sink(certificate=(key.read_bytes(), cert.read_bytes())) as sink:
        exporter = MetricsExporter(sink.endpoint, protocol="grpc", tls=right)
        await exporter.send(b"")
        await exporter.close()
        assert [b""] == sink.metric_requests
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a handshake that fails is what is tested
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        endpoint = f"https://127.0.0.1:{server.server_address[1]}"
        await MetricsExporter(endpoint, tls=right).send(b"x")
        with pytest.raises(Retryable, match=f"`{endpoint}` cannot be reached: .*CERTIFICATE_VERIFY_FAILED"):
            await MetricsExporter(endpoint, tls=wrong).send(b"x")
    finally:
        await asyncio.to_thread(server.shutdown)
        thread.join()
        server.server_close()


class Taking(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_files_that_cannot_be_used_are_told_by_name(pair: tuple[Path, Path], other: tuple[Path, Path], tmp_path: Path) -> None:
    """Absent, no certificate, a key of another certificate, or one of the two without the other."""
    (cert, key), junk = (str(path) for path in pair), tmp_path / "junk.pem"
    junk.write_text("junk")
    check_tls(ENDPOINT, Tls(ca_file=cert, cert_file=cert, key_file=key))
    check_tls(ENDPOINT, Tls())
    for tls, told in (
        (Tls(ca_file="/absent.pem"), "`/absent.pem` cannot be read: No such file or directory"),
        (Tls(ca_file=str(tmp_path)), f"`{tmp_path}` cannot be read: Is a directory"),
        (Tls(ca_file=str(junk)), f"`{junk}` holds no certificate in PEM"),
        (Tls(cert_file=cert, key_file=str(other[1])), f"`{cert}` and `{other[1]}` are no certificate in PEM with its key"),
        (Tls(cert_file=cert), "`cert_file` and `key_file` go together"),
        (Tls(key_file=key), "`cert_file` and `key_file` go together"),
    ):
        with pytest.raises(TlsUnusable) as caught:
            check_tls(ENDPOINT, tls)
        assert f"TLS to `{ENDPOINT}`: {told}" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_key_with_a_passphrase_is_refused_without_asking_for_it(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """A processor has no terminal to ask at."""
    cert, key = pair
    locked = tmp_path / "locked.key"
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    sealed = serialization.BestAvailableEncryption(b"secret")
    locked.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed))
    with pytest.raises(TlsUnusable, match="are no certificate in PEM with its key"):
        check_tls(ENDPOINT, Tls(cert_file=str(cert), key_file=str(locked)))


def test_where_plain_text_is_asked_for_files_do_not_matter() -> None:
    """`insecure` and `http://` both say so."""
    check_tls(ENDPOINT, Tls(insecure=True, ca_file="/absent.pem"))
    check_tls(f"http://{ENDPOINT}", Tls(ca_file="/absent.pem"))


async def test_a_file_that_went_away_meanwhile_asks_the_sender_to_come_back() -> None:
    """The endpoint is dialled at the first request: by then the file may be gone, and may come back."""
    exporter = GrpcExporter(ENDPOINT, tls=Tls(ca_file="/absent.pem"))
    with pytest.raises(Retryable, match="`/absent\\.pem` cannot be read"):
        await exporter.send(b"x")
    with pytest.raises(Retryable, match="`/absent\\.pem` cannot be read"):
        await MetricsExporter(ENDPOINT, tls=Tls(ca_file="/absent.pem")).send(b"x")
