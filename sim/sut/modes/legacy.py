"""Legacy mode: accept and serve; the fix never went here."""

from sim.sut.chat import Chat
from sim.sut.loop import message_loop
from sim.sut.modes.common import answer, connection, established
from sim.sut.setup import accept, authenticated, wait_until_ready


async def legacy(chat: Chat) -> None:
    """Serve one connection."""

    async def prepare() -> None:
        await accept(chat)
        authenticated(chat)
        await wait_until_ready(chat)
        await established(chat, "legacy_connection_established")

    async def respond(text: str) -> None:
        await answer(chat, ("legacy_response",))

    await connection(chat, prepare, lambda: message_loop(chat, respond, polls=False))
