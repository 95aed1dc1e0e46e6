"""The only place that uses private names of Trio. They are checked when this file is imported.

With `_ALLOW_DETERMINISTIC_SCHEDULING` set, Trio hands every batch of runnable tasks, sorted by
creation, to `_r.shuffle` (trio/_core/_run.py, unrolled_run). Replacing `_r` by an object that takes
the tasks out and leaves one makes every scheduling step ours. Tasks of a world forget when they
were created, so that Trio's sort, which is stable, leaves them in the order in which they became
ready.

The list that is shuffled is the one that Trio pops from until it is empty, so after a step (an
Instrument's `after_task_step`) the next task is put right there. Trio's own top of the loop
(sort, epoll, deadlines) is met only where it is needed: nothing is ready, time was moved by choice,
a deadline has passed, or now and then, so that signals get through. While the picker holds ready
tasks, one of them stands in the run queue then, or Trio would take the run for idle.

The other names tell who waits for silence and which cancel scopes a task stands in.

Trio wakes the waiters of an `Event` and the tasks of a cancelled scope by walking a set, that is in
the order of their addresses. Both calls are bracketed while the kernel runs, so that it can put
such wake-ups in an order that repeats.
"""

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import trio
from trio._core import _run as _trio_run

from sim.errors import UnsupportedTrio

_run: Any = _trio_run

SUPPORTED = "0.25 to 0.35"


def _missing() -> list[str]:
    wanted: list[tuple[Any, str]] = [
        (_run, "_ALLOW_DETERMINISTIC_SCHEDULING"),
        (_run, "_r"),
        (_run, "GLOBAL_RUN_CONTEXT"),
        (_run.Runner, "waiting_for_idle"),
        (_run.Runner, "runq"),
        (_run.Runner, "deadlines"),
        (_run.Deadlines, "next_deadline"),
        (_run.Deadlines, "_heap"),
        (trio.CancelScope, "_registered_deadline"),
        (_run.Task, "_counter"),
        (_run.Task, "_cancel_status"),
        (_run.Task, "_next_send"),
        (_run.CancelStatus, "_scope"),
        (_run.CancelStatus, "_parent"),
        (trio.CancelScope, "cancel"),
        (trio.CancelScope, "__init__"),
        (trio.CancelScope, "__enter__"),
        (trio.CancelScope, "__exit__"),
    ]
    names = []
    for owner, name in wanted:
        fields = {field.name for field in getattr(owner, "__attrs_attrs__", ())}
        assigned = getattr(getattr(owner, "__init__", None), "__code__", None)
        set_by_init = assigned is not None and name in assigned.co_names
        if name not in fields and not set_by_init and not hasattr(owner, name):
            names.append(f"{owner.__name__}.{name}")
    return names


if _names := _missing():
    raise UnsupportedTrio(
        f"Trio {trio.__version__} lacks {', '.join(_names)}; wsrace works with Trio {SUPPORTED}"
    )

Task = trio.lowlevel.Task
_TOP_EVERY = 1000
"""Steps after which Trio's loop has its turn in any case."""
_CANCEL = "_cancel" if hasattr(trio.CancelScope, "_cancel") else "cancel"


class Picker(Protocol):
    """Decides which tasks of a batch step now."""

    watches: bool
    """Whether it wants to be told of cancel scopes."""

    def add(self, tasks: list[Task], expired: int) -> None:
        """Take tasks that have become ready, in that order.

        expired: index of the first one that Trio itself made ready, between two steps.
        """

    def pick(self) -> list[Task]:
        """Return the tasks to step now, in order; none if Trio's loop is to look at time first."""

    def held(self) -> Task | None:
        """Return a task that is ready and was not returned yet, None if there is none."""

    def cancelling(self, scope: trio.CancelScope) -> None:
        """Take note that `scope` is being cancelled."""

    def made(self, scope: trio.CancelScope) -> None:
        """Take note that the current task has made `scope`."""

    def entering(self, scope: trio.CancelScope) -> None:
        """Take note that the current task enters `scope`."""

    def leaving(self, scope: trio.CancelScope) -> None:
        """Take note that the current task leaves `scope`."""

    def by_address(self, tasks: list[Task]) -> list[Task]:
        """Return `tasks`, woken together in the order of their addresses, in one that repeats."""


