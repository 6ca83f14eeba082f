"""A guarded session and all that an agent does with it: its own stops, its callbacks, its other agents, its end."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("livekit.agents", reason="needs the extra: pip install -e '.[dev,livekit]'")

import pytest_asyncio
from livekit.agents import Agent, AgentSession, StopResponse
from livekit.agents.voice import io
from livekit.agents.voice.transcription import TranscriptSynchronizer
from opentelemetry.sdk.trace import TracerProvider
from otel_voice_schema.validate import check

from otel_voice import emit
from otel_voice.decision import Decision
from otel_voice.emit import CapturedEvent
from otel_voice.integrations import livekit
from otel_voice.policy import Policy, load_policy
from otel_voice.testing import listening
from tests.live.fakes import Detector, Line, Model, Recogniser, Voice, until
from tests.live.guarded import EIGHT_S, FIVE_S, HANDOVER, OTHERWISE, THREE_S, Flow, Scene, answers, whole

pytestmark = pytest.mark.livekit
Act = Callable[[Scene], Awaitable[Any]]
QUESTION = "I can book you in for Thursday at ten in the morning, shall I do that for you?"
LADDER = """
version: ladder
extends: default
message_types:
  support_answer: {silence: [{after_ms: 500, action: reprompt}, {after_ms: 2000, action: escalate_to_human}]}
