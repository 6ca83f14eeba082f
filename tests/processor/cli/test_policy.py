"""`otel-voice policy`: written, checked, shown, explained, compared, exported, and a mistake said in a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from otel_voice_processor.cli import main

from otel_voice.policy import load_default, load_policy

ENVELOPE = Path(__file__).parents[2] / "cases" / "runbook_envelope.json"


def policy(tmp_path: Path, text: str, name: str = "policy.yaml") -> str:
    file = tmp_path / name
    file.write_text(f'version: "mine"\nextends: default\n{text}\n', encoding="utf-8")
    return str(file)


def test_what_init_writes_conforms_and_completes_in_an_editor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A policy and the schema its first line points to; nothing is overwritten unasked."""
    target = tmp_path / "new" / "mine.yaml"

    assert 0 == main(["policy", "init", str(target)])
    assert 2 == main(["policy", "init", str(target)])
    assert "is there already" in capsys.readouterr().err
    assert 0 == main(["policy", "init", str(tmp_path / "full.yaml"), "--full"])

    schema = target.parent / target.read_text(encoding="utf-8").splitlines()[0].rsplit("/", 1)[-1]
    assert "interrupted_by" in schema.read_text(encoding="utf-8")
    assert load_policy(target).rules[(None, "billing_summary")].min_speech_ms == 250
    assert load_policy(tmp_path / "full.yaml").rules == load_default().rules


def test_check_names_every_mistake_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """File, line, column, the nearest name; a contradiction is a mistake; good files are told too."""
    good = policy(tmp_path, "", "good.yaml")
    bad = policy(
        tmp_path, "message_types:\n  disclosure: {until: end, interrupted_by: [speech], grce_ms: 3}\n  greeting: {grace_ms: -1}", "bad.yaml"
    )

    assert 2 == main(["policy", "check", bad, good])
    told = capsys.readouterr()
    assert f"{good}: conforms: version mine" in told.out
    lines = told.err.splitlines()
    assert any(f"{bad}:4:54: unknown key `grce_ms`" in line and "did you mean `grace_ms`" in line for line in lines)
    assert any("contradiction at message_types.disclosure" in line and ":4:44:" in line for line in lines)
    assert any(":5:24:" in line and "from 0 to 600000" in line for line in lines)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("until: none, protected_allows: [dtmf]", "protects nothing"),
        ("until: {position_ms: 0}", "nothing is protected"),
        ("until: end, protected_allows: [speech]", "content that speech may cut"),
        ("interrupted_by: [dtmf], min_words: 3", "min_words is never asked"),
        ("interrupted_by: [speech], actions: {dtmf: route_dtmf}", "can never match"),
        ("interrupted_by: [speech], actions: {correction: continue_agent_audio}", "never lets them"),
        ("confidence_floors: {correction: 0.99}", "can never be reached"),
        ("confidence_floor: 0.96", "can never be reached"),
        ("interrupted_by: none, actions: {correction: continue_agent_audio}", "actions.correction can never match"),
        ("interrupted_by: none, cancellable: true", "nobody can call it off"),
        ("cancellable: true, actions: {correction: continue_agent_audio}", "nobody can call it off"),
        ("interrupted_by: [speech], expected_keys: ['1']", "no key is ever taken"),
        ("actions: {correction: route_dtmf}", "actions.correction has no key to route"),
        ("held: route_dtmf", "stops the agent for input that may not interrupt"),
        ("patience_ms: 9000, silence: [{after_ms: 8000, action: reprompt}]", "before the caller's pause"),
        ("silence: [{after_ms: 8000, action: escalate_to_human}, {after_ms: 9000, action: wait}]", "can never be reached"),
    ],
)
def test_a_contradiction_is_found_at_load(tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str, said: str) -> None:
    """What can never happen, or says two things at once."""
    assert 2 == main(["policy", "check", policy(tmp_path, f"message_types: {{other: {{{rule}}}}}")])
    assert said in capsys.readouterr().err


def test_check_remarks_on_what_may_be_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A floor that only English reaches, words that the package reads otherwise: told with the line, and no mistake."""
    file = policy(
        tmp_path,
        "defaults:\n  confidence_floor: 0.7\nlexicons:\n  en: {cues: [scratch that], listening: ['no', righto]}\n  de: {listening: [nein]}",
    )

    assert 0 == main(["policy", "check", file])
    told = capsys.readouterr().out
    assert f"{file}:4: confidence_floor 0.7 is above 0.65, the surest that words in en-GB, es, de" in told
    assert "lexicons.en.cues: `scratch that` is read as cancel by the package, as cue here" in told
    assert "lexicons.en.listening: `no` is read as cue" in told
    assert "lexicons.de.listening: `nein` is read as cue" in told
    assert "righto" not in told
    opened = policy(tmp_path, "defaults: {confidence_floor: 0.7, confidence_floors: {correction: 0.5}}", "opened.yaml")
    assert 0 == main(["policy", "check", opened])
    assert "(a remark)" not in capsys.readouterr().out


def test_words_in_two_lists_tie(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A phrase cannot keep and take the floor."""
    assert 2 == main(["policy", "check", policy(tmp_path, "lexicons: {en: {answers: [Roger That], cues: [roger-that]}}")])
    assert "`roger-that` is in answers and in cues" in capsys.readouterr().err


