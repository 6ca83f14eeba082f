"""A policy in ten providers' words: right units, nothing lost without a word, every value with its line."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from otel_voice_schema.attributes import MESSAGE_TYPES, Action

from otel_voice.policy import Policy, Rule, load_default, load_policy
from otel_voice.policy.model import SilenceStep, Until
from otel_voice.policy.providers import CALL, PROVIDERS, Export, ExportError, export, notes, record
from otel_voice.policy.providers.wording import PROSE, SETTINGS, stated
from otel_voice.policy.settings import CLASSES

NAMES = tuple(PROVIDERS)
AGORA = "properties.turn_detection.config"
STOP, CONTINUE = Action.STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN, Action.CONTINUE_AGENT_AUDIO
PLAIN = Rule(
    name="plain",
    interrupted_by=frozenset({"speech", "dtmf", "command", "escalation"}),
    actions=MappingProxyType({"correction": STOP, "backchannel": CONTINUE, "noise": CONTINUE, "dtmf": Action.ROUTE_DTMF}),
)
POLICY = """version: "7"
extends: default
names: {billing_summary: disclosure}
defaults:
  min_speech_ms: 250
  min_vad_confidence: 0.6
message_types:
  greeting:
    grace_ms: 400
    interrupted_by: [dtmf]
  menu_prompt:
    expected_keys: ["1", "2"]
  entity_capture:
    patience_ms: 2500
    silence: [{after_ms: 4000, action: reprompt, times: 3}, {after_ms: 20000, action: escalate_to_human}]
  disclosure:
    until: {position_ms: 4000}
    protected_allows: [dtmf]
