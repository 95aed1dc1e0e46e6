"""Worker processes: the same pool for whoever spreads work that needs no state."""

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """What processes of a pool tell while they work, and that they are to stop."""

    news: "Queue[Any]"
    stop: Event

    @staticmethod
    def of_this_process() -> "Line":
        """Return the line of the pool that the calling process belongs to."""
        assert _line is not None, "this process belongs to no pool with a line"
        return _line


_line: Line | None = None


class Pool(ProcessPoolExecutor):
    """A pool of processes. line: to them, if one was asked for."""

    def __init__(self, workers: int, line: Line | None) -> None:
        super().__init__(workers, _CONTEXT, initializer=_begin, initargs=(line,))
        self.line = line


_CONTEXT = get_context("spawn")


@contextmanager
def open_pool(workers: int, news: bool = False) -> Iterator[Pool]:
    """A pool whose processes leave Ctrl-C to this one, and end with the work that they are at.

    news: whether they have a line to tell what they find meanwhile.
    """
    pool = Pool(workers, Line(_CONTEXT.Queue(), _CONTEXT.Event()) if news else None)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)  # at most what is running
        raise
    pool.shutdown()


def _begin(line: Line | None) -> None:
    global _line
    _line = line
    signal.signal(signal.SIGINT, signal.SIG_IGN)
