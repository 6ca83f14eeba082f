"""What stands in for a caller's line, a recogniser, a model, a voice and a player, so that a LiveKit session runs headless.

Samples carry the meaning: the caller's n-th utterance is n in each sample, silence is 0. The recogniser and the detector know only the
samples that LiveKit feeds them, and the player writes down which samples of the agent it really played, and when.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import llm, stt, tts, vad
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.voice import io

LINE_RATE = 16_000
VOICE_RATE = 24_000
FRAME_S = 0.02
MIN_SPEECH_S, MIN_SILENCE_S = 0.05, 0.25  # LiveKit's own detector
INTERIM_S, FINAL_S = 0.1, 0.3  # how late the recogniser is, after the onset and after the end


def frame(value: int, seconds: float, rate: int) -> rtc.AudioFrame:
    """Return audio in which each sample is `value`."""
    samples = round(seconds * rate)
    return rtc.AudioFrame(np.full(samples, value, np.int16).tobytes(), rate, 1, samples)


def heard(audio: rtc.AudioFrame) -> int:
    """Return which utterance a frame carries, 0 for none."""
    return int(np.frombuffer(audio.data, np.int16).max(initial=0))


class Line(io.AudioInput):
    """The caller's line in real time: silence, and what `say` puts on it."""

    def __init__(self) -> None:
        super().__init__(label="line")
        self.said: list[str] = []
        self._frames: deque[rtc.AudioFrame] = deque()
        self._due = 0.0

    async def say(self, text: str, seconds: float) -> float:
        """Speak; return the wall clock's time of the first sample."""
        self.said.append(text)
        self._frames.extend(frame(len(self.said), FRAME_S, LINE_RATE) for _ in range(round(seconds / FRAME_S)))
        began = time.time()
        await until(lambda: not self._frames)
        return began

    async def __anext__(self) -> rtc.AudioFrame:
        now = time.perf_counter()
        self._due = max(self._due + FRAME_S, now - 0.1)
        await asyncio.sleep(max(0.0, self._due - now))
        return self._frames.popleft() if self._frames else frame(0, FRAME_S, LINE_RATE)


class Detector(vad.VAD):
    """Hears any sample that is not 0."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=FRAME_S))

    def stream(self) -> _DetectorStream:
        return _DetectorStream(self)


class _DetectorStream(vad.VADStream):
    async def _main_task(self) -> None:
        speech = silence = 0.0
        speaking = False
        index = 0
        async for item in self._input_ch:
            if not isinstance(item, rtc.AudioFrame):
                continue
            index += item.samples_per_channel
            loud = heard(item) > 0
            raw_speech = speech + item.duration if loud else 0.0
            if loud:
                speech, silence = speech + item.duration, 0.0
            else:
                silence += item.duration
                if speaking:
                    speech += item.duration
                else:
                    speech = 0.0
            told: dict[str, Any] = {
                "samples_index": index,
                "timestamp": time.time(),
                "speech_duration": speech,
                "silence_duration": silence,
                "frames": [item],
                "probability": 1.0 if loud else 0.0,
                "raw_accumulated_speech": raw_speech,
                "raw_accumulated_silence": silence,
            }
            if not speaking and speech >= MIN_SPEECH_S:
                speaking = True
                self._event_ch.send_nowait(vad.VADEvent(type=vad.VADEventType.START_OF_SPEECH, speaking=True, **told))
            self._event_ch.send_nowait(vad.VADEvent(type=vad.VADEventType.INFERENCE_DONE, speaking=speaking, **told))
            if speaking and silence >= MIN_SILENCE_S:
                speaking = False
                told["speech_duration"], speech = speech - silence, 0.0
                self._event_ch.send_nowait(vad.VADEvent(type=vad.VADEventType.END_OF_SPEECH, speaking=False, **told))


class Recogniser(stt.STT):
    """Reads the words of an utterance from its samples: those that reach it."""

    def __init__(self, line: Line) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.line = line
        self.interim_s: float | None = INTERIM_S  # None: it has no partial words

    async def _recognize_impl(self, buffer: Any, *, language: Any = None, conn_options: APIConnectOptions) -> stt.SpeechEvent:
        raise NotImplementedError

    def stream(self, *, language: Any = None, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> _RecogniserStream:
        return _RecogniserStream(stt=self, conn_options=conn_options)


class _RecogniserStream(stt.RecognizeStream):
    async def _run(self) -> None:
        line, interim_s = self._stt.line, self._stt.interim_s  # type: ignore[attr-defined]
        number, long, silence, interim = 0, 0.0, 0.0, False
        async for item in self._input_ch:
            if not isinstance(item, rtc.AudioFrame):
                continue
            value = heard(item)
            if value:
                number, long, silence = value, (0.0 if value != number else long) + item.duration, 0.0
            elif number:
                silence += item.duration
            words = line.said[number - 1] if number else ""
            if words and not interim and interim_s is not None and long >= interim_s:
                interim = True
                self._tell(stt.SpeechEventType.INTERIM_TRANSCRIPT, words.split(",")[0])
            if number and silence >= FINAL_S:
                if words:
                    self._tell(stt.SpeechEventType.FINAL_TRANSCRIPT, words)
                number, long, silence, interim = 0, 0.0, 0.0, False

    def _tell(self, kind: stt.SpeechEventType, words: str) -> None:
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[stt.SpeechData(language="en", text=words, confidence=0.9)]))


class Model(llm.LLM):
    """Answers the caller's last words from a table."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        super().__init__()
        self.answers = answers

    def chat(self, *, chat_ctx: llm.ChatContext, tools: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS, **_: Any) -> _Answer:
        return _Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _Answer(llm.LLMStream):
    async def _run(self) -> None:
        asked = next((item.text_content for item in reversed(self._chat_ctx.items) if isinstance(item, llm.ChatMessage)), "") or ""
        said = self._llm.answers.get(asked, "All right.")  # type: ignore[attr-defined]
        self._event_ch.send_nowait(llm.ChatChunk(id="answer", delta=llm.ChoiceDelta(role="assistant", content=said)))


