"""`otel-voice policy test` as a user types it."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_voice_processor.cli.policy.test import add_arguments, run
from otel_voice_processor.simulate import EIGHT, EIGHT_FAILING, Script, emit

EIGHT_CASES = Path(__file__).parents[2] / "cases/recorded_eight.yaml"
GIVEN = "given: {message_type: support_answer, agent_state: speaking, position_ms: 2500, speech_duration_ms: 700, transcript_status: final}"
MIXED = f"""suite: hums and turns
cases:
  - name: a hum
    of: short_backchannel
    {GIVEN}
    texts: ["yeah", "no, Friday", "uh-huh"]
    expect: {{class: backchannel, playback: keep, task: preserved}}
  - name: a turn
    {GIVEN}
    texts: ["no, the other one"]
    expect: {{playback: stop}}
"""
Run = Callable[..., int]
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str | bytes, name: str = "cases.yaml") -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def policy_test(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(words))


def sent(scripts: Sequence[Script]) -> bytes:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for at, script in enumerate(scripts):
        emit(script, provider, start_ns=1_780_000_000_000_000_000 + at * 60_000_000_000, keep_text=True)
    return encode_spans(exporter.get_finished_spans()).SerializeToString()


def test_the_exit_code_says_whether_all_passed(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """0 all, 1 some not, 2 something could not be read or there was nothing to test."""
    good, mixed, bad = write(MIXED.replace('"no, Friday", ', ""), "good.yaml"), write(MIXED), write("suite: s\n", "bad.yaml")

    assert (0, 1, 2, 2) == (policy_test(good), policy_test(good, mixed), policy_test(good, bad), policy_test(good, "--filter", "nothing"))
    assert "no case with `nothing` in its name, `of`, suite, file or call" == capsys.readouterr().err.splitlines()[-1]
    assert (2, 2) == (policy_test(good, "--policy", f"{good}.none"), policy_test(good, "--junit", "/none/x.xml"))


def test_the_shipped_cases_are_tested_without_any_named(capsys: pytest.CaptureFixture[str]) -> None:
    """They pass the default policy."""
    assert 0 == policy_test()
    assert " passed" in capsys.readouterr().out.splitlines()[-1]


def test_a_failing_case_is_told_with_its_assertions_and_why(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """File and line, expected and got, the ruling's reason and the rules tried; the counts come last."""
    path = write(MIXED)
    policy_test(path)
    told = capsys.readouterr().out.splitlines()

    assert f'{path}:6: failed: a hum, text "no, Friday"' == told[0]
    assert "    class       expected backchannel, got correction" == told[1]
    assert "    playback    expected keep, got stop" == told[2]
    assert "    task        preserved, as expected" == told[3]
    assert told[4].startswith("    because     stop_agent_audio_and_accept_user_turn by support_answer.correction: correction_cue (0.")
    assert told[5].startswith("    trail       classified: correction")
    assert told[-2].startswith("coverage: 2 of the policy's ")
    assert told[-1].endswith(": 2 cases, 4 questions: 3 passed, 1 failed in 1 case")
    assert not any("\x1b" in line for line in told)