class _Shuffler(trio.abc.Instrument):
    """Stands in for Trio's random generator, and is told of the end of every step.

    Runs in other threads are left as they were.
    """

    def __init__(self, real: Any, picker: Picker) -> None:
        self._real = real
        self._picker = picker
        self.begin(None)

    def begin(self, runner: Any) -> None:
        """Take over a run of Trio's."""
        self.runner = runner
        self.expired: int | None = None
        """How many tasks were ready when Trio itself began to wake others, between two steps."""
        self.feeding = False
        """Whether a step is over and the next one is being picked."""
        self._batch: list[Task] | None = None
        self._stand_in: Task | None = None
        self._fed = 0
        self._error: BaseException | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def shuffle(self, batch: list[Task]) -> None:
        runner: Any = getattr(_run.GLOBAL_RUN_CONTEXT, "runner", None)
        if self.runner is None or runner is not self.runner:
            self._real.shuffle(batch)
            return
        self.raise_kept()
        expired, self.expired = self.expired, None
        if expired is None:
            expired = len(batch)
        if self._stand_in is not None:
            index = batch.index(self._stand_in)
            del batch[index]
            expired -= index < expired
            self._stand_in = None
        self._picker.add(batch[:], expired)
        batch[:] = self._picker.pick()
        batch.reverse()  # Trio pops from the end
        self._batch = batch
        if not batch:
            self._hold()

    def after_task_step(self, task: Task) -> None:
        """Put the next task into the batch of the step that is over."""
        batch = self._batch
        if batch or batch is None:
            return  # others go first, or the run was not ours yet when the batch was made
        queue = self.runner.runq
        new = list(queue)
        queue.clear()
        self.feeding = True
        try:
            self._picker.add(new, len(new))  # also if there are none: the step is over
            self._fed += 1
            if self._fed % _TOP_EVERY and not self._deadline_passed():
                batch += self._picker.pick()
                if len(batch) > 1:
                    batch.reverse()
        except BaseException as error:  # of an Instrument Trio would log it, and go on without us
            self._error = error
        finally:
            self.feeding = False
        if not batch:
            self._hold()

    def raise_kept(self) -> None:
        """Raise, out of Trio's loop, what went wrong in the picking."""
        if self._error is not None:
            raise self._error

    def _deadline_passed(self) -> bool:
        """Whether one has; also for one that nobody waits for any more, which Trio then drops."""
        heap = self.runner.deadlines._heap
        return bool(heap) and heap[0][0] <= self.runner.clock.current_time()

    def _hold(self) -> None:
        """Let Trio's loop know that something is ready, if something is."""
        self._stand_in = self._picker.held()
        if self._stand_in is not None:
            self.runner.runq.append(self._stand_in)

    def reorder(self, first: int) -> None:
        """Put what was added to the run queue from index `first` on in an order that repeats."""
        queue = _run.GLOBAL_RUN_CONTEXT.runner.runq
        if len(queue) - first > 1:
            woken = [queue.pop() for _ in range(len(queue) - first)]
            queue.extend(self._picker.by_address(woken))

    @property
    def ready(self) -> int:
        """How many tasks are ready in the run of the calling thread; -1 if it is not ours."""
        runner: Any = getattr(_run.GLOBAL_RUN_CONTEXT, "runner", None)
        return len(runner.runq) if runner is not None and runner is self.runner else -1


_shuffler: _Shuffler | None = None


