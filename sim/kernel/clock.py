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
    on_jump: called with the tick of the next deadline when nothing is runnable; it may stop the
    jump by returning False.
    on_silence: called when nothing is runnable and no deadline is set.
    """

    def __init__(
        self,
        idle_waiters: Callable[[], bool],
        on_jump: Callable[[int], bool],
        on_silence: Callable[[], bool],
    ) -> None:
        self.tick = 0
        self._idle_waiters = idle_waiters
        self._on_jump = on_jump
        self._on_silence = on_silence

    def start_clock(self) -> None:
        """Nothing to start."""

    def current_time(self) -> float:
        """Return the virtual time in seconds, exactly."""
        return seconds(self.tick)

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Jump to `deadline`, unless somebody waits for exactly this silence. Never sleeps."""
        if self._idle_waiters():
            return _NEVER
        if deadline == math.inf:
            return 0 if self._on_silence() else _NEVER
        tick = from_seconds(deadline)
        if tick > self.tick and self._on_jump(tick):
            self.tick = tick
        return 0
