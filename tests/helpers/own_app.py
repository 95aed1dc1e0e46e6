"""Handlers of somebody's own, as an application has them: no probe, no guard, no state machine."""

from functools import lru_cache

import trio
from starlette.websockets import WebSocket

from sim.exploration.counterexample import counterexample
from sim.exploration.inquiry import Inquiry
from sim.exploration.search import search
from sim.model.scenario import Scenario
from sim.runs.handler import HandlerSubject
from sim.runs.own import import_handler
from sim.runs.subject import Record

SCENARIO = Scenario.model_validate(
    {
        "name": "own",
        "server": "uvicorn-sansio@0.54",
        "clients": {"messages": 1, "pause_ms": 50},
        "injections": [{"do": "server-close", "time_ms": 15}],
    }
)


async def echo(ws: WebSocket) -> None:
    await ws.accept()
    while True:
        text = await ws.receive_text()
        await ws.send_text(text)


async def nursed(ws: WebSocket) -> None:
    await ws.accept()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, ws)


async def answer(ws: WebSocket) -> None:
    while True:
        text = await ws.receive_text()
        await ws.send_text(text)


@lru_cache
def failing(name: str = "echo") -> Record:
    """Return the counterexample of a handler of this file."""
    own = import_handler(f"{__name__}:{name}")
    found = counterexample(search(HandlerSubject(SCENARIO, own=own), Inquiry(times="all")))
    assert found is not None
    return found.record
