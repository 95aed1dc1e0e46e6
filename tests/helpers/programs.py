"""Small generated programs of several tasks, for tests of whatever leaves out orders.

A program is plain data, so that Hypothesis can shrink it: for each task whether it belongs to the
outside world, and its operations, each a tuple of a name and arguments. Its result says what every
task saw, in that task's own order.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import trio
from hypothesis import strategies as st

from sim.kernel.world import Program, World
from sim.model.schedule import Kind
from sim.model.ticks import seconds

Op = tuple[Any, ...]
Task = tuple[bool, tuple[Op, ...]]

_NAMES = st.sampled_from("xy")
_TICKS = st.integers(1, 3)
_SIMPLE: st.SearchStrategy[Op] = st.one_of(
    st.tuples(st.sampled_from(["read", "write", "add"]), _NAMES),
    st.sampled_from([("turn",), ("set",), ("wait",), ("put",), ("get",), ("ask",), ("look",)]),
    st.tuples(st.just("sleep"), _TICKS),
    st.tuples(st.just("cancel"), st.integers(0, 2)),
)


def _nested(inner: st.SearchStrategy[Op]) -> st.SearchStrategy[Op]:
    few = st.lists(inner, min_size=1, max_size=2).map(tuple)
    return st.one_of(
        st.tuples(st.just("locked"), few),
        st.tuples(st.just("within"), _TICKS, few),
        st.tuples(st.just("both"), few, few),
    )


OPS = st.recursive(_SIMPLE, _nested, max_leaves=3)
TASKS: st.SearchStrategy[tuple[Task, ...]] = st.lists(
    st.tuples(st.booleans(), st.lists(OPS, min_size=1, max_size=3).map(tuple)),
    min_size=2,
    max_size=3,
).map(tuple)


class _Shared:
    """What the tasks of one run share."""

    def __init__(self, world: World, count: int) -> None:
        self.world = world
        self.values = {"x": 0, "y": 0}
        self.event = trio.Event()
        self.lock = trio.Lock()
        self.put, self.get = trio.open_memory_channel[str](2)
        self.scopes = [trio.CancelScope() for _ in range(count)]
        self.seen: dict[str, list[Any]] = {}


def program(tasks: Sequence[Task]) -> Program:
    """Return the program that runs `tasks` beside each other."""

    async def run(world: World) -> str:
        shared = _Shared(world, len(tasks))
        async with trio.open_nursery() as nursery:
            for number, (outside, ops) in enumerate(tasks):
                task = _task(shared, number, ops)
                if outside:
                    with world.outside():
                        nursery.start_soon(task, name=f"t{number}")
                else:
                    nursery.start_soon(task, name=f"t{number}")
        return repr((sorted(shared.values.items()), sorted(shared.seen.items())))

    return run


def _task(shared: _Shared, number: int, ops: Sequence[Op]) -> Callable[[], Awaitable[None]]:
    async def task() -> None:
        name = shared.world.task
        with shared.scopes[number] as scope:
            await _do_all(shared, name, ops)
        if scope.cancelled_caught:
            shared.seen.setdefault(name, []).append("cancelled")

    return task


async def _do_all(shared: _Shared, name: str, ops: Sequence[Op]) -> None:
    for op in ops:
        await _do(shared, name, op)


async def _do(shared: _Shared, name: str, op: Op) -> None:
    world, seen = shared.world, shared.seen.setdefault(name, [])
    kind = op[0]
    if kind == "read":
        world.read(op[1])
        seen.append(shared.values[op[1]])
        await trio.lowlevel.checkpoint()
    elif kind == "write":
        world.write(op[1])
        shared.values[op[1]] = 10 * shared.values[op[1]] + len(name)
        await trio.lowlevel.checkpoint()
    elif kind == "add":
        world.read(op[1])
        before = shared.values[op[1]]
        await trio.lowlevel.checkpoint()
        world.write(op[1])
        shared.values[op[1]] = before + 1
    elif kind == "turn":
        await trio.lowlevel.checkpoint()
    elif kind == "ask":
        seen.append(world.ask(Kind.VALUE, ("a", "b")))
    elif kind == "look":
        seen.append((shared.event.is_set(), shared.lock.locked()))
    elif kind == "sleep":
        await world.sleep_until(world.tick + op[1])
    elif kind == "cancel":
        shared.scopes[op[1] % len(shared.scopes)].cancel()
    else:
        await _wait(shared, name, op, seen)


async def _wait(shared: _Shared, name: str, op: Op, seen: list[Any]) -> None:
    kind = op[0]
    if kind == "set":
        shared.event.set()
    elif kind == "wait":
        await shared.event.wait()
        seen.append("set")
    elif kind == "put":
        await shared.put.send(name)
    elif kind == "get":
        seen.append(await shared.get.receive())
    elif kind == "locked":
        async with shared.lock:
            await _do_all(shared, name, op[1])
    elif kind == "within":
        with trio.move_on_after(seconds(op[1])) as scope:
            await _do_all(shared, name, op[2])
        seen.append(scope.cancelled_caught)
    else:
        async with trio.open_nursery() as nursery:
            for number, ops in enumerate(op[1:]):
                nursery.start_soon(_do_all, shared, f"{name}.{number}", ops, name="part")