def test_verbose_tells_what_passed_too(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """A line each."""
    path = write(MIXED)
    policy_test(path, "--verbose")
    told = capsys.readouterr().out.splitlines()

    assert f'{path}:6: passed: a hum, text "yeah"' == told[0]
    assert 3 == sum(": passed: " in line for line in told)


@pytest.mark.parametrize(
    ("text", "questions"), [("A HUM", 3), ("short_back", 3), ("hums and turns", 4), ("cases.yaml", 4), ("a turn", 1), ("call_7", 1)]
)
def test_a_filter_looks_at_name_test_suite_file_and_call(
    write: Write, capsys: pytest.CaptureFixture[str], text: str, questions: int
) -> None:
    """Without regard to case."""
    policy_test(write(MIXED.replace("name: a turn", "name: a turn\n    call: call_7")), "--filter", text)

    assert f" {questions} question" in capsys.readouterr().out.splitlines()[-1]


def test_coverage_lists_what_no_case_exercises(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Rule by rule, what each answer says and where that is written."""
    policy_test(write(MIXED), "--coverage")
    told = capsys.readouterr().out.splitlines()
    greeting = told.index("no case exercises, of greeting:")

    assert any(line.startswith("    grace               400 ms (default.yaml:") for line in told[greeting : greeting + 20])
    assert any(line.startswith("    silence[6000]       reprompt") for line in told[greeting : greeting + 20])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            "message_type: suport_answer",
            "message type `suport_answer` is not in this policy and is ruled as `other`: did you mean `support_answer`?",
        ),
        ("message_type: support_answer, workflow: pay", "workflow `pay` is not in this policy and changes nothing"),
    ],
)
def test_a_name_that_the_policy_does_not_know_is_told(write: Write, capsys: pytest.CaptureFixture[str], given: str, told: str) -> None:
    """It is a slip of the pen, and the case would test another rule; `--strict` fails for it."""
    path = write(f"""
suite: names
cases:
  - name: a hum
    given: {{{given}, agent_state: speaking, input_type: speech, text: "uh-huh"}}
    expect: {{playback: keep}}
""")
    codes = policy_test(path), policy_test(path, "--strict")

    assert (0, 1) == codes
    assert [f"{path}:4: {told}"] * 2 == capsys.readouterr().err.splitlines()


def test_json_is_a_line_for_each_failure_and_a_summary(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs: the same facts."""
    path = write(MIXED)
    policy_test(path, "--format", "json")
    failed, last = map(json.loads, capsys.readouterr().out.splitlines())

    assert (path, 6, "a hum", 'text "no, Friday"', "short_backchannel", False) == tuple(
        failed[key] for key in ("file", "line", "case", "trial", "of", "passed")
    )
    assert {"assertion": "class", "expected": ["backchannel"], "got": "correction", "passed": False} == failed["assertions"][0]
    assert ("support_answer.correction", "stop") == (failed["ruling"]["rule"], failed["ruling"]["effect"])
    assert (2, 4, 3, 1) == tuple(last["summary"][key] for key in ("cases", "trials", "passed", "failed"))
    assert last["summary"]["coverage"]["answers"] == last["summary"]["coverage"]["exercised"] + len(
        last["summary"]["coverage"]["not_exercised"]
    )


def test_junit_has_a_suite_for_each_file_and_a_test_case_for_each_question(write: Write, tmp_path: Path) -> None:
    """With file and line, for a build server to point at."""
    files = [write(MIXED, "one.yaml"), write(MIXED.replace("no, Friday", "no,\\u0007 Friday"), "two.yaml")]
    out = tmp_path / "junit.xml"
    policy_test(*files, "--junit", str(out))
    root = ET.fromstring(out.read_bytes())
    first = root.find(".//failure")

    assert [(files[0], "4", "1"), (files[1], "4", "1")] == [
        (each.attrib["name"], each.attrib["tests"], each.attrib["failures"]) for each in root
    ]
    assert first is not None
    assert "class expected backchannel, got correction; playback expected keep, got stop" == first.attrib["message"]
    assert 'a hum, text "no,\\x07 Friday"' == root[1][1].attrib["name"]
    assert (files[1], "6") == (root[1][1].attrib["file"], root[1][1].attrib["line"])


def test_all_that_is_wrong_is_told_at_once(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the policy and of every case file, a line each, nothing on standard output."""
    policy = write("version: 1\nextend: default\n", "policy.yaml")
    assert 2 == policy_test(write("suite: s\nmore: 1\n", "a.yaml"), write("[", "b.yaml"), "--policy", policy)
    out, err = capsys.readouterr()

    assert "" == out
    assert {"policy.yaml", "a.yaml", "b.yaml"} == {Path(line.split(":")[0]).name for line in err.splitlines()}
    assert len(err.splitlines()) > 4


def test_colour_is_for_a_terminal(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not where somebody asked for none; what a case file says cannot move the cursor."""
    path = write(MIXED.replace("name: a hum", 'name: "a \\e[2J hum"'))

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def seen() -> str:
        monkeypatch.setattr(sys, "stdout", Terminal())
        policy_test(path)
        return str(sys.stdout.getvalue())  # type: ignore[attr-defined]

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    coloured = seen()
    monkeypatch.setenv("NO_COLOR", "1")

    assert ": \x1b[31mfailed\x1b[0m: a \\x1b[2J hum" in coloured
    assert "\x1b" not in seen()


def test_recorded_calls_of_a_good_agent_pass(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """The same cases, asked of what really happened."""
    assert 0 == policy_test(str(EIGHT_CASES), "--events", write(sent(EIGHT), "events.bin"))
    out, err = capsys.readouterr()

    assert "" == err
    assert "8 calls, 8 moments: 8 passed; 8 of 8 cases apply; not recorded: decision 1, task 4" == out.splitlines()[-1]
    assert out.splitlines()[-2].startswith("coverage: 8 of the policy's ")


def test_recorded_calls_of_a_bad_agent_fail_with_the_place(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Which case, which moment of which call, each assertion as it was, and why the case applies."""
    assert 1 == policy_test(str(EIGHT_CASES), "--events", write(sent(EIGHT_FAILING), "events.bin"))
    told = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(told) if "failed: short backchannel: call `call_backchannel_failing` at 8.20 s" in line)

    assert f"{EIGHT_CASES}:11" == told[at].split(": ")[0]
    assert [
        "    decision    expected continue_agent_audio or acknowledge_and_continue, got stop_agent_audio_and_accept_user_turn",
        "    playback    expected keep (implied), got stop: it was silent",
        "    transcript  expected not_a_turn (implied), got accepted: a new turn was made of it",
        "    task        expected preserved (implied), got lost",
        "    recovery    expected plays_on (implied), got does_not_resume: it never took its place up again",
        "    applies     backchannel (speech) over support_answer, ruled by `support_answer.backchannel` as the case is",
    ] == told[at + 1 : at + 7]
    assert told[-1].startswith("8 calls, 8 moments: 8 failed;")


def test_cases_that_a_moment_answers_alike_are_told_together(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """The first by name, the others by their number; JSON and JUnit have each."""
    events, again = write(sent(EIGHT_FAILING[1:2]), "events.bin"), write(EIGHT_CASES.read_bytes())
    policy_test(str(EIGHT_CASES), again, "--events", events)
    told = capsys.readouterr().out.splitlines()
    policy_test(str(EIGHT_CASES), again, "--events", events, "--format", "json")
    *lines, last = map(json.loads, capsys.readouterr().out.splitlines())

    assert 1 == sum(": failed: " in line for line in told)
    assert told[0].endswith(", and likewise 1 other case")
    assert ["failed", "failed"] == [line["state"] for line in lines]
    assert {"kind": "interruption", "id": lines[0]["moment"]["id"], "at_ms": 8200} == lines[0]["moment"]
    assert (1, 1, 1, 2, {}) == tuple(last["summary"][key] for key in ("calls", "moments", "failed", "cases_that_apply", "not_recorded"))


def test_strict_wants_every_fact(write: Write, tmp_path: Path) -> None:
    """A good agent that tells too little fails; JUnit says what is missing."""
    out = tmp_path / "junit.xml"
    events = write(sent(EIGHT), "events.bin")

    assert 1 == policy_test(str(EIGHT_CASES), "--events", events, "--strict", "--junit", str(out))
    failures = [each.attrib["message"] for each in ET.fromstring(out.read_bytes()).iter("failure")]
    assert any(
        "task expected preserved (implied), missing: `voice.interruption.recovery.task_state` is not recorded" in each for each in failures
    )


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (b'{"resourceSpans": []}\n', "no call in it: no event of ours can be judged"),
        (b"{", "line 1, column 2: not JSON"),
        (None, "cannot be read: no such file or directory"),
    ],
)
def test_events_that_cannot_be_read_are_no_pass(write: Write, capsys: pytest.CaptureFixture[str], events: bytes | None, told: str) -> None:
    """A gate that tested nothing is shut."""
    path = "none.jsonl" if events is None else write(events, "events.jsonl")

    assert 2 == policy_test(str(EIGHT_CASES), "--events", path)
    assert told in capsys.readouterr().err


def test_calls_of_which_no_case_speaks_are_no_pass(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """And are named with `--coverage`."""
    events = write(sent(EIGHT[:1]), "events.bin")

    assert 2 == policy_test(str(EIGHT_CASES), "--events", events, "--filter", "legal", "--coverage")
    out, err = capsys.readouterr()
    assert "no case speaks of anything in these calls: nothing was tested" in err
    assert any(line.startswith("no case speaks of call `call_true_correction` at 6.40 s, interruption ") for line in out.splitlines())


def test_a_pinned_case_of_a_call_that_is_not_there_is_told(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing, and failed where nothing may be missing."""
    pinned = write(EIGHT_CASES.read_text(encoding="utf-8").replace("of: true_correction", "of: true_correction\n    call: call_9"))
    events = write(sent(EIGHT[:2]), "events.bin")

    assert 0 == policy_test(pinned, "--events", events)
    assert "; 1 pinned to what is not there" in capsys.readouterr().out.splitlines()[-1]
    assert 1 == policy_test(pinned, "--events", events, "--strict")
    assert "true correction: call `call_9`" in capsys.readouterr().out


def test_envelopes_and_events_from_behind_the_processor_are_read_as_well(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever `validate` reads."""
    from otel_voice_processor.cli import main

    events = write(sent(EIGHT), "events.bin")
    for form in ("envelope", "otlp-json"):
        out = str(tmp_path / f"{form}.jsonl")
        assert 0 == main(["convert", events, "--to", form, "-o", out])
        assert 0 == policy_test(str(EIGHT_CASES), "--events", out)
        assert "8 calls, 8 moments: 8 passed" in capsys.readouterr().out


def test_the_help_names_every_option() -> None:
    """With what it does."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    told: list[Any] = [action for action in parser._actions if action.dest != "help"]

    assert {"cases", "policy", "events", "strict", "filter", "coverage", "verbose", "format", "junit"} == {action.dest for action in told}
    assert all(action.help for action in told)
