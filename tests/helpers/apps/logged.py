"""Applications that do what logs tell of, or do not."""

import asyncio
import random
from contextlib import suppress

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState


async def _swallows(websocket: WebSocket) -> None:
    await websocket.accept()
    while websocket.client_state is WebSocketState.CONNECTED:
        text = await websocket.receive_text()
        for _ in range(2):
            await asyncio.sleep(0.01)
            with suppress(Exception):
                await websocket.send_text(text)


async def _monitored(websocket: WebSocket) -> None:
    await websocket.accept()

    async def monitor() -> None:
        await asyncio.sleep(0.05)
        await websocket.close()

    task = asyncio.create_task(monitor())
    while websocket.client_state is WebSocketState.CONNECTED:
        await websocket.receive_text()
        await asyncio.sleep(0.1)
    await task


async def _careful(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except (WebSocketDisconnect, RuntimeError):
        pass


async def _draws(websocket: WebSocket) -> None:
    await websocket.accept()
    for _ in range(int(random.SystemRandom().random() * 5)):
        await asyncio.sleep(0)
    await websocket.close()


swallows = Starlette(routes=[WebSocketRoute("/ws", _swallows)])
monitored = Starlette(routes=[WebSocketRoute("/ws", _monitored)])
careful = Starlette(routes=[WebSocketRoute("/ws", _careful)])
draws = Starlette(routes=[WebSocketRoute("/ws", _draws)])
