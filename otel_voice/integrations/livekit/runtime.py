"""What LiveKit's own modules know, where the agent has loaded them; nothing of LiveKit is imported here."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from opentelemetry.trace import ProxyTracerProvider, TracerProvider

from otel_voice.emit import failed
from otel_voice.integrations.livekit.readings import option, read, text


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
    """Return why a session cannot be guarded, None where it can; its agent's own options go before the session's, as in LiveKit."""
    if session is None:
        return "a recording has no speech to stop"
    agent = current_agent(session)
    if option(session, "discard_audio_if_uninterruptible") is not False:
        return "`discard_audio_if_uninterruptible` is not False, so that nothing would be heard of a caller while a speech is held"
    if (text(agent, "interruption_detection") or text({"mode": option(session, "mode")}, "mode")) != "vad":
        return "`mode` is not `vad`: adaptive interruption, LiveKit's default in its cloud, holds transcripts back while the agent speaks"
    turns = text(agent, "turn_detection") or text(session, "turn_detection")
    if turns in ("manual", "realtime_llm") or read(session, "llm", "capabilities", "turn_detection") is True:
        return "the caller's turns are committed by hand" if turns == "manual" else "the realtime model takes turns on its server"
    own = read(agent, "allow_interruptions")
    if (own if isinstance(own, bool) else option(session, "enabled")) is False:
        return "the session forbids all interruptions"
    return None


def current_agent(session: Any) -> Any:
    """Return the session's agent, None before it has started."""
    try:
        return session.current_agent
    except (AttributeError, RuntimeError):
        return None


def running_agent(session: Any) -> Any:
    """Return the session's agent where it has begun, None between two."""
    agent = current_agent(session)
    try:
        return agent if agent is not None and agent.session is session else None
    except RuntimeError:
        return None


def closing(session: Any) -> bool:
    """Return whether a session is being closed, as it is when the caller has hung up; LiveKit has no public word for it."""
    return read(session, "_closing") is True or read(session, "_closing_task") is not None


def stops_response(error: Exception) -> bool:
    """Return whether the agent's own code said by an error that a turn is not to be answered."""
    kind = read(sys.modules.get("livekit.agents"), "StopResponse")
    return isinstance(kind, type) and isinstance(error, kind)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _job() -> Any:
    get = read(sys.modules.get("livekit.agents"), "get_job_context")
    try:
        return get(required=False) if callable(get) else None
    except Exception as error:
        failed("livekit.job", error)
        return None
