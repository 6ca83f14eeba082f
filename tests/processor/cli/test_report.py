from __future__ import annotations

import json
from pathlib import Path

import pytest
from otel_voice_processor.cli import main

from tests.processor.conftest import Timeline
from tests.processor.recorded import settled, told, write

README = (Path(__file__).parents[3] / "processor/README.md").read_text(encoding="utf-8")


def call(name: str, *, said: str, stop: float | None, workflow: str = "billing", outcome: str = "completed") -> Timeline:
    """The caller speaks at 2 s; the agent stops at `stop`, or plays to its end."""
    timeline = Timeline(name).started(workflow=workflow)
    timeline.speaks("r1", 1.0, stop or 8.0, "completed" if stop is None else "interrupted", workflow=workflow)
    timeline.says(said, 2.0, 2.8, told=2.3, workflow=workflow)
    return timeline.speaks("r2", (stop or 8.0) + 1.0, (stop or 8.0) + 2.0, workflow=workflow).ends(20.0, outcome=outcome)


def calls() -> list[Timeline]:
    """Of thirty calls three are missed in billing, one fires in support and loses its task."""
    good = [call(f"call_good_{number}", said="no, Friday", stop=2.4) for number in range(26)]
    missed = [call(f"call_missed_{number}", said="no, Friday", stop=None) for number in range(3)]
    return [*good, *missed, call("call_fired", said="uh-huh", stop=2.4, workflow="support", outcome="failed")]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return write(tmp_path / "calls.jsonl", [told(timeline.events) + settled(timeline.record()) for timeline in calls()])


