"""A session steered by the guard beside the same session on LiveKit's own settings: what the player really played, sample by sample."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

pytest.importorskip("livekit.agents", reason="needs the extra: pip install -e '.[dev,livekit]'")

import pytest_asyncio
from livekit.agents import AgentSession
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from otel_voice_processor.config import Config, Receiver
from otel_voice_processor.model import CallRecord
from otel_voice_processor.service import Service

from otel_voice import emit
from otel_voice.emit import CapturedEvent
from otel_voice.integrations import livekit
from otel_voice.policy import load_default
from otel_voice.testing import listening
from tests.live.fakes import Detector, Line, Model, Player, Recogniser, Voice, until
from tests.live.guarded import (
    EIGHT_S,
    FIVE_S,
    FLOWS,
    HANDOVER,
    OTHERWISE,
    THREE_S,
    Flow,
    Scene,
    answers,
    friday,
    gaps,
    reaction,
    whole,
)

pytestmark = pytest.mark.livekit
STOP = "stop_agent_audio_and_accept_user_turn"
SCHEDULING_S = 0.1  # many sessions on few cores


@dataclass(frozen=True)
class Played:
    """One flow, done without and with a guard: what sounded, what the records say, what the guard told."""

    stock: Scene
    guarded: Scene
    records: Mapping[str, CallRecord] = field(repr=False)
    events: Sequence[CapturedEvent] = field(repr=False)

    def told(self, name: str) -> list[CapturedEvent]:
        """Return the guarded session's events of one name."""
        mine = [each for each in self.events if each.attributes.get("voice.call.id") == self.guarded.room.name]
        return [each for each in mine if each.name.rsplit(".", 1)[-1] == name]

    def decided(self) -> list[str]:
        """Return the guard's decisions."""
        return [str(each.attributes["voice.interruption.decision.action"]) for each in self.told("decision_made")]

    def record(self, scene: Scene) -> CallRecord:
        """Return what the processor made of a session."""
        return self.records[scene.room.name]

    def verdicts(self) -> list[str]:
        """Return the verdicts on the guarded session."""
        return [each.verdict for each in self.record(self.guarded).episodes]


async def perform(flow: Flow, provider: TracerProvider, *, guarded: bool) -> Scene:
    scene = Scene(flow, guarded=guarded)
    await scene.start(provider)
    await flow.act(scene)
    await scene.quiet()
    await scene.session.aclose()
    scene.listener.uninstrument()
    scene.player.close()
    return scene


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(guarded_table: list[tuple[str, str, str]]) -> AsyncIterator[dict[str, Played]]:
    """All flows at the same time, each with and without a guard, through one processor over real gRPC."""
    records: dict[str, CallRecord] = {}
    events: list[CapturedEvent] = []
    service = Service(Config(receiver=Receiver(endpoint="127.0.0.1:0")), on_call=lambda record: records.__setitem__(record.call_id, record))
    await service.start()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"127.0.0.1:{service.port}", insecure=True)))
    with listening(events.append):
        tasks = [asyncio.create_task(perform(flow, provider, guarded=guarded)) for flow in FLOWS for guarded in (False, True)]
        scenes = await asyncio.gather(*tasks)
    await asyncio.to_thread(provider.shutdown)
    await service.stop()
    done = {}
    for flow, stock, guarded in zip(FLOWS, scenes[::2], scenes[1::2], strict=True):
        done[flow.name] = Played(stock, guarded, records, events)
        guarded_table.append((flow.name, cell(done[flow.name], stock), cell(done[flow.name], guarded)))
    yield done


def cell(played: Played, scene: Scene) -> str:
    """Return a cell of the table."""
    first = scene.player.segments[0]
    length = f"{first.seconds:.2f} s{', cut' if first.interrupted else ''}{', stood still' if gaps(first) else ''}"
    react = f", {reaction(scene) * 1000:.0f} ms after the onset" if first.interrupted or gaps(first) else ""
    verdicts = "; ".join(each.verdict for each in played.record(scene).episodes) or "no episode"
    return f"{length}{react} -> {', '.join(answers(scene)) or 'nothing'} ({verdicts})"


def test_stock_fails_where_the_guard_is_to_help(played: dict[str, Played]) -> None:
    """On its own settings LiveKit cuts or pauses for what is no turn, and does not answer what was said over required content."""
    assert played["uh-huh"].stock.player.segments[0].interrupted
    assert gaps(played["a noise of 0.7 s"].stock.player.segments[0])
    assert [OTHERWISE] == answers(played["I need a human"].stock)
    assert [] == answers(played["disclosure: cough, then wait"].stock)