"""
ACTS: dict[str, Act] = {}


class Done:
    """One scene that was performed: what its act returned, and what was told."""

    def __init__(self, scene: Scene, found: Any, events: list[CapturedEvent]) -> None:
        self.scene, self.found, self.segments = scene, found, scene.player.segments
        self.events = [each for each in events if each.attributes.get("voice.call.id") == scene.room.name]

    def told(self, name: str) -> list[CapturedEvent]:
        return [each for each in self.events if each.name.endswith(name)]

    def decided(self) -> list[str]:
        return [str(each.attributes["voice.interruption.decision.action"]) for each in self.told("decision_made")]


def act(method: Act) -> Act:
    ACTS[method.__name__] = method
    return method


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def done() -> AsyncIterator[dict[str, Done]]:
    """All at the same time."""
    events: list[CapturedEvent] = []

    async def perform(name: str, method: Act) -> tuple[Scene, Any]:
        scene = Scene(Flow(name=name, act=method), guarded=True)
        found = await method(scene)
        await scene.quiet()
        await scene.session.aclose()
        scene.listener.uninstrument()
        scene.player.close()
        return scene, found

    with listening(events.append):
        scenes = await asyncio.gather(*(asyncio.create_task(perform(*each)) for each in ACTS.items()))
    yield {name: Done(scene, found, events) for name, (scene, found) in zip(ACTS, scenes, strict=True)}


@act
async def own_stops(scene: Scene) -> Any:
    await scene.start(TracerProvider())
    first = scene.says(THREE_S, "support_answer")
    await scene.sounds()
    scene.session.interrupt()
    second = scene.says(THREE_S, "support_answer")
    await scene.sounds(2)
    second.interrupt()
    scene.says(THREE_S, "support_answer")
    await scene.sounds(3)
    await scene.session.interrupt()  # as LiveKit does for what the caller types
    scene.session.generate_reply(user_input="no, Friday")
    await scene.sounds(4, for_s=0.2)
    return [vars(each).get("interrupt") for each in (first, second)]


def test_the_agent_may_stop_what_it_says(done: dict[str, Done]) -> None:
    """By the session, by the handle, and for typed text; nothing of ours stays on a handle."""
    each = done["own_stops"]

    assert [True, True, True, False] == [segment.interrupted for segment in each.segments]
    assert all(segment.seconds < 1.0 for segment in each.segments[:3])
    assert "Okay, moving it to Friday." == answers(each.scene)[-1]
    assert [None, None] == each.found


@act
async def models_question(scene: Scene) -> Any:
    scene.session.llm.answers = {**scene.session.llm.answers, "book": QUESTION}  # type: ignore[union-attr]
    await scene.start(None)
    scene.session.generate_reply(user_input="book")
    await scene.hears("yes", 0.4, at_s=3.0)
    await asyncio.sleep(0.5)
    return scene.session.output.transcription


class Asking(Agent):
    """Asks as soon as it enters."""

    async def on_enter(self) -> None:
        self.session.generate_reply(user_input="book")


@act
async def first_question(scene: Scene) -> Any:
    scene.session.llm.answers = {**scene.session.llm.answers, "book": QUESTION}  # type: ignore[union-attr]
    await scene.start(None, agent=Asking(instructions="none"))
    await scene.hears("yes", 0.4, at_s=2.0)
    await asyncio.sleep(0.5)
    return scene.session.output.transcription


@pytest.mark.parametrize("name", ["models_question", "first_question"])
def test_yes_is_an_answer_to_what_the_model_asks(name: str, done: dict[str, Done]) -> None:
    """Its text is read along, from the first response on."""
    each = done[name]

    assert each.segments[0].interrupted
    assert ["It is booked for you."] == answers(each.scene)
    assert each.found is not None


class Sink(io.TextOutput):
    """What a room would show."""

    def __init__(self) -> None:
        super().__init__(label="sink", next_in_chain=None)
        self.shown = ""

    async def capture_text(self, text: str) -> None:
        self.shown += text

    def flush(self) -> None:
        self.shown += "|"


@act
async def transcribed(scene: Scene) -> Any:
    sink = Sink()
    synchronizer = TranscriptSynchronizer(next_in_chain_audio=scene.player, next_in_chain_text=sink)
    scene.session.output.audio, scene.session.output.transcription = synchronizer.audio_output, synchronizer.text_output
    await scene.start(None, agent=Agent(instructions="none"))
    scene.session.say("Your appointment is on Thursday.")
    await scene.sounds(for_s=1.0)
    assert scene.guard is not None
    scene.guard.close()
    await scene.quiet(0.3)
    return sink.shown.strip("|"), scene.session.output.transcription is synchronizer.text_output, synchronizer.enabled


def test_the_transcript_goes_where_it_went(done: dict[str, Done]) -> None:
    """In step with the audio; when the guard closes, the chain is as it was."""
    assert ("Your appointment is on Thursday.", True, True) == done["transcribed"].found


@act
async def two_wishes(scene: Scene) -> None:
    await scene.start(None)
    scene.says(FIVE_S, "support_answer")
    await scene.hears("I need a human", 0.9, at_s=1.0)
    await scene.sounds(2, for_s=0.3)
    await scene.line.say("human, please", 0.7)
    await asyncio.sleep(1.5)


@act
async def wish_in_two_parts(scene: Scene) -> None:
    await scene.start(None)
    scene.says(FIVE_S, "support_answer")
    await scene.hears("operator", 0.4, at_s=1.0)
    await asyncio.sleep(0.45)
    await scene.line.say("operator, please", 0.7)
    await asyncio.sleep(1.5)


@act
async def wish_that_begins_as_a_turn(scene: Scene) -> None:
    await scene.start(None)
    scene.says(FIVE_S, "support_answer")
    await scene.hears("I would like, a human", 0.9, at_s=1.0)
    await asyncio.sleep(2.0)


def test_words_that_turn_out_as_a_wish_hand_over(done: dict[str, Done]) -> None:
    """The agent stopped at the first of them; nobody answers but the colleague."""
    each = done["wish_that_begins_as_a_turn"]

    assert ([HANDOVER], 1) == (answers(each.scene), len(each.scene.escalated))
    assert ["stop_agent_audio_and_accept_user_turn", "escalate_to_human"] == each.decided()


@act
async def wish_that_was_none(scene: Scene) -> None:
    await scene.start(None)
    scene.says(FIVE_S, "support_answer")
    await scene.hears("human, resources please", 0.9, at_s=1.0)
    await asyncio.sleep(2.0)


def test_a_wish_that_turns_out_as_something_else_is_answered(done: dict[str, Done]) -> None:
    """The agent stopped at once, and hands over only what was still wished when all was said."""
    each = done["wish_that_was_none"]

    assert ([OTHERWISE], 0) == (answers(each.scene), len(each.scene.escalated))
    assert ["escalate_to_human", "stop_agent_audio_and_accept_user_turn"] == each.decided()
    assert "human, resources please" == each.scene.history()[-1]


@pytest.mark.parametrize("name", ["two_wishes", "wish_in_two_parts"])
def test_the_call_is_handed_over_once(name: str, done: dict[str, Done]) -> None:
    """Who wishes again meanwhile cuts nothing, and the model does not answer."""
    each = done[name]

    assert ([HANDOVER], 1) == (answers(each.scene), len(each.scene.escalated))
    assert "escalate_to_human" == each.decided()[0]
    assert each.scene.history()[-1] in ("human, please", "operator, please")


@act
async def wish_in_noise(scene: Scene) -> None:
    await scene.start(None)
    scene.says(FIVE_S, "support_answer")
    await scene.hears("I need a human", 0.9, at_s=0.5)
    await scene.line.say("", 4.0)


def test_noise_does_not_keep_a_caller_from_a_person(done: dict[str, Done]) -> None:
    """Two seconds are waited, and no longer."""
    scene = done["wish_in_noise"].scene

    assert 1 == len(scene.escalated)
    assert 2.5 >= scene.escalated[0] - scene.onsets[0]


@act
async def forbidden(scene: Scene) -> Any:
    await scene.start(None)
    handle = scene.says(THREE_S, "support_answer", allow_interruptions=False)
    await scene.hears("no, Friday", 0.9, at_s=0.5)
    return handle.allow_interruptions


def test_a_speech_that_forbids_interruptions_is_left_alone(done: dict[str, Done]) -> None:
    """It plays whole, stays as it was, and what was said over it is answered after it."""
    each = done["forbidden"]

    assert whole(each.segments[0], THREE_S)
    assert (["Okay, moving it to Friday."], ["buffer_input_and_continue"]) == (answers(each.scene), each.decided())
    assert each.found is False


@act
async def keys_on_offer(scene: Scene) -> Any:
    await scene.start(None)
    scene.says(24, "disclosure")
    await scene.sounds()
    scene.presses("2")
    scene.offered = ["8", "9"]
    await until(lambda: scene.keys)
    scene.offered = "any"
    scene.says(24, "disclosure")
    await scene.sounds(2)
    scene.presses("7")
    await until(lambda: len(scene.keys) > 1)


def test_a_kept_key_is_routed_as_it_was_pressed(done: dict[str, Done]) -> None:
    """Whatever is on offer later, and where any key is."""
    assert ["2", "7"] == done["keys_on_offer"].scene.keys


@act
async def next_agent(scene: Scene) -> None:
    await scene.start(None)
    scene.says(THREE_S, "disclosure")
    await scene.hears("wait", 0.4, at_s=0.5)
    await asyncio.sleep(0.4)
    scene.session.update_agent(Agent(instructions="two"))
    await scene.sounds(2, for_s=0.2)


def test_words_kept_for_one_agent_are_answered_by_the_next(done: dict[str, Done]) -> None:
    """It is asked again until it has begun."""
    each = done["next_agent"]

    assert whole(each.segments[0], THREE_S)
    assert (["Yes, what is it?"], ["wait"]) == (answers(each.scene), each.scene.history())


@act
async def closed_with_words(scene: Scene) -> None:
    await scene.start(None)
    scene.says(THREE_S, "disclosure")
    await scene.hears("wait", 0.4, at_s=0.5)
    await asyncio.sleep(0.8)
    assert scene.guard is not None
    scene.guard.close()
    await scene.sounds(2, for_s=0.2)


def test_a_guard_that_closes_drops_nothing(done: dict[str, Done]) -> None:
    """The model gets what was kept."""
    assert ["Yes, what is it?"] == answers(done["closed_with_words"].scene)


@act
async def words_and_wish(scene: Scene) -> None:
    await scene.start(None)
    scene.says(FIVE_S, "disclosure")
    await scene.hears("my number is five", 0.8, at_s=0.5)
    await scene.hears("I need a human", 0.8, at_s=2.0)
    await scene.sounds(2, for_s=0.2)


def test_what_was_kept_beside_a_wish_for_a_person_is_in_the_history(done: dict[str, Done]) -> None:
    """For the colleague."""
    each = done["words_and_wish"]

    assert ([HANDOVER], 1) == (answers(each.scene), len(each.scene.escalated))
    assert ["my number is five I need a human"] == each.scene.history()


@act
async def hung_up(scene: Scene) -> None:
    await scene.start(None)
    scene.says(FIVE_S, "disclosure")
    await scene.hears("I need a human", 0.8, at_s=0.3)
    await asyncio.sleep(0.5)
    scene.session.shutdown(drain=False)
    await until(lambda: scene.listener.call.ended)


def test_after_the_caller_hung_up_nobody_is_called(done: dict[str, Done]) -> None:
    """And nothing is told after the call's end."""
    each = done["hung_up"]

    assert ([], ["buffer_input_and_continue"]) == (each.scene.escalated, each.decided())
    assert each.events[-1].name.endswith("call_ended")


