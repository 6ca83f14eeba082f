"""`otel-voice validate`, `convert` and `schema` as a user types them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from otel_voice_processor.cli import main
from otel_voice_schema.events import SCHEMA_VERSION

RUNBOOK = Path(__file__).parents[2] / "cases/runbook_envelope.json"
GOOD: dict[str, Any] = {
    "eventName": "voice.interruption.call_ended",
    "eventVersion": SCHEMA_VERSION,
    "occurredAt": "2026-11-25T10:00:00Z",
    "canonicalCallId": "c1",
    "turnId": "t1",
    "call": {"taskOutcome": "completed", "escalated": False, "endedBy": "caller"},
}
WARNED = {key: value for key, value in GOOD.items() if key != "turnId"}
WRONG = GOOD | {"call": {"taskOutcome": "done", "escalated": "no", "endedBy": "caller"}}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(*lines: object, name: str = "events.jsonl") -> str:
        path = tmp_path / name
        path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(
    ("lines", "more", "code"),
    [
        ((GOOD, GOOD), (), 0),
        ((WARNED,), (), 0),
        ((WARNED,), ("--strict",), 1),
        ((GOOD, WRONG), (), 1),
        ((GOOD, WRONG, "{"), (), 2),
        (('{"resourceSpans": []}',), (), 2),
        ((), (), 2),
    ],
)
def test_the_exit_code_says_whether_it_conforms(write: Any, lines: tuple[object, ...], more: tuple[str, ...], code: int) -> None:
    """0 it does, 1 something does not, 2 something could not be read or nothing is ours."""
    assert code == main(["validate", write(*lines), *more])


def test_every_problem_is_told_with_its_place(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """File, line, severity, what and what instead, and the code."""
    path = write(GOOD, WRONG, "nonsense", WARNED)
    main(["validate", path])
    told = capsys.readouterr().out.splitlines()

    outcome = "is `done`, not one of abandoned, completed, failed, unknown"
    where = f"{path}: line 2 (call_ended of c1): error:"
    assert f"{where} `call.taskOutcome` (`voice.call.task_outcome`) {outcome} [unknown_value]" == told[0]
    assert f"{where} `call.escalated` (`voice.call.escalated`) is string `no`, not boolean [wrong_type]" == told[1]
    assert told[2].startswith(f"{path}: line 3, column 1: error: not JSON")
    assert told[3].endswith("is neither present nor listed in `evidence.missing` [missing_fact]")
    assert "3 events: 2 conform, 1 of those with warnings, 1 do not; 1 parts could not be read" == told[4]


def test_json_is_a_line_per_problem_and_a_summary(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs: the same facts, and counts by kind."""
    main(["validate", write(*[WRONG] * 9), "--format", "json"])
    *problems, last = map(json.loads, capsys.readouterr().out.splitlines())

    assert 2 * 5 == len(problems)
    assert {"file", "where", "severity", "code", "key", "found", "allowed", "nearest", "message"} == set(problems[0])
    assert (9, 0, 9) == tuple(last["summary"][key] for key in ("events", "conform", "do_not_conform"))
    assert {9} == {kind["count"] for kind in last["summary"]["problems"]}