def test_a_backchannel_is_played_through(played: dict[str, Played]) -> None:
    """All samples, no gap, and no answer to it."""
    done = played["uh-huh"]

    assert whole(done.guarded.player.segments[0], EIGHT_S)
    assert [] == answers(done.guarded)
    assert (["continue_agent_audio"], ["correct"]) == (done.decided(), done.verdicts())


@pytest.mark.parametrize("name", ["no, Friday", "no, Friday (player cannot pause)", "no, Friday (words after 0.4 s)"])
def test_a_correction_stops_no_later_than_stock_and_is_answered(name: str, played: dict[str, Played]) -> None:
    """Both measured from the first sample of the caller, in the same run."""
    done = played[name]

    assert done.guarded.player.segments[0].interrupted
    assert reaction(done.stock) + SCHEDULING_S >= reaction(done.guarded)
    assert ["Okay, moving it to Friday."] == answers(done.guarded)
    assert ([STOP], ["correct"]) == (done.decided(), done.verdicts())
    assert 1 == len(done.told("recovered"))


def test_a_noise_is_played_through(played: dict[str, Played]) -> None:
    """A cough stops nothing and nothing stands still."""
    done = played["a noise of 0.7 s"]

    assert whole(done.guarded.player.segments[0], FIVE_S)
    assert (["continue_agent_audio"], ["correct"]) == (done.decided(), done.verdicts())


def test_sound_of_unknown_meaning_that_goes_on_is_given_room_and_no_sample_is_lost(played: dict[str, Played]) -> None:
    """Paused once, resumed when it proves to be noise."""
    done = played["a noise of 2 s"]
    first = done.guarded.player.segments[0]

    assert 1 == len(gaps(first))
    assert abs(first.seconds - EIGHT_S / 16) < 0.05
    assert ["pause_agent_audio", "resume_agent_audio"] == done.decided()
    assert 1 == len([each for each in done.told("speech_started") if each.attributes.get("voice.agent.playback.resumed")])


def test_speech_that_goes_on_and_was_a_turn_stops_for_good(played: dict[str, Played]) -> None:
    """Paused while the recogniser says nothing, stopped by its final words, and answered."""
    done = played["a turn without partial words"]

    assert done.guarded.player.segments[0].interrupted
    assert ["pause_agent_audio", STOP] == done.decided()
    assert ["Okay, moving it to Friday."] == answers(done.guarded)


def test_a_disclosure_survives_a_cough_and_wait_which_is_answered_afterwards(played: dict[str, Played]) -> None:
    """Required content plays whole; what was said over it is not lost."""
    done = played["disclosure: cough, then wait"]

    assert whole(done.guarded.player.segments[0], FIVE_S)
    assert ["Yes, what is it?"] == answers(done.guarded)
    assert ["continue_agent_audio", "buffer_input_and_continue"] == done.decided()
    assert all(each.protected for each in done.record(done.guarded).episodes)
    assert 1 == len(done.told("recovered"))


def test_words_at_the_end_of_a_disclosure_are_answered_once(played: dict[str, Played]) -> None:
    """LiveKit has not decided on the caller's turn when the disclosure ends: it answers, the guard does not."""
    done = played["disclosure: wait at its end"]

    assert whole(done.guarded.player.segments[0], THREE_S)
    assert ["Yes, what is it?"] == answers(done.guarded)


def test_who_speaks_on_beyond_a_disclosure_is_answered_once_all_is_said(played: dict[str, Played]) -> None:
    """What was kept goes into the history at its end, and the model answers when the caller has finished."""
    done = played["disclosure: wait, then on beyond its end"]
    said = [item.text_content for item in done.guarded.session.history.items if getattr(item, "role", "") == "user"]

    assert whole(done.guarded.player.segments[0], FIVE_S)
    assert ["Okay, moving it to Friday."] == answers(done.guarded)
    assert ["wait", "no, Friday"] == said


def test_a_wish_for_a_person_over_a_disclosure_is_acted_on_right_after(played: dict[str, Played]) -> None:
    """The default policy holds it, whole, and hands over then; the model does not answer."""
    done = played["disclosure: I need a human"]

    assert whole(done.guarded.player.segments[0], THREE_S)
    assert ([HANDOVER], 1) == (answers(done.guarded), len(done.guarded.escalated))
    assert ["buffer_input_and_continue", "escalate_to_human"] == done.decided()


def test_a_wish_for_a_person_goes_through(played: dict[str, Played]) -> None:
    """It stops at once, hands over once, and the call says so."""
    done = played["I need a human"]

    assert done.guarded.player.segments[0].interrupted
    assert reaction(done.stock) + SCHEDULING_S >= reaction(done.guarded)
    assert ([HANDOVER], 1) == (answers(done.guarded), len(done.guarded.escalated))
    assert ["escalate_to_human"] == done.decided()
    assert done.record(done.guarded).escalated


