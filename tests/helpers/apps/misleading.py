"""Failures whose nearest explanation would be a wrong one."""

import asyncio
from typing import Any

from fastapi import FastAPI, WebSocket

app = FastAPI()


class Equal:
    """Refuses to be compared."""

    def __eq__(self, other: object) -> bool:
        raise TypeError("compared")

    __hash__ = object.__hash__


class Club:
    """Members by name, and what they hold."""

    def __init__(self) -> None:
        self.users: dict[str, str] = {"u": "r"}
        self.rooms: dict[str, list[str]] = {"r": []}
        self.queue: list[Any] = ["no number"]
        self.odd: dict[Any, int] = {Equal(): 1}
        self.busy = self.broken = False

    def leave(self) -> None:
        self.users.pop("u")

    def breaks(self) -> None:
        self.broken = True

    def works(self) -> None:
        self.busy = True
        self.busy = False

    def use(self) -> None:
        if self.busy or self.broken:
            raise ValueError("no more")


@app.websocket("/nested")
async def nested(websocket: WebSocket) -> None:
    await websocket.accept()
    club = Club()
    club.leave()
    club.rooms[club.users["u"]].append("x")


@app.websocket("/parses")
async def parses(websocket: WebSocket) -> None:
    await websocket.accept()
    club = Club()
    int(club.queue.pop())


@app.websocket("/own")
async def changes_what_it_walks(websocket: WebSocket) -> None:
    await websocket.accept()
    club = Club()
    users = club.users
    for name in club.users:
        users[f"{name}!"] = "x"


@app.websocket("/equal")
async def looks_for_what_cannot_be_compared(websocket: WebSocket) -> None:
    await websocket.accept()
    club = Club()
    club.odd["nobody"]


@app.websocket("/either")
async def either(websocket: WebSocket) -> None:
    await websocket.accept()
    club = Club()
    club.breaks()
    await asyncio.sleep(0)
    club.works()
    club.use()


lock = asyncio.Lock()
full: asyncio.Queue[int] = asyncio.Queue(1)


@app.websocket("/full")
async def fills(websocket: WebSocket) -> None:
    await websocket.accept()
    await full.put(1)
    await full.put(2)


@app.websocket("/joins")
async def joins(websocket: WebSocket) -> None:
    await websocket.accept()
    full.put_nowait(1)
    await full.join()
