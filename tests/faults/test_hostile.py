"""Whatever others do at the port: a well-behaved sender is served meanwhile, memory stays bounded, and files come back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
from otel_voice_processor.rpc import TRACE_EXPORT, raw_call, retry_delay

from tests.faults.processes import ACK, MIB, OK, PREFACE, Processor, data, headers, running, span, unharmed, until

pytestmark = pytest.mark.faults
IMPATIENT = "read_timeout: 2s, keepalive: {server_parameters: {time: 1s, timeout: 1s}}"
MANY = 20  # connections of one peer, more than come and go by themselves
COME_AND_GO = 5
UNAVAILABLE = b"grpc-status\x0214"


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processor]:
    """One process takes all that these tests do to it, one after the other; that it is well at the end is checked there."""
    with running(Processor(tmp_path_factory.mktemp("hostile"), grpc=IMPATIENT)) as one:
        yield one


@contextlib.asynccontextmanager
async def all_comes_back(processor: Processor, most_mib: int = 100) -> AsyncIterator[None]:
    """Files are as before within seconds, whoever hangs up or does not, and memory never grows past a bound."""
    files, held = processor.files(), processor.memory()
    highest, watching = [held], True

    async def watch() -> None:
        while watching:
            highest.append(processor.memory())
            await asyncio.sleep(0.02)

    watcher = asyncio.create_task(watch())
    try:
        async with unharmed(processor):
            yield
            await until(lambda: processor.files() <= files + COME_AND_GO, "connections are kept for ever")
    finally:
        watching = False
        await watcher
    assert held + most_mib > max(highest)


DIALLED: list[socket.socket] = []


@pytest.fixture(autouse=True)
def hung_up() -> Iterator[None]:
    """Hang up in the end, not before: that files come back is the processor's doing."""
    yield
    while DIALLED:
        DIALLED.pop().close()


def dial(processor: Processor, first: bytes = b"") -> socket.socket:
    DIALLED.append(line := socket.create_connection((processor.host, processor.port), timeout=10))
    line.sendall(first)
    return line


