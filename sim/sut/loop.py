"""The message loop in its two shapes. The shape owns the poll, the guard owns the checks.

report    validate -> window -> [final validation] -> receive
original  check -> poll both states, at most 3.0 s -> [check once more] -> receive
"""

from collections.abc import Awaitable, Callable

from starlette.websockets import WebSocketDisconnect

from sim.sut.chat import CONNECTED, Chat
from sim.sut.classify import classify
from sim.sut.guards import Read

Handle = Callable[[str], Awaitable[None]]


async def message_loop(chat: Chat, handle: Handle, polls: bool) -> None:
    """Receive and handle messages until the loop ends; record how it ended.

    polls: whether the original shape waits for both states in this mode.
    """
    try:
        while await _one_message(chat, handle, polls):
            pass
    except WebSocketDisconnect as error:
        chat.leave(classify(error))
    except Exception as error:
        chat.failed(error)
        chat.runtime.log("error", f"Error in message loop: {error}")
        if chat.websocket.client_state is CONNECTED:
            await chat.safe_send("error", message="internal error")
            await chat.safe_close(1011)


async def _one_message(chat: Chat, handle: Handle, polls: bool) -> bool:
    """Go once round the loop. Return whether to go on."""
    if not await _validated(chat, polls):
        return False
    try:
        text = await chat.receive()
    except TimeoutError:
        return await _timed_out(chat)
    except RuntimeError as error:
        if not chat.guard.catches:
            raise
        chat.leave(f"caught:{classify(error)}")
        return False
    chat.runtime.record("received", text=text)
    await chat.at("received")
    await handle(text)
    return True


async def _validated(chat: Chat, polls: bool) -> bool:
    """Check as shape and guard say. Return whether to receive."""
    guard, runtime = chat.guard, chat.runtime
    await chat.at("top")
    if not chat.passes(_top_reads(chat)):
        chat.leave("guard_break_top")
        return False
    await chat.at("validated")
    if polls and chat.shape == "original" and not await _both_connected(chat):
        chat.leave("guard_break_hs_timeout")
        return False
    await chat.at("final_check")
    if guard.final is not None and not chat.passes(guard.final):
        runtime.log("warning", guard.warning.format(runtime.connection))
        chat.leave("guard_break_final")
        return False
    if guard.check is not None and not chat.asks(guard.check):
        chat.leave("guard_break_final")
        return False
    runtime.probe("receiving")
    return True


def _top_reads(chat: Chat) -> tuple[Read, ...]:
    reads = chat.guard.top
    if chat.handler.top_reads_machine:
        return reads
    return tuple(read for read in reads if read != "machine")


async def _both_connected(chat: Chat) -> bool:
    """Wait until both states are CONNECTED; after the time is up repeat the check at the top."""
    waited_ms = 0.0
    while not chat.passes(("client_state", "application_state")):
        if waited_ms >= chat.handler.poll_ms:
            return chat.passes(_top_reads(chat))
        step_ms = min(chat.handler.poll_step_ms, chat.handler.poll_ms - waited_ms)
        await chat.runtime.sleep(step_ms)
        waited_ms += step_ms
    return True


async def _timed_out(chat: Chat) -> bool:
    chat.runtime.record("timeout")
    if chat.handler.on_timeout == "leave":
        chat.leave("hang")
        return False
    await chat.safe_send("heartbeat")
    return True