@contextmanager
def installed(picker: Picker) -> Iterator[Callable[[], None]]:
    """Put `picker` in charge of every batch. Yields a function to call inside the `trio.run`.

    Trio's flag, its random generator and `CancelScope` are restored on leaving, whatever happens.
    """
    global _shuffler
    saved = (_run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r, _shuffler)
    shuffler = _shuffler = _Shuffler(_run._r, picker)
    original_cancel, original_set = getattr(trio.CancelScope, _CANCEL), trio.Event.set
    original_init, original_enter = trio.CancelScope.__init__, trio.CancelScope.__enter__
    original_exit = trio.CancelScope.__exit__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original_init(self, *args, **kwargs)
        if picker.watches and shuffler.ready >= 0:
            picker.made(self)

    def enter(self: Any) -> Any:
        if picker.watches and shuffler.ready >= 0:
            picker.entering(self)
        return original_enter(self)

    def leave(self: Any, *args: Any) -> Any:
        if picker.watches and shuffler.ready >= 0:
            picker.leaving(self)
        return original_exit(self, *args)

    def cancel(self: Any, *args: Any, **kwargs: Any) -> None:
        first = shuffler.ready
        if first >= 0:
            picker.cancelling(self)
        if first >= 0 and shuffler.expired is None and not in_task():
            shuffler.expired = first
        original_cancel(self, *args, **kwargs)
        if first >= 0:
            shuffler.reorder(first)

    def set_event(self: trio.Event) -> None:
        first = shuffler.ready
        original_set(self)
        if first >= 0:
            shuffler.reorder(first)

    def take_over() -> None:
        shuffler.begin(_run.GLOBAL_RUN_CONTEXT.runner)
        trio.lowlevel.add_instrument(shuffler)

    _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r = True, shuffler
    setattr(trio.CancelScope, _CANCEL, cancel)
    trio.CancelScope.__init__ = init  # type: ignore[method-assign]
    trio.CancelScope.__enter__ = enter  # type: ignore[method-assign]
    trio.CancelScope.__exit__ = leave  # type: ignore[method-assign]
    trio.Event.set = set_event  # type: ignore[method-assign]
    try:
        yield take_over
    finally:
        setattr(trio.CancelScope, _CANCEL, original_cancel)
        trio.CancelScope.__init__ = original_init  # type: ignore[method-assign]
        trio.CancelScope.__enter__ = original_enter  # type: ignore[method-assign]
        trio.CancelScope.__exit__ = original_exit  # type: ignore[method-assign]
        trio.Event.set = original_set  # type: ignore[method-assign]
        _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r, _shuffler = saved


def clock_wakes() -> None:
    """Say that what is made ready from here on, with nothing ready before, is the clock's doing."""
    if _shuffler is not None:
        _shuffler.expired = 0


def forget_creation(task: Task) -> None:
    """Let Trio's sort of runnable tasks leave `task` where it became ready."""
    task._counter = -1


def met_foreign_yield(task: Task) -> bool:
    """Whether `task` yielded what Trio does not know, as asyncio's functions do.

    Trio then throws a TypeError into it instead of sending an outcome (unrolled_run).
    """
    return type(task._next_send) is TypeError


def next_deadline() -> float:
    """Return Trio's next deadline, in seconds of its clock; infinity if there is none."""
    deadline: float = _run.GLOBAL_RUN_CONTEXT.runner.deadlines.next_deadline()
    return deadline


def deadlines() -> Iterator[tuple[float, trio.CancelScope]]:
    """Yield Trio's pending deadlines, in seconds of its clock, and their scopes: in any order."""
    runner: Any = getattr(_run.GLOBAL_RUN_CONTEXT, "runner", None)
    for deadline, _, scope in runner.deadlines._heap if runner is not None else ():
        if deadline == scope._registered_deadline:  # others are stale (trio._core._run.Deadlines)
            yield deadline, scope


def read_by_code() -> bool:
    """Whether the clock is being read by code outside Trio, which itself reads it for deadlines."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name in ("tick", "current_time"):
        frame = frame.f_back
    return frame is None or str(frame.f_globals.get("__name__", "?")).partition(".")[0] != "trio"


def in_task() -> bool:
    """Whether a task is stepping, as opposed to Trio's own loop or the picking of a next one."""
    feeding = _shuffler is not None and _shuffler.feeding
    return hasattr(_run.GLOBAL_RUN_CONTEXT, "task") and not feeding


def idle_waiters() -> bool:
    """Whether a task of the current run waits in `wait_all_tasks_blocked`.

    Asked when nothing is ready; such tasks, too, Trio wakes in the order of their addresses.
    """
    if _shuffler is not None:
        _shuffler.raise_kept()
    if not _run.GLOBAL_RUN_CONTEXT.runner.waiting_for_idle:
        return False
    clock_wakes()
    return True


def shared_state(channel: Any) -> Any:
    """Return what the two ends of a memory channel share."""
    return channel._state


def enclosing_scopes(task: Task) -> list[trio.CancelScope]:
    """Return the cancel scopes that `task` stands in, innermost first."""
    scopes = []
    status: Any = task._cancel_status
    while status is not None:
        scopes.append(status._scope)
        status = status._parent
    return scopes