@act
async def hand_over_closes(scene: Scene) -> None:
    async def hand_over(_: Decision) -> None:
        await scene.session.aclose()

    await scene.start(None, on_escalation=hand_over)
    scene.says(FIVE_S, "support_answer")
    await scene.hears("I need a human", 0.8, at_s=0.5)
    await until(lambda: scene.listener.call.ended)


def test_a_handover_that_ends_the_session_is_told(done: dict[str, Done]) -> None:
    """The call ends escalated."""
    assert done["hand_over_closes"].told("call_ended")[0].attributes["voice.call.escalated"]


@act
async def hand_over_fails(scene: Scene) -> None:
    async def hand_over(_: Decision) -> None:
        raise ConnectionError("nobody there")

    await scene.start(None, on_escalation=hand_over)
    scene.says(FIVE_S, "support_answer")
    await scene.hears("I need a human", 0.8, at_s=0.5)
    await scene.sounds(2, for_s=0.2)


def test_where_nobody_can_be_reached_the_model_answers(done: dict[str, Done]) -> None:
    """Instead of silence; the call was not handed over."""
    each = done["hand_over_fails"]

    assert [OTHERWISE] == answers(each.scene)
    assert not each.told("call_ended")[0].attributes.get("voice.call.escalated")


@act
async def slow_keys(scene: Scene) -> Any:
    got: list[str] = []

    async def press(key: str) -> None:
        await asyncio.sleep(0.3 if key == "1" else 0.0)
        got.append(key)

    await scene.start(None, on_key=press)
    scene.presses("1")
    scene.presses("2")
    scene.listener.handle("sip_dtmf_received", {"digit": "1"}, "room")
    await until(lambda: len(got) == 3)
    return got


