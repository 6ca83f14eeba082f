"""Amazon Nova Sonic: the `sessionStart` event, which can be said once. An enumeration instead of times."""

from __future__ import annotations

from typing import Final

from otel_voice.policy.model import Rule

from .model import Knob, Provider, Reading, Told
from .readings import always, stops_itself
from .wording import seconds

_PAUSES: Final = {"HIGH": 1500, "MEDIUM": 1750, "LOW": 2000}  # ms of pause, as published for Nova 2


def _sensitivity(rule: Rule) -> Reading:
    """The level whose pause is nearest; of two as near, the more patient."""
    if not rule.patience_ms:
        return None
    level = min(reversed(_PAUSES), key=lambda each: abs(_PAUSES[each] - rule.patience_ms))
    pause = _PAUSES[level]
    note = f"nearest to {seconds(rule.patience_ms)}: {level} is a pause of about {seconds(pause)}"
    why = f"{{title}} waits about {seconds(pause)}, never more than 2 s: hold the answer back for the rest yourself"
    return Told(value=level, note=note, short={"patience_ms": why} if rule.patience_ms > pause else {})


PROVIDER: Final = Provider(
    name="nova",
    title="Amazon Nova Sonic",
    goes={"event": "fields of the sessionStart event, for the whole call; inferenceConfiguration is your own"},
    knobs=(
        Knob(setting="interrupted_by", read=always),
        Knob(setting="actions.correction", read=stops_itself),
        Knob(
            setting="patience_ms",
            read=_sensitivity,
            call="event.sessionStart.turnDetectionConfiguration.endpointingSensitivity",
        ),
    ),
    app={
        "interrupted_by": "{title} always lets the caller cut in: do not send it the caller's audio while nobody may",
        "until": "{title} cannot protect a message: do not send it the caller's audio until the content is out",
        "grace_ms": "{title} has no grace period: do not send it the caller's audio for that long",
        "actions.dtmf": "{title} hears no keys: take them from the telephony side yourself",
    },
)
