"""Small applications that do what a log tells of, for who has the log and not the application.

Each is named for its mechanism (`sim.logs.patterns.MECHANISMS`) and serves /ws. The others are
reproduced by shipped scenarios.
"""

import asyncio

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

CONNECTIONS: dict[WebSocket, str] = {}


async def _talk(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.receive_text()


async def _closes_again(websocket: WebSocket) -> None:
    try:
        await _talk(websocket)
    except WebSocketDisconnect:
        await websocket.close()


async def _apologises(websocket: WebSocket) -> None:
    try:
        await _talk(websocket)
    except WebSocketDisconnect:
        await websocket.send_text("sorry")


async def _listens_again(websocket: WebSocket) -> None:
    try:
        await _talk(websocket)
    except WebSocketDisconnect:
        await websocket.receive_text()


async def _broadcasts(websocket: WebSocket) -> None:
    await websocket.accept()
    CONNECTIONS[websocket] = "here"
    try:
        async for text in websocket.iter_text():
            for one in CONNECTIONS:
                await one.send_text(text)
                await asyncio.sleep(0)  # whatever else is awaited for each of them
    finally:
        CONNECTIONS.pop(websocket, None)


own_second_close = Starlette(routes=[WebSocketRoute("/ws", _closes_again)])
send_after_its_own_disconnect = Starlette(routes=[WebSocketRoute("/ws", _apologises)])
receive_after_its_own_disconnect = Starlette(routes=[WebSocketRoute("/ws", _listens_again)])
escaped_disconnect = Starlette(routes=[WebSocketRoute("/ws", _talk)])
registry_change = Starlette(routes=[WebSocketRoute("/ws", _broadcasts)])
