"""The only place that uses private names of Trio. They are checked when this file is imported.

With `_ALLOW_DETERMINISTIC_SCHEDULING` set, Trio hands every batch of runnable tasks, sorted by
creation, to `_r.shuffle` (trio/_core/_run.py, unrolled_run). Replacing `_r` by an object that keeps
one task and gives the rest back to the run queue makes every scheduling step ours. Tasks of a world
forget when they were created, so that Trio's sort, which is stable, leaves them in the order in
which they became ready. The other names tell who waits for silence and which cancel scopes a task
stands in.

Trio wakes the waiters of an `Event` and the tasks of a cancelled scope by walking a set, that is in
the order of their addresses. Both calls are bracketed while the kernel runs, so that it can put
such wake-ups in an order that repeats.
"""

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
_CANCEL = "_cancel" if hasattr(trio.CancelScope, "_cancel") else "cancel"


class Picker(Protocol):
    """Decides which tasks of a batch step now."""

    def pick(self, batch: list[Task], expired: int) -> list[Task]:
        """Return the tasks to step, in order; the others stay runnable.

        batch: the runnable tasks, those of a world in the order in which they became ready.
        expired: index of the first one that Trio itself made ready, between two steps.
        """

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


class _Shuffler:
    """Stands in for Trio's random generator. Runs in other threads are left as they were."""

    def __init__(self, real: Any, picker: Picker) -> None:
        self._real = real
        self._picker = picker
        self.runner: Any = None
        self.expired: int | None = None
        """How many tasks were ready when Trio itself began to wake others, between two steps."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def shuffle(self, batch: list[Task]) -> None:
        runner: Any = getattr(_run.GLOBAL_RUN_CONTEXT, "runner", None)
        if self.runner is None or runner is not self.runner:
            self._real.shuffle(batch)
            return
        expired, self.expired = self.expired, None
        kept = self._picker.pick(batch, len(batch) if expired is None else expired)
        if len(kept) != len(batch):
            for task in kept:
                batch.remove(task)
            runner.runq.extend(batch)
            batch[:] = kept
        batch.reverse()  # Trio pops from the end

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
        if shuffler.ready >= 0:
            picker.made(self)

    def enter(self: Any) -> Any:
        if shuffler.ready >= 0:
            picker.entering(self)
        return original_enter(self)

    def leave(self: Any, *args: Any) -> Any:
        if shuffler.ready >= 0:
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
        shuffler.runner = _run.GLOBAL_RUN_CONTEXT.runner

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


def in_task() -> bool:
    """Whether a task is stepping, as opposed to Trio's own loop."""
    return hasattr(_run.GLOBAL_RUN_CONTEXT, "task")


def idle_waiters() -> bool:
    """Whether a task of the current run waits in `wait_all_tasks_blocked`.

    Asked when nothing is ready; such tasks, too, Trio wakes in the order of their addresses.
    """
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
