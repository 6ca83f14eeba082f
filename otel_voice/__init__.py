"""Emit what a voice agent did when it was interrupted: `VoiceCall`, one method per event."""

from otel_voice.call import VoiceCall, failures
from otel_voice.configure import configure
from otel_voice.interruption import Interruption

__all__ = ["Interruption", "VoiceCall", "configure", "failures"]
