"""A reader, and a closer that is some turns of the loop behind: whether they meet is certain.

Nothing comes from outside, so on asyncio each of these has one ending. Whoever shuffles callbacks
that asyncio runs in order finds others.
"""

import asyncio
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

GUARDS = (
    ("pre-fix", False),
    ("post-fix", False),
    ("post-fix", True),
    ("both-states", False),
    ("both-states", True),
)
"""Which guard, and whether the receive stands in `wait_for`."""
TURNS = range(8)
LOST = "not connected"


async def race(guard: str, waits_for: bool, turns: int) -> str:
    """Return what the reader's receive raised, "" if it raised nothing of this kind."""
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    opened = False

    async def receive() -> Any:
        return await inbox.get() if opened else {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        if opened:
            await asyncio.sleep(0)
            if message["type"] == "websocket.close":
                inbox.put_nowait({"type": "websocket.disconnect", "code": message["code"]})

    websocket = WebSocket({"type": "websocket", "path": "/", "headers": []}, receive, send)
    await websocket.accept()
    opened = True
    inbox.put_nowait({"type": "websocket.receive", "text": "a"})

    def goes_on() -> bool:
        mine = guard != "both-states" or websocket.application_state == WebSocketState.CONNECTED
        return mine and websocket.client_state == WebSocketState.CONNECTED

    async def read() -> str:
        try:
            for _ in range(2):
                if websocket.client_state != WebSocketState.CONNECTED:
                    return ""
                await asyncio.sleep(0)
                if guard != "pre-fix" and not goes_on():
                    return ""
                reading = websocket.receive_text()
                await (asyncio.wait_for(reading, 5) if waits_for else reading)
        except WebSocketDisconnect:
            return ""
        except RuntimeError as error:
            if LOST not in str(error):
                raise
            return str(error)
        return ""

    async def close() -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        if websocket.application_state == WebSocketState.CONNECTED:
            await websocket.close(1001)

    said, _ = await asyncio.gather(read(), close())
    return said


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Run the race that the path names, and raise what it came to."""
    if scope["type"] != "websocket":
        return
    _, guard, how, turns = scope["path"].split("/")
    await receive()
    await send({"type": "websocket.accept"})
    said = await race(guard, how == "wait_for", int(turns))
    if said:
        raise RuntimeError(said)
    while (await receive())["type"] != "websocket.disconnect":
        pass
