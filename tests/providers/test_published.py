"""What is exported is what the providers' own packages know: strictly, no field too many, no value of another type.

Each check needs its provider's package; `requirements.txt` beside this file names versions that install together.
"""

from __future__ import annotations

import importlib
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("retell", reason="needs tests/providers/requirements.txt in an environment of its own")

import typing_extensions

from otel_voice.policy import Policy, load_default, load_policy
from otel_voice.policy.providers import CALL, export

POLICY = """version: "7"
extends: default
defaults: {min_speech_ms: 250, min_vad_confidence: 0.6, patience_ms: 1500}
message_types:
  greeting:
    {grace_ms: 400, interrupted_by: [dtmf], held: continue_agent_audio, actions: {backchannel: stop_agent_audio_and_accept_user_turn}}
  menu_prompt: {expected_keys: ["1", "2"], patience_ms: 0, min_vad_confidence: 0, min_speech_ms: 0, min_words: 0}
  entity_capture: {patience_ms: 5000, silence: [{after_ms: 6000, action: reprompt, times: 3}, {after_ms: 20000, action: escalate_to_human}]}
  disclosure: {until: {position_ms: 4000}, protected_allows: [dtmf]}
  tool_wait: {interrupted_by: none}
workflows:
  shut:
    support_answer: {interrupted_by: none, silence: [], min_vad_confidence: 0}
    greeting: {interrupted_by: none}
"""


@pytest.fixture(params=["default", "strict", "shut"])
def parts_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Mapping[str, Any]]:
    """The parts of an export, for three policies that between them turn every knob."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    policy: Policy = load_default() if request.param == "default" else load_policy(path)
    workflow = "shut" if request.param == "shut" else None
    return lambda provider: export(policy, provider, workflow=workflow).parts


def problems(value: Any, hint: Any, where: str = "", *, partial: bool = False) -> list[str]:
    """Every way in which a value is not what a type hint says; of a union, those of the best member. `partial` forgives missing fields."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Annotated, typing_extensions.Required, typing_extensions.NotRequired, typing.Required, typing.NotRequired):
        return problems(value, arguments[0], where, partial=partial)
    if origin in (typing.Union, types.UnionType):
        closed = [each for each in arguments if each is not Any] or arguments  # generated enumerations are open; here they are closed
        return min((problems(value, each, where, partial=partial) for each in closed), key=len)
    if origin is typing.Literal:
        known = any(value == each and type(value) is type(each) for each in arguments)
        return [] if known else [f"{where}: {value!r} is none of {arguments}"]
    if inspect.isclass(origin) and issubclass(origin, Iterable) and not issubclass(origin, Mapping):
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [each for at, item in enumerate(value) for each in problems(item, arguments[0], f"{where}[{at}]", partial=partial)]
    if hint is None or hint is type(None):
        return [] if value is None else [f"{where}: {value!r} is not null"]
    if typing_extensions.is_typeddict(hint):
        hints = typing_extensions.get_type_hints(hint, include_extras=True)
        return fields(value, hints, {} if partial else dict.fromkeys(hint.__required_keys__), where)
    if hasattr(hint, "model_fields"):
        named = {each.alias or name: each for name, each in hint.model_fields.items()}
        needed = {} if partial else {name: None for name, each in named.items() if each.is_required()}
        return fields(value, {name: each.annotation for name, each in named.items()}, needed, where)
    wanted = {float: (int, float), int: (int,), str: (str,), bool: (bool,)}.get(hint, (hint,))
    fits = isinstance(value, wanted) and isinstance(value, bool) == (hint is bool)
    return [] if fits else [f"{where}: {value!r} is no {hint}"]


def fields(value: Any, hints: Mapping[str, Any], needed: Mapping[str, None], where: str) -> list[str]:
    """Every way in which an object has other fields than those that are known."""
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no object"]
    found = [f"{where}.{name}: not known" for name in value if name not in hints]
    found += [f"{where}.{name}: missing" for name in needed if name not in value]
    return found + [each for name, item in value.items() if name in hints for each in problems(item, hints[name], f"{where}.{name}")]


def unknown(arguments: Mapping[str, Any], function: Callable[..., Any]) -> set[str]:
    """Names that a function does not take as keyword arguments."""
    return set(arguments) - set(inspect.signature(function).parameters)


