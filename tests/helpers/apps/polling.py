"""Handlers that come back to where they were, or nearly: the time decides how they end."""

import asyncio
import time
from contextlib import suppress
from typing import Any

import anyio
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


async def poll(websocket: WebSocket) -> str | None:
    try:
        return await asyncio.wait_for(websocket.receive_text(), 0.01)
    except TimeoutError:
        return None


@app.websocket("/for-ever")
async def for_ever(websocket: WebSocket) -> None:
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await poll(websocket)


@app.websocket("/counts")
async def counts(websocket: WebSocket) -> None:
    """Gives up after four polls without a message, and says so."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        for _ in range(4):
            if await poll(websocket) is not None:
                break
        else:
            raise RuntimeError("nobody says anything")


@app.websocket("/monotonic")
async def looks_at_the_clock(websocket: WebSocket) -> None:
    await websocket.accept()
    began = time.monotonic()
    with suppress(WebSocketDisconnect):
        while True:
            await poll(websocket)
            if time.monotonic() - began > 0.035:
                raise RuntimeError("it takes too long")


@app.websocket("/of-the-loop")
async def looks_at_the_clock_of_the_loop(websocket: WebSocket) -> None:
    """Fails in a poll that ends at a time that nothing but the clock tells from others."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await poll(websocket)
            if round(asyncio.get_running_loop().time() * 1000) % 100 == 30:
                raise RuntimeError("it is the hour")


@app.websocket("/of-anyio")
async def looks_at_the_clock_of_anyio(websocket: WebSocket) -> None:
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            with anyio.move_on_after(0.01):
                await websocket.receive_text()
            if round(anyio.current_time() * 1000) % 100 == 30:
                raise RuntimeError("it is the hour")


@app.websocket("/if-late")
async def looks_at_the_clock_if_nothing_has_come(websocket: WebSocket) -> None:
    await websocket.accept()
    loop = asyncio.get_running_loop()
    with suppress(WebSocketDisconnect):
        while True:
            if await poll(websocket) is None and round(loop.time() * 1000) % 100 == 20:
                raise RuntimeError("it is the hour")


@app.websocket("/deadline")
async def has_a_deadline(websocket: WebSocket) -> None:
    """Polls inside of a deadline that libraries keep."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        async with asyncio.timeout(0.045):
            while True:
                await poll(websocket)


@app.websocket("/two-clocks")
async def two_clocks(websocket: WebSocket) -> None:
    """Two tasks that poll in step: which comes first decides whether they ever stop."""
    await websocket.accept()
    turn: list[str] = []

    async def tick(name: str) -> None:
        while True:
            await asyncio.sleep(0.01)
            turn.append(name)
            del turn[:-2]
            if turn == [name, name]:
                raise RuntimeError(f"{name} came twice")

    ticking: list[Any] = [asyncio.create_task(tick(name)) for name in "ab"]
    try:
        await websocket.receive_text()
        await asyncio.gather(*ticking)
    except WebSocketDisconnect:
        return
    finally:
        for one in ticking:
            one.cancel()


@app.websocket("/meets")
async def meets_the_reset(websocket: WebSocket) -> None:
    """Pushes, and never reads: the reset that answers is all that it hears."""
    await websocket.accept()
    while True:
        await websocket.send_text("tick")
        await asyncio.sleep(0.01)
