"""The dates of runs: `datetime` reads the clock in C, where only time-machine can stand in.

It replaces the C functions behind `datetime.now`, `time.localtime` and the like for the whole
process, and asks a traveller for the time: outside of runs that is the real one. `uuid.uuid1` asks
for the time, too, once time-machine has taken the system's own call away from it.

time-machine is part of `wsrace[app]`; without it dates are as always, and runs of code that looks
at them are not repeatable, which a check notices and says.
"""

import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic_ns
from types import BuiltinFunctionType
from typing import Any

from sim.aio.inside import note_reader, running
from sim.aio.world import EPOCH_S
from sim.errors import UserError

_IN_C = ("time", "time_ns", "gmtime", "localtime", "strftime", "clock_gettime", "clock_gettime_ns")
"""What time-machine replaces of `time`, in its C functions."""
_EPOCH_NS = EPOCH_S * 1_000_000_000


@contextmanager
def virtual_dates() -> Iterator[None]:
    """Let dates within runs be those of the run. Raises UserError where another tool has them.

    To be entered before anything of the module `time` is replaced.
    """
    try:
        import time_machine
    except ImportError:
        yield
        return
    if not all(type(getattr(time, name)) is BuiltinFunctionType for name in _IN_C):
        yield  # somebody else stands in for it: time-machine would write into what is no C function
        return

    ahead_ns = time.time_ns() - monotonic_ns()

    def time_ns() -> int:
        world = running()
        if world is None:
            return monotonic_ns() + ahead_ns  # the real one, by a clock that is not replaced
        note_reader(world, sys._getframe(1))
        return world.clock_ns() + _EPOCH_NS

    uuid.getnode()  # kept from now on: within a run it would ask the system
    travel = time_machine.travel(0, tick=False)
    try:
        traveller: Any = travel.start()
    except RuntimeError as error:  # freezegun has replaced `datetime`
        raise UserError(f"check: {error}") from None
    traveller.time_ns = time_ns
    try:
        yield
    finally:
        travel.stop()
