"""Tests of a policy as data: the case format, its strict reader, running, coverage and JUnit XML."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from otel_voice_schema.attributes import Action

from otel_voice.policy import Candidate, decide, load_default, load_policy
from otel_voice.policy.testing import (
    OBLIGATIONS,
    Case,
    CaseError,
    Reported,
    answers_of,
    exercised,
    junit_xml,
    read_cases,
    run_cases,
    shipped_cases,
)
from otel_voice.policy.testing.obligations import ASSERTIONS, FIVE, completed

Read = Callable[[str], tuple[Case, ...]]
HEAD = "suite: s\ncases:\n"
GIVEN = "given: {message_type: support_answer, agent_state: speaking, position_ms: 2500, speech_duration_ms: 700}"
YEAH = f'{HEAD}  - name: yeah\n    {GIVEN}\n    texts: ["yeah", "uh-huh"]\n    expect: {{class: backchannel, playback: keep}}\n'


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(text: str) -> tuple[Case, ...]:
        path = tmp_path / "cases.yaml"
        path.write_text(text, encoding="utf-8")
        return read_cases([path])

    return read


@pytest.fixture
def problems(read: Read, tmp_path: Path) -> Callable[[str], list[str]]:
    def problems(text: str) -> list[str]:
        with pytest.raises(CaseError) as caught:
            read(text)
        return [each.replace(f"{tmp_path}/cases.yaml:", "") for each in caught.value.problems]

    return problems


def test_a_case_is_asked_once_for_each_of_its_texts(read: Read) -> None:
    """Each text is a question of its own, with its line, and shares what is given and expected."""
    (case,) = read(YEAH)

    assert ["yeah", "uh-huh"] == [trial.candidate.text for trial in case.trials]
    assert {2500} == {trial.candidate.position_ms for trial in case.trials}
    assert ['text "yeah"', 'text "uh-huh"'] == [trial.label for trial in case.trials]
    assert ({"class": ("backchannel",), "playback": ("keep",)},) * 2 == tuple(trial.expect for trial in case.trials)


def test_steps_know_what_the_steps_before_knew(read: Read) -> None:
    """Evidence grows; a null takes it back; the case's own expectation is of the last step, a step without any asks nothing."""
    (case,) = read(f"""{HEAD}  - name: growing
    given: {{agent_state: speaking, position_ms: 100}}
    steps:
      - {{given: {{speech_duration_ms: 200}}, expect: {{playback: keep}}}}
      - {{given: {{text: "no", position_ms: 300}}}}
      - {{given: {{speech_duration_ms: null}}, expect: {{class: correction}}}}
    expect: {{playback: stop}}
""")
    first, last = case.trials

    assert (100, 200, None) == (first.candidate.position_ms, first.candidate.speech_duration_ms, first.candidate.text)
    assert (300, None, "no") == (last.candidate.position_ms, last.candidate.speech_duration_ms, last.candidate.text)
    assert {"class": ("correction",), "playback": ("stop",)} == dict(last.expect)
    assert ("step 1", False, "step 3", True) == (first.label, first.whole, last.label, last.whole)


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ("{name: a, given: {}, expect: {playback: keep}, setp: x}", "unknown key `setp` at cases[0]: did you mean `setup`?"),
        (
            "{name: a, given: {mesage_type: x}, expect: {playback: keep}}",
            "unknown key `mesage_type` at cases[0].given: did you mean `message_type`?",
        ),
        (
            "{name: a, given: {agent_state: speking}, expect: {playback: keep}}",
            "unknown value `speking` at cases[0].given.agent_state: did you mean `speaking`?",
        ),
        (
            "{name: a, given: {position_ms: soon}, expect: {playback: keep}}",
            "cases[0].given.position_ms must be a whole number, not text `soon`",
        ),
        (
            "{name: a, given: {position_ms: 1.5}, expect: {playback: keep}}",
            "cases[0].given.position_ms must be a whole number, not a number `1.5`",
        ),
        (
            "{name: a, given: {position_ms: 1:30}, expect: {playback: keep}}",
            "cases[0].given.position_ms must be a whole number, not a whole number `1:30`",
        ),
        (
            "{name: a, given: {word_count: .nan}, expect: {playback: keep}}",
            "cases[0].given.word_count must be a whole number, not a number `.nan`",
        ),
        (
            "{name: a, given: {vad_confidence: true}, expect: {playback: keep}}",
            "cases[0].given.vad_confidence must be a number, not a boolean `true`",
        ),
        (
            "{name: a, given: {is_backchannel: 1}, expect: {playback: keep}}",
            "cases[0].given.is_backchannel must be true or false, not a whole number `1`",
        ),
        ("{name: a, given: {text: no}, expect: {playback: keep}}", "cases[0].given.text must be text, in quotes, not a boolean `no`"),
        ("{name: a, given: {text: [a]}, expect: {playback: keep}}", "cases[0].given.text must be text, not a list"),
        ("{name: a, given: {}, texts: [yes], expect: {playback: keep}}", "cases[0].texts[0] must be text, in quotes, not a boolean `yes`"),
        ("{name: a, given: {}, texts: [], expect: {playback: keep}}", "cases[0].texts is empty"),
        ('{name: a, given: {}, texts: ["b", "b"], expect: {playback: keep}}', "text `b` at cases[0].texts is given twice"),
        ('{name: a, given: {text: "b"}, texts: ["b"], expect: {playback: keep}}', "cases[0] has both `texts` and a `text` that is given"),
        (
            '{name: a, texts: ["b"], steps: [{given: {}}], expect: {playback: keep}}',
            "cases[0] has both `texts` and `steps`: make two cases of it",
        ),
        ("{name: a, steps: [{given: {}}]}", "nothing is expected at cases[0]: neither of a step nor of the case"),
        ("{name: a, steps: []}", "cases[0].steps is empty"),
        ("{name: a, given: {}, expect: {}}", "nothing is expected at cases[0].expect"),
        ("{name: a, given: {}, expect: null}", "cases[0].expect must be a mapping, not nothing `null`"),
        ("{name: a, given: {}}", "key `expect` is missing at cases[0]: a case expects something"),
        ("{name: a, expect: {playback: keep}}", "key `given` is missing at cases[0]: a case says what is known of the input"),
        ("{given: {}, expect: {playback: keep}}", "key `name` is missing at cases[0]"),
        (
            "{name: a, of: short_backchanel, given: {}, expect: {playback: keep}}",
            "unknown value `short_backchanel` at cases[0].of: did you mean `short_backchannel`?",
        ),
        ("{name: a, given: {}, expect: {playback: kept}}", "unknown value `kept` at cases[0].expect.playback: did you mean `keep`?"),
        ("{name: a, given: {}, expect: {playback: []}}", "cases[0].expect.playback is empty"),
        ("{name: a, given: {}, expect: {playback: [keep, keep]}}", "`keep` at cases[0].expect.playback is given twice"),
        ("{name: a, given: {}, expect: {waits: soon}}", "cases[0].expect.waits must be true or false, not text `soon`"),
        (
            "{name: a, given: {}, expect: {decision: wait, playback: stop}}",
            "what is expected at cases[0].expect can never be: no action does all of it",
        ),
        (
            "{name: a, steps: [{expect: {task: handed_over}}], expect: {playback: keep}}",
            "what is expected at cases[0].steps[0] can never be: no action does all of it",
        ),
        (
            "{name: a, steps: [{expect: {playback: keep}}], expect: {playback: keep}}",
            "`playback` is expected twice: at cases[0].steps[0].expect, the last step, and at cases[0].expect",
        ),
        ("5", "cases[0] must be a mapping, not a whole number `5`"),
    ],
)
def test_each_mistake_has_a_place_and_a_way_out(problems: Callable[[str], list[str]], case: str, problem: str) -> None:
    """Line and column, what is wrong, and the name that was probably meant."""
    place, _, told = problems(f"{HEAD}  - {case}\n")[0].partition(" ")

    assert problem == told
    assert place.startswith("3:")


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    """Nobody mends a file problem by problem."""
    (tmp_path / "one.yaml").write_text(
        f"{HEAD}  - {{name: a, given: {{texte: x}}, expect: {{playback: kep}}}}\nmore: 1\n", encoding="utf-8"
    )
    (tmp_path / "two.yml").write_text("suite: [\n", encoding="utf-8")
    (tmp_path / "three.yaml").write_text("", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no case file", encoding="utf-8")
    with pytest.raises(CaseError) as caught:
        read_cases([tmp_path, tmp_path / "none.yaml"])
    told = [each.removeprefix(f"{tmp_path}/").split(" ")[0] for each in caught.value.problems]

    assert ["one.yaml:3:23:", "one.yaml:3:53:", "one.yaml:4:1:", "three.yaml:1:", "two.yml:2:1:", "none.yaml:1:"] == told


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("suite: s\n", "1:1: key `cases` is missing"),
        ("suite: s\ncases: []\n", "2:8: cases must hold a case"),
        (f"cases:\n  - {{name: a, {GIVEN}, expect: {{playback: keep}}}}\n", "1:1: key `suite` is missing"),
        ("[]\n", "1:1: the file must be a mapping, not a list"),
    ],
)
def test_a_file_has_a_suite_and_cases(problems: Callable[[str], list[str]], text: str, problem: str) -> None:
    """Nothing else, and neither may be missing."""
    assert [problem] == problems(text)


