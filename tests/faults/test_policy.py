"""The policy read again at SIGHUP: what conforms rules from the next request on, what does not changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from otel_voice_processor.rpc import TRACE_EXPORT, raw_call
from otel_voice_processor.simulate import EIGHT, recorded
from otel_voice_processor.testing import request_of

from tests.faults.processes import Processor, running, until

pytestmark = pytest.mark.faults
QUICK = "voice_interruption: {{policy: '{path}', settle_after: 300ms, expire_after: 2s}}"


def policy(version: str) -> str:
    return f"version: {version}\nextends: default\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Processor, Path]]:
    path = tmp_path / "policy.yaml"
    path.write_text(policy("first"), encoding="utf-8")
    with running(Processor(tmp_path, processors=QUICK.format(path=path))) as processor:
        yield processor, path


def told_again(processor: Processor) -> None:
    assert processor.process is not None
    processor.process.send_signal(signal.SIGHUP)


def spans(processor: Processor) -> list[tuple[str, dict[str, Any]]]:
    """Return what went on, by name with attributes."""
    found = []
    for line in processor.out.read_text(encoding="utf-8").splitlines():
        for group in json.loads(line).get("resourceSpans", []):
            for one in (one for scoped in group["scopeSpans"] for one in scoped["spans"]):
                facts = {each["key"]: next(iter(each["value"].values()), None) for each in one.get("attributes", [])}
                found.append((one["name"], facts))
    return found


def call(call_id: str) -> bytes:
    return request_of(recorded(EIGHT[0]).events(call_id, time.time_ns() - 60 * 10**9))


def gone(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def half(path: Path) -> None:
    path.write_bytes(b"version: second\nextends: default\nmessage_types:\n  disclosure: {grace_ms: 3")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 30)


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def nonsense(path: Path) -> None:
    path.write_text("[1, {a: !!float x}, ]\n", encoding="utf-8")


def wrong(path: Path) -> None:
    path.write_text("version: second\nextends: default\ndefaults:\n  grase_ms: 300\n  minimum_words: many\n", encoding="utf-8")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


BAD: dict[Callable[[Path], None], str] = {
    gone: "policy.yaml: cannot be read: No such file or directory",
    folder: "policy.yaml: cannot be read: it is no file",
    half: "policy.yaml:4:27: not readable as YAML",
    huge: "policy.yaml:1: cannot be read: larger than",
    binary: "policy.yaml:2:118: cannot be read: not UTF-8",
    nonsense: "policy.yaml:1:1: the policy must be a mapping",
    wrong: "policy.yaml:4:3: unknown key `grase_ms` at defaults: did you mean `grace_ms`?",
    pipe: "policy.yaml: cannot be read: it is no file",
    loop: "policy.yaml: cannot be read: Too many levels of symbolic links",
}


async def test_what_does_not_conform_changes_nothing(served: tuple[Processor, Path]) -> None:
    """Whatever lies there: the old one rules on; the log and `GET /` say what is wrong, file and line; then a good one takes its place."""
    processor, path = served
    for number, (spoil, problem) in enumerate(BAD.items(), 1):
        spoil(path)
        told_again(processor)
        await until(lambda n=number: processor.told().count("stays in force") == n, f"{spoil.__name__} is not told")
        about = processor.about()["policy"]

        assert ("first", str(path)) == (about["version"], about["file"])
        assert problem in about["problems"][0]
        assert f"ERROR otel_voice_processor.policy_in_force: {path.parent}/{problem}" in processor.told()
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        path.write_text(policy("first"), encoding="utf-8")
    path.write_text(policy("second"), encoding="utf-8")
    told_again(processor)
    await until(lambda: processor.about()["policy"]["version"] == "second", "a good one is not taken")

    assert {"version", "file", "loaded"} == processor.about()["policy"].keys()
    assert 0 == processor.stop()
    for outcome, count in (("refused", len(BAD)), ("loaded", 1)):
        assert f"otel_voice_processor_policy_reloads{{'outcome': '{outcome}'}} {count}" in processor.told()


async def test_a_good_one_rules_from_the_next_request_on(served: tuple[Processor, Path]) -> None:
    """In the middle of traffic: no request is refused, no span lost, none ruled by neither, and nobody goes back to the old one."""
    processor, path = served
    stopping, sent = asyncio.Event(), 0

    async def send() -> None:
        nonlocal sent
        async with grpc.aio.insecure_channel(f"{processor.host}:{processor.port}") as channel:
            while not stopping.is_set():
                await raw_call(channel, TRACE_EXPORT)(call(f"call_{sent}"), timeout=5)
                sent += 1

    task = asyncio.create_task(send())
    await until(lambda: sent > 20, "nothing is taken")
    path.write_text(policy("second"), encoding="utf-8")
    for _ in range(50):
        told_again(processor)
    await until(lambda: processor.about()["policy"]["version"] == "second", "it is not taken")
    since = sent
    await until(lambda: sent > since + 20, "nothing is taken any more")
    stopping.set()
    await task
    assert 0 == processor.stop()
    ruled = [facts for name, facts in spans(processor) if name == "voice.interruption.decision_made"]
    versions = [
        facts["voice.policy.version"] for facts in sorted(ruled, key=lambda facts: int(facts["voice.call.id"].removeprefix("call_")))
    ]

    assert sent == len({facts["voice.call.id"] for facts in ruled})
    assert {"first", "second"} == set(versions)
    assert sorted(versions) == versions


async def test_calls_that_are_open_go_on(served: tuple[Processor, Path]) -> None:
    """What came before was ruled by the old policy, what settles after is by the new one, and each span says by which."""
    processor, path = served
    events = recorded(EIGHT[0]).events("call_across", time.time_ns() - 60 * 10**9)
    head = [event for event in events if not event.name.endswith("call_ended")]
    async with grpc.aio.insecure_channel(f"{processor.host}:{processor.port}") as channel:
        await raw_call(channel, TRACE_EXPORT)(request_of(head[:3]), timeout=5)
        path.write_text(policy("second"), encoding="utf-8")
        told_again(processor)
        await until(lambda: processor.about()["policy"]["version"] == "second", "it is not taken")
        await raw_call(channel, TRACE_EXPORT)(request_of(events[3:]), timeout=5)
    await until(lambda: "voice.interruption.call" in [name for name, _ in spans(processor)], "the call does not settle")
    by = {(name, facts.get("voice.policy.version")) for name, facts in spans(processor)}

    assert {"first"} == {version for name, version in by if name == "voice.interruption.call_started"}
    assert {"second"} == {version for name, version in by if name.endswith((".episode", ".call_ended"))}
    assert "call_across" == spans(processor)[-1][1]["voice.call.id"]


async def test_without_a_policy_file_a_hangup_changes_nothing(tmp_path: Path) -> None:
    """It ends no process: a terminal that is closed costs no call."""
    with running(Processor(tmp_path)) as processor:
        told_again(processor)
        await until(lambda: "no policy file is named: the default policy stays" in processor.told(), "nothing is told")