def started(*command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def all_of(line: socket.socket) -> bytes:
    """Return what comes until it is closed from the other end."""
    got = bytearray()
    with contextlib.suppress(ConnectionError):
        while part := line.recv(65_536):
            got += part
    return bytes(got)


async def test_a_thousand_connections_at_once(processor: Processor) -> None:
    """700 that say nothing are closed; 300 that send are answered, and closed when nobody is found to be there."""
    async with all_comes_back(processor):
        idle = [dial(processor) for _ in range(700)]
        active = [dial(processor, PREFACE + headers(1) + data(1, span("active"))) for _ in range(300)]
        answers = [await asyncio.to_thread(all_of, line) for line in active]
        said = [await asyncio.to_thread(all_of, line) for line in idle]

    assert 300 == sum(OK in answer for answer in answers)
    assert 0 == sum(OK in each for each in said)


async def test_a_sender_that_never_reads_its_answers_is_let_go(processor: Processor) -> None:
    """It may fill what the system buffers, not our memory; who does not even answer pings is cut off."""

    def flood() -> bool:
        line, stream, given_up = dial(processor, PREFACE), 1, time.monotonic() + 15
        with contextlib.suppress(ConnectionError, TimeoutError):
            while time.monotonic() < given_up:
                line.sendall(b"".join(headers(each) + data(each, span("unread")) for each in range(stream, stream + 200, 2)))
                stream += 200
        return time.monotonic() < given_up

    async with all_comes_back(processor):
        assert await asyncio.to_thread(flood)


@pytest.mark.parametrize("part", ["preface", "headers", "body"])
async def test_a_sender_of_a_byte_now_and_then_is_let_go(processor: Processor, part: str) -> None:
    """In preface and headers since no ping is answered; in a body when it does not come whole in time, with a word to come back."""
    first = {"preface": b"", "headers": PREFACE, "body": PREFACE + headers(1)}[part]
    slow = {"preface": PREFACE, "headers": headers(1), "body": data(1, span("slow"))}[part]

    def drip(line: socket.socket) -> bytes:
        with contextlib.suppress(ConnectionError):
            for byte in slow:
                line.send(bytes([byte]))
                time.sleep(0.2)
        return all_of(line)

    async with all_comes_back(processor):
        lines = [dial(processor, first) for _ in range(MANY)]
        answers = await asyncio.gather(*(asyncio.to_thread(drip, line) for line in lines[:4]))

    assert ("body" == part) == all(UNAVAILABLE in answer for answer in answers)


@pytest.mark.parametrize(
    "said",
    [
        bytes(range(256)) * 20,
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello",
        bytes.fromhex("16030100c8010000c40303") + b"a" * 200,
        PREFACE + b"\xff" * 500,
        PREFACE + headers(1) + data(1, b"\xff" * 100, ends=False) + headers(1) * 3,
    ],
    ids=["garbage", "get", "post", "tls", "garbage after the preface", "headers in the wrong place"],
)
async def test_who_speaks_something_else_is_hung_up_on(processor: Processor, said: bytes) -> None:
    """At once, or when it says no more; nothing of it is answered OK."""
    async with all_comes_back(processor):
        lines = [dial(processor, said) for _ in range(MANY)]
        heard = await asyncio.gather(*(asyncio.to_thread(all_of, line) for line in lines[:4]))

    assert 0 == sum(OK in each for each in heard)


async def test_a_request_cut_in_the_middle_is_none(processor: Processor) -> None:
    """Whether its sender resets the connection, hangs up, or gives up in time: nothing of it goes on."""
    async with all_comes_back(processor):
        for number in range(60):
            line = dial(processor, PREFACE + ACK + headers(1) + data(1, span("cut", 200_000))[: 3_000 * (number + 1)])
            if number % 2:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # a reset
            line.close()

    assert '"cut"' not in processor.out.read_text(encoding="utf-8")


async def test_a_gzip_bomb_is_not_unpacked(processor: Processor) -> None:
    """300 MiB in 300 kB are refused for good, when they are past the limit and not when they are whole."""
    packer, zeros = zlib.compressobj(6, zlib.DEFLATED, 31), bytes(MIB)
    bomb = b"".join(packer.compress(zeros) for _ in range(300)) + packer.flush()
    async with all_comes_back(processor, most_mib=300):
        line = dial(processor, PREFACE + ACK + headers(1, packed=True) + data(1, bomb, packed=True))
        answer = await asyncio.to_thread(all_of, line)

    assert 4 * MIB > len(bomb)
    assert b"grpc-status\x018" in answer


async def test_a_request_of_65_mib_is_refused(processor: Processor) -> None:
    """For good, and it costs no more than it would have."""
    options = [("grpc.max_send_message_length", -1)]
    async with all_comes_back(processor), grpc.aio.insecure_channel(f"{processor.host}:{processor.port}", options=options) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await raw_call(channel, TRACE_EXPORT)(bytes(65 * MIB), timeout=20)

    assert grpc.StatusCode.RESOURCE_EXHAUSTED == caught.value.code()
    assert None is retry_delay((str(key), value) for key, value in caught.value.trailing_metadata() or ())


def holder(host: str, port: int) -> str:
    """Return a script that opens many connections, sends a request on each, says so, and waits."""
    return f"""
import grpc
one_each = [("grpc.use_local_subchannel_pool", 1)]
channels = [grpc.insecure_channel("{host}:{port}", options=one_each) for _ in range({MANY})]
for channel in channels:
    channel.unary_unary("{TRACE_EXPORT}")({span("before it was gone")!r})
print("there", flush=True)
input()
"""


async def there(peer: subprocess.Popen[bytes]) -> None:
    assert peer.stdout is not None
    assert b"there\n" == await asyncio.to_thread(peer.stdout.readline)


async def test_a_peer_that_hangs_is_found_out(processor: Processor) -> None:
    """Its system still takes our bytes, and nobody answers a ping: the connections are closed from here."""
    async with all_comes_back(processor):
        peer = started(sys.executable, "-c", holder(processor.host, processor.port))
        await there(peer)
        peer.send_signal(signal.SIGSTOP)
        await until(lambda: processor.files() > MANY, "no connection was made")
        stopped = processor.files()
        await until(lambda: processor.files() <= stopped - MANY, "nobody noticed")
    peer.kill()
    peer.communicate()


@pytest.fixture
def islands() -> Iterator[tuple[str, str, str]]:
    """Two network namespaces with a cable between them, and one from the first to us; and its address. Needs the rights to make them."""
    here, there = f"ov{os.getpid()}h", f"ov{os.getpid()}t"

    def cable(one: str | None, other: str, net: int) -> list[str]:
        ends, near = f"{other}{net}", f"-n {one} " if one else ""
        return [
            f"ip {near}link add {ends}a type veth peer name {ends}b netns {other}",
            f"ip {near}address add 10.231.{net}.1/24 dev {ends}a",
            f"ip {near}link set {ends}a up",
            f"ip -n {other} address add 10.231.{net}.2/24 dev {ends}b",
            f"ip -n {other} link set {ends}b up",
        ]

    try:
        for step in [f"ip netns add {here}", f"ip netns add {there}", *cable(None, here, 77), *cable(here, there, 78)]:
            done = subprocess.run(step.split(), capture_output=True, text=True, check=False) if shutil.which("ip") else None
            if done is None or done.returncode:
                pytest.skip(f"no network namespaces here: {done.stderr.strip() if done else 'no `ip`'}")
        yield here, there, "10.231.77.2"
    finally:
        for name in (here, there) if shutil.which("ip") else ():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


async def test_a_peer_that_vanishes_is_found_out(tmp_path: Path, islands: tuple[str, str, str]) -> None:
    """Its cable is cut, so that no FIN and no reset comes: after a while its connections are closed from here."""
    here, there_too, address = islands
    with running(Processor(tmp_path, grpc=IMPATIENT, host="0.0.0.0", within=here, address=address)) as processor:
        async with all_comes_back(processor):
            peer = started("ip", "netns", "exec", there_too, sys.executable, "-c", holder("10.231.78.1", processor.port))
            await there(peer)
            assert (b"", None) == started("ip", "-n", there_too, "route", "flush", "table", "main").communicate()
            cut = processor.files()
            peer.kill()
            peer.communicate()
            assert cut == processor.files()
            await until(lambda: processor.files() <= cut - MANY, "nobody noticed")


async def test_at_its_limit_of_files_it_serves_on(tmp_path: Path) -> None:
    """More connections than files may be open: those that it has are served, the file is written, and new ones come in again later."""
    few = 300

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))

    with running(Processor(tmp_path, grpc=IMPATIENT), limited) as processor:
        async with all_comes_back(processor):
            lines = [dial(processor) for _ in range(2 * few)]
            most = processor.files()
            await asyncio.gather(*(asyncio.to_thread(all_of, line) for line in lines[::50]))

    assert few - 100 > most
