"""Time to a verdict beside a rival, on the same handler: python -m tests.benchmarks.rival.

The rival is `detangle` (PyPI; `pip install detangle`, needed for this alone), which runs asyncio
code and may reorder ready callbacks, so ours runs with any order. One piece of work for both: a
handler on the real Starlette WebSocket that validates, pauses, receives and answers twice, against
a closing task (server-close), a client that leaves (client-close), and three messages with a turn
between the last check and the receive (hop-close). `turn` is all that differs between the two.

Told per race: runs and seconds to the first failure of the bad guard; for the good one what is
claimed, after how many runs and seconds, and how many distinct runs were seen of all there are (by
full search): a run is its outcome and what each task saw.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import trio
from starlette.websockets import WebSocketDisconnect, WebSocketState

from sim.kernel.series import run_search
from sim.kernel.world import Job, World
from sim.model.record import End
from sim.model.schedule import Search
from sim.schedulers.dpor import Dpor
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.server.observed import ObservedWebSocket

SCOPE: dict[str, Any] = {"type": "websocket", "path": "/", "headers": []}
RACES = ("server-close", "client-close", "hop-close")
BAD = {"server-close": "client", "client-close": "client", "hop-close": "both"}
MOST = 20_000
Turn = Callable[[], Awaitable[None]]


class Quiet:
    """Takes no notes, for the rival."""

    def read(self, name: str) -> None:
        """Note nothing."""

    write = read

    def event(self, kind: str, /, **values: object) -> None:
        """Note nothing."""


class Rig:
    """One connection: an inbox that is polled by turns, so that both runtimes run the same code."""

    def __init__(self, race: str, guard: str, turn: Turn, notes: Any) -> None:
        self.race, self.guard, self.turn, self.notes = race, guard, turn, notes
        self.inbox: deque[dict[str, Any]] = deque([{"type": "websocket.connect"}])
        self.gone = False
        self.outcome = ""
        self.seen: dict[str, list[str]] = {"handler": [], "client": [], "closer": []}
        self.arrived: Callable[[], Awaitable[None]] = turn
        self.wake: Callable[[], None] = lambda: None
        self.websocket = ObservedWebSocket(SCOPE, self.receive, self.send, world=notes, name="c1")

    def deliver(self, message: dict[str, Any]) -> None:
        """Put a message into the inbox."""
        self.notes.write("inbox")
        self.inbox.append(message)
        self.wake()

    async def receive(self) -> dict[str, Any]:
        """Return the next message, waiting for it."""
        self.notes.write("inbox")
        while not self.inbox:
            await self.arrived()
            self.notes.write("inbox")
        return self.inbox.popleft()

    async def send(self, message: Any) -> None:
        """Send: a turn, and an error once the client is gone."""
        if message["type"] == "websocket.accept":
            return
        await self.turn()
        self.notes.read("gone")
        if self.gone:
            raise OSError("the client is gone")
        if message["type"] == "websocket.close":
            self.deliver({"type": "websocket.disconnect", "code": message["code"]})

    def passes(self) -> bool:
        """Whether the guard lets the handler receive."""
        client = self.websocket.client_state is WebSocketState.CONNECTED
        if self.guard != "both":
            return client
        return client and self.websocket.application_state is WebSocketState.CONNECTED

    @property
    def run(self) -> tuple[object, ...]:
        """What tells this run from others."""
        return self.outcome, *(tuple(one) for one in self.seen.values())

    @property
    def failed(self) -> bool:
        """Whether the race happened."""
        return "not connected" in self.outcome


async def handler(rig: Rig) -> None:
    """Validate, pause, check, receive, answer, until the end."""
    websocket, seen = rig.websocket, rig.seen["handler"]
    try:
        while websocket.client_state is WebSocketState.CONNECTED:
            await rig.turn()
            if rig.guard != "catch" and not rig.passes():
                break
            if rig.race == "hop-close":
                await rig.turn()
            try:
                text = await websocket.receive_text()
            except RuntimeError:
                if rig.guard == "catch":
                    rig.outcome = "caught"
                    return
                raise
            seen.append(text)
            for _ in range(2):
                try:
                    if websocket.client_state is WebSocketState.CONNECTED:
                        await websocket.send_text("reply")
                        seen.append("sent")
                except (WebSocketDisconnect, RuntimeError):
                    seen.append("failed")
        rig.outcome = "left"
    except WebSocketDisconnect as error:
        rig.outcome = f"disconnect {error.code}"
    except RuntimeError as error:
        rig.outcome = str(error)


async def client(rig: Rig) -> None:
    """Send the messages; leave, where that is the race."""
    for number in range(3 if rig.race == "hop-close" else 1):
        await rig.turn()
        rig.deliver({"type": "websocket.receive", "text": f"message {number}"})
    if rig.race == "client-close":
        await rig.turn()
        rig.notes.write("gone")
        rig.gone = True
        rig.deliver({"type": "websocket.disconnect", "code": 1006})
        rig.seen["client"].append("left")


async def closer(rig: Rig) -> None:
    """Close from another task."""
    await rig.turn()
    await rig.websocket.close(1001)
    rig.seen["closer"].append("closed")


def tasks_of(race: str) -> list[Callable[[Rig], Awaitable[None]]]:
    """Return who takes part."""
    return [handler, client] if race == "client-close" else [handler, client, closer]


# -- ours ------------------------------------------------------------------------------------------


def program(race: str, guard: str) -> Callable[[World], Awaitable[Rig]]:
    """Return the race as the program of a world."""

    async def run(world: World) -> Rig:
        rig = Rig(race, guard, trio.lowlevel.checkpoint, world)
        waiting: list[trio.Event] = []

        async def arrived() -> None:
            waiting.append(trio.Event())
            await waiting[-1].wait()

        def wake() -> None:
            while waiting:
                waiting.pop().set()

        rig.arrived, rig.wake = arrived, wake
        await rig.websocket.accept()
        async with trio.open_nursery() as nursery:
            for task in tasks_of(race):
                nursery.start_soon(task, rig)
        return rig

    return run


def search(race: str, guard: str, way: Search, first: bool) -> tuple[int, float, set[object], bool]:
    """Search a race; return runs, seconds, the distinct runs seen, and whether it was complete."""
    seen: set[object] = set()

    def on_end(end: End) -> bool:
        assert isinstance(end.result, Rig), end.error
        seen.add(end.result.run)
        return first and end.result.failed

    began = time.process_time()
    job = Job(program(race, guard), Fifo(), steps=isinstance(way, Dpor))
    found = run_search(job, way, on_end)
    return found.runs, time.process_time() - began, seen, found.complete


# -- the rival -------------------------------------------------------------------------------------


def rivals_ways(runs: int) -> list[tuple[str, dict[str, Any]]]:
    """Return two ways in which detangle searches, with its own options."""
    detangle = import_module("detangle")
    return [
        ("random", {"runs": 1000, "seed": 1}),
        ("DFS", {"runs": runs, "strategy": detangle.DFS(max_delays=4)}),
    ]


def rivals_search(race: str, guard: str, **how: Any) -> tuple[int, float, set[object], str]:
    """Let detangle search a race; return runs, seconds, the distinct runs, and what it says."""
    detangle = import_module("detangle")
    seen: set[object] = set()
    runs = 0

    async def test() -> None:
        nonlocal runs
        runs += 1
        rig = Rig(race, guard, lambda: asyncio.sleep(0), Quiet())
        event = asyncio.Event()

        async def arrived() -> None:
            event.clear()
            await event.wait()

        rig.arrived, rig.wake = arrived, event.set
        await rig.websocket.accept()
        await asyncio.gather(*(task(rig) for task in tasks_of(race)))
        seen.add(rig.run)
        assert not rig.failed

    began = time.process_time()
    try:
        summary = detangle.explore(test, shrink=False, database=False, **how)
        said = "exhausted" if getattr(summary, "exhausted", False) else "no failure seen"
    except detangle.BugFound:
        said = "failure"
    return runs, time.process_time() - began, seen, said


def compare(race: str) -> None:
    """Print what both say of one race."""
    bad = BAD[race]
    runs, seconds, _, _ = search(race, bad, Dpor(), first=True)
    print(f"{race}, guard {bad}: first failure: wsrace after {runs} runs, {seconds * 1e3:.1f} ms")
    for name, how in rivals_ways(1000):
        runs, seconds, _, said = rivals_search(race, bad, **how)
        print(f"    detangle {name}: {said} after {runs} runs, {seconds * 1e3:.1f} ms")
    all_runs, full, everything, complete = search(race, "catch", Exhaustive(), first=False)
    print(
        f"{race}, guard catch: {len(everything)} distinct runs, {all_runs} schedules, {full:.2f} s"
    )
    assert complete
    runs, seconds, seen, complete = search(race, "catch", Dpor(), first=False)
    share = f"{len(seen & everything)} of {len(everything)} distinct runs"
    print(f"    wsrace: {runs} runs, {seconds * 1e3:.1f} ms, complete: {complete}, {share}")
    for name, how in rivals_ways(MOST):
        runs, seconds, seen, said = rivals_search(race, "catch", **how)
        share = f"{len(seen & everything)} of {len(everything)} distinct runs"
        print(f"    detangle {name}: {runs} runs, {seconds * 1e3:.1f} ms, {said}, {share}")


if __name__ == "__main__":
    print(f"Python {sys.version.split()[0]}, processor time of one process")
    for one in RACES:
        compare(one)
