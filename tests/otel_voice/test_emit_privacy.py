"""Nothing a caller or agent said leaves by default."""

from __future__ import annotations

from otel_voice import VoiceCall
from otel_voice.testing import CapturedEvent, capture_events


def speak(*, keep_text: bool = False, send_digits: bool = False, message: str = "menu_prompt") -> list[CapturedEvent]:
    with capture_events() as events:
        call = VoiceCall("call_1", keep_text=keep_text, send_digits=send_digits)
        with call.message(message):
            response = call.agent_speech_started()
        stretch = call.user_speech_started()
        call.user_transcript(stretch, text="zebra quartz", status="final")
        call.candidate(mode="vad", text="zebra quartz", stretch_id=stretch)
        call.candidate(input_type="dtmf", mode="dtmf", dtmf_digit="7", expected_digits=("7",))
        call.user_speech_stopped(stretch, text="zebra quartz", transcript_status="final")
        call.agent_speech_interrupted(response, heard_text="walnut")
        call.end()
    return events


def test_no_text_or_digit_leaves_by_default() -> None:
    """Neither transcript, heard text nor digit is in any value."""
    events = speak()
    values = " ".join(str(value) for event in events for key, value in event.attributes.items() if "hashes" not in key)

    assert not {word for word in ("zebra", "quartz", "walnut") if word in values}
    assert not [e for e in events if {"voice.caller.dtmf.digit", "voice.agent.heard_text.text"} & e.attributes.keys()]
    assert "redacted" in values


def test_opted_in_text_leaves() -> None:
    """Text and heard text leave where asked for."""
    values = str([event.attributes for event in speak(keep_text=True)])

    assert "zebra quartz" in values
    assert "walnut" in values


def test_a_digit_leaves_only_in_menus() -> None:
    """Opting in sends digits of menus, never of a disclosure or entity capture."""
    sent = {
        message: any("voice.caller.dtmf.digit" in event.attributes for event in speak(send_digits=True, message=message))
        for message in ("menu_prompt", "entity_capture", "disclosure")
    }

    assert sent == {"menu_prompt": True, "entity_capture": False, "disclosure": False}


def test_hashes_repeat_within_a_call_only() -> None:
    """The salt is one per call."""
    first, second = ({e.attributes.get("voice.caller.transcript.word_hashes") for e in speak()} - {None} for _ in range(2))

    assert 1 == len(first) == len(second)
    assert not first & second