def test_show_tells_where_each_value_comes_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A workflow's own line, the file's, the default's."""
    file = policy(
        tmp_path, "message_types:\n  support_answer: {min_speech_ms: 300}\nworkflows:\n  pay:\n    support_answer: {grace_ms: 200}"
    )

    assert 0 == main(["policy", "show", "--policy", file, "--workflow", "pay", "--type", "support_answer", "--format", "json"])
    told: dict[str, Any] = json.loads(capsys.readouterr().out)["support_answer"]
    assert told["grace_ms"] == {"value": 200, "from": f"{file}:7"}
    assert told["min_speech_ms"] == {"value": 300, "from": f"{file}:4"}
    assert told["min_words"]["from"].startswith("default.yaml:")
    assert told["protected_allows"] == {"value": "none", "from": "built in"}

    assert 0 == main(["policy", "show", "--type", "suport_answer", "--workflow", "pay"])
    assert "no rule of its own" in capsys.readouterr().err
    assert 0 == main(["policy", "show", "--policy", file, "--type", "support_answer"])
    assert "ruled otherwise in workflow pay" in capsys.readouterr().out


def test_the_runbooks_own_envelope_is_explained_like_a_colleague_would(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer first, then the class, the rule, what was asked of it, what was closest and what would have flipped it."""
    assert 0 == main(["policy", "explain", str(ENVELOPE)])
    told = capsys.readouterr().out

    assert told.startswith("Stop the agent and take the caller's turn.")
    assert 'spoke for 420 ms over a message of type `billing_summary`, 1840 ms into it: "no I meant Friday"' in told
    assert "That is a meaningful turn (correction, 0.92): it begins with a word that takes the floor." in told
    assert "ruled as other" in told
    assert "speech had lasted 149 ms: would play on" in told
    assert "of type disclosure: would play on and keep the input for later (protected)" in told


def test_explain_takes_flags_over_an_envelope(capsys: pytest.CaptureFixture[str]) -> None:
    """What if it had been a disclosure, and only a listener's word?"""
    arguments = ["policy", "explain", str(ENVELOPE), "--message-type", "disclosure", "--text", "yeah", "--format", "json"]

    assert 0 == main(arguments)
    told = json.loads(capsys.readouterr().out)
    assert (told["ruling"]["rule"], told["class"]["class"], told["candidate"]["position_ms"]) == (
        "disclosure.protected",
        "backchannel",
        1840,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--transcript-status", "partal"], "did you mean `partial`?"),
        (["--position-ms", "soon"], "--position-ms must be a whole number, not `soon`"),
        (["--position-ms", "-5"], "--position-ms must be from 0 to 604800000, not -5"),
        (["--vad-confidence", "85"], "--vad-confidence must be from 0 to 1, not 85"),
        (["--input-type", "dtmf", "--text", "7"], "a key is told by --key"),
        (["--key", "7", "--text", "hi"], "a key is told by --key"),
        (["--key", "7", "--input-type", "speech"], "--input-type says speech"),
        (["--is-backchannel", "maybe"], "--is-backchannel must be true or false"),
        ([], "nothing is known of the input"),
        (["/nope.json"], "/nope.json cannot be read: No such file"),
        ([str(ENVELOPE.parent / "bad_records.yaml")], "not readable as JSON"),
        (["--policy", "/nope.yaml", "--text", "x"], "cannot be read"),
    ],
)
def test_a_mistake_is_said_in_a_line(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    """Exit code 2, no traceback."""
    assert 2 == main(["policy", "explain", *arguments])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--text", "x", "--workflow", "pai"], "workflow `pai` has no rule of its own here: did you mean `pay`?"),
        (["--text", "x", "--message-type", "mneu_prompt"], "is ruled as `other`: did you mean `menu_prompt`?"),
    ],
)
def test_a_name_that_the_policy_does_not_know_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """It is explained as it is ruled, and the slip is said."""
    assert 0 == main(["policy", "explain", "--policy", policy(tmp_path, "workflows: {pay: {other: {grace_ms: 5}}}"), *arguments])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "does", "told"),
    [
        (["--key", "2", "--message-type", "menu_prompt"], "Stop the agent and route the key.", "The caller pressed a key"),
        (["--key", "9", "--message-type", "menu_prompt"], "Say the prompt again.", "nobody presses a key by accident"),
        (["--silence-ms", "8000", "--agent-state", "listening"], "Say the prompt again.", "The caller was silent for 8000 ms"),
        (
            ["--text", "friday", "--agent-state", "listening", "--transcript-confidence", "0.3"],
            "Take the caller's turn.",
            "(the agent was listening)",
        ),
        (
            ["--text", "uh-huh", "--agent-state", "listening", "--question-pending", "false"],
            "Do nothing, that is no turn.",
            "a listener's signal",
        ),
    ],
)
def test_an_explanation_speaks_of_what_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], does: str, told: str
) -> None:
    """A key is held against those on offer; nothing that is silent is stopped."""
    file = policy(tmp_path, "message_types: {menu_prompt: {expected_keys: ['1', '2']}}")

    assert 0 == main(["policy", "explain", "--policy", file, *arguments])
    said = capsys.readouterr().out
    assert said.startswith(does)
    assert told in said