def test_keys_come_in_the_order_in_which_they_were_pressed(done: dict[str, Done]) -> None:
    """However long the agent takes with one."""
    assert ["1", "2", "1"] == done["slow_keys"].found


@act
async def key_of_a_thread(scene: Scene) -> None:
    await scene.start(None)
    scene.says(THREE_S, "menu_prompt")
    await scene.sounds()
    await asyncio.to_thread(scene.presses, "2")
    await until(lambda: scene.keys)


def test_what_another_thread_tells_is_done_in_the_sessions_loop(done: dict[str, Done]) -> None:
    """The key is routed, the prompt stops."""
    each = done["key_of_a_thread"]

    assert ["2"] == each.scene.keys
    assert each.segments[0].interrupted


def ladder() -> Policy:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.yaml"
        path.write_text(LADDER, encoding="utf-8")
        return load_policy(path)


@act
async def silence(scene: Scene) -> Any:
    reprompted: list[float] = []

    async def reprompt(_: Decision) -> None:
        reprompted.append(time.time())
        with scene.listener.call.message("support_answer"):
            scene.session.say("x" * 16)

    await scene.start(None, policy=ladder(), on_reprompt=reprompt)
    scene.says(16, "support_answer")
    await until(lambda: scene.escalated)
    return reprompted