def test_a_name_is_given_once_in_a_file(problems: Callable[[str], list[str]]) -> None:
    """The first has it."""
    case = f"  - {{name: a, {GIVEN}, expect: {{playback: keep}}}}\n"

    assert ["4:12: `a` at cases[1].name is the name of the case at line 3, too"] == problems(HEAD + case + case)


def test_numbers_may_be_what_nobody_should_send(read: Read) -> None:
    """Negative, huge and not a number: a hostile case is a case, and the engine answers it."""
    given = f"position_ms: -5, silence_ms: 1{'0' * 30}, vad_confidence: .nan, audio_energy_db: -.inf"
    (case,) = read(f"{HEAD}  - {{name: a, given: {{{given}}}, expect: {{playback: keep}}}}\n")
    candidate = case.trials[0].candidate

    assert (-5, 10**30) == (candidate.position_ms, candidate.silence_ms)
    assert candidate.vad_confidence != candidate.vad_confidence
    assert run_cases(load_default(), [case])


def test_a_folder_is_read_to_its_depth_in_order(tmp_path: Path) -> None:
    """Whatever the file system's order; a file that is named twice is read once."""
    for name in ("b.yaml", "a/z.yaml", "a/c.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(YEAH, encoding="utf-8")
    found = [Path(case.file).relative_to(tmp_path).as_posix() for case in read_cases([tmp_path, tmp_path / "b.yaml"])]

    assert ["a/c.yml", "a/z.yaml", "b.yaml"] == found
    (tmp_path / "none").mkdir()
    with pytest.raises(CaseError, match="no case file in this folder"):
        read_cases([tmp_path / "none"])


def test_every_action_has_its_obligations() -> None:
    """The table is complete, and each word of it may be expected."""
    assert {each.value for each in Action} == set(OBLIGATIONS)
    assert {"playback", "transcript", "task", "recovery"} == set(FIVE) - {"decision"}
    assert all(getattr(each, name) in (ASSERTIONS[name] or ()) for each in OBLIGATIONS.values() for name in set(FIVE) - {"decision"})


def test_what_is_not_said_follows_from_what_is() -> None:
    """The other assertions are those of the actions that do all that is expected."""
    both = completed({"decision": ("continue_agent_audio", "acknowledge_and_continue")})

    assert ("not_a_turn",) == both["transcript"]
    assert ("stop_agent_audio_and_accept_user_turn",) == completed({"playback": ("stop",), "recovery": ("answers_turn",)})["decision"]
    assert ("preserved", "handed_over") == completed({"playback": ("stop",)})["task"]
    assert {} == completed({"class": ("noise",)})


def test_a_case_passes_where_each_assertion_holds(read: Read) -> None:
    """One is enough to fail, and is told with what was expected and what was ruled."""
    assert [()] * 2 == [tried.failed for tried in run_cases(load_default(), read(YEAH))]
    (tried, _) = run_cases(load_default(), read(YEAH.replace("playback: keep", "recovery: answers_turn, waits: true")))

    assert [("recovery", ("answers_turn",), "plays_on"), ("waits", ("yes",), "no")] == [
        (check.assertion, check.expected, check.got) for check in tried.failed
    ]
    assert "support_answer.backchannel" == tried.ruling.rule


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        (
            "{message_type: disclosure, position_ms: 100, response_duration_ms: 9000, text: 'no, that is wrong'}",
            "{protected: true, rule: disclosure.protected}",
        ),
        ("{message_type: disclosure, agent_state: listening, text: 'no, that is wrong'}", "{protected: false, task: preserved}"),
        (
            "{message_type: entity_capture, agent_state: listening, silence_ms: 400, text: 'four one five'}",
            "{decision: wait, waits: true, cancels: false}",
        ),
        (
            "{agent_state: listening, silence_ms: 999999, message_type: support_answer}",
            "{class: silence, decision: escalate_to_human, task: handed_over, recovery: hands_over, transcript: accepted}",
        ),
        (
            "{input_type: dtmf, dtmf_class: digit, message_type: menu_prompt}",
            "{rule: [menu_prompt.dtmf, menu_prompt.unlisted_key], recovery: routes_key, transcript: key, waits: false}",
        ),
    ],
)
def test_every_assertion_can_be_made(read: Read, given: str, expect: str) -> None:
    """The five, the class, and what protects, waits, cancels and rules."""
    (tried,) = run_cases(load_default(), read(f"{HEAD}  - {{name: a, given: {given}, expect: {expect}}}\n"))

    assert () == tried.failed


