"""Policy files: read strictly, all problems at once."""

from __future__ import annotations

import pickle
import re
from copy import deepcopy
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_voice.policy import Candidate, PolicyError, decide, load_default, load_policy
from otel_voice.policy.lexicon import KINDS, LANGUAGES, data_of, problem_of
from otel_voice.policy.load import MESSAGE_TYPES
from otel_voice.strict import StrictReader, read_root

HEAD = 'version: "1"\nextends: default\n'


def problems_of(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as raised:
        load_policy(file)
    return [re.sub(r"^(\d+):\d+:", r"\1:", problem.removeprefix(f"{file}:")) for problem in raised.value.problems]


def test_a_problem_has_its_column(tmp_path: Path) -> None:
    """As editors jump to it."""
    file = tmp_path / "policy.yaml"
    file.write_text(HEAD + "defaults: {grace_ms: 1, hold: wait}\nnames:\n  a: [", encoding="utf-8")
    with pytest.raises(PolicyError) as raised:
        load_policy(file)
    file.write_text(HEAD + "defaults: {grace_ms: 1, hold: wait}\n", encoding="utf-8")
    with pytest.raises(PolicyError) as other:
        load_policy(file)

    assert raised.value.problems[0].startswith(f"{file}:5:7: not readable as YAML")
    assert other.value.problems[0].startswith(f"{file}:3:25: unknown key `hold`")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: the policy is empty"),
        ("- a\n", "1: the policy must be a mapping, not a list"),
        ("a: [\n", "2: not readable as YAML"),
        ("extends: default\n", "1: key `version` is missing"),
        ('version: "1"\n', "1: message type `greeting` is not ruled"),
        (HEAD + "message_typs: {}\n", "3: unknown key `message_typs` at the policy: did you mean `message_types`?"),
        (HEAD + "message_types:\n  greting: {}\n", "4: unknown key `greting` at message_types: did you mean `greeting`?"),
        (
            HEAD + "message_types:\n  greeting: {grace_msec: 1}\n",
            "4: unknown key `grace_msec` at message_types.greeting: did you mean `grace_ms`?",
        ),
        (HEAD + "defaults: {grace_ms: -1}\n", "3: defaults.grace_ms must be a whole number from 0 to 600000, not a whole number `-1`"),
        (HEAD + "defaults: {grace_ms: soon}\n", "3: defaults.grace_ms must be a whole number from 0 to 600000, not text `soon`"),
        (HEAD + "defaults: {confidence_floor: .nan}\n", "3: defaults.confidence_floor must be a number between 0 and 1"),
        (HEAD + "defaults: {confidence_floor: 2}\n", "3: defaults.confidence_floor must be a number between 0 and 1"),
        (HEAD + "defaults: {interrupted_by: [speach]}\n", "3: unknown value `speach` at defaults.interrupted_by: did you mean `speech`?"),
        (HEAD + "defaults: {interrupted_by: [dtmf, dtmf]}\n", "3: `dtmf` at defaults.interrupted_by is given twice"),
        (
            HEAD + "defaults: {actions: {noise: continue_audio}}\n",
            "3: unknown value `continue_audio` at defaults.actions.noise: did you mean `continue_agent_audio`?",
        ),
        (HEAD + "defaults: {actions: {nois: wait}}\n", "3: unknown key `nois` at defaults.actions: did you mean `noise`?"),
        (
            HEAD + "defaults: {until: ende}\n",
            "3: defaults.until must be `end`, `none`, `{position_ms: 4000}` or `{fraction: 0.8}`, not text `ende`",
        ),
        (HEAD + "defaults: {until: {fraction: 0.5, position_ms: 1}}\n", "3: defaults.until must be `end`, `none`, or have one of"),
        (HEAD + "defaults: {silence: [{after_ms: 5}]}\n", "3: key `action` is missing at defaults.silence[0]"),
        (
            HEAD + "defaults: {silence: [{after_ms: 5, action: wait}, {after_ms: 4, action: reprompt}]}\n",
            "3: defaults.silence[1].after_ms must be more",
        ),
        (
            HEAD + "names: {billing_summary: disclosur}\n",
            "3: unknown value `disclosur` at names.billing_summary: did you mean `disclosure`?",
        ),
        (HEAD + "names: {greeting: other}\n", "3: `greeting` at names is a message type itself"),
        (HEAD + "workflows:\n  pay:\n    menu: {}\n", "5: unknown key `menu` at workflows.pay: did you mean `menu_prompt`?"),
        (HEAD + "extends: default\n", "3: key `extends` at the policy is given twice"),
        (HEAD + "defaults: {grace_ms: 1, grace_ms: 2}\n", "3: key `grace_ms` at defaults is given twice"),
        (HEAD + "defaults: &a [*a]\n", "3: not readable as YAML: aliases are not read here"),
        (HEAD + "defaults: &a {grace_ms: 5}\nmessage_types: {greeting: *a}\n", "4: not readable as YAML: aliases are not read here"),
        (HEAD + "defaults: " + "[" * 5000, "1: not readable as YAML: nested too deeply"),
        (
            HEAD + "defaults: {grace_ms: " + "9" * 5000 + "}\n",
            "3: defaults.grace_ms must be a whole number from 0 to 600000, not a whole number `999",
        ),
        (
            HEAD + "names:\n  a: b: c\n",
            "4: not readable as YAML: mapping values are not allowed here: text with a colon in it needs quotes",
        ),
        (
            HEAD + "names:\n    a: other\n   b: other\n",
            "5: not readable as YAML: expected <block end>, but found '<block mapping start>': this",
        ),
        (HEAD + "names:\n\ta: other\n", "4: not readable as YAML: found character '\\t' that cannot start any token: indent with spaces"),
        (HEAD + "defaults: {[a]: b}\n", "3: a key at defaults must be text"),
        (HEAD + "defaults: {ask_again_ms: 0}\n", "3: defaults.ask_again_ms must be a whole number from 20 to 600000"),
        (HEAD + "defaults: {grace_ms: 1_000}\n", "3: defaults.grace_ms must be a whole number from 0 to 600000 in plain digits"),
        (HEAD + "defaults: {min_words: 2000}\n", "3: defaults.min_words must be a whole number from 0 to 100"),
        (HEAD + "defaults: {expected_keys: [" + "1, " * 100_000 + "1]}\n", "3: key `1` at defaults.expected_keys is given twice"),
        ("version: 1\nextends: default\n", "1: version must be text, in quotes, not a whole number `1`"),
        (HEAD + "defaults: {protected_allows: [speech]}\n", "3: contradiction at disclosure: its content is protected"),
        (HEAD + "lexicons: {en: {cues: [(right on]}}\n", "3: pattern `(right on` at lexicons.en.cues cannot be used: its brackets do not"),
        (HEAD + "lexicons: {en: {cues: [((a|b)|c) d]}}\n", "3: pattern `((a|b)|c) d` at lexicons.en.cues cannot be used: its brackets"),
        (HEAD + "lexicons: {en: {cues: [a|b]}}\n", "3: pattern `a|b` at lexicons.en.cues cannot be used: `|` stands between"),
        (
            HEAD + "lexicons: {en: {cues: ['" + "(a|b|c|d) " * 12 + "']}}\n",
            "3: pattern `" + "(a|b|c|d) " * 8 + "…` at lexicons.en.cues cannot be used: it stands for 16,777,216 phrases",
        ),
        (HEAD + "lexicons: {en: {answers: [(roger|wilco)], cues: [roger]}}\n", "3: contradiction at lexicons.en: `roger` is in answers"),
        (HEAD + "lexicons: {en: {corrections: [no]}}\n", "3: unknown key `corrections` at lexicons.en: known are `answers`, `listening`"),
        (HEAD + "lexicons: {en-US: {}}\n", "3: unknown key `en-US` at lexicons: known are `en`, `en-GB`"),
        ('version: "1\\ud800"\nextends: default\n', "1: version must be text without half characters"),
        (
            HEAD + "lexicons: {en: {listening: [nono], noes: [nono]}}\n",
            "3: contradiction at lexicons.en: `nono` is in listening and",
        ),
        (HEAD + "names: {a: \x07}\n", "3: not readable as YAML: special characters are not allowed"),
        (HEAD + "#" * (1 << 20), "1: cannot be read: larger than 1 MiB"),
    ],
)
def test_a_mistake_is_named_with_line_and_nearest_name(tmp_path: Path, text: str, problem: str) -> None:
    """Each mistake says where it is and what was probably meant."""
    found = problems_of(tmp_path, text)

    assert any(each.startswith(problem) for each in found), found


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """Three mistakes are three problems, not one after another."""
    assert len(problems_of(tmp_path, HEAD + "x: 1\ndefaults: {y: 1}\nnames: {z: q}\n")) == 3


