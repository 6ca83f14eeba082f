"""What LiveKit's own modules know, where the agent has loaded them; nothing of LiveKit is imported here."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from opentelemetry.trace import ProxyTracerProvider, TracerProvider

from otel_voice.emit import failed
from otel_voice.integrations.livekit.readings import option, read


def installed_version() -> str | None:
    """Return the version of livekit-agents, None where it is not installed."""
    try:
        return version("livekit-agents")
    except PackageNotFoundError:
        return None


def own_provider() -> TracerProvider | None:
    """Return the provider given to LiveKit's `telemetry.set_tracer_provider`, which does not set the global one."""
    provider = read(sys.modules.get("livekit.agents.telemetry"), "tracer", "_tracer_provider")
    return provider if isinstance(provider, TracerProvider) and not isinstance(provider, ProxyTracerProvider) else None


def redacts(session: Any) -> bool:
    """Return whether the project, or this session's recording options, mandate that no content leaves."""
    return read(session, "_redaction_enabled") is True or read(_job(), "_redaction_enabled") is True


def at_job_end(last: Callable[[], Awaitable[None]]) -> None:
    """Have LiveKit wait for `last` before the job's process ends; outside a job nothing happens."""

    async def otel_voice_flush() -> None:
        await last()

    add = read(_job(), "add_shutdown_callback")
    if callable(add):
        try:
            add(otel_voice_flush)
        except Exception as error:
            failed("livekit.job", error)


def unguardable(session: Any) -> str | None:
    """Return why a session cannot be guarded, None where it can."""
    if session is None:
        return "a recording has no speech to stop"
    if option(session, "discard_audio_if_uninterruptible") is not False:
        return "`discard_audio_if_uninterruptible` is not False, so that nothing would be heard of a caller while a speech is held"
    if option(session, "mode") == "adaptive":
        return "adaptive interruption holds transcripts back while the agent speaks: set `mode` to `vad`"
    if read(session, "llm", "capabilities", "turn_detection") is True:
        return "the realtime model takes turns on its server"
    return None


def _job() -> Any:
    get = read(sys.modules.get("livekit.agents"), "get_job_context")
    try:
        return get(required=False) if callable(get) else None
    except Exception as error:
        failed("livekit.job", error)
        return None
