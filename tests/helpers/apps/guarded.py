"""The loop of issue #1061 as a plain FastAPI function, once for each guard; and a close by a task.

Nothing here knows of a simulator.
"""

import asyncio
from collections.abc import Callable

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

CONNECTED = WebSocketState.CONNECTED
app = FastAPI()


def client_says_so(websocket: WebSocket) -> bool:
    return websocket.client_state == CONNECTED


def both_say_so(websocket: WebSocket) -> bool:
    return client_says_so(websocket) and websocket.application_state == CONNECTED


GUARDS: dict[str, tuple[Callable[[WebSocket], bool], bool]] = {
    "pre-fix": (client_says_so, False),
    "post-fix": (client_says_so, True),
    "both-states": (both_say_so, True),
}


async def tell(websocket: WebSocket, guard: Callable[[WebSocket], bool], text: str) -> None:
    if guard(websocket):
        try:
            await websocket.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            return


@app.websocket("/ws")
async def talk(websocket: WebSocket, guard: str = "pre-fix") -> None:
    await websocket.accept()
    check, looks_again = GUARDS[guard]
    try:
        while check(websocket):
            await asyncio.sleep(0)
            if looks_again and not check(websocket):
                break
            await websocket.receive_text()
            for _ in range(2):
                await tell(websocket, check, "an answer")
                await asyncio.sleep(0.002)
    except WebSocketDisconnect:
        return


@app.websocket("/closes")
async def closes(websocket: WebSocket) -> None:
    """Another task closes after 50 ms, while the loop takes 40 ms for each receive."""
    await websocket.accept()

    async def close_later() -> None:
        await asyncio.sleep(0.05)
        if both_say_so(websocket):
            await websocket.close(1001)

    closing = asyncio.create_task(close_later())
    try:
        while both_say_so(websocket):
            try:
                await asyncio.wait_for(websocket.receive_text(), 0.04)
            except TimeoutError:
                await tell(websocket, both_say_so, "still there?")
    except WebSocketDisconnect:
        return
    finally:
        closing.cancel()
