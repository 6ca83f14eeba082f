"""Gives the model words of the caller that LiveKit dropped, as it would have got them from LiveKit itself."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from otel_voice.integrations.livekit.runtime import closing, current_agent, running_agent, stops_response

LONGEST_S: Final = 10.0  # that the next agent takes to begin
AGAIN_S: Final = 0.2


async def answer(session: Any, said: str) -> bool:
    """Have the model answer words, once the agent's `on_user_turn_completed` has seen them; tell whether it will.

    Between two agents there is nobody to answer: then the next one does. A session that closes gets none.
    """
    until = asyncio.get_running_loop().time() + LONGEST_S
    while not closing(session):
        agent = running_agent(session)
        if agent is not None:
            context, message = agent.chat_ctx.copy(), agent.chat_ctx.copy().add_message(role="user", content=said)
            try:
                await agent.on_user_turn_completed(context, new_message=message)
            except Exception as error:
                if stops_response(error):
                    return False
                raise
            if agent is running_agent(session):
                session.generate_reply(user_input=message, chat_ctx=context)
                return True
        if asyncio.get_running_loop().time() > until:
            raise TimeoutError("the agent that the session was handed to does not begin")
        await asyncio.sleep(AGAIN_S)
    return False


async def note(session: Any, said: str) -> None:
    """Have words stand in the history without an answer, for whoever reads it next."""
    agent = current_agent(session)
    context = agent.chat_ctx.copy()
    message = context.add_message(role="user", content=said)
    await agent.update_chat_ctx(context)
    session.history.insert(message)