def test_silence_is_asked_about_and_in_the_end_handed_over(done: dict[str, Done]) -> None:
    """Counted while nobody speaks: the second step follows after two seconds of silence in all."""
    each = done["silence"]
    ended = each.segments[0].sounded[-1][1]

    assert 1 == len(each.found)
    assert 0.5 == pytest.approx(each.found[0] - ended, abs=0.3)
    assert 3.0 == pytest.approx(each.scene.escalated[0] - ended, abs=0.5)
    assert [HANDOVER] == answers(each.scene)[-1:]
    assert ["reprompt", "escalate"] == [one.attributes["voice.silence.next_action"] for one in each.told("silence.timeout")]


@act
async def cancelled(scene: Scene) -> Any:
    found: list[str] = []
    reprompts: list[str] = []
    await scene.start(
        None, on_cancel=lambda decision: found.append(str(decision.do)), on_reprompt=lambda decision: reprompts.append(str(decision.do))
    )
    scene.says(THREE_S, "tool_wait")
    await scene.hears("never mind", 0.6, at_s=0.5)
    await until(lambda: found)
    scene.says(THREE_S, "menu_prompt")
    await scene.sounds(3 if len(scene.player.segments) > 1 else 2, for_s=0.2)
    scene.presses("9")
    await until(lambda: reprompts)
    return found, reprompts


def test_the_agent_is_told_to_cancel_and_to_ask_again(done: dict[str, Done]) -> None:
    """What runs behind a message, and a key that is not on offer."""
    assert (["stop"], ["reprompt"]) == done["cancelled"].found


class Hooked(Agent):
    """Sees each turn before it is answered, and refuses one."""

    def __init__(self) -> None:
        super().__init__(instructions="none")
        self.seen: list[str] = []

    async def on_user_turn_completed(self, turn_ctx: Any, new_message: Any) -> None:
        self.seen.append(new_message.text_content)
        if new_message.text_content == "wait":
            raise StopResponse


@act
async def hooks(scene: Scene) -> Any:
    agent = Hooked()
    await scene.start(None, agent=agent)
    for number, words in enumerate(("no, Friday", "wait")):
        scene.says(24, "disclosure")
        await scene.sounds(1 + 2 * number, for_s=0.1)
        await scene.line.say(words, 0.4)
        if not number:
            await scene.sounds(2, for_s=1.8)
    await asyncio.sleep(1.5)
    return agent.seen


def test_the_agents_hook_sees_words_that_were_kept(done: dict[str, Done]) -> None:
    """And may refuse to have them answered."""
    each = done["hooks"]

    assert ["no, Friday", "wait"] == each.found
    assert ["Okay, moving it to Friday."] == [said for said in answers(each.scene) if said != "?"]


@act
async def uninstrumented(scene: Scene) -> Any:
    await scene.start(None)
    handle = scene.says(THREE_S, "support_answer")
    await scene.sounds()
    scene.listener.uninstrument()
    left = handle.allow_interruptions, scene.guard and scene.guard.active
    await handle
    return *left, scene.session.output.transcription


def test_without_instrumentation_there_is_no_guard(done: dict[str, Done]) -> None:
    """The speech that plays is given back."""
    assert (True, False, None) == done["uninstrumented"].found


