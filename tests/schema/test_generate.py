"""The registry is the single source."""

import json

import pytest
from jsonschema import Draft202012Validator
from otel_voice_schema import attributes, events, generate, metrics


def test_nothing_is_stale() -> None:
    """What is committed is what the registry gives."""
    assert generate.main(["--check"]) == 0


def test_every_generated_schema_is_a_schema() -> None:
    """Each JSON Schema is valid draft 2020-12 with its own id."""
    files = generate.render_json_schemas(generate.read_registry())
    for text in files.values():
        Draft202012Validator.check_schema(json.loads(text))

    assert len(files) == len({json.loads(text)["$id"] for text in files.values()})


def test_names_stay_distinct_without_dots() -> None:
    """No two attributes become one label, no two metrics one metric."""
    for names in (attributes.ATTRIBUTES, metrics.METRICS):
        assert len(names) == len({name.replace(".", "_") for name in names})


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ({"ref": "voice.nothing", "requirement_level": "opt_in"}, "unknown attribute `voice.nothing`"),
        ({"ref_group": "voice.nothing"}, "unknown group `voice.nothing`"),
    ],
)
def test_a_reference_without_definition_is_named(part: dict[str, str], wanted: str) -> None:
    """A registry that refers to nothing is refused with the name."""
    registry = generate.read_registry()
    registry["events"][0]["attributes"].append(part)

    assert any(wanted in problem for problem in generate._problems(registry))


def test_the_runbooks_names_are_aliases() -> None:
    """The runbook's nine events are known by its own names too."""
    runbook = (
        "user.speech_started user.speech_stopped agent.speech_started agent.speech_interrupted interruption.candidate_detected "
        "interruption.decision_made interruption.recovered interruption.false_positive silence.timeout"
    )

    assert set(runbook.split()) <= set(events.ALIASES)


def test_an_envelope_of_the_runbook_conforms() -> None:
    """The runbook's example, its version apart, validates against the current envelope."""
    schema = json.loads(generate.render_json_schemas(generate.read_registry())["envelope.json"])
    envelope = {
        "eventName": "voice.interruption.decision_made",
        "eventVersion": "2026-05-20",
        "occurredAt": "2026-05-20T15:42:18.231Z",
        "canonicalCallId": "call_01JZ9W2M7K",
        "turnId": "turn_0007",
        "agentResponseId": "response_0006",
        "traceId": "9f7c2d4f0f3a4c1e8e4d2a5b7c6f9012",
        "agentSpeech": {"state": "speaking", "messageType": "billing_summary", "interruptible": True, "playbackPositionMs": 1840},
        "callerInput": {"type": "speech", "speechDurationMs": 420, "transcriptText": "no I meant Friday", "isBackchannel": False},
        "decision": {
            "action": "stop_agent_audio_and_accept_user_turn",
            "policyVersion": "interruption-policy-2026-05-20",
            "reason": "caller_correction_detected",
            "confidence": 0.87,
        },
        "recovery": {"agentTranscriptTruncatedAtMs": 1840, "newTurnCommitted": True, "taskStatePreserved": True},
    }

    assert [error.message for error in Draft202012Validator(schema).iter_errors(envelope)] == []
