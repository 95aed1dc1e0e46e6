"""Chats that clients visit: with the loop before the fix, and with one that catches."""

import asyncio
from contextlib import suppress

from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

pre_fix, catches = FastAPI(), FastAPI()


@pre_fix.websocket("/ws")
async def chats_while_it_is_connected(websocket: WebSocket) -> None:
    await websocket.accept()
    while websocket.client_state == WebSocketState.CONNECTED:
        text = await websocket.receive_text()
        for number in range(3):
            await asyncio.sleep(0.02)
            with suppress(Exception):
                await websocket.send_text(f"{number} {text}")


@catches.websocket("/ws")
async def chats_until_it_is_told(websocket: WebSocket) -> None:
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            text = await websocket.receive_text()
            for number in range(3):
                await asyncio.sleep(0.02)
                await websocket.send_text(f"{number} {text}")


@catches.websocket("/fails")
async def fails(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive_text()
    raise ValueError("an error of its own")


@catches.websocket("/busy")
async def refuses(websocket: WebSocket) -> None:
    raise HTTPException(503)
