"""Factory mode: authenticates before it accepts; one response per message."""

from sim.sut.chat import Chat
from sim.sut.loop import message_loop
from sim.sut.modes.common import answer, connection, established
from sim.sut.setup import (
    SetupFailed,
    accept,
    authenticate,
    authenticated,
    create_manager,
    wait_until_ready,
)


async def factory(chat: Chat) -> None:
    """Serve one connection."""

    async def prepare() -> None:
        try:
            await authenticate(chat)
        except SetupFailed as error:
            await chat.safe_close(error.code)  # a refused handshake
            raise
        await accept(chat)
        authenticated(chat)
        await create_manager(chat)
        await wait_until_ready(chat)
        await established(chat, "factory_connection_established")

    async def respond(text: str) -> None:
        await answer(chat, ("factory_response",))

    await connection(chat, prepare, lambda: message_loop(chat, respond, polls=True))