def test_the_check_is_strict() -> None:
    """A misspelt field, a wrong type, a word outside an enumeration and a boolean for a number are found."""

    class Inner(typing_extensions.TypedDict, total=False):
        mode: typing.Union[typing.Literal["a", "b"], Any]  # noqa: UP007
        wait: float

    hint = typing.Optional[Inner]  # noqa: UP045

    assert [] == problems({"mode": "a", "wait": 1}, hint)
    assert [] == problems(None, hint)
    assert 1 == len(problems({"mod": "a"}, hint))
    assert 1 == len(problems({"mode": "c"}, hint))
    assert 1 == len(problems({"wait": True}, hint))
    assert 1 == len(problems({"wait": "1"}, hint))


@pytest.mark.filterwarnings("ignore")
async def test_livekit(parts_of: Callable[[str], Mapping[str, Any]]) -> None:
    """Turn options are those of its typed dictionaries, and a real session and agent take them as they are."""
    agents = pytest.importorskip("livekit.agents")
    turn = importlib.import_module("livekit.agents.voice.turn")
    parts = parts_of("livekit")
    call = parts[CALL]["AgentSession"]
    session = agents.AgentSession(**call, vad=agents.inference.VAD(**parts[CALL].get("VAD", {})))

    assert [] == problems(call["turn_handling"], turn.TurnHandlingOptions)
    for name, value in call["turn_handling"]["interruption"].items():
        assert value == session.options.interruption.get(name, session.interruption_detection)
    assert call["user_away_timeout"] == session.options.user_away_timeout
    for part in (part for name, part in parts.items() if name != CALL):
        assert set() == unknown(part["say"], agents.AgentSession.say) | unknown(part["say"], agents.AgentSession.generate_reply)
        if "Agent" in part:
            assert [] == problems(part["Agent"]["turn_handling"], turn.TurnHandlingOptions)
            options = turn._resolve_endpointing(agents.Agent(instructions="", **part["Agent"])._turn_handling["endpointing"])
            assert options["min_delay"] <= options["max_delay"]