def test_a_problem_is_one_line_whatever_the_key() -> None:
    """A key with a line break, or one of a page, is shown cut and escaped."""
    reader = StrictReader("p.yaml")
    root = read_root(reader, '"a\\nb": 1\n' + "x" * 1000 + ": 2\n")
    assert root is not None
    reader.mapping(root, "the file", ("known",))

    assert 2 == len(reader.problems)
    assert all(len(problem) < 200 and "\n" not in problem for problem in reader.problems)


def test_a_file_called_as_the_packaged_one_inherits_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the package's own file starts from nothing."""
    monkeypatch.chdir(tmp_path)
    text = HEAD + "workflows: {pay: {greeting: {grace_ms: 5}}}\n"
    Path("default.yaml").write_text(text, encoding="utf-8")
    Path("other.yaml").write_text(text, encoding="utf-8")

    assert load_policy("default.yaml").rules == load_policy("other.yaml").rules


@given(st.text() | st.binary())
def test_any_file_gives_a_policy_or_its_problems(given_text: str | bytes) -> None:
    """No content of a file is a traceback."""
    with NamedTemporaryFile() as file:
        file.write(given_text if isinstance(given_text, bytes) else given_text.encode("utf-8", "surrogatepass"))
        file.flush()
        try:
            load_policy(file.name)
        except PolicyError as error:
            problems = error.problems
        else:
            return

    assert problems
    assert all(problem.startswith(f"{file.name}:") and "\n" not in problem for problem in problems)


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    """A file that cannot be read is reported like any other mistake."""
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.yaml")


