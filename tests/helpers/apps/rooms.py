"""Applications that share state between connections, as people write them."""

import asyncio
import itertools
from collections import defaultdict
from functools import lru_cache

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
numbers = itertools.count(1)


class Room:
    """Everybody who is in a room hears what is said."""

    opened = 0
    everybody: defaultdict[str, list[WebSocket]] = defaultdict(list)

    def __init__(self) -> None:
        self.members: list[WebSocket] = []

    async def say(self, text: str) -> None:
        for member in self.members:
            await member.send_text(text)


room = Room()


@lru_cache
def greeting(name: str) -> str:
    return f"hello {name}"


@app.websocket("/room/{name}")
async def in_room(websocket: WebSocket, name: str) -> None:
    await websocket.accept()
    room.members.append(websocket)
    try:
        while True:
            await room.say(f"{name}: {await websocket.receive_text()}")
    except WebSocketDisconnect:
        room.members.remove(websocket)
        await room.say(f"{name} left")


@app.websocket("/litter")
async def litters(websocket: WebSocket) -> None:
    """Leaves something in every place where state can be kept."""
    await websocket.accept()
    number = next(numbers)
    Room.opened += 1
    Room.everybody[greeting("x")].append(websocket)
    await websocket.send_text(f"{number} {Room.opened} {len(Room.everybody['hello x'])}")
    await websocket.close()


tidying = {"now": 0}


@app.websocket("/tidies")
async def tidies(websocket: WebSocket) -> None:
    """Shares something only behind the client's end, and for a moment."""
    await websocket.accept()
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        tidying["now"] += 1
        await asyncio.sleep(0)
        tidying["now"] -= 1


class Hub:
    """A queue for each subscriber."""

    def __init__(self) -> None:
        self.queues: list[asyncio.Queue[str]] = []


hub = Hub()


@app.websocket("/news")
async def news(websocket: WebSocket) -> None:
    """One task sends what is published, one receives; whichever ends first ends the other."""
    await websocket.accept()
    queue: asyncio.Queue[str] = asyncio.Queue(1)
    hub.queues.append(queue)

    async def send() -> None:
        while True:
            await websocket.send_text(await queue.get())

    async def receive() -> None:
        while True:
            text = await websocket.receive_text()
            for one in hub.queues:
                await one.put(text)

    tasks = [asyncio.create_task(send()), asyncio.create_task(receive())]
    try:
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()
    except WebSocketDisconnect:
        return
    finally:
        hub.queues.remove(queue)
