"""Applications for which time matters: they read clocks, sleep, and wait for long."""

import asyncio
import time
from contextlib import suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/sleeps")
async def sleeps(websocket: WebSocket) -> None:
    await websocket.accept()
    began = time.monotonic()
    await asyncio.sleep(0.3)
    slept = time.monotonic() - began
    await websocket.send_text("slept" if slept > 0.299 else f"slept for {slept} s only")
    with suppress(WebSocketDisconnect):
        await websocket.receive_text()


@app.websocket("/blocks")
async def blocks(websocket: WebSocket) -> None:
    await websocket.accept()
    time.sleep(0.03)
    await websocket.close()


@app.websocket("/lingers")
async def lingers(websocket: WebSocket) -> None:
    """Goes on for a minute after its client has gone."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        await websocket.receive_text()
    await asyncio.sleep(60)


@app.websocket("/late")
async def late(websocket: WebSocket) -> None:
    """Fails after half a minute."""
    await websocket.accept()
    await asyncio.sleep(30)
    raise LookupError("nothing there")


@app.websocket("/connects")
async def connects(websocket: WebSocket) -> None:
    await websocket.accept()
    await asyncio.open_connection("127.0.0.1", 9)


@app.websocket("/threads")
async def threads(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await asyncio.to_thread(str, 5))
    await websocket.close()


@app.websocket("/tidies")
async def tidies(websocket: WebSocket) -> None:
    """Answers after a second, and needs five to clean up; something else is done now and then."""
    await websocket.accept()
    for seconds in (29, 59):
        asyncio.get_running_loop().call_later(seconds, str)
    try:
        await websocket.receive_text()
        await asyncio.sleep(1.5)
        await websocket.send_text("thanks")
        await websocket.receive_text()
    except WebSocketDisconnect:
        await asyncio.sleep(5)
