"""Ten small applications that fail, written when the rules for reasons stood, and not before.

What each fails by is told in tests/exploration/test_unseen.py; nothing here knows of that.
"""

import asyncio
from enum import Enum, auto

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


class Presence:
    """Who is online, by name: two tabs of one person share a name."""

    def __init__(self) -> None:
        self.online: dict[str, WebSocket] = {}


presence = Presence()


@app.websocket("/presence/{name}")
async def present(websocket: WebSocket, name: str) -> None:
    await websocket.accept()
    presence.online[name] = websocket
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        del presence.online[name]


class SessionClosed(Exception):
    """The session is over."""


class Session:
    """Closed by whoever comes first."""

    def __init__(self) -> None:
        self.closed = False

    def use(self) -> None:
        if self.closed:
            raise SessionClosed("the session is over")


@app.websocket("/session")
async def in_session(websocket: WebSocket) -> None:
    await websocket.accept()
    session = Session()

    async def expire() -> None:
        await asyncio.sleep(0.1)
        session.closed = True

    expiring = asyncio.create_task(expire())
    try:
        while not session.closed:
            await websocket.receive_text()
            session.use()
    except WebSocketDisconnect:
        return
    finally:
        expiring.cancel()


class Game:
    """Two players take turns."""

    def __init__(self) -> None:
        self.turn = 0

    def move(self, seen: int) -> None:
        assert self.turn == seen, "somebody else has moved"
        self.turn += 1


game = Game()


@app.websocket("/game")
async def play(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.receive_text()
            seen = game.turn
            await websocket.send_text(f"turn {seen}")
            await asyncio.sleep(0)
            game.move(seen)
    except WebSocketDisconnect:
        return


class Auction:
    """The highest bid."""

    def __init__(self) -> None:
        self.price = 0

    async def bid(self, amount: int) -> None:
        await asyncio.sleep(0)
        if amount <= self.price:
            raise ValueError("somebody has bid more")
        self.price = amount


auction = Auction()


@app.websocket("/auction")
async def bids(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.receive_text()
            await auction.bid(auction.price + 1)
    except WebSocketDisconnect:
        return


class Pool:
    """Workers, of which there is one."""

    def __init__(self) -> None:
        self.free = ["worker"]


pool = Pool()


@app.websocket("/pool")
async def works(websocket: WebSocket) -> None:
    await websocket.accept()
    worker = pool.free.pop()
    try:
        await websocket.receive_text()
        await websocket.send_text(worker)
    except WebSocketDisconnect:
        return
    finally:
        pool.free.append(worker)


class Mailbox:
    """Room for one letter."""

    def __init__(self) -> None:
        self.letters: asyncio.Queue[str] = asyncio.Queue(1)


@app.websocket("/mailbox")
async def mails(websocket: WebSocket) -> None:
    await websocket.accept()
    box = Mailbox()

    async def empty() -> None:
        while True:
            await websocket.send_text(await box.letters.get())

    emptying = asyncio.create_task(empty())
    try:
        while True:
            box.letters.put_nowait(await websocket.receive_text())
    except WebSocketDisconnect:
        return
    finally:
        emptying.cancel()


class Transfer:
    """Two accounts, each with a lock."""

    def __init__(self) -> None:
        self.one = asyncio.Lock()
        self.other = asyncio.Lock()


transfer = Transfer()


@app.websocket("/transfer/{way}")
async def transfers(websocket: WebSocket, way: str) -> None:
    await websocket.accept()
    first, second = transfer.one, transfer.other
    if way == "back":
        first, second = second, first
    try:
        await websocket.receive_text()
        async with first:
            await asyncio.sleep(0)
            async with second:
                await websocket.send_text("done")
        await websocket.receive_text()
    except WebSocketDisconnect:
        return


class Gate:
    """Open once somebody has knocked."""

    def __init__(self) -> None:
        self.open = asyncio.Event()


gate = Gate()


@app.websocket("/gate/{who}")
async def passes(websocket: WebSocket, who: str) -> None:
    await websocket.accept()
    if who == "porter":
        gate.open.set()
        await asyncio.sleep(0)
        gate.open.clear()
    else:
        await gate.open.wait()
        await websocket.send_text("welcome")
    await websocket.close()


class Crowd:
    """Everybody, in a dictionary that is walked."""

    def __init__(self) -> None:
        self.people: dict[int, WebSocket] = {}


crowd = Crowd()


@app.websocket("/crowd")
async def shouts(websocket: WebSocket) -> None:
    await websocket.accept()
    crowd.people[id(websocket)] = websocket
    try:
        while True:
            text = await websocket.receive_text()
            for person in crowd.people.values():
                await person.send_text(text)
                await asyncio.sleep(0)
    except WebSocketDisconnect:
        del crowd.people[id(websocket)]


class Step(Enum):
    """How far a deal is."""

    OFFERED = auto()
    AGREED = auto()


class Deal:
    """Agreed on once."""

    def __init__(self) -> None:
        self.step = Step.OFFERED

    async def agree(self) -> None:
        await asyncio.sleep(0)
        if self.step is not Step.OFFERED:
            raise RuntimeError("somebody else has agreed")
        self.step = Step.AGREED


deal = Deal()


@app.websocket("/deal")
async def agrees(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        await websocket.receive_text()
        if deal.step is Step.OFFERED:
            await deal.agree()
    except WebSocketDisconnect:
        return
