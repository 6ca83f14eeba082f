from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard
from otel_voice_processor.cli import main
from otel_voice_processor.model import CallRecord, VoiceEvent
from otel_voice_processor.otlp_json import decode_request_json
from otel_voice_processor.testing import request_of

from tests.processor.conftest import Timeline
from tests.processor.recorded import settled, told, write

Make = Callable[..., Timeline]


def corrected(make: Make, call_id: str = "call_corrected", **more: Any) -> Timeline:
    """The caller corrects the agent, which stops."""
    call = make(call_id).started().speaks("r1", 1.0, 3.0, "interrupted", **more).says("no, Friday", 2.6, 3.4, told=2.9)
    return call.speaks("r2", 4.0, 6.0).ends(7.0)


def fired(make: Make, call_id: str = "call_fired") -> Timeline:
    """The agent stops for a murmur."""
    return make(call_id).started().speaks("r1", 1.0, 3.0, "interrupted").says("uh-huh", 2.6, 2.9, told=2.8).speaks("r2", 4.0, 6.0).ends(7.0)


def explained(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    assert code == main(["explain", *arguments])
    out, err = capsys.readouterr()
    return out, err


def as_counted(timeline: Timeline, **changes: Any) -> CallRecord:
    """The call's record with its first interruption counted otherwise."""
    record = timeline.record()
    first, *rest = record.episodes
    return replace(record, episodes=(replace(first, **changes), *rest))


@pytest.mark.parametrize(
    ("call", "first"),
    [
        (corrected, 'The caller meant it: "no, Friday" corrects the agent'),
        (fired, 'Nobody meant to interrupt, we fired on a backchannel: "uh-huh"'),
    ],
)
def test_the_first_line_answers_the_quick_filter(
    timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], call: Callable[[Make], Timeline], first: str
) -> None:
    """Did the caller interrupt intentionally, or did we fire on noise or a backchannel?"""
    out, _ = explained(capsys, "--from", write(tmp_path / "c.jsonl", [told(call(timeline).events)]))

    assert out.startswith(first)
    assert "Judged here with judge" in out


