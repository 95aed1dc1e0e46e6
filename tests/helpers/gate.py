"""The second opinion: a kernel on public Trio API alone, used as an oracle.

Every task parks before each resume, and a clock, which Trio asks only when nothing is runnable,
lets one of them go. It shares no code with sim.kernel; it covers neither `Nursery.start` nor
`wait_all_tasks_blocked`, and it is slower.
"""

import math
import types
from collections import Counter
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any

import trio

_gate: ContextVar["Gate | None"] = ContextVar("gate", default=None)


class Gate(trio.abc.Clock):
    """Depth-first search over the order in which parked tasks are let go."""

    def __init__(self) -> None:
        self.now = 0.0
        self.parked: list[tuple[int, trio.lowlevel.Task]] = []
        self.path: list[list[int]] = []  # [options, position] of each choice
        self.depth = 0
        self.spawned = 0
        self.scope: trio.CancelScope | None = None
        self.deadlocked = False

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        return self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        if self.parked:
            self.parked.sort(key=lambda entry: entry[0])
            _, task = self.parked.pop(self._choose(len(self.parked)))
            trio.lowlevel.reschedule(task)
        elif deadline == math.inf:
            if self.scope is not None:
                self.deadlocked = True
                self.scope.cancel()
        else:
            self.now = max(self.now, deadline)
        return 0

    def _choose(self, options: int) -> int:
        if options == 1 or self.deadlocked:  # clean-up is not a choice
            return 0
        if self.depth == len(self.path):
            self.path.append([options, 0])
        level = self.path[self.depth]
        assert level[0] == options, "the program is not deterministic"
        self.depth += 1
        return level[1]

    def advance(self) -> bool:
        while self.path:
            self.path[-1][1] += 1
            if self.path[-1][1] < self.path[-1][0]:
                return True
            self.path.pop()
        return False


def _not_abortable(_: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED


@types.coroutine
def _drive(coroutine: Any, gate: Gate, number: int) -> Generator[Any, Any, Any]:
    me = trio.lowlevel.current_task()
    value: Any = None
    while True:
        gate.parked.append((number, me))
        parked = trio.lowlevel.wait_task_rescheduled(_not_abortable)  # noqa: ASYNC105
        yield from parked.__await__()
        try:
            message = coroutine.send(value)
        except StopIteration as stop:
            return stop.value
        value = yield message


def search(program: Callable[[Any], Any]) -> Counter[tuple[str, Any]]:
    """Run every schedule of `program`; return how often each (ending, result) came about."""
    gate = Gate()
    endings: Counter[tuple[str, Any]] = Counter()
    original = trio.Nursery.start_soon

    def start_soon(self: trio.Nursery, function: Any, *args: Any, name: object = None) -> None:
        current = _gate.get()
        if current is None:
            return original(self, function, *args, name=name)
        current.spawned += 1
        number = current.spawned

        async def gated() -> Any:
            return await _drive(function(*args), current, number)

        return original(self, gated, name=name)

    async def one_world() -> None:
        _gate.set(gate)
        result: Any = None
        gate.scope = trio.CancelScope()
        with gate.scope:
            result = await program(None)
        gate.scope = None
        endings["deadlock" if gate.deadlocked else "completed", result] += 1

    async def main() -> None:
        while True:
            gate.now, gate.depth, gate.spawned, gate.deadlocked = 0.0, 0, 0, False
            async with trio.open_nursery() as nursery:
                nursery.start_soon(one_world)
            if not gate.advance():
                return

    trio.Nursery.start_soon = start_soon  # type: ignore[method-assign, assignment]
    try:
        trio.run(main, clock=gate)
    finally:
        trio.Nursery.start_soon = original  # type: ignore[method-assign]
    return endings