@pytest.mark.parametrize("text", ["\x00\x1b[31m", "\u202eabc", "🙂" * 500, "no " * 10_000, "x" * 1_000_000, "'; DROP TABLE calls; --"])
def test_hostile_text_is_explained_and_shown_harmless(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Control characters never reach the terminal, and length costs little."""
    assert 0 == main(["policy", "explain", "--text", text])
    told = capsys.readouterr().out
    assert all(each.isprintable() or each == "\n" for each in told)
    assert len(told) < 4000


def test_diff_tells_inputs_not_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing for another spelling of the same; ranges and both rulings for what changes; exit 1 then."""
    same = policy(tmp_path, "message_types: {other: {min_words: 1, because: said otherwise}}", "same.yaml")
    other = policy(tmp_path, "message_types: {support_answer: {min_speech_ms: 300}}", "other.yaml")

    assert 0 == main(["policy", "diff", "default", same])
    assert "rule every input alike" in capsys.readouterr().out
    assert 1 == main(["policy", "diff", "default", other])
    assert capsys.readouterr().out.splitlines() == [
        "support_answer",
        "  speech: correction (speaking or paused): confidence 0.55 or more, speech so far 200 to under 300 ms, words 1 or more",
        "      stop_agent_audio_and_accept_user_turn  ->  continue_agent_audio",
    ]
    assert 1 == main(["policy", "diff", "default", other, "--format", "json"])
    assert json.loads(capsys.readouterr().out)["inputs"][0]["ranges"]["speech_duration_ms"] == [{"from": 200, "below": 300}]
    assert 2 == main(["policy", "diff", "default", "/nope.yaml"])


def test_export_writes_settings_and_says_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The provider's own vocabulary on standard output, notes on standard error; or both into files."""
    assert 0 == main(["policy", "export", "--provider", "livekit"])
    told = capsys.readouterr()
    assert json.loads(told.out)["call"]["AgentSession"]["turn_handling"]["interruption"]["min_duration"] == 0.2
    assert "default.yaml:" in told.err
    assert 0 == main(["policy", "export", "--provider", "openai", "-o", str(tmp_path / "openai.json")])
    assert json.loads((tmp_path / "openai.json.notes.json").read_text(encoding="utf-8"))
    file = policy(tmp_path, "workflows: {pay: {other: {grace_ms: 5}}}")
    assert 0 == main(["policy", "export", "--policy", file, "--provider", "livekit"])
    assert "left out, to be exported with --workflow: pay" in capsys.readouterr().err
    assert 2 == main(["policy", "export", "--provider", "livkit"])
    assert "did you mean `livekit`?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_init_wants_a_file(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """And says so."""
    assert 2 == main(["policy", "init", name, "--force"])
    assert "names no file" in capsys.readouterr().err


def test_a_subcommand_tells_its_own_options(capsys: pytest.CaptureFixture[str]) -> None:
    """Where an argument is none of them."""
    with pytest.raises(SystemExit) as ended:
        main(["policy", "show", "policy.yaml"])

    assert 2 == ended.value.code
    assert "usage: otel-voice policy show [-h] [--policy FILE]" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["google", "grpc", "opentelemetry.sdk.trace"])
def test_an_extra_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str) -> None:
    """Not a traceback; what is no part of the extra is a mistake of ours and raised."""

    def absent(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=missing)

    monkeypatch.setattr("otel_voice_processor.cli._module", absent)

    assert 2 == main(["validate", "x"])
    assert "pip install 'otel-voice[processor]'" in capsys.readouterr().err


def test_another_message_offers_other_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would have flipped a key's ruling is asked of each message's own offer."""
    file = policy(tmp_path, "message_types: {menu_prompt: {expected_keys: ['1']}}")

    assert 0 == main(["policy", "explain", "--policy", file, "--key", "7", "--message-type", "menu_prompt"])
    told = capsys.readouterr().out
    assert told.startswith("Say the prompt again.")
    assert "of type greeting, entity_capture, support_answer, tool_wait, escalation_handoff, other: would route the key" in told
