"""Worker processes behind `concurrent.futures.Executor`, each of them watched.

A process that dies, is killed or gives no answer in time is replaced, and what it was at is done
again; only what loses its process every time comes back as `WorkerLost`. What goes to a worker is
pure, so that doing it again changes nothing.

Why no library: concurrent.futures, loky and pebble let all workers share one pipe. A process that
is killed while it writes leaves half a message in it, or its lock held: the first two give up the
whole pool, and pebble does after a minute of waiting for the lock. Here each worker has a pipe of
its own, and a thread that waits for it.
"""

import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, NamedTuple

from sim.errors import NoAnswer, UserError

TIMES = 2
"""How often work that loses its process is done before it is given back."""
_CONTEXT = get_context("spawn")
_ENDS_S = 5.0
"""How long a process that has nothing more to do may take to end."""


class WorkerLost(NoAnswer):
    """The process that was at something ended, or gave no answer, each time that it was done."""


class _LostError(Exception):
    """Why a process is of no use any more. ends_in_s: how long it may take to end by itself."""

    def __init__(
        self, why: str, running: "_Running", ends_in_s: float = _ENDS_S, was_starting: bool = False
    ) -> None:
        super().__init__(why)
        self.running, self.ends_in_s, self.was_starting = running, ends_in_s, was_starting


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