def test_the_shipped_cases_conform_and_the_default_policy_passes_them() -> None:
    """Every one, in every language; where one does not, the test names it."""
    tried = run_cases(load_default(), shipped_cases())

    assert [] == [(each.case.file, each.trial.line, each.case.name, each.trial.label, each.failed) for each in tried if each.failed]
    assert len(tried) > 100


def _drawn(chance: random.Random) -> Candidate:
    kinds = (*(kind for _, kind in load_default().rules), "unheard_of", None)
    given: dict[str, Any] = {
        "message_type": chance.choice(kinds),
        "agent_state": chance.choice(("speaking", "paused", "listening", None)),
        "input_type": chance.choice(("speech", "speech", "dtmf", "command", "silence", None)),
        "text": chance.choice(("no, Friday", "yeah", "human please", "", "hm", None, None)),
        "transcript_status": chance.choice(("final", "partial", "empty", None)),
        "transcript_confidence": chance.choice((0.1, 0.9, None)),
        "word_count": chance.choice((0, 1, None)),
        "speech_duration_ms": chance.choice((50, 500, 2_000, None)),
        "position_ms": chance.choice((100, 3_000, 8_000, None)),
        "response_duration_ms": chance.choice((4_000, None)),
        "silence_ms": chance.choice((500, 7_500, 50_000, None)),
        "dtmf_expected": chance.choice(("listed", "none", None)),
        "input_class": chance.choice(("correction", None, None)),
    }
    return Candidate(**given)


