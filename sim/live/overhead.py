"""What a guard costs per message: the real loop, guard and Starlette on this Python's asyncio.

Nothing is sent: messages are there at once, so that what is left is the handler's own time. Guards
take turns, so that a machine that slows down slows all of them.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import comb
from statistics import median
from typing import Any

from starlette.websockets import WebSocket

from sim.live.port import AsyncioPort
from sim.live.recorder import Recorder
from sim.model.record import Value
from sim.model.scenario import Handler, Setup
from sim.sut.chat import Chat
from sim.sut.guards import GUARDS, Guard
from sim.sut.loop import message_loop

BASELINE = "none"
"""The guard that the others are compared with: no check at all."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a guard costs. ns: per message, median over `repeats` rounds of `messages` messages.

    low, high: the fastest and the slowest round. extra_ns: above no check at all, median of the
    differences within a round. extra_low, extra_high: where that median lies, with 95 %.
    """

    guard: str
    ns: float
    low: float
    high: float
    extra_ns: float
    extra_low: float
    extra_high: float
    messages: int
    repeats: int


def guard_costs(
    guards: Sequence[Guard] = tuple(GUARDS.values()), messages: int = 2000, repeats: int = 9
) -> tuple[Cost, ...]:
    """Measure guards on this machine; a round takes some 25 microseconds per message and guard.

    It may be called where a loop of asyncio runs, as in a notebook; it measures in a thread then.
    Raises ValueError for fewer than one message or repeat.
    """
    if messages < 1 or repeats < 1:
        raise ValueError(f"expected at least one message and repeat, got {messages}, {repeats}")
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _measured(guards, messages, repeats)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_measured, guards, messages, repeats).result()


def _measured(guards: Sequence[Guard], messages: int, repeats: int) -> tuple[Cost, ...]:
    everyone = {guard.name: guard for guard in (GUARDS[BASELINE], *guards)}
    rounds: dict[str, list[float]] = {name: [] for name in everyone}
    for guard in everyone.values():
        asyncio.run(_time(guard, min(messages, 200)))  # imports, caches, specialised code
    for _ in range(repeats):
        for name, guard in everyone.items():
            rounds[name].append(asyncio.run(_time(guard, messages)) / messages)
    costs = []
    for guard in guards:
        own = rounds[guard.name]
        extra = sorted(one - base for one, base in zip(own, rounds[BASELINE], strict=True))
        low, high = median_interval(extra)
        costs.append(
            Cost(
                guard=guard.name,
                ns=median(own),
                low=min(own),
                high=max(own),
                extra_ns=median(extra),
                extra_low=low,
                extra_high=high,
                messages=messages,
                repeats=repeats,
            )
        )
    return tuple(costs)


def median_interval(values: Sequence[float], missed: float = 0.05) -> tuple[float, float]:
    """Return between which of some sorted values the median of their distribution lies.

    That it lies below the k-th of n is a matter of n coins, whatever the distribution (the sign
    test; Conover, Practical Nonparametric Statistics, 3.2). missed: how often it may lie outside.
    With fewer than six values it is from the lowest to the highest, which misses more often.
    """
    number, out = len(values), 0
    while out < (number - 1) // 2:
        outside = 2 * sum(comb(number, below) for below in range(out + 2)) / 2**number
        if outside > missed:
            break
        out += 1
    return values[out], values[number - 1 - out]


async def _time(guard: Guard, messages: int) -> int:
    """Return the nanoseconds of one connection's loop over so many messages."""
    left = messages

    async def receive() -> dict[str, Any]:
        nonlocal left
        if left:
            left -= 1
            return {"type": "websocket.receive", "text": "{}"}
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Any) -> None:
        return None

    async def connect() -> dict[str, Any]:
        websocket._receive = receive
        return {"type": "websocket.connect"}

    websocket = WebSocket({"type": "websocket"}, connect, send)
    await websocket.accept()
    setup = Setup(machines="ready")
    chat = Chat(websocket, _SilentPort(), guard, "report", Handler(), setup)
    began = time.perf_counter_ns()
    await message_loop(chat, _nothing, polls=False)
    return time.perf_counter_ns() - began


async def _nothing(text: str) -> None:
    return None


class _SilentPort(AsyncioPort):
    """A port whose probes and records do nothing: the product has none."""

    def __init__(self) -> None:
        super().__init__(Recorder(), "c1", {}, _ignored)

    async def pause(self, probe: str) -> None:
        """Await nothing."""

    def probe(self, name: str) -> None:
        """Do nothing."""

    def record(self, kind: str, **values: Value) -> None:
        """Do nothing."""


def _ignored(probe: str) -> None:
    return None
