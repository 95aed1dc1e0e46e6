"""Chance and time inside runs: hashes instead of draws, virtual time instead of the clock's.

What is drawn depends on the connection that asks and on how often it did, so that no two states
differ by it alone. Both are replaced where code looks them up: as attributes of the module that has
them, and where a module has taken them over by `from time import time`. Outside of a run, and in
threads that were there before, everything is as always.

`datetime` reads the clock in C: sim/aio/dates.py.
"""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from sim.aio.inside import note_reader, running
from sim.aio.refuse import user_line
from sim.aio.world import BASE_S, CONNECTION, EPOCH_S, World
from sim.entropy import influence_free, seed_for

_NS = 1_000_000_000


def _urandom(count: int) -> bytes:
    world = running()
    if world is None:
        return _REAL["urandom"](count)  # type: ignore[no-any-return]
    return drawn(world, count)


def drawn(world: World, count: int) -> bytes:
    """Return bytes that depend on who asks, and how often it did."""
    who = CONNECTION.get()
    world.drawn[who] = number = world.drawn.get(who, 0) + 1
    return influence_free(count, who, number)


def _clock(name: str, offset_ns: int, per_second: bool) -> Callable[[], Any]:
    def read() -> Any:
        world = running()
        if world is None:
            return _REAL[name]()
        note_reader(world, sys._getframe(1))
        nanoseconds = world.clock_ns() + offset_ns
        return nanoseconds / _NS if per_second else nanoseconds

    read.__name__ = name
    return read


def _sleep(seconds: float) -> None:
    world = running()
    if world is None:
        _REAL["sleep"](seconds)
    else:  # it holds up the loop, and everybody else
        world.block(round(seconds * _NS), user_line(sys._getframe(1)))


_SINCE_START_NS = round(BASE_S) * _NS
_REAL: dict[str, Any] = {
    "urandom": os.urandom,
    "time": time.time,
    "time_ns": time.time_ns,
    "monotonic": time.monotonic,
    "monotonic_ns": time.monotonic_ns,
    "perf_counter": time.perf_counter,
    "perf_counter_ns": time.perf_counter_ns,
    "sleep": time.sleep,
}
_OURS: dict[str, Any] = {
    "urandom": _urandom,
    "time": _clock("time", EPOCH_S * _NS, per_second=True),
    "time_ns": _clock("time_ns", EPOCH_S * _NS, per_second=False),
    "monotonic": _clock("monotonic", _SINCE_START_NS, per_second=True),
    "monotonic_ns": _clock("monotonic_ns", _SINCE_START_NS, per_second=False),
    "perf_counter": _clock("perf_counter", _SINCE_START_NS, per_second=True),
    "perf_counter_ns": _clock("perf_counter_ns", _SINCE_START_NS, per_second=False),
    "sleep": _sleep,
}
_STDLIB_KEEPS = frozenset({"threading", "queue", "logging", "selectors", "concurrent", "asyncio"})
"""Modules that wait or count time for the interpreter, and not for the application."""


def _places() -> list[tuple[ModuleType, str, str]]:
    """Return where the real ones are looked up: module, name there, name here."""
    known = {id(real): name for name, real in _REAL.items()}
    found = []
    for name, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or name.partition(".")[0] in (*_STDLIB_KEEPS, "sim"):
            continue
        for attribute, value in list(vars(module).items()):
            real = known.get(id(value))
            if real is not None:
                found.append((module, attribute, real))
    return found


@contextmanager
def virtual() -> Iterator[None]:
    """Replace them while runs are made."""
    places = _places()
    for module, attribute, name in places:
        setattr(module, attribute, _OURS[name])
    try:
        yield
    finally:
        for module, attribute, name in places:
            setattr(module, attribute, _REAL[name])


def drawn_so_far() -> int:
    """Return what the module `random` has drawn so far, as far as it matters for what it draws."""
    return hash(random.getstate())


@contextmanager
def same_draws() -> Iterator[None]:
    """Let the module `random` draw the same in every run, and as before afterwards.

    So must `uuid.uuid1`, which never gives a time twice and for that keeps the last one.
    """
    state = random.getstate()
    random.seed(seed_for(0, "random"))
    if "uuid" in sys.modules:
        vars(sys.modules["uuid"])["_last_timestamp"] = None
    try:
        yield
    finally:
        random.setstate(state)