workflows:
  payment:
    support_answer: {patience_ms: 1750, min_words: 0, silence: [{after_ms: 9000, action: reprompt}]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return path


def policy_of(**rules: Rule) -> Policy:
    """A policy that rules every message type plainly, except those named."""
    every = {name: replace(rules.get(name, PLAIN), name=name) for name in MESSAGE_TYPES}
    return Policy(version="1", names={}, rules={(None, name): rule for name, rule in every.items()})


def at(body: Mapping[str, Any], path: str) -> Any:
    """The value under a dotted path; KeyError where there is none."""
    found: Any = body
    for name in path.split("."):
        found = found[name]
    return found


@pytest.mark.parametrize(
    ("provider", "part", "path", "value"),
    [
        ("livekit", CALL, "AgentSession.turn_handling.interruption.min_duration", 0.25),
        ("livekit", CALL, "AgentSession.turn_handling.endpointing.min_delay", 1.75),
        ("livekit", CALL, "AgentSession.user_away_timeout", 9.0),
        ("livekit", CALL, "VAD.activation_threshold", 0.6),
        ("livekit", "entity_capture", "Agent.turn_handling.endpointing.min_delay", 2.5),
        ("livekit", "menu_prompt", "Agent.turn_handling.endpointing.min_delay", 0.5),
        ("livekit", "greeting", "say.allow_interruptions", False),
        ("livekit", "menu_prompt", "say.allow_interruptions", True),
        ("pipecat", CALL, "VADParams.start_secs", 0.25),
        ("pipecat", CALL, "VADParams.confidence", 0.6),
        ("pipecat", CALL, "SpeechTimeoutUserTurnStopStrategy.user_speech_timeout", 1.75),
        ("pipecat", "entity_capture", "UserIdleTimeoutUpdateFrame.timeout", 4.0),
        ("pipecat", "billing_summary", "TTSSpeakFrame.interruptible", False),
        ("openai", CALL, "session.audio.input.turn_detection.silence_duration_ms", 1750),
        ("openai", CALL, "session.audio.input.turn_detection.threshold", 0.6),
        ("openai", "entity_capture", "session.audio.input.turn_detection.silence_duration_ms", 2500),
        ("openai", "menu_prompt", "session.audio.input.turn_detection.silence_duration_ms", 500),
        ("openai", "tool_wait", "session.audio.input.turn_detection.idle_timeout_ms", None),
        ("openai", "greeting", "session.audio.input.turn_detection.interrupt_response", False),
        ("twilio", CALL, "ConversationRelay.speechTimeout", 1750),
        ("twilio", CALL, "ConversationRelay.interruptible", "any"),
        ("twilio", CALL, "ConversationRelay.welcomeGreetingInterruptible", "dtmf"),
        ("twilio", "greeting", "text.interruptible", False),
        ("twilio", "disclosure", "text.preemptible", False),
        ("dialogflow", CALL, "agent.advancedSettings.speechSettings.noSpeechTimeout", "9s"),
        ("dialogflow", CALL, "agent.advancedSettings.speechSettings.endpointerSensitivity", 2),
        ("dialogflow", "menu_prompt", "page.advancedSettings.speechSettings.useTimeoutBasedEndpointing", False),
        ("dialogflow", "menu_prompt", "page.advancedSettings.dtmfSettings.maxDigits", 1),
        ("dialogflow", "greeting", "inputAudioConfig.bargeInConfig.noBargeInDuration", "0.4s"),
        ("dialogflow", "disclosure", "inputAudioConfig.bargeInConfig.noBargeInDuration", "4s"),
        ("nova", CALL, "event.sessionStart.turnDetectionConfiguration.endpointingSensitivity", "MEDIUM"),
        ("agora", CALL, "properties.turn_detection.config.start_of_speech.vad_config.speaking_interrupt_duration_ms", 250),
        ("agora", CALL, "properties.turn_detection.config.end_of_speech.vad_config.silence_duration_ms", 1750),
        ("agora", CALL, "properties.turn_detection.config.speech_threshold", 0.6),
        ("agora", CALL, "properties.parameters.silence_config.timeout_ms", 9000),
        ("agora", "greeting", "speak.interruptable", False),
        ("vapi", CALL, "assistant.startSpeakingPlan.waitSeconds", 1.75),
        ("vapi", CALL, "assistant.stopSpeakingPlan.voiceSeconds", 0.25),
        ("vapi", CALL, "assistant.firstMessageInterruptionsEnabled", False),
        ("vapi", "menu_prompt", "assistantOverrides.stopSpeakingPlan.numWords", 1),
        ("vapi", "menu_prompt", "assistantOverrides.startSpeakingPlan.waitSeconds", 0.4),
        ("vapi", "greeting", "say.interruptionsEnabled", False),
        ("retell", CALL, "agent.reminder_trigger_ms", 9000),
        ("retell", "entity_capture", "node.reminder_max_count", 3),
        ("retell", "greeting", "node.interruption_sensitivity", 0),
        ("retell", "greeting", "node.allow_dtmf_interruption", True),
        ("retell", "disclosure", "node.allow_dtmf_interruption", True),
        ("retell", "disclosure", "response.no_interruption_allowed", True),
        ("elevenlabs", CALL, "conversation_config.turn.turn_timeout", 9.0),
        ("elevenlabs", CALL, "conversation_config.turn.turn_eagerness", "patient"),
        ("elevenlabs", CALL, "conversation_config.agent.disable_first_message_interruptions", True),
        ("elevenlabs", "menu_prompt", "node.conversation_config.turn.turn_eagerness", "normal"),
        ("elevenlabs", "tool_wait", "tool_config.interruption_mode", "allow"),
    ],
)
def test_a_value_is_in_the_provider_s_unit(file: Path, provider: str, part: str, path: str, value: Any) -> None:
    """Seconds, milliseconds, Durations or words, and thresholds the right way round."""
    made = export(load_policy(file), provider, workflow="payment")
    got = at(made.parts[part], path)

    assert value == got
    assert type(value) is type(got)


@pytest.mark.parametrize("provider", NAMES)
def test_a_json_document_is_its_parts(provider: str) -> None:
    """Nothing is in it but the provider's own fields."""
    made = export(load_default(), provider)
    if made.format == "python":
        ast.parse(made.document)
    else:
        read = json.loads(made.document)

        assert {CALL: read[CALL], **read["message_types"]} == dict(made.parts)


ONE_MORE: dict[str, dict[str, Any]] = {
    "interrupted_by": {"interrupted_by": frozenset({"dtmf", "command", "escalation"})},
    "protected_allows": {"until": Until(end=True), "protected_allows": frozenset({"command"})},
    "grace_ms": {"grace_ms": 777},
    "min_speech_ms": {"min_speech_ms": 333},
    "min_words": {"min_words": 4},
    "min_vad_confidence": {"min_vad_confidence": 0.42},
    "confidence_floor": {"confidence_floor": 0.7},
    "confidence_floors": {"confidence_floors": MappingProxyType({"noise": 0.61})},
    "ask_again_ms": {"ask_again_ms": 911},
    "patience_ms": {"patience_ms": 1234},
    "sustained_ms": {"sustained_ms": 1357},
    "until": {"until": Until(fraction=0.4)},
    "held": {"grace_ms": 1, "held": Action.REPROMPT},
    "cancellable": {"cancellable": True},
    "expected_keys": {"expected_keys": ("1", "2")},
    "silence": {"silence": (SilenceStep(after_ms=4321, action=Action.REPROMPT),)},
    **{
        f"actions.{name}": {"sustained_ms": 900, "actions": MappingProxyType({**PLAIN.actions, name: Action.ACKNOWLEDGE_AND_CONTINUE})}
        for name in CLASSES
    },
}


def seen(made: Export) -> tuple[Any, ...]:
    """What an export says, without where it comes from."""
    return made.parts, [(each.where, each.wanted, each.why) for each in (*made.native, *made.gaps)]


@pytest.mark.parametrize("provider", NAMES)
@pytest.mark.parametrize("setting", ONE_MORE)
@pytest.mark.parametrize("message_type", ["support_answer", "menu_prompt"])
def test_no_setting_is_lost_without_a_word(provider: str, setting: str, message_type: str) -> None:
    """Changing any setting of any message type shows: in a value, or in what the provider cannot be told."""
    before = export(policy_of(), provider)
    after = export(policy_of(**{message_type: replace(PLAIN, **ONE_MORE[setting])}), provider)

    assert seen(before) != seen(after)


def test_every_setting_of_a_rule_is_tried() -> None:
    """A new setting has to be thought of here."""
    assert {each.name for each in fields(Rule)} == {*SETTINGS, *PROSE}
    assert set(SETTINGS) == {name.partition(".")[0] for name in ONE_MORE}


def uncovered(made: Export, policy: Policy) -> Iterator[tuple[str, str]]:
    """(message type, setting) of what a rule asks for and neither a value nor a remark speaks of."""
    told = {(where, each.path) for each in made.values for where in each.where}
    said = {(where, each.setting) for each in (*made.native, *made.gaps) for where in each.where}
    for name in made.message_types:
        for setting in stated(policy.rules[(None, name)]):
            knobs = [each for each in PROVIDERS[made.provider].knobs if setting in each.settings]
            paths = {(where, path) for each in knobs for where, path in ((CALL, each.call), (name, each.message)) if path}
            if (name, setting) not in said and not paths & told:
                yield name, setting


WHO = st.frozensets(st.sampled_from(["speech", "dtmf", "command", "escalation"]))
MS = st.sampled_from([0, 1, 119, 500, 1750, 2500, 10**6, 10**12]) | st.integers(0, 20_000)
SHARE = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
STEPS = st.lists(st.tuples(MS, st.sampled_from([Action.WAIT, Action.REPROMPT, Action.ESCALATE_TO_HUMAN])), max_size=4).map(
    lambda steps: tuple(SilenceStep(after_ms=ms, action=action) for ms, action in sorted(steps, key=lambda each: each[0]))
)
UNTIL = st.none() | st.just(Until(end=True)) | MS.map(lambda ms: Until(position_ms=ms)) | SHARE.map(lambda share: Until(fraction=share))
RULES = st.builds(
    Rule,
    name=st.just("any"),
    interrupted_by=WHO,
    protected_allows=WHO,
    **dict.fromkeys(("grace_ms", "min_speech_ms", "ask_again_ms", "patience_ms", "sustained_ms"), MS),
    min_words=st.integers(0, 40),
    min_vad_confidence=SHARE,
    confidence_floor=SHARE,
    confidence_floors=st.dictionaries(st.sampled_from(["noise", "dtmf"]), SHARE),
    until=UNTIL,
    held=st.sampled_from(Action),
    cancellable=st.booleans(),
    expected_keys=st.lists(st.sampled_from("0123456789*#"), unique=True).map(tuple),
    actions=st.dictionaries(st.sampled_from(CLASSES), st.sampled_from(Action)),
    silence=STEPS,
)
RANGES: dict[str, tuple[float, float]] = {
    "ConversationRelay.speechTimeout": (600, 5000),
    "agent.advancedSettings.speechSettings.endpointerSensitivity": (0, 100),
    "page.advancedSettings.speechSettings.endpointerSensitivity": (0, 100),
    "properties.turn_detection.config.start_of_speech.vad_config.speaking_interrupt_duration_ms": (120, 1200),
    "properties.turn_detection.config.end_of_speech.vad_config.silence_duration_ms": (120, 2000),
    "properties.parameters.silence_config.timeout_ms": (0, 60000),
    "assistant.stopSpeakingPlan.numWords": (0, 10),
    "assistant.stopSpeakingPlan.voiceSeconds": (0, 0.5),
    "assistant.startSpeakingPlan.waitSeconds": (0, 5),
    "assistantOverrides.stopSpeakingPlan.numWords": (0, 10),
    "assistantOverrides.stopSpeakingPlan.voiceSeconds": (0, 0.5),
    "assistantOverrides.startSpeakingPlan.waitSeconds": (0, 5),
    "conversation_config.turn.turn_timeout": (1, 30),
    "node.conversation_config.turn.turn_timeout": (1, 30),
    "assistant.hooks": (2, 1000),
    "assistantOverrides.hooks": (2, 1000),
    "agent.interruption_sensitivity": (0, 1),
    "node.interruption_sensitivity": (0, 1),
}
WORDS: dict[str, set[Any]] = {
    "ConversationRelay.interruptible": {"any", "speech", "dtmf", "none"},
    "ConversationRelay.welcomeGreetingInterruptible": {"any", "speech", "dtmf", "none"},
    "ConversationRelay.reportInputDuringAgentSpeech": {"any", "none"},
    "event.sessionStart.turnDetectionConfiguration.endpointingSensitivity": {"HIGH", "MEDIUM", "LOW"},
    "AgentSession.turn_handling.interruption.mode": {"adaptive", "vad"},
    "properties.interruption.disabled_config.strategy": {"append", "ignore"},
    "conversation_config.turn.turn_eagerness": {"patient"},
    "node.conversation_config.turn.turn_eagerness": {"patient", "normal"},
    "tool_config.interruption_mode": {"allow", "disable_during_tool"},
}


def numbers(value: Any) -> list[float]:
    """The numbers of a value; of a list of hooks, their timeouts."""
    if isinstance(value, list):
        return [each["options"]["timeoutSeconds"] for each in value]
    return [value] if isinstance(value, int | float) else []


@settings(max_examples=60, deadline=None)
@given(base=RULES, other=RULES)
@pytest.mark.parametrize("provider", NAMES)
def test_any_policy_is_exported_whole_and_in_range(provider: str, base: Rule, other: Rule) -> None:
    """However large, empty or at odds: values stay in the documented ranges and words, what is clamped is said, nothing is left out."""
    policy = policy_of(support_answer=base, disclosure=other, greeting=other)
    made = export(policy, provider)
    told = notes(made)

    assert [] == list(uncovered(made, policy))
    for each in made.values:
        low, high = RANGES.get(each.path, (0, 10**12))
        assert all(low <= value <= high for value in numbers(each.value))
        assert each.path not in WORDS or each.value in WORDS[each.path]
        assert "{" not in each.note
    assert all(each.why and "{" not in each.why and each.why in told for each in (*made.native, *made.gaps))
    assert json.loads(json.dumps(record(made)))["gaps"] == record(made)["gaps"]


@pytest.mark.parametrize(
    ("provider", "settings_", "path", "note"),
    [
        ("twilio", {"patience_ms": 10**12}, "ConversationRelay.speechTimeout", "no more than 5 s"),
        ("twilio", {"patience_ms": 1}, "ConversationRelay.speechTimeout", "no less than 0.6 s"),
        ("dialogflow", {"patience_ms": 10**12}, "agent.advancedSettings.speechSettings.endpointerSensitivity", "no more than 100 s"),
        ("dialogflow", {"patience_ms": 2500}, "agent.advancedSettings.speechSettings.endpointerSensitivity", "rounded up from 2.5 s"),
        (
            "nova",
            {"patience_ms": 2500},
            "event.sessionStart.turnDetectionConfiguration.endpointingSensitivity",
            "LOW is a pause of about 2 s",
        ),
        (
            "agora",
            {"min_speech_ms": 100},
            f"{AGORA}.start_of_speech.vad_config.speaking_interrupt_duration_ms",
            "no less than 0.12 s",
        ),
        ("vapi", {"min_words": 40}, "assistant.stopSpeakingPlan.numWords", "no more than 10"),
        ("vapi", {"min_speech_ms": 900}, "assistant.stopSpeakingPlan.voiceSeconds", "no more than 0.5 s"),
        ("elevenlabs", {"patience_ms": 2500}, "conversation_config.turn.turn_eagerness", "nearest to 2.5 s"),
        (
            "elevenlabs",
            {"silence": (SilenceStep(after_ms=45_000, action=Action.REPROMPT),)},
            "conversation_config.turn.turn_timeout",
            "no more than 30 s",
        ),
    ],
)
def test_a_value_that_was_moved_says_so(provider: str, settings_: dict[str, Any], path: str, note: str) -> None:
    """Beside the value, and as something left to do where the provider waits less than the policy asks for."""
    made = export(policy_of(support_answer=replace(PLAIN, **settings_)), provider)
    value = next(each for each in made.values if each.path == path)

    assert note in value.note
    if "rounded" not in note:
        assert any(value.setting == each.setting and "support_answer" in each.where for each in made.gaps)


@pytest.mark.parametrize("provider", NAMES)
def test_zero_is_not_told(provider: str) -> None:
    """A policy that asks for no words, speech, confidence or patience sets no threshold to 0: that would let anything through."""
    made = export(policy_of(), provider)

    assert {"min_speech_ms", "min_vad_confidence", "patience_ms", "grace_ms"}.isdisjoint(each.setting for each in made.values)
    assert all(each.value == 0 and provider == "vapi" for each in made.values if each.setting == "min_words")


@pytest.mark.parametrize("provider", NAMES)
def test_a_policy_that_forbids_everything(provider: str) -> None:
    """No value lets anybody in, and where the provider cannot keep callers out, that is said of every message."""
    shut = replace(PLAIN, interrupted_by=frozenset())
    made = export(policy_of(**dict.fromkeys(MESSAGE_TYPES, shut)), provider)
    opens = {True, "any", "speech", "dtmf", "allow"}
    doors = ("interrupt", "cut", "preempt")
    backwards = ("no_interruption_allowed", "disable_first_message_interruptions", "discard_audio", "transcribe_on", "resume_false")

    for each in made.values:
        if any(door in each.path.lower() for door in doors) and each.setting == "interrupted_by":
            assert (each.value in opens) == any(word in each.path for word in backwards), each
    told = {where for each in made.values if each.setting == "interrupted_by" for where in each.where}
    if any("first_message" in each.path for each in made.values):
        told |= {"greeting"}
    said = {where for each in made.gaps if each.setting == "interrupted_by" for where in each.where}
    assert set(MESSAGE_TYPES) <= told | said


def test_nobody_is_made_deaf_to_a_wish_for_a_person() -> None:
    """What is not kept for later is still listened to, unless the policy holds such a wish too."""
    path = "ConversationRelay.reportInputDuringAgentSpeech"
    drops = replace(PLAIN, grace_ms=100, held=CONTINUE)
    holds = replace(drops, actions=MappingProxyType({**PLAIN.actions, "escalation": Action.BUFFER_INPUT_AND_CONTINUE}))

    assert "any" == at(export(policy_of(support_answer=drops), "twilio").parts[CALL], path)
    assert "none" == at(export(policy_of(support_answer=holds), "twilio").parts[CALL], path)


def test_protected_content_is_not_preempted() -> None:
    """Nor is a wish for a person passed over without a word."""
    made = export(load_default(), "twilio")

    assert {"type": "text", "interruptible": False, "preemptible": False} == made.parts["disclosure"]["text"]
    assert any(each.setting == "actions.escalation" and "disclosure" in each.where for each in made.gaps)


@pytest.mark.parametrize("fraction", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("provider", NAMES)
def test_content_protected_part_way(provider: str, fraction: float) -> None:
    """No provider can lift a protection at a share of a message: it is protected whole, or not at all, and that is said."""
    made = export(policy_of(disclosure=replace(PLAIN, until=Until(fraction=fraction))), provider)

    assert any(each.setting == "until" and "disclosure" in each.where for each in made.gaps)


@pytest.mark.parametrize("provider", NAMES)
@pytest.mark.parametrize("workflow", [None, "payment"])
def test_every_value_has_its_line(file: Path, provider: str, workflow: str | None) -> None:
    """A source is a line of the policy's file, or of the default it extends, on or above which the setting is named."""
    made = export(load_policy(file), provider, workflow=workflow)
    default = (Path(__file__).parents[3] / "otel_voice/policy/default.yaml").read_text(encoding="utf-8").splitlines()
    lines = {"default.yaml": default, str(file): POLICY.splitlines()}

    for each in (*made.values, *made.native, *made.gaps):
        if each.source in ("built in", *MESSAGE_TYPES) and each.setting not in ("interrupted_by", "silence", "min_speech_ms"):
            continue
        name, _, number = each.source.rpartition(":")
        near = lines[name][max(0, int(number) - 2) : int(number)]
        assert any(each.setting.partition(".")[2] in line or each.setting in line for line in near), each


def test_a_workflow_s_own_rule_comes_first(file: Path) -> None:
    """As when the policy is asked."""
    policy = load_policy(file)
    path = "AgentSession.turn_handling.endpointing.min_delay"
    general, payment = export(policy, "livekit"), export(policy, "livekit", workflow="payment")

    with pytest.raises(KeyError):
        at(general.parts[CALL], path)
    assert 1.75 == at(payment.parts[CALL], path)
    assert "payment" == payment.workflow


def test_one_message_type(file: Path) -> None:
    """The whole call is then set as for it, and nothing else is exported."""
    made = export(load_policy(file), "nova", message_type="entity_capture")

    assert ("entity_capture",) == made.message_types
    assert "entity_capture" == made.base
    assert {"event": {"sessionStart": {"turnDetectionConfiguration": {"endpointingSensitivity": "LOW"}}}} == made.parts[CALL]
    assert {CALL, "entity_capture"} >= {where for each in (*made.values, *made.gaps) for where in each.where}


def test_a_mapped_message_type_is_there_by_its_name(file: Path) -> None:
    """As the application names it, ruled as what it is mapped onto."""
    made = export(load_policy(file), "twilio")

    assert made.parts["disclosure"] == made.parts["billing_summary"]


def test_what_holds_for_the_whole_call_is_said_of_those_it_does_not_fit() -> None:
    """A message type that wants another value than the call has is named."""
    gaps = export(load_default(), "livekit").gaps
    why = next(each.why for each in gaps if each.setting == "min_speech_ms" and "menu_prompt" in each.where)

    assert "LiveKit Agents sets this once for the call, and it is `0.2` there, as for support_answer: see to the difference yourself" == why
    assert not [each for each in gaps if each.setting == "min_speech_ms" and "support_answer" in each.where]


@pytest.mark.parametrize(("provider", "value"), [("twilio", "1800"), ("agora", "1800"), ("nova", '"MEDIUM"'), ("pipecat", "1.8")])
def test_what_a_call_lives_with_is_said_of_those_that_did_not_ask(provider: str, value: str) -> None:
    """Patience for one kind of message slows the others, where it can be set once."""
    gaps = export(policy_of(support_answer=replace(PLAIN, patience_ms=1800)), provider).gaps
    found = next(each for each in gaps if each.setting == "patience_ms" and "greeting" in each.where)

    assert "nothing is asked for by patience_ms" == found.wanted
    assert f"it is `{value}` there, as for support_answer" in found.why
    assert "support_answer" not in found.where


def test_the_policy_s_own_words_stay_behind(tmp_path: Path) -> None:
    """No provider hears by them."""
    path = tmp_path / "policy.yaml"
    path.write_text('version: "1"\nextends: default\nlexicons: {en: {listening: ["righty-o my friend"]}}\n', encoding="utf-8")
    gaps = export(load_policy(path), "vapi").gaps

    assert [tuple(MESSAGE_TYPES)] == [each.where for each in gaps if each.setting == "lexicons"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"provider": "livekitt"}, "unknown provider `livekitt`: did you mean `livekit`?"),
        ({"provider": ""}, f"unknown provider ``: known are {', '.join(f'`{each}`' for each in NAMES)}"),
        ({"provider": "nova", "workflow": "paymnt"}, "unknown workflow `paymnt`: did you mean `payment`?"),
        ({"provider": "nova", "message_type": "discloser"}, "unknown message type `discloser`: did you mean `disclosure`?"),
    ],
)
def test_a_name_that_is_not_known(file: Path, arguments: dict[str, str], problem: str) -> None:
    """The nearest one is named."""
    with pytest.raises(ExportError) as raised:
        export(load_policy(file), **arguments)

    assert problem == str(raised.value)


