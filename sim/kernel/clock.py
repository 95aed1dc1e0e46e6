"""Virtual time on the public `trio.abc.Clock`.

Trio asks `deadline_to_sleep_time` only when nothing is runnable, so that call is where time may
jump, and an infinite deadline there means that nothing will ever run again. One trap: Trio asks
before it looks at `wait_all_tasks_blocked`, so idle waiters must be let in first; else a clock
jumps too early, or reports a deadlock that is none (trio/_core/_run.py, unrolled_run).
"""

import math
from typing import Protocol

import trio

from sim.model.ticks import PER_SECOND, from_seconds

_NEVER = 1e5
"""Longer than any cushion: makes Trio wait for its idle waiters, or for a signal."""


class TimeKeeper(Protocol):
    """Who knows the time and what to do when nothing is runnable."""

    def idle_waiters(self) -> bool:
        """Return whether a task waits in `wait_all_tasks_blocked`."""

    def tick(self) -> int:
        """Return the time. Trio also asks before it wakes tasks whose deadlines have passed."""

    def jump(self, tick: int) -> None:
        """Move to a tick and wake what is due; called when nothing is runnable."""

    def next_timer(self) -> int | None:
        """Return the tick of the world's next timer, which Trio does not know."""

    def silence(self) -> bool:
        """Nothing is runnable and no deadline is set: return whether something was done."""


class VirtualClock(trio.abc.Clock):
    """A clock in integer ticks that moves only when told to."""

    def __init__(self, keeper: TimeKeeper) -> None:
        self._keeper = keeper

    def start_clock(self) -> None:
        """Nothing to start."""

    def current_time(self) -> float:
        """Return the virtual time in seconds, exactly."""
        return self._keeper.tick() / PER_SECOND

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Jump to `deadline`, unless somebody waits for exactly this silence. Never sleeps."""
        keeper = self._keeper
        if keeper.idle_waiters():
            return _NEVER
        timer = keeper.next_timer()
        if deadline != math.inf:
            tick = from_seconds(deadline)
            tick = tick if timer is None or tick < timer else timer
        elif timer is not None:
            tick = timer
        else:
            return 0 if keeper.silence() else _NEVER
        if tick > keeper.tick() or tick == timer:
            keeper.jump(max(tick, keeper.tick()))
        return 0
