"""What the modes share: answering, and how a connection begins and ends."""

import json
from collections.abc import Awaitable, Callable

from starlette.websockets import WebSocketDisconnect

from sim.sut.chat import Chat
from sim.sut.classify import classify
from sim.sut.setup import SetupFailed, accepts

AGENT_EVENTS = (
    "agent_started",
    "agent_thinking",
    "tool_executing",
    "tool_completed",
    "agent_completed",
)
"""The events of one chat turn, in order."""


async def connection(
    chat: Chat, prepare: Callable[[], Awaitable[None]], loop: Callable[[], Awaitable[None]]
) -> None:
    """Prepare, then loop; whatever happens, clean up and close with 1000 if still connected."""
    try:
        if await _prepared(chat, prepare):
            await loop()
    finally:
        chat.runtime.record("ended")
        chat.runtime.log("info", f"WebSocket cleanup for connection {chat.runtime.connection}")
        await chat.close_if_connected(1000)


async def _prepared(chat: Chat, prepare: Callable[[], Awaitable[None]]) -> bool:
    """Run the set-up. Return whether the loop may begin; record why not."""
    try:
        await prepare()
    except SetupFailed as error:
        chat.runtime.record("left", outcome=error.outcome, text=str(error))
        await chat.close_if_connected(error.code)
        return False
    except WebSocketDisconnect as error:
        chat.leave(classify(error))
        return False
    except Exception as error:
        if chat.guard.catches and isinstance(error, RuntimeError):
            chat.leave(f"caught:{classify(error)}")
            return False
        chat.failed(error)
        chat.runtime.log("error", f"WebSocket set-up failed: {error}")
        await chat.close_if_connected(1011)
        return False
    return True


async def established(chat: Chat, kind: str) -> None:
    """Tell the client that it may begin."""
    if accepts(chat):
        if chat.setup.greets:
            await chat.send(kind)
        chat.runtime.log("info", "WebSocket connection established successfully")


async def answer(chat: Chat, kinds: tuple[str, ...]) -> bool:
    """Send one message of each kind, with the scripted work before each. Return if all went."""
    handler, wanted = chat.handler, kinds
    sends = chat.next_sends()
    if sends is not None:
        wanted = tuple(kinds[i % len(kinds)] for i in range(sends))
    well = True
    for number, kind in enumerate(wanted, 1):
        if handler.work_ms:
            await chat.runtime.sleep(handler.work_ms)
        sent = await chat.safe_send(kind)
        well = well and sent
        if handler.until_failed and not sent:
            break
        if handler.apart_ms and sent and number < len(wanted):
            await chat.runtime.sleep(handler.apart_ms)
    return well


def is_json(text: str) -> bool:
    """Whether a message can be parsed."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