def test_the_same_mistake_is_shown_five_times_and_counted(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten thousand lines of one mistake fill no screen; `--all` shows them."""
    path = write(*[WRONG] * 100)
    main(["validate", path])
    told = capsys.readouterr().out
    main(["validate", path, "--all"])

    assert 5 == told.count("[unknown_value]")
    assert "      100 x error unknown_value voice.call.task_outcome" in told
    assert 100 == capsys.readouterr().out.count("[unknown_value]")


def test_events_of_a_call_are_compared(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A response that stops before it starts is a warning, and the file conforms."""
    facts = {"eventVersion": SCHEMA_VERSION, "canonicalCallId": "c1", "turnId": "t1", "agentResponseId": "r1"}
    start = facts | {
        "eventName": "voice.interruption.agent.speech_started",
        "occurredAt": "2026-11-25T10:00:05Z",
        "agentSpeech": {"playbackPositionMs": 0},
    }
    stop = facts | {"eventName": "voice.interruption.agent.speech_stopped", "occurredAt": "2026-11-25T10:00:03Z"}
    stop["agentSpeech"] = {"playbackPositionMs": 0, "endReason": "completed"}

    assert 0 == main(["validate", write(start, stop)])
    assert "`r1` stopped 2000 ms before it started [inconsistent_facts]" in capsys.readouterr().out


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`-` is what is piped in."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(json.dumps(GOOD).encode())))

    assert 0 == main(["validate", "-"])
    assert "1 event: 1 conform\n" == capsys.readouterr().out


@pytest.mark.parametrize("command", [["validate"], ["convert", "--to", "envelope"]])
def test_a_file_that_is_not_there_is_one_line(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback, exit code 2; a folder likewise."""
    for path in (tmp_path / "absent", tmp_path):
        assert 2 == main([*command, str(path)])
    text = "".join(capsys.readouterr())

    assert "absent: " in text
    assert "cannot be read: no such file or directory" in text
    assert "Traceback" not in text


def test_a_terminal_is_not_moved_by_what_is_found(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes in a value are shown, not obeyed."""
    main(["validate", write(GOOD | {"call": {"taskOutcome": "\x1b[2Jdone\u202e"}})])

    assert "\x1b" not in (text := capsys.readouterr().out)
    assert "\\x1b[2Jdone" in text


def convert(capsysbinary: Any, *arguments: str) -> bytes:
    assert 0 == main(["convert", *arguments])
    return bytes(capsysbinary.readouterr().out)


@pytest.mark.parametrize("carrier", ["span", "log"])
@pytest.mark.parametrize("form", ["otlp-json", "otlp-proto", "otlp-proto-sized"])
def test_the_runbooks_envelope_comes_back_from_every_form(tmp_path: Path, capsysbinary: Any, form: str, carrier: str) -> None:
    """Envelope to OTLP and back is equal, made ids taken out again."""
    path = tmp_path / "otlp"
    path.write_bytes(convert(capsysbinary, str(RUNBOOK), "--to", form, "--carrier", carrier))
    back = json.loads(convert(capsysbinary, str(path), "--to", "envelope"))
    expected = json.loads(RUNBOOK.read_text(encoding="utf-8"))

    assert 0 == main(["validate", str(path)])
    assert expected == {key: value for key, value in back.items() if carrier == "span" or key != "spanId"}


def test_upgrade_writes_the_current_version(capsysbinary: Any) -> None:
    """And says which it was."""
    envelope = json.loads(convert(capsysbinary, str(RUNBOOK), "--to", "envelope", "--upgrade"))

    assert (SCHEMA_VERSION, "2026-05-20") == (envelope["eventVersion"], envelope["originalVersion"])
    assert "preserved" == envelope["recovery"]["taskState"]


def test_foreign_spans_go_along_between_forms_of_otlp(write: Any, tmp_path: Path, capsysbinary: Any) -> None:
    """A request is turned over whole; where only events can be, the rest is counted."""
    span = {"traceId": "1" * 32, "spanId": "2" * 16, "name": "GET /", "startTimeUnixNano": "1", "endTimeUnixNano": "2", "kind": 2}
    path = write({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    (tmp_path / "proto").write_bytes(convert(capsysbinary, path, "--to", "otlp-proto"))
    back = json.loads(convert(capsysbinary, str(tmp_path / "proto"), "--to", "otlp-json"))

    assert span == back["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert 0 == main(["convert", path, "--to", "envelope"])
    assert b"0 written, 1 that are none of ours left out\n" == capsysbinary.readouterr().err


def test_what_cannot_be_converted_is_named(write: Any, capsysbinary: Any) -> None:
    """A time that is none has no place in OTLP: that event stays out, the others go on, exit code 1."""
    path = write(GOOD, GOOD | {"occurredAt": "yesterday"}, GOOD)

    assert 1 == main(["convert", path, "--to", "otlp-json"])
    out, err = capsysbinary.readouterr()
    assert 2 == out.count(b"call_ended")
    assert f"{path}: line 2: `occurredAt`: `yesterday` is no RFC 3339 time".encode() in err
    assert 2 == main(["convert", write(GOOD, "{"), "--to", "envelope"])


def test_traces_and_logs_make_no_one_request(tmp_path: Path, write: Any, capsysbinary: Any) -> None:
    """A file of both is refused as one request, and goes sized."""
    path = tmp_path / "both"
    path.write_bytes(b"".join(convert(capsysbinary, write(GOOD), "--to", "otlp-json", "--carrier", each) for each in ("span", "log")))

    assert 1 == main(["convert", str(path), "--to", "otlp-proto"])
    assert b"traces and logs make no one request" in capsysbinary.readouterr().err
    assert 2 == len(convert(capsysbinary, str(path), "--to", "otlp-proto-sized").split(b"call_ended")) - 1


def test_a_file_is_not_written_over_while_it_is_read(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is a folder that is not there made."""
    path = write(GOOD)

    assert 2 == main(["convert", path, "--to", "envelope", "-o", path])
    assert 2 == main(["convert", path, "--to", "envelope", "-o", "/absent/out"])
    assert json.dumps(GOOD) + "\n" == Path(path).read_text(encoding="utf-8")
    assert "`/absent/out` cannot be written" in capsys.readouterr().err


def test_the_versions_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """With how much is in each; one version with every name."""
    assert 0 == main(["schema", "list"])
    assert capsys.readouterr().out.startswith("2026-05-20  9 events, 19 attributes\n2026-11-25  15 events, ")
    assert 0 == main(["schema", "list", "2026-05-20"])
    assert "silence.timeout" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("voice.agent.playback.position_ms", "int, ms"),
        ("agentSpeech.playbackPositionMs", "attribute voice.agent.playback.position_ms"),
        ("voice.interruption.recovered", "aliases: interruption.recovered"),
        ("candidate_detected", "voice.detector.threshold if the input is speech"),
        ("silence.timeout", "event voice.interruption.silence.timeout"),
        ("voice.calls", "counter, {call}"),
        ("voice.interruption.compliance", "metric voice.interruption.compliance"),
        ("missing_fact", "warning, judged"),
        ("voice.caller.transcript.text", "sensitivity: content"),
    ],
)
def test_a_name_is_explained(name: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Attribute, envelope path, event, alias, metric, code."""
    assert 0 == main(["schema", "show", name])
    assert words in capsys.readouterr().out


def test_an_unknown_name_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one line."""
    assert 2 == main(["schema", "show", "voice.agent.playback.position"])
    assert "did you mean `voice.agent.playback.position_ms`?" in capsys.readouterr().err
    assert 2 == main(["schema", "list", "2020-01-01"])
    assert "unknown version `2020-01-01`: 2026-05-20, 2026-11-25" in capsys.readouterr().err


def test_the_diff_reads_like_a_changelog(capsys: pytest.CaptureFixture[str]) -> None:
    """Under headings, renamed first, every line one change."""
    assert 0 == main(["schema", "diff", "2026-05-20"])
    told = capsys.readouterr().out

    assert ["# 2026-05-20 to 2026-11-25", "## Renamed", "## Deprecated", "## Tell more", "## Added"] == [
        line for line in told.splitlines() if line.startswith("#")
    ]
    assert "- event `silence.timeout` is now `voice.interruption.silence.timeout`" in told


def test_a_change_that_breaks_somebody_exits_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also of registries in files: what CI asks before a release."""
    main(["schema", "write", str(tmp_path / "now")])
    tree = json.loads((tmp_path / "now" / SCHEMA_VERSION / "registry.json").read_text(encoding="utf-8"))
    tree["attributes"].pop()
    (tmp_path / "mine.json").write_text(json.dumps(tree), encoding="utf-8")
    capsys.readouterr()

    assert 1 == main(["schema", "diff", SCHEMA_VERSION, str(tmp_path / "mine.json")])
    assert "## Removed (refused)" in capsys.readouterr().out
    (tmp_path / "mine.json").write_text("[]", encoding="utf-8")
    assert 2 == main(["schema", "diff", SCHEMA_VERSION, str(tmp_path / "mine.json")])


def test_the_written_schemas_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Any validator takes them; what is written is listed."""
    assert 0 == main(["schema", "write", str(tmp_path / "out")])
    written = capsys.readouterr().out.splitlines()
    schema = json.loads((tmp_path / "out" / SCHEMA_VERSION / "events/call_ended.json").read_text(encoding="utf-8"))

    assert str(tmp_path / "out" / SCHEMA_VERSION / "otel-voice.ts") in written
    assert Draft202012Validator(schema).is_valid(GOOD)
    assert not Draft202012Validator(schema).is_valid(WRONG)


def test_a_reader_that_goes_away_is_no_failure(write: Any) -> None:
    """`| head -1` ends it quietly."""
    path = write(*[GOOD] * 5000)
    script = "import sys; from otel_voice_processor.cli import main; sys.exit(main())"
    command = f'"{sys.executable}" -c "{script}" convert "{path}" --to envelope | head -1'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)

    assert GOOD["canonicalCallId"] == json.loads(done.stdout)["canonicalCallId"]
    assert "Traceback" not in done.stderr


def test_a_log_becomes_a_span_of_its_own(tmp_path: Path, write: Any, capsysbinary: Any) -> None:
    """Events in logs share the ids of the span around them: as spans they get their own, and that one as parent."""
    root = {"traceId": "1" * 32, "spanId": "2" * 16}
    path = write(*(GOOD | root | {"turnId": turn} for turn in ("t1", "t2")))
    (tmp_path / "logs").write_bytes(convert(capsysbinary, path, "--to", "otlp-json", "--carrier", "log"))
    tree = json.loads(convert(capsysbinary, str(tmp_path / "logs"), "--to", "otlp-json", "--carrier", "span"))
    spans = tree["resourceSpans"][0]["scopeSpans"][0]["spans"]

    assert ["2" * 16] * 2 == [span["parentSpanId"] for span in spans]
    assert 3 == len({"2" * 16, *(span["spanId"] for span in spans)})


def test_one_bad_event_costs_no_other(write: Any, tmp_path: Path, capsysbinary: Any) -> None:
    """Each is told at its own line; the others are written, whatever the form."""
    bad = [{"traceId": "xyz"}, {"occurredAt": "9999-12-31T23:59:59Z"}, {"foo": "\ud800"}, {"eventVersion": {"x": 1}}]
    path = write(*[GOOD] * 3, *(GOOD | each for each in bad), *[GOOD] * 300)
    for form in ("otlp-proto", "otlp-proto-sized", "otlp-json", "envelope"):
        code = main(["convert", path, "--to", form])
        out, err = capsysbinary.readouterr()
        (tmp_path / "out").write_bytes(out)
        told = sum(f"line {number}".encode() in err for number in (4, 5, 6))

        assert (1, 303) <= (code, out.count(b"call_ended")) <= (1, 305)
        assert told >= 2
        assert b"Traceback" not in err
        assert f"{out.count(b'call_ended')} written".encode() in err


@pytest.mark.parametrize("names", [["nosuch"], ["-"]])
def test_an_output_is_replaced_only_by_something_whole(
    write: Any, names: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing read leaves it as it was; so does an end in the middle, and being read from."""
    path = write(GOOD)
    with open(path, "rb") as same:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=same, fileno=same.fileno))
        assert 2 == main(["convert", *names, "--to", "envelope", "-o", path])

    assert json.dumps(GOOD) + "\n" == Path(path).read_text(encoding="utf-8")
    assert [Path(path)] == list(Path(path).parent.iterdir())


def test_both_signals_of_a_document_are_written(write: Any, capsysbinary: Any) -> None:
    """A document of spans and logs becomes two requests; one of metrics is refused, not dropped."""
    span = {"traceId": "1" * 32, "spanId": "2" * 16, "name": "GET", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    log = {"timeUnixNano": "1", "eventName": "app.note"}
    both = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}], "resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}]}
    out = convert(capsysbinary, write(both), "--to", "otlp-proto-sized")

    assert b"GET" in out
    assert b"app.note" in out
    assert 1 == main(["convert", write({"resourceMetrics": []}), "--to", "otlp-proto"])


@pytest.mark.parametrize(
    "value",
    [
        {"boolValue": "false"},
        {"intValue": 1.5},
        {"intValue": True},
        {"intValue": "99999999999999999999"},
        {"stringValue": None},
        {"stringValue": ["a"]},
        {"bytesValue": "!"},
        {"stringValue": "a", "intValue": 1},
        {"kvlistValue": {"values": [{"key": "a"}, {"key": "a"}]}},
        {"arrayValue": {"values": 5}},
    ],
)
@pytest.mark.parametrize("where", ["span", "resource"])
def test_a_value_that_is_none_is_told_not_changed(write: Any, capsys: pytest.CaptureFixture[str], value: Any, where: str) -> None:
    """What cannot be carried over as it is, is named, and the event stays out."""
    mine = [{"key": "app.x", "value": value}]
    facts = [{"key": "voice.call.id", "value": {"stringValue": "c1"}}, *(mine if where == "span" else [])]
    span = {"traceId": "1" * 32, "spanId": "2" * 16, "name": GOOD["eventName"], "attributes": facts}
    span |= {"startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": "1790000000000000000"}
    group = {"resource": {"attributes": mine if where == "resource" else []}, "scopeSpans": [{"spans": [span]}]}

    assert 1 == main(["convert", write({"resourceSpans": [group]}), "--to", "envelope"])
    out, err = capsys.readouterr()
    assert "" == out
    assert "`app.x` has a value that is no" in err


@pytest.mark.parametrize(
    "text",
    [
        '{"eventName": ' + "9" * 5000 + "}",
        '{"eventName": "a", "eventVersion": {"x": 1}, "occurredAt": "2026-11-25T10:00:00Z", "canonicalCallId": "c"}',
        '{"eventName": "x", "a": ' + "[" * 980 + "]" * 980 + "}",
        '[{"eventName": "x", "a": ' + "[" * 985 + "]" * 985 + "}]",
        '{"resourceSpans": null}',
        '{"resourceSpans": [null]}',
        '{"resourceSpans": "abc", "resourceLogs": 5}',
        '{"resourceSpans": [{"scopeSpans": [{"spans": [{"links": null, "events": 5, "name": 7}]}]}]}',
        '{"eventName": "voice.interruption.\\ud800", "occurredAt": "9999-12-31T23:59:60-23:59", "canonicalCallId": "\\ud800"}',
        '{"eventName": "voice.interruption.recovered", "startedAt": null, "attributes": {"\\ud800": 1}}',
    ],
)
def test_no_file_gives_a_traceback(write: Any, text: str, capsysbinary: Any) -> None:
    """Whatever it holds, in every form of output."""
    path = write(text)
    assert main(["validate", path]) in {0, 1, 2}
    assert main(["validate", path, "--format", "json"]) in {0, 1, 2}
    for form in ("otlp-json", "otlp-proto", "otlp-proto-sized", "envelope"):
        for more in ([], ["--upgrade"], ["--carrier", "log"]):
            assert main(["convert", path, "--to", form, *more]) in {0, 1, 2}
    assert b"Traceback" not in b"".join(capsysbinary.readouterr())


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("{tool} validate - <&-", "standard input: error: cannot be read: bad file descriptor"),
        ("{tool} schema list > /dev/full", "standard output cannot be written"),
        ("PYTHONIOENCODING=ascii {tool} validate '{path}'", "error: unknown event"),
        ("{tool} schema diff '{deep}'", "is no JSON"),
    ],
)
def test_no_terminal_gives_a_traceback(write: Any, shell: str, words: str) -> None:
    """A closed input, a full output, another encoding, a file that is too deep: one line."""
    path = write(GOOD | {"eventName": "voice.interruption.café日"})
    deep = write("[" * 100_000, name="deep.json")
    script = "import sys; from otel_voice_processor.cli import main; sys.exit(main())"
    tool = f'"{sys.executable}" -c "{script}"'
    done = subprocess.run(["bash", "-c", shell.format(tool=tool, path=path, deep=deep)], capture_output=True, timeout=60, check=False)
    told = (done.stdout + done.stderr).decode("utf-8", "replace")

    assert done.returncode in {1, 2}
    assert words in told
    assert "Traceback" not in told


def test_a_file_keeps_its_mode_and_a_link_its_target(write: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was there is replaced as it was; a new file is as any other; a folder is named, and nothing is left behind."""
    path, kept, link = write(GOOD), tmp_path / "kept", tmp_path / "link"
    kept.write_text("old", encoding="utf-8")
    kept.chmod(0o640)
    link.symlink_to(kept)

    assert (0, 0) == (
        main(["convert", path, "--to", "envelope", "-o", str(link)]),
        main(["convert", path, "--to", "envelope", "-o", str(tmp_path / "new")]),
    )
    assert link.is_symlink()
    assert ("call_ended" in kept.read_text(encoding="utf-8"), 0o640) == (True, kept.stat().st_mode & 0o777)
    assert 0o600 != (tmp_path / "new").stat().st_mode & 0o777
    assert 2 == main(["convert", path, "--to", "envelope", "-o", str(tmp_path)])
    assert [] == list(tmp_path.glob(".otel-voice-*"))
