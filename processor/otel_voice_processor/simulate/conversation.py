"""A call while it is being made up: who has spoken until when, and what was played and said so far. Times are ms from its start."""

from __future__ import annotations

from dataclasses import replace

from otel_voice_processor.simulate.draws import Draws
from otel_voice_processor.simulate.script import Chose, Command, Decision, Key, Played, Said, Script, Waited
from otel_voice_processor.simulate.words import AGENT_SAYS, CORRECTIONS, OPENINGS, QUESTIONS, REPLIES


class Conversation:
    """Grows by what either side does; `now_ms` is when the last of it ended, `floor` who is to speak next."""

    def __init__(self, draws: Draws, workflow: str) -> None:
        self.draws, self.workflow = draws, workflow
        self.now_ms = 300
        self.floor = "agent"
        self.played: list[Played] = []
        self.said: list[Said] = []
        self.keys: list[Key] = []
        self.commands: list[Command] = []
        self.waited: list[Waited] = []
        self.chose: list[Chose] = []
        self.happened: list[str] = []
        self._corrections, self._questions = list(CORRECTIONS[workflow]), list(QUESTIONS)

    def opens(self) -> None:
        """Let the agent greet and the caller say what it is about."""
        self.plays("greeting", 2_000, at_ms=self.now_ms)
        self.says(self.now_ms + self.draws.ms("caller answers"), OPENINGS[self.workflow])

    def plays(
        self, message_type: str, planned_ms: int, *, at_ms: int | None = None, question: bool = False, interruptible: bool = True
    ) -> Played:
        """Let the agent say something, to its end until it is told otherwise; return it."""
        start = self.now_ms + self.draws.ms("agent answers") if at_ms is None else at_ms
        response = Played(
            response_id=f"response_{len(self.played) + 1:04d}",
            start_ms=start,
            end_ms=start + planned_ms,
            message_type=message_type,
            planned_ms=planned_ms,
            text=AGENT_SAYS[message_type],
            question=question,
            interruptible=interruptible,
        )
        self.played.append(response)
        self.now_ms, self.floor = response.end_ms, "caller"
        return response

    def becomes(self, response: Played) -> Played:
        """Let the newest response have gone as it is given here."""
        self.played[-1] = response
        self.now_ms = response.end_ms
        return response

    def goes_on(self, response_id: str, position_ms: int, *, at_ms: int) -> Played:
        """Let the agent go on, in a new response, with one that was cut: from where it was, or from its beginning."""
        cut = next(each for each in self.played if each.response_id == response_id)
        response = self.plays(cut.message_type, cut.planned_ms - position_ms, at_ms=at_ms)
        return self.becomes(replace(response, goes_on=response_id, from_ms=position_ms))

    def cut(self, response: Played, at_ms: int) -> Played:
        """Let the newest response be stopped by the agent."""
        return self.becomes(replace(response, end_ms=at_ms, cut=True))

    def drops(self, at_ms: int) -> Played:
        """Let the line go while the newest response plays."""
        self.floor = "nobody"
        return self.becomes(replace(self.played[-1], end_ms=at_ms, dropped=True))

    def says(self, onset_ms: int, text: str, *, breath: bool = False) -> Said:
        """Let the caller say something they mean; return it."""
        words, first = text.split(), self.draws.ms("breath") if breath else 0
        length = first + sum(self.draws.ms("word") for _ in words) + 120
        said = Said(
            onset_ms=onset_ms,
            end_ms=onset_ms + length,
            text=text,
            first_word_ms=first,
            partial=" ".join(words[:2]) if len(words) > 1 else "",
            partial_ms=first + 60 + self.draws.ms("words come"),
            final_ms=self.draws.ms("final comes"),
        )
        return self.adds(said)

    def adds(self, said: Said) -> Said:
        """Let a stretch sound at the caller's end; who meant it has the floor no longer."""
        self.said.append(said)
        if said.meant:
            self.now_ms, self.floor = max(self.now_ms, said.end_ms), "agent"
        return said

    def again(self, said: Said) -> Said:
        """Mark the newest stretch as the same thing said again; return it."""
        self.said[-1] = replace(self.said[-1], repeats_ms=said.onset_ms)
        return self.said[-1]

    def replies(self, text: str = "") -> Said:
        """Let the caller answer what the agent said."""
        return self.says(self.now_ms + self.draws.ms("caller answers"), text or self.draws.pick(REPLIES))

    def question(self) -> str:
        """Return something to ask over a required message, another each time while there is one."""
        left = self._questions
        return left.pop(int(self.draws.share() * len(left))) if left else "sorry, one thing"

    @property
    def can_correct(self) -> bool:
        """Whether something is left to correct."""
        return bool(self._corrections)

    def correction(self) -> str:
        """Return something to correct that was not yet, or nothing where all was."""
        left = self._corrections
        return left.pop(int(self.draws.share() * len(left))) if left else ""

    def decides(self, input_ms: int, detected_ms: int, *decisions: Decision) -> Chose:
        """Let the agent's detector and logic report; return what they did."""
        self.chose.append(Chose(input_ms=input_ms, detected_ms=detected_ms, decisions=decisions))
        return self.chose[-1]

    def recovers(self, chose: Chose, **facts: object) -> None:
        """Add to what the agent reported how it went on."""
        self.chose[self.chose.index(chose)] = replace(chose, **facts)  # type: ignore[arg-type]

    def script(self, call_id: str, **facts: object) -> Script:
        """Return the call."""
        things = self.happened or ["no interruption"]
        return Script(
            call_id=call_id,
            name=", ".join(things),
            workflow=self.workflow,
            message_type=self.played[-1].message_type,
            expected="",
            played=tuple(self.played),
            said=tuple(sorted(self.said, key=lambda each: each.onset_ms)),
            keys=tuple(self.keys),
            commands=tuple(self.commands),
            waited=tuple(self.waited),
            chose=tuple(self.chose),
            **facts,  # type: ignore[arg-type]
        )