def test_coverage_knows_every_answer_of_the_engine(tmp_path: Path) -> None:
    """Whatever is asked, what answers is among what could: otherwise the figure would be wrong."""
    path = tmp_path / "policy.yaml"
    path.write_text(
        """version: "1"
extends: default
names: {outage_notice: disclosure}
defaults: {grace_ms: 300, min_words: 2, sustained_ms: 1200, patience_ms: 900}
message_types:
  disclosure: {protected_allows: [dtmf]}
  support_answer: {interrupted_by: [dtmf]}
workflows:
  billing:
    support_answer: {silence: [{after_ms: 3000, action: wait}, {after_ms: 5000, action: reprompt, times: 2}]}
""",
        encoding="utf-8",
    )
    chance = random.Random(7)
    for policy in (load_default(), load_policy(path)):
        names = {answer.name for answer in answers_of(policy)}
        drawn = [replace(_drawn(chance), workflow=chance.choice(("billing", None))) for _ in range(6_000)]
        given = exercised(policy, ((candidate, decide(policy, candidate)) for candidate in drawn))

        assert given - {f"{kind}.min_words" for kind in (*(rule.name for rule in policy.rules.values()),)} <= names
        assert len(given) > len(names) / 3


def test_coverage_tells_what_no_case_exercises(read: Read) -> None:
    """Steps of silence apart from each other, and where each answer is written."""
    policy = load_default()
    silent = "{input_type: silence, silence_ms: 7500, message_type: support_answer}"
    text = f"{HEAD}  - {{name: a, given: {silent}, expect: {{recovery: reprompts}}}}\n"
    given = exercised(policy, ((tried.trial.candidate, tried.ruling) for tried in run_cases(policy, read(text))))
    untried = {answer.name: answer for answer in answers_of(policy) if answer.name not in given}

    assert {"support_answer.silence[7000]"} == set(given)
    assert {"support_answer.silence", "support_answer.silence[45000]", "greeting.grace", "disclosure.protected"} <= set(untried)
    assert ("400 ms", "default.yaml") == (untried["greeting.grace"].says, untried["greeting.grace"].origin.split(":")[0])


def test_junit_is_xml_whatever_is_said() -> None:
    """Control characters and half characters are written out, counts are of each suite and of all."""
    wrong = Reported(name="bell \x07", group="s", file="f.yaml", line=3, failure="first \x1b[31m\nthen \ud800 & <more>")
    right = Reported(name="a\nb", group="s", file="f.yaml", line=4, output="said \x00")
    skipped = Reported(name="c", group="s", file="g.yaml", line=5, skipped="not recorded")
    root = ET.fromstring(junit_xml([("f.yaml", [wrong, right]), ("g.yaml", [skipped])]))
    failure = root.find(".//failure")

    assert ("testsuites", {"tests": "3", "failures": "1", "errors": "0", "skipped": "1"}) == (
        root.tag,
        {key: root.attrib[key] for key in ("tests", "failures", "errors", "skipped")},
    )
    assert [("f.yaml", "2", "1", "0"), ("g.yaml", "1", "0", "1")] == [
        tuple(suite.attrib[key] for key in ("name", "tests", "failures", "skipped")) for suite in root
    ]
    assert failure is not None
    assert ("first \\x1b[31m", "first \\x1b[31m\nthen \\ud800 & <more>") == (failure.attrib["message"], failure.text)
    assert ["bell \\x07", "a\nb", "c"] == [case.attrib["name"] for case in root.iter("testcase")]
    assert ["3", "4", "5"] == [case.attrib["line"] for case in root.iter("testcase")]
