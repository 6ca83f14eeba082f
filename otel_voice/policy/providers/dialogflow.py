"""Dialogflow CX: advanced settings of agents and pages, audio configuration of requests. Times as protobuf Durations."""

from __future__ import annotations

import math
from typing import Final

from otel_voice.policy.model import Rule

from .model import Beyond, Knob, Provider, Reading, Told
from .readings import SPEECH, duration, keys, silence
from .wording import ESCALATION, seconds

_SPEECH: Final = "advancedSettings.speechSettings"
_KEYS: Final = "advancedSettings.dtmfSettings"
_MOST_S: Final = 100


def _endpointing(rule: Rule) -> Reading:
    """Whole seconds of pause, rounded up: an impatient agent is what the policy is against."""
    if not rule.patience_ms:
        return None
    needed = math.ceil(rule.patience_ms / 1000)
    kept = min(needed, _MOST_S)
    note = "" if needed * 1000 == rule.patience_ms else f"rounded up from {seconds(rule.patience_ms)}: whole seconds only"
    if kept < needed:
        note = f"clamped from {seconds(rule.patience_ms)}: the provider takes no more than {_MOST_S} s"
    short = {"patience_ms": f"{{title}} takes no more than {_MOST_S} s: hold the answer back yourself"} if kept < needed else {}
    return Told(value=kept, note=note, short=short)


def _timed(rule: Rule) -> Reading:
    """Sensitivity counts as seconds only so."""
    return Told(value=True, note="endpointerSensitivity is then read as seconds") if rule.patience_ms else None


def _no_barge_in(rule: Rule) -> Reading:
    """How long from the start of playback nobody may cut in: the grace period, or content protected to a position."""
    until = rule.until if SPEECH not in rule.protected_allows else None
    position = until.position_ms if until is not None else None
    if until is not None and position is None:
        return Beyond(why="{title} wants a time: set bargeInConfig.noBargeInDuration from the message's length once you know it")
    longest = max(position or 0, rule.grace_ms)
    if not longest:
        return None
    return Told(value=duration(longest), setting="until" if position == longest else "grace_ms", note="for requests streamed by the client")


def _longest_key(rule: Rule) -> Reading:
    return Told(value=max(map(len, rule.expected_keys)), note="keys on offer are single keys") if rule.expected_keys else None


PROVIDER: Final = Provider(
    name="dialogflow",
    title="Dialogflow CX",
    goes={
        "agent": "fields of the agent (Agents.UpdateAgent), for the whole call; advanced settings hold for telephony integrations",
        "page": "fields of pages whose messages are of this type (Pages.UpdatePage)",
        "inputAudioConfig": "fields of query_input.audio.config, in the request that streams while such a message plays",
    },
    knobs=(
        Knob(
            setting="patience_ms",
            read=_timed,
            call=f"agent.{_SPEECH}.useTimeoutBasedEndpointing",
            message=f"page.{_SPEECH}.useTimeoutBasedEndpointing",
            default=False,
        ),
        Knob(
            setting="patience_ms",
            read=_endpointing,
            call=f"agent.{_SPEECH}.endpointerSensitivity",
            message=f"page.{_SPEECH}.endpointerSensitivity",
        ),
        Knob(
            setting="silence",
            read=silence(duration, speaks=False, note="raises sys.no-input-default: what the agent then says is yours"),
            call=f"agent.{_SPEECH}.noSpeechTimeout",
            message=f"page.{_SPEECH}.noSpeechTimeout",
        ),
        Knob(setting="actions.dtmf", read=keys(True, False), call=f"agent.{_KEYS}.enabled", message=f"page.{_KEYS}.enabled"),
        Knob(setting="expected_keys", read=_longest_key, message=f"page.{_KEYS}.maxDigits"),
        Knob(setting="until", also=("grace_ms",), read=_no_barge_in, message="inputAudioConfig.bargeInConfig.noBargeInDuration"),
    ),
    app={
        "interrupted_by": "{title} has a barge-in switch for flows and fulfilments in its console, not in its API: set it there by hand",
        "actions.correction": "{title} tells the client that speech was heard: stop the audio, or keep it playing, yourself",
        ESCALATION: "{title} matches intents once the caller has finished: route a wish for a person by an intent of your own",
    },
)
