"""A policy in the words of ten providers: settings generated from it, each with its line, and what a provider cannot be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from otel_voice.policy.model import Policy
from otel_voice.strict import nearest

from .agora import PROVIDER as AGORA
from .build import build
from .dialogflow import PROVIDER as DIALOGFLOW
from .elevenlabs import PROVIDER as ELEVENLABS
from .livekit import PROVIDER as LIVEKIT
from .model import CALL, Export, ExportError, Format, Provider, Remark, Value
from .nova import PROVIDER as NOVA
from .openai import PROVIDER as OPENAI
from .pipecat import PROVIDER as PIPECAT
from .render import as_json, notes, record
from .retell import PROVIDER as RETELL
from .twilio import PROVIDER as TWILIO
from .vapi import PROVIDER as VAPI

__all__ = ["CALL", "PROVIDERS", "Export", "ExportError", "Format", "Remark", "Value", "export", "notes", "record"]

_ALL: Final = (LIVEKIT, PIPECAT, OPENAI, TWILIO, DIALOGFLOW, NOVA, AGORA, VAPI, RETELL, ELEVENLABS)
PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType({each.name: each for each in _ALL})


def export(policy: Policy, provider: str, *, workflow: str | None = None, message_type: str | None = None) -> Export:
    """Return a policy as a provider's settings.

    Settings of the whole call are those of the rule for ordinary answers (`support_answer`), or of `message_type` where one is named;
    then its messages alone are exported. Raises `ExportError` for a provider, workflow or message type that is not known.
    """
    table = PROVIDERS.get(provider)
    if table is None:
        raise ExportError(f"unknown provider `{provider}`{nearest(provider, PROVIDERS)}")
    made = build(table, policy, workflow, message_type)
    return replace(made, document=table.python(made) if table.python else as_json(made))
