"""Pipecat settings as a Python module, each value beside the line of the policy that it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from otel_voice.printable import printable

from .model import CALL, Export

_IMPORTS: Final = (
    "from pipecat.audio.vad.vad_analyzer import VADParams",
    "from pipecat.frames.frames import Frame, UserIdleTimeoutUpdateFrame, VADParamsUpdateFrame",
    "from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams",
    "from pipecat.turns.user_start import MinWordsUserTurnStartStrategy, VADUserTurnStartStrategy",
    "from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy",
    "from pipecat.turns.user_turn_strategies import UserTurnStrategies",
)
_STOP: Final = "SpeechTimeoutUserTurnStopStrategy"


def as_python(export: Export) -> str:
    """Return the module's text."""
    code = _Code(export)
    of = f", workflow {export.workflow}" if export.workflow else ""
    head = printable(f"Pipecat settings of policy {export.policy_version}{of}; generated: change the policy, not this file.")
    lines = [f"# {head}", *_IMPORTS, "", "", *code.vad(), "", "", *code.aggregator(), "", "", *code.interruptible(), "", "", *code.frames()]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Return text as Python writes it in double quotes."""
    return json.dumps(text, ensure_ascii=False)


class _Code:
    """Writes the module's pieces."""

    def __init__(self, export: Export) -> None:
        self._call: Mapping[str, Any] = export.parts[CALL]
        self._types = {name: part for name, part in export.parts.items() if name != CALL}
        self._why = {
            (where, each.path): printable(f"{each.setting}, {each.source}" + (f"; {each.note}" if each.note else ""))
            for each in export.values
            for where in each.where
        }

    def _arguments(self, where: str, group: str, indent: str) -> Iterator[str]:
        part: Mapping[str, Any] = self._call if where == CALL else self._types[where]
        for name, value in part.get(group, {}).items():
            yield f"{indent}{name}={value!r},  # {self._why[where, f'{group}.{name}']}"

    def vad(self) -> Iterator[str]:
        """The parameters of the voice detector."""
        yield from (
            "def vad_params() -> VADParams:",
            '    """Return what the VAD analyzer of the call is made with."""',
            "    return VADParams(",
        )
        yield from self._arguments(CALL, "VADParams", " " * 8)
        yield "    )"

    def aggregator(self) -> Iterator[str]:
        """The parameters of the user aggregator."""
        start = "MinWordsUserTurnStartStrategy" if "min_words" in self._call.get("user_turn_start", {}) else "VADUserTurnStartStrategy"
        yield "def user_aggregator_params() -> LLMUserAggregatorParams:"
        yield '    """Return what the user aggregator is made with; strategies belong to one pipeline, so call it for each."""'
        yield f"    start = {start}("
        yield from self._arguments(CALL, "user_turn_start", " " * 8)
        yield "    )"
        if _STOP in self._call:
            yield f"    stop = {_STOP}("
            yield from self._arguments(CALL, _STOP, " " * 8)
            yield "    )"
        stop = ", stop=[stop]" if _STOP in self._call else ""
        yield "    return LLMUserAggregatorParams("
        yield f"        user_turn_strategies=UserTurnStrategies(start=[start]{stop}),"
        yield from self._arguments(CALL, "LLMUserAggregatorParams", " " * 8)
        yield "    )"

    def interruptible(self) -> Iterator[str]:
        """Which messages may be cut."""
        yield "INTERRUPTIBLE = {  # by message type: set it on each TTSSpeakFrame"
        for name, part in self._types.items():
            yield f"    {quoted(name)}: {part['TTSSpeakFrame']['interruptible']!r},  # {self._why[name, 'TTSSpeakFrame.interruptible']}"
        yield "}"

    def frames(self) -> Iterator[str]:
        """What to queue before a message."""
        yield "def frames_before(message_type: str) -> list[Frame]:"
        yield '    """Return the frames to queue before a message of a type; none for a type that the policy does not name."""'
        for name, part in self._types.items():
            yield f"    if message_type == {quoted(name)}:"
            yield "        return ["
            if "VADParamsUpdateFrame" in part:
                yield "            VADParamsUpdateFrame(params=VADParams("
                yield from self._arguments(name, "VADParamsUpdateFrame", " " * 16)
                yield "            )),"
            if "UserIdleTimeoutUpdateFrame" in part:
                yield "            UserIdleTimeoutUpdateFrame("
                yield from self._arguments(name, "UserIdleTimeoutUpdateFrame", " " * 16)
                yield "            ),"
            yield "        ]"
        yield "    return []"