def test_a_greeting_has_a_grace_period(played: dict[str, Played]) -> None:
    """Words within it are not lost: it stops when it is over."""
    done = played["no, Friday within 400 ms of a greeting"]

    assert 0.35 <= done.guarded.player.segments[0].seconds  # 0.4 by the session's clock
    assert done.guarded.player.segments[0].interrupted
    assert ["Okay, moving it to Friday."] == answers(done.guarded)


def test_yeah_is_no_turn_and_what_follows_is(played: dict[str, Played]) -> None:
    """The murmur is played through, the words stop."""
    done = played["yeah, then but I need it Friday"]

    assert done.guarded.player.segments[0].sounded[-1][1] > done.guarded.onsets[1]
    assert ["Friday it is."] == answers(done.guarded)
    assert ["continue_agent_audio", STOP] == done.decided()


def test_a_key_is_routed(played: dict[str, Played]) -> None:
    """The prompt stops and the agent gets the key; LiveKit's own settings do neither."""
    done = played["key 2 in a menu"]

    assert whole(done.stock.player.segments[0], FIVE_S)
    assert done.guarded.player.segments[0].interrupted
    assert (["2"], ["route_dtmf"]) == (done.guarded.keys, done.decided())


def test_a_key_over_required_content_is_routed_after_it(played: dict[str, Played]) -> None:
    """One on offer; of another nothing is kept that could be routed."""
    done = played["keys 2 and 9 over a disclosure"]

    assert whole(done.guarded.player.segments[0], THREE_S)
    assert ["2"] == done.guarded.keys


def test_yes_is_an_answer_where_the_guard_knows_the_question(played: dict[str, Played]) -> None:
    """`say` tells it what is said."""
    done = played["yes to a question"]

    assert done.guarded.player.segments[0].interrupted
    assert (["It is booked for you."], [STOP]) == (answers(done.guarded), done.decided())


def test_a_guard_that_was_closed_leaves_livekit_to_itself(played: dict[str, Played]) -> None:
    """Then the session is as it was."""
    done = played["the guard was closed"]

    assert done.guarded.player.segments[0].interrupted
    assert answers(done.stock) == answers(done.guarded)


def test_what_the_caller_says_before_a_response_is_still_answered(played: dict[str, Played]) -> None:
    """A response that the agent begins while LiveKit has yet to commit the caller's turn is not held before it did."""
    done = played["no, Friday, then a response of the agent's own"]

    assert "Okay, moving it to Friday." in answers(done.guarded)
    assert answers(done.stock) == answers(done.guarded)


def spoken(event: CapturedEvent) -> bool:
    return event.attributes["voice.caller.input.type"] == "speech"


def test_no_candidate_and_no_decision_is_told_twice(played: dict[str, Played]) -> None:
    """Instrumentation and guard tell one candidate for each stretch over a response, each decision once, with the policy's version."""
    for done in [each for name, each in played.items() if name != "the guard was closed"]:
        stretches = [each.attributes["voice.caller.stretch.id"] for each in done.told("candidate_detected") if spoken(each)]
        assert len(set(stretches)) == len(stretches)
        told = [
            (each.attributes["voice.interruption.id"], each.attributes["voice.interruption.decision.action"])
            for each in done.told("decision_made")
        ]
        assert len(set(told)) == len(told)
        assert {load_default().version} >= {
            each.attributes.get("voice.interruption.decision.policy_version") for each in done.told("decision_made")
        }


async def test_without_audio_of_held_speech_there_is_no_guard(caplog: pytest.LogCaptureFixture) -> None:
    """On LiveKit's default the recogniser would hear nothing: the guard says so, and LiveKit's own settings rule."""
    line, player = Line(), Player()
    session: AgentSession[None] = AgentSession(stt=Recogniser(line), vad=Detector(), llm=Model({}), tts=Voice(), aec_warmup_duration=None)
    before = emit.failures()
    guard = livekit.guard(livekit.instrument(session, call_id="deaf"))

    assert not guard.active
    assert 1 == emit.failures() - before
    player.close()


async def test_where_the_guard_fails_livekit_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The speech is given back: LiveKit pauses and stops for the caller as without a guard."""
    flow = Flow(name="fails", act=friday)
    scene = Scene(flow, guarded=True)
    before = emit.failures()
    await asyncio.create_task(scene.start(None))
    scene.says(FIVE_S, "support_answer")
    await until(lambda: scene.player.segments)
    monkeypatch.setattr("otel_voice.guarding.decide", None)
    await scene.hears("no, Friday", 0.9, at_s=1.0)
    await scene.quiet()
    await scene.session.aclose()
    scene.player.close()

    assert scene.player.segments[0].interrupted
    assert ["Okay, moving it to Friday."] == answers(scene)
    assert emit.failures() > before
