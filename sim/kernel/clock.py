"""Virtual time on the public `trio.abc.Clock`.

Trio asks `deadline_to_sleep_time` only when nothing is runnable, so that call is where time may
jump, and an infinite deadline there means that nothing will ever run again. One trap: Trio asks
before it looks at `wait_all_tasks_blocked`, so idle waiters must be let in first; else a clock
jumps too early, or reports a deadlock that is none (trio/_core/_run.py, unrolled_run).
"""

import math
from collections.abc import Callable

import trio

from sim.model.ticks import from_seconds, seconds

_NEVER = 1e5
"""Longer than any cushion: makes Trio wait for its idle waiters, or for a signal."""


class VirtualClock(trio.abc.Clock):
    """A clock in integer ticks that moves only when told to.

    idle_waiters: whether a task waits in `wait_all_tasks_blocked`.
    tick: tells the time. jump: moves it to the tick of the next deadline; called when nothing is
    runnable.
    silence: called when nothing is runnable and no deadline is set; it returns whether it
    made something runnable.
    """

    def __init__(
        self,
        idle_waiters: Callable[[], bool],
        tick: Callable[[], int],
        jump: Callable[[int], None],
        silence: Callable[[], bool],
    ) -> None:
        self._idle_waiters = idle_waiters
        self._tick = tick
        self._jump = jump
        self._silence = silence

    def start_clock(self) -> None:
        """Nothing to start."""

    def current_time(self) -> float:
        """Return the virtual time in seconds, exactly."""
        return seconds(self._tick())

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Jump to `deadline`, unless somebody waits for exactly this silence. Never sleeps."""
        if self._idle_waiters():
            return _NEVER
        if deadline == math.inf:
            return 0 if self._silence() else _NEVER
        tick = from_seconds(deadline)
        if tick > self._tick():
            self._jump(tick)
        return 0
