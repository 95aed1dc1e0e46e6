"""Applications whose failures depend on state of their own, for the reasons to be found."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


class Stage(Enum):
    OPEN = 1
    SHUT = 2


class Auction:
    """Takes bids until somebody shuts it."""

    def __init__(self) -> None:
        self.stage = Stage.OPEN
        self.bids = 0

    def bid(self) -> None:
        if self.stage is Stage.SHUT:
            raise ValueError("the auction is over")
        self.bids += 1


auction = Auction()


@app.websocket("/auction")
async def bids(websocket: WebSocket) -> None:
    """Looks at how many bids there are, and not at whether more are taken."""
    await websocket.accept()
    try:
        while True:
            text = await websocket.receive_text()
            if text == "shut":
                auction.stage = Stage.SHUT
            elif auction.bids < 10:
                auction.bid()
    except WebSocketDisconnect:
        return


class Lease:
    """Runs out, and is checked too early."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = 1

    def use(self) -> None:
        assert self.left > 0, "nothing is left"
        self.left -= 1


@app.websocket("/lease")
async def leases(websocket: WebSocket) -> None:
    await websocket.accept()
    lease = Lease()

    async def use() -> None:
        if lease.left > 0:
            await asyncio.sleep(0)
            lease.use()

    await asyncio.gather(use(), use())
    await websocket.close()


@app.websocket("/message")
async def depends_on_a_message(websocket: WebSocket) -> None:
    await websocket.accept()
    if await websocket.receive_text() != "please":
        raise PermissionError("say please")


@app.websocket("/later")
async def shut_by_a_timer(websocket: WebSocket) -> None:
    await websocket.accept()
    own = Auction()
    asyncio.get_running_loop().call_later(0.05, setattr, own, "stage", Stage.SHUT)
    await websocket.receive_text()
    own.bid()


@app.websocket("/reopens")
async def reopens(websocket: WebSocket) -> None:
    """What was tested is another one again before anybody looks."""
    await websocket.accept()
    own = Auction()
    own.stage = Stage.SHUT
    try:
        own.bid()
    finally:
        own.stage = Stage.OPEN


async def replaces(scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
    """What it raises in `except` is another failure, of a lock that it takes twice."""
    assert scope["type"] == "websocket"
    lock = asyncio.Lock()
    await receive()
    await send({"type": "websocket.accept"})
    await lock.acquire()
    try:
        await receive()
        raise LookupError("the first")
    except LookupError:
        lock.release()
        lock.release()


@app.websocket("/turn")
async def in_one_turn(websocket: WebSocket) -> None:
    """Looks, and in the same turn of the loop another task uses what is left."""
    await websocket.accept()
    lease = Lease()

    async def looks() -> None:
        await asyncio.sleep(0)
        if lease.left > 0:
            await asyncio.sleep(0)
            lease.use()

    async def uses() -> None:
        await asyncio.sleep(0)
        lease.use()

    await asyncio.gather(looks(), uses())