def test_the_default_rules_every_type() -> None:
    """The default policy has a rule, with its reason, for each message type, and is read once."""
    assert {(None, name) for name in MESSAGE_TYPES} == set(load_default().rules)
    assert all(rule.because for rule in load_default().rules.values())
    assert load_default() is load_default()


def test_a_policy_inherits_what_it_does_not_say(tmp_path: Path) -> None:
    """`extends: default` keeps the other types, and the other settings of a type."""
    file = tmp_path / "policy.yaml"
    file.write_text(HEAD + "message_types:\n  greeting: {grace_ms: 900}\n", encoding="utf-8")
    policy = load_policy(file)

    assert (policy.version, policy.rules[(None, "greeting")].grace_ms) == ("1", 900)
    assert load_default().rules[(None, "greeting")].silence == policy.rules[(None, "greeting")].silence
    assert load_default().rules[(None, "disclosure")] == policy.rules[(None, "disclosure")]


def test_a_language_without_lexicon_is_said_so() -> None:
    """Nobody gets another language's words by mistake."""
    with pytest.raises(KeyError, match="no lexicon for language `xx`"):
        data_of("xx")


def test_a_slip_in_what_it_extends_is_one_problem(tmp_path: Path) -> None:
    """Not one for each message type that was to come from there."""
    assert ["did you mean `default`?"] == [each.split(": ")[-1] for each in problems_of(tmp_path, 'version: "1"\nextends: defaults\n')]


def test_what_the_package_ships_keeps_its_own_limits() -> None:
    """Every pattern of every lexicon is one that a policy may write."""
    for language in LANGUAGES:
        data = data_of(language)
        patterns = [
            *(each for kind in KINDS for each in data.get(kind, ())),
            *(each for listed in data["escalation"].values() for each in listed),
        ]
        assert [] == [(language, each) for each in patterns if problem_of(each)]


def test_a_policy_goes_to_another_process_and_back(tmp_path: Path) -> None:
    """An agent's jobs may be processes of their own."""
    file = tmp_path / "policy.yaml"
    file.write_text(HEAD + "lexicons: {en: {cues: [mayday]}}\n", encoding="utf-8")
    policy = load_policy(file)
    copied = pickle.loads(pickle.dumps(policy))
    asked = Candidate(input_type="speech", text="mayday", agent_state="speaking")

    assert decide(policy, asked) == decide(copied, asked) == decide(deepcopy(policy), asked)
    assert "correction_cue" == decide(copied, asked).reason.split(";")[0]
    assert {load_default()} == {pickle.loads(pickle.dumps(load_default())), load_default()}


def test_a_phrase_in_a_policy_is_moved_however_it_is_written(tmp_path: Path) -> None:
    """Case and spaces are the writer's; the package's own `okay` is one phrase of a pattern."""
    file = tmp_path / "policy.yaml"
    file.write_text(HEAD + "lexicons: {en: {cues: [Okay]}}\n", encoding="utf-8")

    assert "correction" == decide(load_policy(file), Candidate(input_type="speech", text="okay", agent_state="speaking")).input_class


def test_what_is_said_of_a_name_is_not_lost_to_a_workflow_s_type(tmp_path: Path) -> None:
    """The workflow's settings are laid over it; only what the workflow says of the name itself comes instead."""
    file = tmp_path / "policy.yaml"
    file.write_text(
        HEAD
        + "names: {dose_warning: support_answer}\nmessage_types: {dose_warning: {until: end, min_words: 3}}\n"
        + "workflows: {rx: {support_answer: {min_speech_ms: 300}},\n"
        + "  icu: {dose_warning: {until: none}, support_answer: {min_speech_ms: 400}}}\n",
        encoding="utf-8",
    )
    rules = load_policy(file).rules

    laid_over = rules["rx", "dose_warning"]
    assert (True, 3, 300) == (laid_over.until is not None, laid_over.min_words, laid_over.min_speech_ms)
    assert rules["rx", "support_answer"].until is None
    assert (None, 200) == (rules["icu", "dose_warning"].until, rules["icu", "dose_warning"].min_speech_ms)


def test_a_word_is_taken_out_of_what_asks_for_a_person(tmp_path: Path) -> None:
    """Where a policy says that it is a listener's; the package's judge reads on as before."""
    file = tmp_path / "policy.yaml"
    file.write_text(HEAD + "lexicons: {en: {listening: [agent]}}\n", encoding="utf-8")
    said = Candidate(input_type="speech", text="agent", transcript_status="final", agent_state="speaking")

    assert "continue_agent_audio" == decide(load_policy(file), said).action
    assert "escalate_to_human" == decide(load_default(), said).action