class Voice(tts.TTS):
    """Speaks 16 characters a second."""

    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=VOICE_RATE, num_channels=1)

    def synthesize(self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> _Speech:
        return _Speech(tts=self, input_text=text, conn_options=conn_options)


class _Speech(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(request_id="speech", sample_rate=VOICE_RATE, num_channels=1, mime_type="audio/pcm")
        output_emitter.push(bytes(frame(1, len(self.input_text) / 16, VOICE_RATE).data))
        output_emitter.flush()


@dataclass
class Segment:
    """One response as it was really played."""

    sounded: list[list[float]]  # wall clock: from, to
    samples: int = 0
    interrupted: bool | None = None  # None while it plays

    @property
    def seconds(self) -> float:
        """How much of it sounded."""
        return self.samples / VOICE_RATE


class Player(io.AudioOutput):
    """Plays in real time, and notes from when to when samples really sounded."""

    def __init__(self, *, pausable: bool = True) -> None:
        super().__init__(label="player", capabilities=io.AudioOutputCapabilities(pause=pausable), sample_rate=VOICE_RATE)
        self.segments: list[Segment] = []
        self._held: deque[int] = deque()  # samples of each frame not yet played
        self._flushed = self._paused = False
        self._playing: Segment | None = None
        self._task: asyncio.Task[None] | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self._flushed = False
        self._held.append(frame.samples_per_channel)
        if self._task is None:
            self._task = asyncio.create_task(self._play())

    def flush(self) -> None:
        super().flush()
        self._flushed = True

    def clear_buffer(self) -> None:
        waiting = bool(self._held)
        self._held.clear()
        if self._playing is not None:
            self._end(self._playing, interrupted=True)
        elif waiting:  # captured while paused: none of it sounded
            self._flushed = False
            self.on_playback_finished(playback_position=0.0, interrupted=True)

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _play(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.005)
            now, wall = time.perf_counter(), time.time()
            room, last = round((now - last) * VOICE_RATE), now
            if self._paused:
                continue
            if self._playing is None:
                if self._held:
                    self._playing = Segment([[wall, wall]])
                    self.segments.append(self._playing)
                    self.on_playback_started(created_at=wall)
                continue
            segment = self._playing
            if played := self._take(room):
                segment.samples += played
                if wall - segment.sounded[-1][1] > 0.1:
                    segment.sounded.append([wall, wall])
                segment.sounded[-1][1] = wall
            if not self._held and self._flushed:
                self._end(segment, interrupted=False)

    def _take(self, room: int) -> int:
        played = 0
        while self._held and played < room:
            part = min(self._held[0], room - played)
            played += part
            self._held[0] -= part
            if not self._held[0]:
                self._held.popleft()
        return played

    def _end(self, segment: Segment, *, interrupted: bool) -> None:
        segment.interrupted, self._playing, self._flushed = interrupted, None, False
        self.on_playback_finished(playback_position=segment.seconds, interrupted=interrupted)


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something that must come; raise TimeoutError where it does not."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for belongs to LiveKit
            await asyncio.sleep(0.01)
