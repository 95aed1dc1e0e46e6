"""Which run is being made, and which threads belong to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sim.aio.world import World

_COUNT_FROM_NOW = frozenset({"asyncio", "anyio", "uvicorn", "websockets", "logging", "sim"})
"""Packages of which was read what they do with a clock: they add to it, subtract, and compare."""
_STAND_INS = ("now", "utcnow", "time", "time_ns", "gmtime", "localtime", "strftime")
_PASS_ON = frozenset(
    {
        ("anyio", "current_time"),
        ("email", "formatdate"),
        *(("time_machine", name) for name in _STAND_INS),
    }
)
"""Packages and functions of theirs that only hand the time to who calls them."""


def note_reader(world: World, frame: FrameType | None) -> None:
    """Take note of who reads a clock: of an application nobody knows what it does with the time.

    frame: the one that reads.
    """
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if (package, frame.f_code.co_name) not in _PASS_ON:
            world.reads_clock |= package not in _COUNT_FROM_NOW
            return
        frame = frame.f_back


class _Now:
    """The one run of this process, if there is one."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.others: frozenset[int] = frozenset()
        """Threads that lived before the run: what they do is theirs."""


_now = _Now()


def running() -> World | None:
    """Return the run that the calling thread works for, None if it works for none."""
    world = _now.world
    if world is None or threading.get_ident() in _now.others:
        return None
    return world


@contextmanager
def making(world: World) -> Iterator[None]:
    """Make a run in this thread; threads that begin meanwhile belong to it."""
    saved = _now.world, _now.others
    mine = threading.get_ident()
    _now.others = frozenset(one.ident or 0 for one in threading.enumerate()) - {mine}
    _now.world = world
    try:
        yield
    finally:
        _now.world, _now.others = saved