def test_a_workflow_where_there_is_none() -> None:
    """Is said plainly."""
    with pytest.raises(ValueError, match="unknown workflow `payment`: this policy has none"):
        export(load_default(), "nova", workflow="payment")


@pytest.mark.parametrize("name", ['a"b', "a\\", "a\n'''\nimport os", 'x"""', "# y", "\u2028z", "{title}"])
def test_names_are_text_and_no_code(name: str) -> None:
    """Whoever names a message type or a version cannot write into a generated module, nor into what a terminal shows."""
    policy = policy_of()
    policy = replace(policy, version=name, names={name: "disclosure"}, rules={**policy.rules, (None, name): replace(PLAIN, name=name)})
    for provider in NAMES:
        made = export(policy, provider)
        export(policy, provider, message_type=name)
        assert name in made.message_types
        assert all(line.isprintable() for line in notes(made).split("\n"))
    tree = ast.parse(export(policy, "pipecat").document)

    assert {ast.ImportFrom, ast.FunctionDef, ast.Assign} == {type(each) for each in tree.body}
    assert not [each for each in ast.walk(tree) if isinstance(each, ast.Import)]
    assert name in ast.literal_eval(next(each.value for each in tree.body if isinstance(each, ast.Assign)))


def test_notes_tell_where_parts_go_and_what_is_left() -> None:
    """In that order, with every path."""
    made = export(load_default(), "retell")
    told = notes(made)

    assert told.startswith("Retell: settings of policy 2026-11-25; for the whole call as for support_answer\n  agent: ")
    assert "every message; from confidence_floor, default.yaml:" in told
    assert told.index("\nset:\n") < told.index("\nnot expressible, the application must enforce it:\n")
    assert all(f"  {each.path} = " in told for each in made.values)


@pytest.mark.parametrize("provider", NAMES)
def test_the_same_policy_gives_the_same_export(provider: str) -> None:
    """Byte for byte."""
    assert export(load_default(), provider) == export(load_default(), provider)
