"""Isolated mode: a manager and an agent bridge of its own for each connection."""

from sim.sut.chat import Chat
from sim.sut.loop import message_loop
from sim.sut.modes.common import answer, connection, established
from sim.sut.setup import accept, authenticate, authenticated, create_manager, wait_until_ready


class AgentBridge:
    """Hands messages to an agent; here the agent's work is a scripted wait."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    async def handle_message(self, text: str) -> None:
        """Let the agent work on one message."""
        self._chat.runtime.record("bridge", text=text)
        if self._chat.handler.work_ms:
            await self._chat.runtime.sleep(self._chat.handler.work_ms)


async def isolated(chat: Chat) -> None:
    """Serve one connection."""
    bridge = AgentBridge(chat)

    async def prepare() -> None:
        await accept(chat)
        await authenticate(chat)
        authenticated(chat)
        await create_manager(chat)
        await wait_until_ready(chat)
        await established(chat, "isolated_connection_established")

    async def respond(text: str) -> None:
        await bridge.handle_message(text)
        await answer(chat, ("isolated_response",))

    await connection(chat, prepare, lambda: message_loop(chat, respond, polls=False))
