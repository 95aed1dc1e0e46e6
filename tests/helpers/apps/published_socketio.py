"""A chat room of python-socketio on its ASGI class."""

from typing import Any

import socketio

server = socketio.AsyncServer(async_mode="asgi")


@server.event
async def connect(sid: str, environ: Any) -> None:
    await server.enter_room(sid, "everybody")


@server.event
async def say(sid: str, text: str) -> None:
    await server.emit("said", text, room="everybody")


@server.event
async def disconnect(sid: str, reason: str) -> None:
    await server.emit("left", sid, room="everybody")


app = socketio.ASGIApp(server)