@pytest.mark.filterwarnings("ignore")
async def test_pipecat(parts_of: Callable[[str], Mapping[str, Any]], request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The module runs, and what it makes holds the values."""
    pytest.importorskip("pipecat.turns.user_turn_strategies")
    frames = importlib.import_module("pipecat.frames.frames")
    parts = parts_of("pipecat")
    policy = load_default() if "default" in request.node.name else load_policy(tmp_path / "policy.yaml")
    made = export(policy, "pipecat", workflow="shut" if "shut" in request.node.name else None)
    names: dict[str, Any] = {}
    exec(compile(made.document, "settings.py", "exec"), names)  # that it runs is what is tested
    params = names["user_aggregator_params"]()
    vad = names["vad_params"]()
    start = params.user_turn_strategies.start[0]

    assert parts == made.parts
    assert parts[CALL]["LLMUserAggregatorParams"]["user_idle_timeout"] == params.user_idle_timeout
    assert parts[CALL]["user_turn_start"]["enable_interruptions"] is start._enable_interruptions
    assert parts[CALL]["user_turn_start"].get("min_words") == getattr(start, "_min_words", None)
    assert parts[CALL].get("VADParams", {}).items() <= vad.model_dump().items()
    for name, part in ((name, part) for name, part in parts.items() if name != CALL):
        assert part["TTSSpeakFrame"]["interruptible"] is names["INTERRUPTIBLE"][name]
        frame = frames.TTSSpeakFrame("hello")
        frame.interruptible = names["INTERRUPTIBLE"][name]
        for queued in names["frames_before"](name):
            expected = part[type(queued).__name__]
            held = queued.params.model_dump() if hasattr(queued, "params") else {"timeout": queued.timeout}
            assert expected.items() <= held.items()
        assert len(part) - 1 == len(names["frames_before"](name))
    assert [] == names["frames_before"]("no such type")


def test_openai(parts_of: Callable[[str], Mapping[str, Any]]) -> None:
    """Every part is a `session.update` event."""
    pytest.importorskip("openai.types.realtime")
    event = importlib.import_module("openai.types.realtime.session_update_event_param").SessionUpdateEventParam

    assert [] == [each for name, part in parts_of("openai").items() for each in problems(part, event, name)]


def test_twilio(parts_of: Callable[[str], Mapping[str, Any]]) -> None:
    """Attributes are those of the noun, and come out of the helper library as they went in."""
    voice = pytest.importorskip("twilio.twiml.voice_response")
    attributes = parts_of("twilio")[CALL]["ConversationRelay"]
    known = {camel(name) for name in inspect.signature(voice.Connect.conversation_relay).parameters}
    made = str(voice.Connect().conversation_relay(**attributes))

    assert set(attributes) <= known
    for name, value in attributes.items():
        assert f'{name}="{str(value).lower() if isinstance(value, bool) else value}"' in made


def camel(name: str) -> str:
    """`dtmf_detection` as TwiML writes it; what is in camel case already stays."""
    head, *rest = name.split("_")
    return head + "".join(each.capitalize() for each in rest)


def test_twilio_agent_connect(parts_of: Callable[[str], Mapping[str, Any]]) -> None:
    """And its closed model of the noun takes them."""
    models = pytest.importorskip("tac.models.voice")
    attributes = parts_of("twilio")[CALL]["ConversationRelay"]
    snakes = {"".join(f"_{each.lower()}" if each.isupper() else each for each in name): value for name, value in attributes.items()}

    assert [] == problems(snakes, models.VoiceTwiMLOptionsConversationRelay)
    assert snakes == models.VoiceTwiMLOptionsConversationRelay(**snakes).model_dump(exclude_unset=True)


@pytest.mark.filterwarnings("ignore")
def test_dialogflow(parts_of: Callable[[str], Mapping[str, Any]]) -> None:
    """Parts are JSON of its protocol messages, which refuses unknown fields, and survive the way there and back."""
    cx = pytest.importorskip("google.cloud.dialogflowcx_v3")
    json_format = importlib.import_module("google.protobuf.json_format")
    messages = {"agent": cx.Agent, "page": cx.Page, "inputAudioConfig": cx.InputAudioConfig}
    parts = [(name, body) for part in parts_of("dialogflow").values() for name, body in part.items()]
    back = [json_format.MessageToDict(json_format.ParseDict(body, messages[name].pb(messages[name]()))) for name, body in parts]

    assert [said(body) for _, body in parts] == [said(body) for body in back]
    with pytest.raises(json_format.ParseError):
        json_format.ParseDict({"advancedSetting": {}}, cx.Agent.pb(cx.Agent()))


def said(body: Any) -> Any:
    """Fields as protobuf writes them back: without what is off, and Durations with as many digits as it likes."""
    if isinstance(body, dict):
        return {name: said(each) for name, each in body.items() if each is not False}
    return float(body[:-1]) if isinstance(body, str) and body.endswith("s") else body


def test_agora(parts_of: Callable[[str], Mapping[str, Any]]) -> None:
    """Properties are those of the request that starts an agent."""
    start = pytest.importorskip("agora_agent.agents.types.start_agents_request_properties")
    client = importlib.import_module("agora_agent.agents.client")
    parts = parts_of("agora")

    assert [] == problems(parts[CALL]["properties"], start.StartAgentsRequestProperties, partial=True)
    for part in (part for name, part in parts.items() if name != CALL):
        assert set() == unknown(part["speak"], client.AgentsClient.speak)
        assert all(isinstance(value, bool) for value in part["speak"].values())


@pytest.mark.filterwarnings("ignore")
def test_vapi(parts_of: Callable[[str], Mapping[str, Any]]) -> None:
    """Assistants, overrides and the say message are those of its server SDK."""
    vapi = pytest.importorskip("vapi")
    parts = parts_of("vapi")
    say = importlib.import_module("vapi.types.client_inbound_message_message").ClientInboundMessageMessage_Say
    models = {"assistant": vapi.CreateAssistantDto, "assistantOverrides": vapi.AssistantOverrides, "say": say}

    assert [] == [each for part in parts.values() for name, body in part.items() for each in problems(body, models[name], name)]


def test_retell(parts_of: Callable[[str], Mapping[str, Any]]) -> None:
    """Agents and nodes are those of its SDK; responses of a custom model are in no package."""
    pytest.importorskip("retell")
    agent = importlib.import_module("retell.types.agent_update_params").AgentUpdateParams
    node = importlib.import_module("retell.types.conversation_flow_create_params").NodeConversationNode
    parts = parts_of("retell")

    assert [] == problems(parts[CALL]["agent"], agent)
    for part in (part for name, part in parts.items() if name != CALL):
        assert [] == problems(part["node"], node, partial=True)
        assert {"no_interruption_allowed"} == set(part["response"])


def test_elevenlabs(parts_of: Callable[[str], Mapping[str, Any]]) -> None:
    """Agents, nodes and tools are those of its SDK."""
    eleven = pytest.importorskip("elevenlabs.types")
    parts = parts_of("elevenlabs")
    tools = (eleven.ClientToolConfigInput, eleven.WebhookToolConfigInput)

    assert [] == problems(parts[CALL]["conversation_config"], eleven.ConversationalConfig)
    for part in (part for name, part in parts.items() if name != CALL):
        assert [] == problems(part["node"], eleven.WorkflowOverrideAgentNodeModelInput, partial=True)
        if "tool_config" in part:
            assert [] == [each for tool in tools for each in problems(part["tool_config"], tool, partial=True)]
