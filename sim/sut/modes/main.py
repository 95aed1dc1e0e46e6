"""Main mode: readiness guard, accept, authenticate, manager, then long turns of a chat."""

from sim.sut.chat import Chat
from sim.sut.loop import message_loop
from sim.sut.modes.common import AGENT_EVENTS, answer, connection, established, is_json
from sim.sut.setup import (
    SetupFailed,
    accept,
    authenticate,
    authenticated,
    create_manager,
    services_ready,
    wait_until_ready,
)


async def main(chat: Chat) -> None:
    """Serve one connection."""

    async def prepare() -> None:
        await services_ready(chat)
        await accept(chat)
        try:
            await authenticate(chat)
        except SetupFailed as error:
            await chat.safe_send("error", message=str(error))
            raise
        authenticated(chat)
        await create_manager(chat)
        await wait_until_ready(chat)
        await established(chat, "connection_established")

    async def route(text: str) -> None:
        if not is_json(text):
            chat.runtime.record("malformed")
            await chat.safe_send("error", message="malformed JSON")
            return
        chat.become("processing")
        complete = await answer(chat, AGENT_EVENTS)
        chat.become("processing_ready")
        if complete:
            chat.runtime.log("info", "Agent message processed successfully")

    await connection(chat, prepare, lambda: message_loop(chat, route, polls=True))