def reported(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    assert code == main(["report", *arguments])
    out, err = capsys.readouterr()
    return out, err


def test_the_first_line_says_how_often_it_went_wrong(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Then come scorecard, workflows and the calls to review, each with its own answer."""
    out, _ = reported(capsys, path)
    first = " ".join(out.split("\n\n")[0].split())
    order = [out.index(each) for each in ("Scorecard of 30 calls", "Workflows, worst first", "Review first (4 of 4", "call_fired")]

    assert (
        "In 4 of 30 calls an interruption was mishandled: fired on noise or a backchannel once, missed a caller who meant it 3 times."
        == first
    )
    assert sorted(order) == order
    assert "4%" in out  # of 27 stops one was for nothing
    assert "Judged here" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_the_gravest_call_is_first_and_has_its_answer(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A lost task goes before a miss; the reason stands above those it holds for."""
    out, _ = reported(capsys, path)
    review = out[out.index("Review first") :]

    assert review.index("1. call_fired") < review.index("2. call_missed_0")
    assert review.index("and the task failed") < review.index("1. call_fired") < review.index("played on over a caller")
    assert 'we fired on a backchannel: "uh-huh"' in review


def test_json_has_a_stable_shape(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Seven rates with interval and whether they are too few, workflows worst first, reviews with their record."""
    report = json.loads(reported(capsys, path, "--json")[0])
    rates = {rate["name"]: rate for rate in report["rates"]}

    assert ("otel-voice/report/1", 30, 4, 0) == (report["format"], report["calls"], report["to_review"], report["judged_here"])
    assert {"handled": 26, "mishandled": 4} == report["interrupted"]
    assert 7 == len(rates)
    assert (1, 27, False) == tuple(rates["false_interruption"][key] for key in ("numerator", "denominator", "too_few"))
    assert (3, 29) == tuple(rates["missed_interruption"][key] for key in ("numerator", "denominator"))
    assert [("billing", 3, 29, False), ("support", 1, 1, True)] == [
        (flow["name"], flow["wrong"], flow["determined"], flow["too_few"]) for flow in report["workflows"]
    ]
    assert ["task_failed", "mishandled", "mishandled", "mishandled"] == [review["why"] for review in report["review"]]
    assert "false_interruption" == report["review"][0]["episodes"][0]["verdict"]
    for key in {*report, *report["rates"][0], *report["workflows"][0], *report["review"][0]}:
        assert f"`{key}`" in README, key


def test_the_page_holds_the_record_of_every_call_to_review(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only its owner reads the file, also where it was there and open to others."""
    page = tmp_path / "report.html"
    page.write_text("before")
    page.chmod(0o644)
    _, err = reported(capsys, path, "--html", str(page))
    text = page.read_text(encoding="utf-8")

    assert f"wrote {page}\n" == err
    assert 4 == text.count("<summary><strong")
    assert 4 == text.count("<dt>Agent was saying</dt>")
    assert 0o600 == page.stat().st_mode & 0o777


def test_a_workflow_and_fewer_calls_can_be_asked_for(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A workflow that nobody has gets the nearest name."""
    report = json.loads(reported(capsys, path, "--json", "--workflow", "support", "--top", "0")[0])

    assert (1, 1, []) == (report["calls"], report["to_review"], report["review"])
    assert "no call of the workflow `suport`: did you mean `support`?" in reported(capsys, path, "--workflow", "suport", code=2)[1]


def test_every_figure_leads_to_its_calls(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In text one rate's ids, a line each; in JSON of every rate and gap; on the page with a link where the record is there."""
    unsure = Timeline("call_unsure").started().speaks("r1", 1.0, 8.0).says(None, 2.0, 2.8, status="unavailable").ends(20.0)
    more = write(tmp_path / "more.jsonl", [told(unsure.events)])
    page = tmp_path / "report.html"
    text = reported(capsys, path, more, "--calls", "missed_interruption")[0].split("\n")
    report = json.loads(reported(capsys, path, more, "--json")[0])
    rates = {rate["name"]: rate["calls"] for rate in report["rates"]}
    reported(capsys, path, more, "--html", str(page), "--top", "2")
    html = page.read_text(encoding="utf-8")

    missed = ["call_missed_0", "call_missed_1", "call_missed_2"]
    assert "Missed interruption rate: 10%, 3/29 counted" == text[0]
    assert ["In the numerator, 3 calls:", *missed, ""] == text[2:7]
    assert "In the denominator, 29 calls:" == text[7]
    assert "Undetermined, in neither, 1 call:" in text
    assert "call_unsure" == text[-2]
    assert {"count": 3, "ids": missed} == rates["missed_interruption"]["numerator"]
    assert 29 == rates["missed_interruption"]["denominator"]["count"]
    assert {"count": 1, "ids": ["call_unsure"]} == report["undetermined"][0]["calls"]
    assert '<a href="#review-1" class="id">call_fired</a>' in html
    assert 'id="review-1"' in html
    assert '<span class="id">call_missed_2</span>' in html


def test_a_rate_that_nobody_knows_gets_the_nearest_name(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As any other name."""
    with pytest.raises(SystemExit) as error:
        main(["report", path, "--calls", "mised_interruption"])

    assert 2 == error.value.code
    assert "no rate `mised_interruption`: did you mean `missed_interruption`?" in capsys.readouterr().err


def test_calls_can_be_chosen_by_their_ids(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By a glob; where it fits none, some ids are named."""
    assert 3 == json.loads(reported(capsys, path, "--json", "--calls-like", "call_missed_*")[0])["calls"]
    assert "no call with an id like `call_93_*`: there are `call_good_0`" in reported(capsys, path, "--calls-like", "call_93_*", code=2)[1]


def test_piped_output_is_as_wide_as_columns_says(path: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """100 columns where nothing says how wide."""
    monkeypatch.delenv("COLUMNS", raising=False)
    plain = reported(capsys, path)[0]
    monkeypatch.setenv("COLUMNS", "70")

    assert max(map(len, plain.splitlines())) > 70 >= max(map(len, reported(capsys, path)[0].splitlines()))


def test_perhaps_is_not_counted_as_an_interruption_in_the_first_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Turns after a response of unknown end are told apart from interruptions that cannot be judged."""
    call = Timeline("call_1").started().speaks("r1", 1.0).says("Friday", 12.0, 13.0).speaks("r2", 15.0).says("no, Friday", 25.0, 26.0)
    call.speaks("r3", 30.0, 40.0).says(None, 32.0, 33.0, status="unavailable").ends(45.0)
    path = write(tmp_path / "c.jsonl", [told(call.events)])
    out = " ".join(reported(capsys, path)[0].split())

    assert "1 interruption cannot be judged. 2 times the caller spoke and it cannot be told whether the agent was still speaking." in out
    assert 2 == json.loads(reported(capsys, path, "--json")[0])["perhaps"]


def test_a_file_is_reported_with_what_was_rotated_away_from_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rotation loses no call of the report; `--only` asks for just the one file."""
    older, newer = calls()[:10], calls()[10:]
    write(tmp_path / "calls-2026-09-21T14-13-20.000.jsonl", [told(timeline.events) for timeline in older])
    live = write(tmp_path / "calls.jsonl", [told(timeline.events) for timeline in newer])
    out, err = reported(capsys, live, "--json")

    assert (30, f"reading {live} and 1 rotated file beside it\n") == (json.loads(out)["calls"], err)
    assert (20, "") == (json.loads((only := reported(capsys, live, "--json", "--only"))[0])["calls"], only[1])


def test_what_could_not_be_read_is_told_and_the_rest_reported(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Broken lines cost nothing but themselves; a file that is not there makes the exit code 2, after the report."""
    broken = write(tmp_path / "broken.jsonl", ["{nonsense\n", told(calls()[0].events), "{nonsense\n"])
    out, err = reported(capsys, broken)

    assert "In 0 of 1 call an interruption was mishandled" in out
    assert "2 parts of the files could not be read." in out
    assert "Judged here; not counted anywhere" in out
    assert f"{broken}: line 1" in err
    out, err = reported(capsys, str(tmp_path / "absent"), path, code=2)
    assert "In 4 of 30 calls" in out
    assert "absent: cannot be read: no such file or directory" in err


def test_nothing_to_report_is_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file without an event of ours."""
    path = write(tmp_path / "empty.jsonl", ['{"resourceSpans": []}\n'])

    assert "otel-voice: no event of a call in it: nothing named `voice.interruption.*`\n" == reported(capsys, path, code=2)[1]


def test_a_page_that_cannot_be_written_is_said_in_a_line(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback."""
    absent = tmp_path / "absent" / "report.html"

    assert (
        f"otel-voice: `{absent}` cannot be written: no such file or directory\n" == reported(capsys, path, "--html", str(absent), code=2)[1]
    )


def test_a_board_of_quiet_calls_is_good_news(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody interrupted anybody, nothing is to be reviewed."""
    quiet = Timeline("call_1").started().speaks("r1", 1.0, 2.0).ends(3.0)
    out, _ = reported(capsys, write(tmp_path / "c.jsonl", [told(quiet.events)]))

    assert out.startswith("Nobody interrupted anybody in 1 call.")
    assert "Nothing to review" in out
