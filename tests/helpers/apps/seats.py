"""Seats that are sold after a look at how many are left, and what must hold of them."""

import asyncio

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from sim.testing import sometimes

app = FastAPI()


class Seats:
    """One is left."""

    def __init__(self) -> None:
        self.left = 1
        self.sold: list[str] = []
        self.looked = 0


seats = Seats()


@app.websocket("/seats/{name}")
async def sells(websocket: WebSocket, name: str) -> None:
    """Looks, asks a database, and sells."""
    await websocket.accept()
    try:
        await websocket.receive_text()
        if seats.left > 0:
            await asyncio.sleep(0)
            seats.left -= 1
            seats.sold.append(name)
        await websocket.receive_text()
    except WebSocketDisconnect:
        return


@app.websocket("/careful/{name}")
async def sells_carefully(websocket: WebSocket, name: str) -> None:
    """Sells in the moment in which it looks."""
    await websocket.accept()
    try:
        await websocket.receive_text()
        if seats.left > 0:
            seats.left -= 1
            seats.sold.append(name)
        await asyncio.sleep(0)
        await websocket.receive_text()
    except WebSocketDisconnect:
        return


def no_seat_is_sold_twice() -> None:
    assert seats.left >= 0, f"{len(seats.sold)} have bought one seat"


def somebody_has_one() -> bool:
    return len(seats.sold) == 1


def no_seat_is_sold_twice_and_somebody_buys() -> None:
    sometimes("sold out", seats.left == 0)
    no_seat_is_sold_twice()


def counts() -> None:
    """Keeps a state of its own."""
    seats.looked = min(seats.looked + 1, 3)
