"""Who woke whom: a loop that notes which callback made the loop call each other one.

A callback is made ready by another one, by a timer, or by a descriptor that is ready. What began
with a descriptor or a timer came from outside; everything behind it follows.
"""

import asyncio
import gc
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sim.aio.loop import SimLoop
from sim.aio.names import callback_of, context_of
from sim.aio.session import AppJob
from sim.aio.turn import Events, Selector
from sim.aio.world import CONNECTION, World

_LONGEST = 4
"""So many callbacks of a chain are told."""


@dataclass(frozen=True, slots=True)
class Wake:
    """A callback that was made ready."""

    what: object
    """The task that it steps, else what is called."""
    connection: str
    turn: int
    """The turn in which it was made ready."""
    kind: str
    """"task", "callback", "timer", "socket" or "thread"."""
    by: "Wake | None"
    """The callback that made it ready, None for a descriptor."""


class WakingLoop(SimLoop):
    """A simulated loop that notes who makes what ready."""

    def __init__(self, world: World) -> None:
        super().__init__(world, _Selector(world, self._forget))
        self._noted: dict[int, tuple[asyncio.Handle, Wake]] = {}
        self.now: Wake | None = None
        """What is being called."""
        self.ready_queue = _Ready(self, self.ready_queue)

    def _forget(self) -> None:
        """What happens until the first callback of a turn is nobody's doing."""
        self.now = None

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        """Make a callback ready, and note who does."""
        handle: asyncio.Handle = super().call_soon(callback, *args, context=context)
        self._note(handle, "callback")
        return handle

    def call_at(
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Set a timer, and note who does."""
        handle: asyncio.TimerHandle = super().call_at(when, callback, *args, context=context)
        self._note(handle, "timer")
        return handle

    def _note(self, handle: asyncio.Handle, kind: str) -> None:
        callback, _ = callback_of(handle)
        task = _task_of(callback)
        kind = "task" if task is not None and kind == "callback" else kind
        connection = context_of(handle).get(CONNECTION, "")
        wake = Wake(task or callback, connection, self.world.turns, kind, self.now)
        self._noted[id(handle)] = handle, wake

    def begins(self, handle: asyncio.Handle) -> None:
        """Take note that a callback is called now."""
        known = self._noted.get(id(handle))
        if known is not None:
            self.now = known[1]
            return
        connection = context_of(handle).get(CONNECTION, "")
        callback = callback_of(handle)[0]
        landed = str(getattr(callback, "__module__", "")) == "sim.aio.threads"
        kind = "thread" if landed else "socket"
        self.now = Wake(callback, connection, self.world.turns, kind, None)

    def chain(self) -> list[Wake]:
        """Return what led to what is called now, from where it came from outside; it is the last.

        The middle is left out if it is long.
        """
        found: list[Wake] = []
        at = self.now
        while at is not None:
            found.insert(0, at)
            at = None if at.kind in ("timer", "socket", "thread") else at.by
        return [found[0], *found[-(_LONGEST - 1) :]] if len(found) > _LONGEST else found


class _Selector(Selector):
    """Says when a turn begins."""

    def __init__(self, world: World, begin: Callable[[], None]) -> None:
        super().__init__(world)
        self._begin = begin

    def select(self, timeout: float | None = None) -> Events:
        """Return what the kernel tells the loop in this turn."""
        self._begin()
        return super().select(timeout)


class _Ready(deque[Any]):
    """The ready queue, of which is noted what is taken."""

    def __init__(self, loop: WakingLoop, handles: Any) -> None:
        super().__init__(handles)
        self._loop = loop

    def popleft(self) -> Any:
        """Return the next callback."""
        handle = super().popleft()
        self._loop.begins(handle)
        return handle


def waking(job: AppJob) -> WakingLoop:
    """Return a loop that notes who wakes whom: the `system` of a job."""
    return WakingLoop(World(job.scheduler, job.limits, job.bounds, job.schedule))


def _task_of(callback: Any) -> "asyncio.Task[Any] | None":
    """Return the task that a callback steps, None if it is none of a task's.

    CPython's own wrapper around a step has no public name for its task.
    """
    own = getattr(callback, "__self__", None)
    if isinstance(own, asyncio.Task):
        return own
    if type(callback).__name__.startswith("TaskStep"):
        held = (one for one in gc.get_referents(callback) if isinstance(one, asyncio.Task))
        return next(held, None)
    return None