@dataclass(frozen=True, slots=True)
class _Work:
    future: "Future[Any]"
    call: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class Pool(Executor):
    """Processes that are watched."""

    def __init__(
        self, workers: int, line: Line | None = None, limit_s: float | None = None
    ) -> None:
        """Prepare; processes start with the first work.

        line: to the processes, if one is needed. limit_s: how long one piece of work may take, in
        seconds; None for no limit.
        """
        self.line = line
        self.limit_s = limit_s
        self.lost = 0
        """How many processes were lost and replaced."""
        self.times = TIMES
        """How often work that loses its process is done."""
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._lock = Lock()
        self._closed = self._killed = False
        self._slots = [_Slot(self) for _ in range(workers)]
        self._threads: list[Thread] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Let a worker call a function. Raises RuntimeError after `shutdown`."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool was shut down")
            if not self._threads:
                self._threads = [Thread(target=one.serve, daemon=True) for one in self._slots]
                for thread in self._threads:
                    thread.start()
        future: Future[Any] = Future()
        self._work.put(_Work(future, (fn, args, kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers once all work is done; with `cancel_futures` what they are at."""
        with self._lock:
            self._closed = True
        while cancel_futures and (work := self._waiting()) is not None:
            work.future.cancel()
        for _ in self._slots:
            self._work.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def kill(self) -> None:
        """End all workers at once: what they are at comes back as `WorkerLost`."""
        self._closed = self._killed = True
        for one in self._running():
            one.process.kill()

    @property
    def pids(self) -> list[int]:
        """The processes that live now."""
        return [one.process.pid for one in self._running() if one.process.pid is not None]

    def at(self) -> "list[tuple[str, Future[Any] | None]]":
        """Return for each process what it is called, and what it is at."""
        return [
            (f"process {found.process.pid}", one.work.future if one.work is not None else None)
            for one in self._slots
            if (found := one.running) is not None
        ]

    @property
    def is_killed(self) -> bool:
        """Whether no process is to be started any more."""
        return self._killed

    def next_work(self) -> _Work | None:
        """Return what is to be done next, None if nothing will be; waits for it."""
        return self._work.get()

    def note_lost(self) -> None:
        """Take note of a process that was lost."""
        with self._lock:
            self.lost += 1

    def _running(self) -> "list[_Running]":
        return [found for one in self._slots if (found := one.running) is not None]

    def _waiting(self) -> _Work | None:
        try:
            return self._work.get_nowait()
        except Empty:
            return None


class _Running(NamedTuple):
    process: SpawnProcess
    pipe: Connection


class _Slot:
    """One process at a time, and what a thread does that waits for it."""

    def __init__(self, pool: Pool) -> None:
        self.running: _Running | None = None
        self.work: _Work | None = None
        """What it is at."""
        self._pool = pool

    def serve(self) -> None:
        """Have work done as it comes, until no more will."""
        while (work := self._pool.next_work()) is not None:
            if work.future.set_running_or_notify_cancel():
                self.work = work
                self._do(work)
                self.work = None
        if self.running is not None:
            self._end(self.running, _ENDS_S)

    def _do(self, work: _Work) -> None:
        """Have something done; again, if its process is lost."""
        why, never_began = "the workers were stopped", False
        for _ in range(self._pool.times):
            if self._pool.is_killed:
                break
            try:
                self.running = self.running or self._start()
                is_done, value = self._ask(self.running, work.call)
            except _LostError as lost:
                code = self._end(lost.running, lost.ends_in_s)
                why = f"{lost}, with exit code {code}"
                never_began = lost.was_starting and code is not None and code > 0
                self._pool.note_lost()
                continue
            except Exception as error:  # the call cannot be pickled, or no process be started
                is_done, value = False, error
            if is_done:
                work.future.set_result(value)
            else:
                work.future.set_exception(value)
            return
        hint = 'a script that starts worker processes needs `if __name__ == "__main__":`'
        lost_each = UserError(f"workers: {why}; {hint}") if never_began else WorkerLost(why)
        work.future.set_exception(lost_each)

    def _ask(self, running: _Running, call: object) -> tuple[bool, Any]:
        """Return whether a call was done, and what it returned, else raised."""
        limit = self._pool.limit_s
        try:
            running.pipe.send(call)
            # its death ends its pipe, unless it has left a child with a copy
            if not wait([running.pipe, running.process.sentinel], limit):
                raise _LostError(f"it gave no answer for {limit:g} s", running, 0)
            if not running.pipe.poll():
                raise EOFError
            answer: tuple[bool, Any] = running.pipe.recv()
        except (EOFError, ConnectionError):
            raise _LostError("its process ended", running) from None
        return answer

    def _start(self) -> _Running:
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_serve, args=(theirs, self._pool.line), daemon=True)
        try:
            with _interrupts_blocked():  # Ctrl-C reaches all processes, this one before it knows
                process.start()
        finally:
            theirs.close()
        running = _Running(process, ours)
        if self._pool.is_killed:
            process.kill()
        wait([ours, process.sentinel])
        try:
            ours.recv_bytes()  # it says when it has imported what it needs
        except (EOFError, ConnectionError):
            why = "its process ended before it could do anything"
            raise _LostError(why, running, was_starting=True) from None
        return running

    def _end(self, running: _Running, seconds: float) -> int | None:
        """Let a process end by itself for a while, then kill it. Return its exit code."""
        running.pipe.close()
        running.process.join(seconds)
        running.process.kill()
        running.process.join()
        self.running = None
        return running.process.exitcode


@contextmanager
def open_pool(workers: int, news: bool = False, limit_s: float | None = None) -> Iterator[Pool]:
    """A pool whose processes leave Ctrl-C to this one, and end with the work that they are at.

    news: whether they have a line to tell what they find meanwhile. limit_s: how long one piece of
    work may take, in seconds.
    """
    line = Line(_CONTEXT.Queue(), _CONTEXT.Event()) if news else None
    pool = Pool(workers, line, limit_s)
    pool.times = 1 if news else TIMES  # what was told would be told again
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)  # at most what is running
        raise
    pool.shutdown()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let processes that this thread starts begin with SIGINT blocked."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, line: Line | None) -> None:
    """Do what comes through a pipe, until it ends: who sent it may have been killed, too."""
    global _line
    _line = line
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pipe.send_bytes(b"ready")
        while True:
            pipe.send_bytes(_answer(pipe.recv_bytes()))
    except (EOFError, OSError):
        return


def _answer(asked: bytes) -> bytes:
    """Do what is asked, and return what came of it."""
    try:
        function, args, kwargs = pickle.loads(asked)
        return pickle.dumps((True, function(*args, **kwargs)))
    except Exception as error:
        told = traceback.format_exc().rstrip()
        error.add_note(f"in a worker process:\n{told}")
        try:
            said = pickle.dumps((False, error))
            pickle.loads(said)  # some take other arguments than they keep
        except Exception:
            said = pickle.dumps((False, RuntimeError(told)))
        return said
