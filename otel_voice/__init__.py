"""Tells how a voice agent's interruptions went, as OpenTelemetry spans."""

from __future__ import annotations

from otel_voice.call import VoiceCall
from otel_voice.configure import configure
from otel_voice.interruption import Interruption

__all__ = ["Interruption", "VoiceCall", "configure"]
