"""What a run of an application costs: python -m tests.benchmarks.apps.

One FastAPI application with one connection that sends and leaves, the loop of issue #1061, three
ways in one process, in turn, so that a noisy machine is noisy for all:

- `wsrace check`'s engine, every schedule, without and with states;
- `asyncio.run` of the same application with a queue in place of a server: the least there could be
  (once more with the loop of issue #1061, which does more; what follows is compared with that one);
- the rival (`pip install detangle`, Python 3.12 on, needed for this alone), the same application on
  uvicorn's own class in its loop, without lifespan and without putting what changed back.

Processor time, medians of rounds. An application that sleeps for an hour is told apart.
"""

import asyncio
import platform
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from statistics import median
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState
from uvicorn.server import ServerState

from sim.aio.session import ready
from sim.hosting.application import Application
from sim.hosting.target import load
from sim.kernel.series import run_all, run_search
from sim.model.app import AppCase, Bounds
from sim.model.findings import Severities
from sim.model.scriptreader import parse
from sim.runs.app import AppSubject
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.pruned import Pruned

ROUNDS, RUNS = 7, 300
app = FastAPI()


@app.websocket("/ws")
async def talk(websocket: WebSocket) -> None:
    """Answer each message twice."""
    await websocket.accept()
    try:
        while websocket.client_state == WebSocketState.CONNECTED:
            await websocket.receive_text()
            for number in range(2):
                await websocket.send_text(str(number))
                await asyncio.sleep(0)
    except (WebSocketDisconnect, RuntimeError):
        return


@app.websocket("/guarded")
async def guarded(websocket: WebSocket) -> None:
    """The loop of issue #1061, its sleeps of no length: the queue's processor time counts, too."""
    await websocket.accept()
    try:
        while websocket.client_state == WebSocketState.CONNECTED:
            await asyncio.sleep(0)
            await asyncio.wait_for(websocket.receive_text(), timeout=5)
            for _ in range(3):
                if websocket.client_state == WebSocketState.CONNECTED:
                    await websocket.send_text("x" * 10)
                await asyncio.sleep(0)
    except (WebSocketDisconnect, RuntimeError):
        return


@app.websocket("/hour")
async def rest(websocket: WebSocket) -> None:
    """Sleep for an hour."""
    await websocket.accept()
    await asyncio.sleep(3600)


def subject(
    client: str, lifespan: Literal["auto", "on", "off"] = "auto", **bounds: float
) -> AppSubject:
    """Return the application with one client."""
    application = Application(load("tests.benchmarks.apps:app", ".", False))
    script = parse(client)
    within = Bounds(**bounds)  # type: ignore[arg-type]
    case = AppCase("tests.benchmarks.apps:app", (script,), bounds=within, lifespan=lifespan)
    return AppSubject(case, application, (script.path,), Severities())


async def with_a_queue(path: str) -> None:
    """Serve one connection out of a queue."""
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    for message in (
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hi"},
        {"type": "websocket.disconnect", "code": 1000},
    ):
        inbox.put_nowait(message)

    async def send(message: Any) -> None:
        pass

    scope = {"type": "websocket", "path": path, "headers": [], "query_string": b""}
    await app(scope, inbox.get, send)


def bare(path: str) -> Callable[[], int]:
    """Return what makes runs without any simulation."""

    def make() -> int:
        for _ in range(RUNS):
            asyncio.run(with_a_queue(path))
        return RUNS

    return make


def usual(one: AppSubject) -> Callable[[], int]:
    """Return what makes the usual run again and again."""

    def make() -> int:
        run_all((one.job(Fifo()) for _ in range(RUNS)), lambda end: None)
        return RUNS

    return make


def searching(one: AppSubject, states: bool) -> Callable[[], int]:
    """Return what makes the first runs of a search."""

    def make() -> int:
        search = Pruned() if states else Exhaustive()
        counted = 0

        def count(end: object) -> None:
            nonlocal counted
            counted += 1

        run_search(one.job(Fifo()), search, count, RUNS)
        return counted

    return make


def rival(module: Any) -> Callable[[], int]:
    """Return what lets the rival explore the same application on uvicorn's class."""
    websockets = import_module("websockets")

    async def scenario() -> None:
        config = uvicorn.Config(
            app, ws="websockets-sansio", http="h11", lifespan="off", log_config=None
        )
        config.load()
        state: Any = ServerState()
        loop = asyncio.get_running_loop()

        def protocol() -> Any:
            made: Any = config.http_protocol_class
            return made(config=config, server_state=state, app_state={})

        server = await loop.create_server(protocol, "server", 8000)
        address = "ws://server:8000/ws"
        async with websockets.connect(address, proxy=None, ping_interval=None) as client:
            await client.send("hi")
        await asyncio.sleep(1)
        server.close()

    def make() -> int:
        done = module.explore(
            scenario,
            runs=RUNS,
            seed=1,
            shrink=False,
            database=False,
            net={"latency": (0.001, 0.003)},
            fail_on_unobserved=False,
            fail_on_callback_error=False,
        )
        return int(done.runs)

    return make


def milliseconds(make: Callable[[], int], ours: bool = True) -> float:
    """Return what one run costs, in processor time. ours: the process is prepared once, as by a
    check, which does so for all of its series.
    """
    with ready() if ours else nullcontext():
        began = time.process_time()
        count = make()
        return (time.process_time() - began) / count * 1000


def main() -> None:
    """Print a table."""
    talks = subject("/ws send:hi, close")
    longer = subject("/ws send:a, send:b, send:c, drop", late=1)
    ways: dict[str, Callable[[], int]] = {
        "asyncio.run and a queue": bare("/ws"),
        "the usual run": usual(talks),
        "  without lifespan": usual(subject("/ws send:hi, close", lifespan="off")),
        "three messages": usual(longer),
        "  every schedule": searching(longer, states=False),
        "  every state": searching(longer, states=True),
    }
    try:
        ways["the rival"] = rival(import_module("detangle"))
    except ImportError:
        print("detangle is not here: no rival", file=sys.stderr)
    ways |= {
        "#1061's loop, a queue": bare("/guarded"),
        "  the usual run": usual(subject("/guarded send:hi, close")),
    }
    for make in ways.values():
        make()
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, make in ways.items():
            ours = "queue" not in name and "rival" not in name
            spent[name].append(milliseconds(make, ours))
    least = 0.0
    print(f"Python {platform.python_version()}, {ROUNDS} rounds of {RUNS} runs")
    for name, times in spent.items():
        one = median(times)
        least = one if "queue" in name else least
        print(f"{name:24} {one:7.2f} ms a run {1000 / one:7,.0f} a second {one / least:6.2f} x")
    hour = subject("/hour silent", until_ms=4_000_000)
    usual(hour)()
    print(f"an hour of sleep         {milliseconds(usual(hour)):7.2f} ms a run")


if __name__ == "__main__":
    main()
