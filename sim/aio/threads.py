"""Threads: a function runs in a real thread, to its end and at once; where it lands is a choice.

On a real loop the result comes by `call_soon_threadsafe`, which may happen between any two
callbacks: it appends to the ready queue. So the landing is asked for before each callback while a
thread is out, but only where the queue grew since it was asked last: an append before or after a
callback that appended nothing is the same.

A thread may call back into the loop (`run_coroutine_threadsafe`, `async_to_sync`) and wait for the
answer. It cannot get one: the loop does not go on before the thread is over. That is refused, and
never waited for. What a function does meanwhile is not interleaved with the loop.
"""

import asyncio
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sim.aio.inside import running
from sim.aio.refuse import refuse
from sim.aio.world import CONNECTION
from sim.errors import RefusedOperation
from sim.model.record import LOOP
from sim.model.schedule import Kind

if TYPE_CHECKING:
    from sim.aio.loop import SimLoop

LONGEST_S = 5.0
"""A thread that takes longer, in real time, waits for something that never comes."""


class _Ready(deque[Any]):
    """The ready queue while threads are out: before each callback one may land."""

    def __init__(self, threads: "Threads", handles: Any) -> None:
        super().__init__(handles)
        self._threads = threads
        self._asked_at = -1

    def popleft(self) -> Any:
        """Return the next callback, after those landings that come before it."""
        threads = self._threads
        if threads.out and len(self) != self._asked_at:
            while threads.out and threads.lands():
                self.append(threads.out.popleft())
        handle = super().popleft()
        self._asked_at = len(self)
        threads.loop.begins(handle)
        return handle


class _OurThread(threading.Thread):
    """A thread that the engine starts itself: any other one is refused."""


@contextmanager
def refusing_threads() -> Iterator[None]:
    """Refuse threads that a run starts by itself: when they do what no schedule controls.

    At `Thread.start`, which Python 3.11 does not audit.
    """
    start = threading.Thread.start

    def refused(self: threading.Thread) -> None:
        world = running()
        if world is not None and not isinstance(self, _OurThread):
            refuse(world, "started a thread", sys._getframe(1))
            raise RefusedOperation(
                "started a thread inside a simulated run: no schedule controls it"
            )
        start(self)

    threading.Thread.start = refused  # type: ignore[method-assign]
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]


def run_in_thread(func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
    """Run a function in a thread of the loop that runs; return the future of its result."""
    return asyncio.get_running_loop().run_in_executor(None, func, *args)


class Threads:
    """The threads of one run that have not landed yet."""

    def __init__(self, loop: "SimLoop") -> None:
        self.loop = loop
        self._thread = threading.get_ident()
        self.out: deque[asyncio.Handle] = deque()
        """What they will land, in the order in which they were started."""
        loop.selector.threads_out = lambda: len(self.out)
        loop.selector.landing = self.lands_idle

    def is_ours(self) -> bool:
        """Whether the loop's own thread asks."""
        return threading.get_ident() == self._thread

    def run(self, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        """Run a function in a thread; return the future of what it returns or raises."""
        loop = self.loop
        if not isinstance(loop.ready_queue, _Ready):
            loop.ready_queue = _Ready(self, loop.ready_queue)
        future: asyncio.Future[Any] = loop.create_future()
        results: list[tuple[Any, BaseException | None]] = []

        def body() -> None:
            try:
                results.append((func(*args), None))
            except BaseException as error:
                results.append((None, error))

        thread = _OurThread(target=body, daemon=True)
        thread.start()
        thread.join(LONGEST_S)
        if thread.is_alive():
            loop.world.refuse(f"ran a thread for more than {LONGEST_S:g} s, or waited in one")
            return future

        def land() -> None:
            if future.cancelled():
                return
            value, error = results[0]
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

        self.out.append(asyncio.Handle(land, (), loop))
        return future

    def call_back(self, callback: Any, args: Any, context: Any) -> asyncio.Handle:
        """Take a callback from another thread."""
        self.loop.world.refuse("called back into the loop from a thread")
        raise RuntimeError("a thread cannot call back into a simulated loop")

    def lands(self) -> bool:
        """Whether the first thread lands before the next callback."""
        return self.loop.world.ask(Kind.STEP, (LOOP, "thread"), 0, "thread", running=0) == 1

    def lands_idle(self, must: bool) -> bool:
        """Let the first thread land while nothing is ready; return whether it did."""
        world = self.loop.world
        if must or world.ask(Kind.STEP, ("thread", LOOP), 0, "idle thread") == 0:
            handle = self.out.popleft()
            self.loop.ready_queue.append(handle)
            world.event("landed", "(thread)", connection=CONNECTION.get())
            return True
        return False