def test_several_interruptions_are_counted_in_the_first_line(timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How often it was meant and missed, and how often nothing was meant and the agent stopped."""
    call = timeline("call_both").started().speaks("r1", 1.0, 3.0, "interrupted").says("uh-huh", 2.6, 2.9, told=2.8)
    call.speaks("r2", 4.0, 9.0).says("no, I said Friday", 5.0, 6.0, told=5.5).speaks("r3", 10.0, 12.0).ends(13.0)
    out, _ = explained(capsys, "--from", write(tmp_path / "c.jsonl", [told(call.events)]))
    first = " ".join(out.split("\n\n")[0].split())

    assert "2 times input met the agent's speech: the caller meant 1 (the agent missed it); 1 was backchannel (we fired on it)." == first
    assert "1 of 2, at 0:02.6" in out
    assert "2 of 2, at 0:05.0" in out


def test_an_answer_after_an_unknown_end_is_no_sure_interruption(timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody told a response's end, what the caller said may be an ordinary turn, and is told as that."""
    call = timeline("call_perhaps").started().speaks("r1", 1.0).says("no, Friday", 12.6, 13.4, told=12.9)
    path = write(tmp_path / "one.jsonl", [told(call.events)])
    one = " ".join(explained(capsys, "--from", path)[0].split())
    call.speaks("r2", 15.0, 17.0, "interrupted").says("uh-huh", 16.6, 16.9, told=16.8).speaks("r3", 18.0).presses(25.0).ends(29.0)
    path = write(tmp_path / "more.jsonl", [told(call.events)])
    more = " ".join(explained(capsys, "--from", path)[0].split())
    account = json.loads(explained(capsys, "--from", path, "--json")[0])

    assert one.startswith(
        'The caller spoke: "no, Friday". Whether the agent was still speaking is not known: its end was never reported. Undetermined'
    )
    assert "meant" not in one
    assert more.startswith(
        "Once input met the agent's speech: 1 was backchannel (we fired on it)."
        " 2 times the caller spoke and it cannot be told whether the agent was still speaking."
    )
    assert "The caller pressed a key. Whether" in more
    assert [True, False, True] == [episode["perhaps"] for episode in account["episodes"]]


def test_what_the_processor_wrote_wins(timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Verdict and compliance are those that counted; where judging anew differs, one line says so."""
    call = corrected(timeline)
    counted = as_counted(call, verdict="missed_interruption", reason="slow_agent", compliance="deviated")
    path = write(tmp_path / "c.jsonl", [told(call.events), settled(counted)])
    out, _ = explained(capsys, "--from", path)
    shown = " ".join(out.split())

    assert "Missed interruption: the agent knew but was slow." in shown
    assert "compliance: deviated" in shown
    assert "Judged anew here, 1 interruption would differ (" in shown
    assert "counted as missed interruption, here correct). What counted is shown." in shown
    assert "not counted anywhere" not in shown


def test_what_agrees_is_not_remarked_on(timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where judging anew comes to the same, nothing is said about judges."""
    call = corrected(timeline)
    out, _ = explained(capsys, "--from", write(tmp_path / "c.jsonl", [told(call.events), settled(call.record())]))

    assert "Judged" not in out
    assert "anew" not in out
    assert "Correct." in " ".join(out.split())


def test_a_call_that_has_not_settled_says_so(timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Episodes that are not written yet are judged here, and marked as not counted."""
    call = timeline("call_open").started().speaks("r1", 1.0, 3.0, "interrupted").says("uh-huh", 2.6, 2.9, told=2.8)
    call.speaks("r2", 4.0, 9.0).says("no, I said Friday", 5.0, 6.0, told=5.5).speaks("r3", 10.0, 12.0)
    record = call.record()
    path = write(tmp_path / "c.jsonl", [told(call.events), settled(replace(record, episodes=record.episodes[:1]), whole=False)])
    out, _ = explained(capsys, "--from", path)
    account = json.loads(explained(capsys, "--json", "--from", path)[0])

    assert "own summary is not in the data" in out
    assert "1 interruption judged here; not counted anywhere (yet)." in out
    assert [True, False] == [episode["counted"] for episode in account["episodes"]]


def test_summaries_alone_are_enough(timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the agent's events are not in the data, the answer stands all the same, and no lane is drawn that nobody knows."""
    record = corrected(timeline).record()
    out, _ = explained(capsys, "--from", write(tmp_path / "c.jsonl", [settled(record)]))

    assert out.startswith("The caller meant it")
    assert "The events of 1 interruption are not in the data" in " ".join(out.split())
    assert "what was said (not in the data) corrects the agent" in " ".join(out.split())
    assert f"or in the trace backend: trace {record.trace_id.hex()}." in " ".join(out.split())
    assert set() == set("█▓░●▲") & set(out)
    assert "<svg" not in explained(capsys, "--html", "-", "--from", str(tmp_path / "c.jsonl"))[0]
    assert "words known" not in out
    assert record.episodes[0].span_id.hex() in out


def test_a_quiet_call_of_which_only_the_summary_is_there_has_no_empty_lanes(
    timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lane without a sound would say that nobody spoke."""
    quiet = timeline("call_quiet").started().speaks("r1", 1.0, 3.0).ends(9.0).record()
    out, _ = explained(capsys, "--from", write(tmp_path / "c.jsonl", [settled(quiet)]))

    assert "the data hold its summary alone, so nothing is drawn" in " ".join(out.split())
    assert "stretches" not in out


@pytest.mark.parametrize(("told_at_the_end", "expected"), [({}, None), ({"agent__playback__position_ms": 1_840}, 1_840)])
def test_how_much_was_heard_is_known_from_the_end_alone(
    timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], told_at_the_end: dict[str, int], expected: int | None
) -> None:
    """The position that a start tells, 0, is not what was heard; where no interruption or stop tells one, it is not known."""
    call = timeline("call_heard").started()
    start = {"agent__response__id": "r1", "agent__playback__position_ms": 0, "agent__response__duration_ms": 3_320}
    call.event("agent.speech_started", 1.0, **start).says("no, Friday", 2.6, 3.4, told=2.9)
    call.event("agent.speech_interrupted", 3.0, agent__response__id="r1", agent__interruption__reason="caller_input", **told_at_the_end)
    path = write(tmp_path / "c.jsonl", [told(call.ends(7.0).events)])
    account = json.loads(explained(capsys, "--json", "--from", path)[0])
    shown = " ".join(explained(capsys, "--from", path)[0].split())

    assert [expected, expected] == [account["agent"][0]["position_ms"], account["episodes"][0]["response"]["position_ms"]]
    assert (expected is not None) == ("heard 1.84 s of the planned 3.32 s" in shown)
    assert "0.00 s of" not in shown


def test_json_has_a_stable_shape(timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Times are ISO 8601 in UTC and milliseconds of the call; the README names every member."""
    call = corrected(timeline)
    path = write(tmp_path / "c.jsonl", [told(call.events), settled(call.record())])
    account = json.loads(explained(capsys, "call_corrected", "--json", "--from", path)[0])
    (episode,) = account["episodes"]
    readme = (Path(__file__).parents[3] / "processor/README.md").read_text(encoding="utf-8")

    assert "otel-voice/explain/1" == account["format"]
    assert ("2026-09-21T14:13:20.000Z", "2026-09-21T14:13:27.000Z") == (account["call"]["start"], account["call"]["end"])
    assert (2600, 400) == (episode["offset_ms"], episode["reaction_ms"])
    assert ("correct", "yes", "stopped", True) == tuple(episode[key] for key in ("verdict", "intent", "net_audio", "counted"))
    assert "no, Friday" == episode["input"]["stretches"][0]["transcript"]["text"]
    assert [1000, 3000] == [episode["response"]["start_ms"], episode["response"]["end_ms"]]
    assert len(call.events) == len(account["events"])
    for key in {*account, *episode, *account["call"], *account["judged"]}:
        assert f"`{key}`" in readme, key


def test_redacted_words_are_told_as_that(timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Length, word count and pointer stand where the text is not in the data, and nothing of it is made up."""
    facts = {
        "caller__transcript__length": 10,
        "caller__transcript__word_count": 2,
        "caller__transcript__ref": "s3://t/1.json",
        "caller__input__class": "correction",
        "caller__input__class_confidence": 0.9,
        "evidence__audio_ref": "s3://a/1.wav",
    }
    call = timeline("call_1").started().speaks("r1", 1.0, 3.0, "interrupted").says(None, 2.6, 3.4, told=2.9, **facts).ends(5.0)
    path = write(tmp_path / "c.jsonl", [told(call.events)])
    shown = " ".join(explained(capsys, "--from", path)[0].split())
    stretch = json.loads(explained(capsys, "--json", "--from", path)[0])["caller"][0]

    assert "what was said (2 words, text redacted) corrects the agent (confidence 0.90)" in shown
    assert "text redacted: 2 words, 10 characters, at s3://t/1.json" in shown
    assert "audio s3://a/1.wav, at 0:02.6 of the call" in shown
    assert (None, True) == (stretch["transcript"]["text"], stretch["transcript"]["redacted"])


def test_hostile_words_do_not_move_a_cursor(timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes, text that runs backwards and 100 kB of it are shown as harmless, short text."""
    call = timeline("call_\x1b[31m\u202e").started().speaks("r\x1b[2J", 1.0, 3.0, "interrupted")
    call.says("no \x1b]0;x\x07 " + "word " * 20_000, 2.6, 3.4, told=2.9).ends(5.0)
    out, _ = explained(capsys, "--from", write(tmp_path / "c.jsonl", [told(call.events)]))

    assert set() == {"\x1b", "\x07", "\u202e"} & set(out)
    assert "characters)" in out
    assert max(map(len, out.splitlines())) <= 100
    assert len(out) < 6_000


def test_six_hundred_interruptions_give_a_screen_that_says_what_it_left_out(
    timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The gravest are drawn, in order of time; `--all` draws all, and JSON has all."""
    call = timeline("call_long").started()
    for number in range(600):
        at = number * 10.0 + 1
        call.speaks(f"r{number}", at, at + 3 if number % 100 == 99 else at + 6, "interrupted" if number % 100 == 99 else "completed")
        call.says("uh-huh", at + 1.5, at + 1.9, told=at + 1.8)
    path = write(tmp_path / "c.jsonl", [told(call.ends(6_100.0).events)])
    out, _ = explained(capsys, "--from", path)

    assert "600 times input met the agent's speech: 600 were backchannel (we fired on 6)." in " ".join(out.split())
    assert 20 == len(re.findall(r"^\d+ of 600, at", out, re.MULTILINE))
    assert ["100", "200", "300", "400", "500", "600"] == [n for n in re.findall(r"^(\d+) of 600", out, re.MULTILINE) if int(n) % 100 == 0]
    assert "580 more are not drawn" in out
    assert 600 == len(json.loads(explained(capsys, "--json", "--from", path)[0])["episodes"])
    assert 600 == len(re.findall(r"^\d+ of 600, at", explained(capsys, "--all", "--from", path)[0], re.MULTILINE))
    assert 600 == explained(capsys, "--all", "--html", "-", "--from", path)[0].count('<section class="card good" id=') + 6


def test_an_unknown_call_names_those_that_were_meant(timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By likeness, by their beginning, or the newest; a call that is a file stands in the wrong place."""
    path = write(tmp_path / "c.jsonl", [told(corrected(timeline, f"call_{each}").events) for each in ("alpha", "beta")])

    assert "did you mean `call_alpha`" in explained(capsys, "call_alpho", "--from", path, code=2)[1]
    assert "did you mean `call_beta`?" in explained(capsys, "call_b", "--from", path, code=2)[1]
    assert "the newest are `call_alpha`, `call_beta`" in explained(capsys, "zzz", "--from", path, code=2)[1]
    assert "which of 2 calls?" in explained(capsys, "--from", path, code=2)[1]
    assert "`latest`; its id stands before `--from`" in explained(capsys, "--from", path, "call_alpha", code=2)[1]
    assert "is a file: files stand behind `--from`" in explained(capsys, str(tmp_path), "--from", path, code=2)[1]


def test_the_newest_call_and_a_trace_can_be_asked_for(timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`latest` is the call of the newest event, wherever it stands; a trace id names its call."""
    newest = timeline("call_newest").event("call_started", 5_000.0).ends(5_001.0)
    path = write(tmp_path / "c.jsonl", [told(newest.events), told(corrected(timeline).events)])

    assert "call_newest" == json.loads(explained(capsys, "latest", "--json", "--from", path)[0])["call"]["id"]
    trace = json.loads(explained(capsys, "call_corrected", "--json", "--from", path)[0])["call"]["trace_id"]
    assert "call_corrected" == json.loads(explained(capsys, trace, "--json", "--from", path)[0])["call"]["id"]


def test_files_are_found_as_the_exporter_leaves_them(
    timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `--from` it is calls.jsonl with its rotated files; a folder is all that is in it; standard input is `-`."""
    monkeypatch.chdir(tmp_path)
    halves = corrected(timeline).events
    (tmp_path / "calls-2026-09-21T14-13-20.000.jsonl.zst").write_bytes(zstandard.compress(told(halves[:4]).encode()))
    write(tmp_path / "calls.jsonl", [told(halves[4:])])
    out, err = explained(capsys, "--json")

    assert "reading calls.jsonl and 1 rotated file beside it\n" == err
    assert len(halves) == len(json.loads(out)["events"])
    assert out == explained(capsys, "--json", "--from", str(tmp_path))[0]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(told(halves).encode())))
    assert out == explained(capsys, "--json", "--from", "-")[0]


def test_a_named_file_is_read_with_what_was_rotated_away_from_it(
    timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it is said; `--only` reads just that file. One that a crash left both plain and compressed is read once."""
    first, second, third = (corrected(timeline, f"call_{each}").events for each in ("one", "two", "three"))
    plain = tmp_path / "calls-2026-09-21T14-13-20.000.jsonl"
    write(plain, ["{half a line"])
    plain.with_name(f"{plain.name}.zst").write_bytes(zstandard.compress(told(first).encode()))
    write(tmp_path / "calls-2026-09-22T14-13-20.000.jsonl", [told(second)])
    write(tmp_path / "calls-old.jsonl", [told(corrected(timeline, "call_other").events)])
    live = write(tmp_path / "calls.jsonl", [told(third)])
    for call_id in ("call_one", "call_two", "call_three"):
        _, err = explained(capsys, call_id, "--from", live)
        assert f"reading {live} and 2 rotated files beside it\n" == err
    assert "" == explained(capsys, "call_three", "--only", "--from", live)[1]
    assert "no call `call_one`" in explained(capsys, "call_one", "--only", "--from", live, code=2)[1]
    assert "no call `call_other`" in explained(capsys, "call_other", "--from", live, code=2)[1]
    assert "" == explained(capsys, "call_one", "--from", *sorted(map(str, tmp_path.iterdir())))[1]
    assert "" == explained(capsys, "call_one", "--from", str(tmp_path))[1]
    (tmp_path / "calls.jsonl").unlink()
    assert f"reading 2 files rotated away from {live}\n" == explained(capsys, "call_two", "--from", live)[1]


def test_nothing_to_read_is_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, an empty folder, a file without a call."""
    monkeypatch.chdir(tmp_path)

    assert "otel-voice: no `calls.jsonl` here: name the files\n" == explained(capsys, code=2)[1]
    assert "holds no recorded calls" in explained(capsys, "--from", str(tmp_path), code=2)[1]
    assert "absent.jsonl: cannot be read: no such file" in explained(capsys, "--from", "absent.jsonl", code=2)[1]
    empty = write(tmp_path / "empty.jsonl", ['{"resourceSpans": []}\n'])
    assert f"otel-voice: no event of a call in `{empty}`\n" == explained(capsys, "--from", empty, code=2)[1]


def test_broken_lines_are_told_and_reading_goes_on(timeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first few by line, the rest by their number; the call is explained all the same."""
    path = write(tmp_path / "c.jsonl", ["{broken\n" * 9, told(corrected(timeline).events)])
    out, err = explained(capsys, "--from", path)

    assert out.startswith("The caller meant it")
    assert 5 == err.count("not JSON")
    assert "4 more parts could not be read" in err


def test_a_call_of_which_nothing_can_be_judged_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Events of a later schema alone: explain and report say that nobody knows, not that nobody interrupted."""
    event = VoiceEvent(
        name="voice.interruption.call_started",
        call_id="later",
        time_ns=1_790_000_000 * 10**9,
        start_ns=1_790_000_000 * 10**9,
        trace_id=b"t" * 16,
        span_id=b"s" * 8,
        attributes={"voice.call.id": "later", "voice.schema.version": "2099-01-01"},
    )
    file = tmp_path / "calls.jsonl"
    file.write_text(decode_request_json(request_of([event]), "traces") + "\n", encoding="utf-8")
    told = []
    for arguments in (["explain", "later", "--from", str(file)], ["report", str(file)]):
        assert 0 == main(arguments)
        told.append(capsys.readouterr().out)

    assert told[0].startswith("Whether anybody interrupted in this call is not known.")
    assert told[1].startswith("Whether anybody interrupted is not known in 1 call.")
    assert "summary alone" not in told[0]
