"""Whole worlds at either fidelity, shared by tests and benchmarks; as a program it prints digests.

python -m tests.helpers.worlds wire 50        50 worlds under random schedules, one digest in all
"""

import hashlib
import sys
from collections.abc import Iterator, Sequence

import trio
from starlette.websockets import WebSocket, WebSocketDisconnect

from sim.entropy import below
from sim.kernel.order import Order
from sim.kernel.series import run_all
from sim.kernel.trace import digest
from sim.kernel.world import Job, Program
from sim.model.client import ClientSpec
from sim.model.link import LinkSpec
from sim.model.profiles import DEFAULT_PROFILE, PROFILES
from sim.model.record import End
from sim.model.script import parse_script
from sim.runs.stage import Fidelity, program
from sim.schedulers.uniform import Uniform

TWO_MESSAGES = ("connect", {"send": "first"}, {"send": "second"}, {"close": 1000})
ENDS: tuple[object, ...] = ({"close": 4000}, "fin", "rst", "silent")


async def echo(websocket: WebSocket) -> None:
    """Answer every message, until the client goes."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except (WebSocketDisconnect, RuntimeError):
        return


async def gives_up(websocket: WebSocket) -> None:
    """Answer for five virtual milliseconds, then close."""
    with trio.move_on_after(0.005):
        await echo(websocket)
        return
    try:
        await websocket.close(1001)
    except (WebSocketDisconnect, RuntimeError):
        return


def smallest(fidelity: Fidelity, profile: str = DEFAULT_PROFILE) -> Program:
    """The world of the benchmarks: one client, two messages, a close."""
    return program(fidelity, echo, [ClientSpec(parse_script(TWO_MESSAGES))], PROFILES[profile])


def varied(fidelity: Fidelity, seed: int) -> Program:
    """A world with drawn profile, delays, jitter, number of clients and ends."""

    def draw(bound: int, *what: str | int) -> int:
        return below(bound, "varied world", seed, *what)

    clients = []
    for number in range(1 + draw(3, "clients")):
        link = LinkSpec(
            delay=draw(3000, "delay", number),
            jitter=draw(2000, "jitter", number),
        )
        script: list[object] = ["connect", *({"send": f"m{i}"} for i in range(draw(4, number)))]
        script += [{"wait": 1}, "ping"] if len(script) > 1 else []
        script.append(ENDS[draw(len(ENDS), "end", number)])
        start = draw(4000, "start", number)
        clients.append(ClientSpec(parse_script(script), start=start, up=link, down=link))
    profile = [*PROFILES.values()][draw(len(PROFILES), "profile")]
    return program(fidelity, gives_up, clients, profile)


def jobs(fidelity: Fidelity, seeds: Sequence[int]) -> Iterator[Job]:
    """One varied world for each seed, each under a uniform schedule and an order of its own."""
    orders = tuple(Order)
    for seed in seeds:
        yield Job(varied(fidelity, seed), Uniform(seed), order=orders[seed % len(orders)])


def digest_of(fidelity: Fidelity, count: int) -> str:
    """Return one digest over `count` varied worlds and how each ended."""
    total = hashlib.sha256()

    def add(end: End) -> None:
        total.update(f"{end.ending} {end.tick} {end.steps} {digest(end.events)}\n".encode())

    run_all(jobs(fidelity, range(count)), add)
    return total.hexdigest()


if __name__ == "__main__":
    print(digest_of(Fidelity(sys.argv[1]), int(sys.argv[2])))