@act
async def second_guard(scene: Scene) -> Any:
    await scene.start(None)
    handle = scene.says(THREE_S, "support_answer")
    await scene.sounds()
    other = livekit.guard(scene.listener)
    other.close()
    held = handle.allow_interruptions
    assert scene.guard is not None
    scene.guard.close()
    return other.active, held, handle.allow_interruptions


def test_a_second_guard_is_refused(done: dict[str, Done]) -> None:
    """It changes nothing for the first."""
    assert (False, False, True) == done["second_guard"].found


@act
async def ended_in_a_pause(scene: Scene) -> Any:
    await scene.start(None)
    scene.says(EIGHT_S, "support_answer")
    await scene.sounds()
    noise = asyncio.create_task(scene.line.say("", 2.5))
    await until(lambda: scene.player._paused)
    await scene.session.aclose()
    noise.cancel()


def test_a_session_that_ends_in_a_pause_does_not_go_on(done: dict[str, Done]) -> None:
    """The pause is the last decision."""
    each = done["ended_in_a_pause"]

    assert ["pause_agent_audio"] == each.decided()
    assert each.events[-1].name.endswith("call_ended")


@act
async def adaptive_agent(scene: Scene) -> Any:
    adaptive: Any = {"interruption": {"mode": "adaptive"}}
    await scene.start(None)
    scene.session.update_agent(Agent(instructions="two", turn_handling=adaptive))
    await asyncio.sleep(0.3)
    handle = scene.says(24, "support_answer")
    await scene.sounds(for_s=0.3)
    assert scene.guard is not None
    during = handle.allow_interruptions, scene.guard.active
    await scene.quiet(0.3)
    scene.session.update_agent(Agent(instructions="three"))
    await asyncio.sleep(0.3)
    handle = scene.says(24, "support_answer")
    await scene.sounds(2, for_s=0.3)
    return during, (handle.allow_interruptions, scene.guard.active)


def test_an_agent_that_cannot_be_guarded_is_left_to_livekit(done: dict[str, Done]) -> None:
    """As long as it is the session's."""
    assert ((True, False), (False, True)) == done["adaptive_agent"].found


def test_all_that_was_told_conforms(done: dict[str, Done]) -> None:
    """And of each candidate a decision was told, once, before the call ended."""
    for name, each in done.items():
        assert [] == [problem for event in each.events for problem in check(event.name, event.attributes)]
        told = [
            (one.attributes["voice.interruption.id"], one.attributes["voice.interruption.decision.action"])
            for one in each.told("decision_made")
        ]
        assert len(set(told)) == len(told)
        candidates = {one.attributes["voice.interruption.id"] for one in each.told("candidate_detected")}
        assert candidates == {one for one, _ in told}, name


INTERRUPTION = {"mode": "vad", "discard_audio_if_uninterruptible": False}


@pytest.mark.parametrize(
    ("told", "guarded"),
    [
        ({"turn_detection": "vad", "interruption": INTERRUPTION}, True),
        ({"turn_detection": "manual", "interruption": INTERRUPTION}, False),
        ({"turn_detection": "vad", "interruption": {"discard_audio_if_uninterruptible": False}}, False),
        ({"turn_detection": "vad", "interruption": {**INTERRUPTION, "mode": "adaptive"}}, False),
        ({"turn_detection": "vad", "interruption": {**INTERRUPTION, "enabled": False}}, False),
        ({"turn_detection": "vad", "interruption": {"mode": "vad"}}, False),
    ],
)
async def test_a_session_that_cannot_be_guarded_is_refused(told: Any, guarded: bool) -> None:
    """With a reason, and without a trace on it."""
    session: AgentSession[None] = AgentSession(
        stt=Recogniser(Line()), vad=Detector(), llm=Model({}), tts=Voice(), turn_handling=told, aec_warmup_duration=None
    )
    before = emit.failures()
    guard = livekit.guard(livekit.instrument(session, call_id="refused"))

    assert (guarded, 0 if guarded else 1) == (guard.active, emit.failures() - before)
