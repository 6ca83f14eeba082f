"""What is said in simulated calls. Corrections of one workflow share no content word, so that only what is said again is a repeat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORKFLOWS: Final = ("appointment_rescheduling", "billing", "support")
OPENINGS: Final[Mapping[str, str]] = {
    "appointment_rescheduling": "hi I want to move my appointment",
    "billing": "hi I have a question about my bill",
    "support": "hi my router does not work",
}
CORRECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "appointment_rescheduling": (
        "no, I meant Friday",
        "no, not Tuesday, Thursday please",
        "actually I need the afternoon",
        "wait, that is the wrong clinic",
        "no, it is for my daughter",
    ),
    "billing": (
        "no, the invoice from March",
        "wait, that is the wrong account",
        "no, I already paid that one",
        "no, I was charged twice",
        "actually I want a refund",
    ),
    "support": (
        "no, I already restarted it",
        "wait, which cable do you mean",
        "actually the light is red now",
        "no, the upstairs modem",
        "no, it only fails at night",
    ),
}
ESCALATIONS: Final = ("I want to talk to a human", "human please", "can I speak to a real person")
# Shares as listeners' whole turns have them in telephone conversations (Switchboard Dialogue Act corpus), rounded.
BACKCHANNELS: Final[Mapping[str, float]] = {"uh-huh": 50, "yeah": 29, "right": 9, "okay": 6, "mm-hmm": 6}
REPLIES: Final = (
    "sounds good to me",
    "could you tell me the price",
    "what happens after that",
    "I think that would be fine",
    "great, go ahead please",
    "how long does it usually take",
    "that makes sense",
)
QUESTIONS: Final = ("wait, I have a question about that", "no, I do not agree to that", "wait, who records this")
NUMBERS: Final = (
    ("four one five five five", "zero nine two six"),
    ("it is eight eight two", "one three seven"),
    ("my number is six six oh", "two two nine four"),
)
THANKS: Final = "that was all, thank you very much"
COMMANDS: Final = ("cancel_order", "go_back", "repeat_options")
AGENT_SAYS: Final[Mapping[str, str]] = {
    "greeting": "thanks for calling, how can I help you today",
    "support_answer": "I looked into it and here is what I found, there are a few steps and I will take them one by one with you",
    "menu_prompt": "for opening hours press one, for your orders press two, for anything else press three",
    "entity_capture": "please tell me your full account number, you find it at the top of your letter",
    "disclosure": "before we go on I have to tell you that this conversation is kept for quality and that terms apply",
    "tool_wait": "one moment, I am looking that up in our system and it may take a few seconds",
    "escalation_handoff": "I am putting you through to a colleague now, please stay on the line",
}
