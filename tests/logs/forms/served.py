"""An application that is served for real, whose handlers end in each of the known ways.

Each waits until its client has gone, as far as the server tells; none knows on which loop it runs.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

_TRIES = 60
_PAUSE_S = 0.01


def has_left() -> bool:
    return Path(os.environ["LEFT"]).exists()


def note_the_end(name: str) -> None:
    with Path(os.environ["ENDED"]).open("a") as file:
        file.write(f"{name}\n")


async def left() -> None:
    """Wait until the client says, by a file, that it has closed its socket; and a moment more."""
    while not has_left():  # noqa: ASYNC110 - it is another process that leaves
        await anyio.sleep(_PAUSE_S)
    await anyio.sleep(10 * _PAUSE_S)


def served(handler: Callable[[WebSocket], Awaitable[None]]) -> WebSocketRoute:
    async def serve(websocket: WebSocket) -> None:
        try:
            await handler(websocket)
        finally:
            note_the_end(handler.__name__)

    return WebSocketRoute(f"/{handler.__name__}", serve)


async def echo(websocket: WebSocket) -> None:
    """Answer once, and close."""
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


async def loop(websocket: WebSocket) -> None:
    """Swallow sends that fail, and go on to receive: the loop of issue #1061, before its fix."""
    await websocket.accept()
    while True:
        await websocket.receive_text()
        await left()
        for _ in range(_TRIES):
            try:
                await websocket.send_text("an event")
            except Exception:
                break
            await anyio.sleep(_PAUSE_S)


async def chained(websocket: WebSocket) -> None:
    """Receive while a send that failed is being handled."""
    await websocket.accept()
    await websocket.receive_text()
    await left()
    try:
        for _ in range(_TRIES):
            await websocket.send_text("an event")
            await anyio.sleep(_PAUSE_S)
    except Exception:
        await websocket.receive_text()


async def gives_up(websocket: WebSocket) -> None:
    """The loop again, with a close for whatever ends it."""
    try:
        await loop(websocket)
    except Exception:
        await websocket.close()


async def late_accept(websocket: WebSocket) -> None:
    """Accept when the client has gone."""
    await left()
    await websocket.accept()


async def second_close(websocket: WebSocket) -> None:
    """Close a WebSocket of whose end it was told."""
    await websocket.accept()
    try:
        while True:
            await websocket.receive_text()
    except Exception:
        await websocket.close()


async def apology(websocket: WebSocket) -> None:
    """Send to a client that has said that it leaves."""
    await websocket.accept()
    try:
        while True:
            await websocket.receive_text()
    except Exception:
        await websocket.send_text("sorry")


async def escape(websocket: WebSocket) -> None:
    """Catch nothing."""
    await websocket.accept()
    while True:
        await websocket.receive_text()


async def last(websocket: WebSocket) -> None:
    """Fail in a way that nobody knows: what the log says of all before stands above this."""
    await websocket.accept()
    raise ValueError("that is all")


HANDLERS = (echo, loop, chained, gives_up, late_accept, second_close, apology, escape, last)
app = Starlette(routes=[served(handler) for handler in HANDLERS])
