"""The only place that uses private names of asyncio. They are checked when this file is imported.

CPython's selector loop does everything itself (`BaseEventLoop._run_once`); what is replaced is what
it asks of the operating system: its selector, its clock, and the socket pair by which other threads
wake it (`_make_self_pipe` and its two companions in asyncio/selector_events.py). Everything else
that is reached here is only looked at: who is ready, which timers there are, what a task waits for.
"""

import asyncio
import sys
from asyncio import base_events, events, selector_events
from collections.abc import Iterator
from contextlib import suppress
from contextvars import Context
from selectors import BaseSelector
from typing import Any

from sim.errors import UnsupportedPython

SUPPORTED = "3.11 to 3.13"
RESOLUTION_S = 1e-9
"""A timer is due if less than that is missing: the clock is counted in nanoseconds."""


def _missing() -> list[str]:
    inside: Any = selector_events
    loop = inside.BaseSelectorEventLoop
    wanted: list[tuple[Any, str]] = [
        (loop, "_make_self_pipe"),
        (loop, "_close_self_pipe"),
        (loop, "_write_to_self"),
        (loop, "_make_socket_transport"),
        (loop, "_run_once"),
        (inside, "_SelectorTransport"),
        (inside._SelectorSocketTransport, "_read_ready"),
        (loop, "_process_events"),
        (events.Handle, "_cancelled"),
        (events.Handle, "_callback"),
        (events.Handle, "_context"),
        (events.TimerHandle, "_when"),
        (asyncio.Future, "_log_traceback"),
        (asyncio.Future, "_callbacks"),
        (asyncio.Future, "_exception"),
        (asyncio.Future, "_result"),
        (asyncio.Future, "_state"),
        (asyncio.Task, "_fut_waiter"),
        (asyncio.Task, "_must_cancel"),
        (asyncio.Task, "_log_destroy_pending"),
    ]
    names = [f"{owner.__name__}.{name}" for owner, name in wanted if not hasattr(owner, name)]
    assigned = base_events.BaseEventLoop.__init__.__code__.co_names
    names += [
        f"BaseEventLoop.{name}"
        for name in ("_ready", "_scheduled", "_clock_resolution", "_internal_fds")
        if name not in assigned
    ]
    return names


if _names := _missing():
    raise UnsupportedPython(
        f"asyncio of Python {sys.version.split()[0]} lacks {', '.join(_names)}; "
        f"applications can be checked on Python {SUPPORTED}"
    )


_SELECTOR_LOOP: Any = selector_events.BaseSelectorEventLoop


class BareLoop(_SELECTOR_LOOP):  # type: ignore[misc]  # we answer with less than its signatures say
    """CPython's selector loop without a socket of its own, its insides under public names."""

    def __init__(self, selector: BaseSelector) -> None:
        super().__init__(selector)
        self._clock_resolution = RESOLUTION_S
        self._opened: list[Any] = []

    # Nobody wakes it from another thread but through what the engine lands, so that it needs no
    # socket to itself. Its count of descriptors must fit all the same.

    def _make_self_pipe(self) -> None:
        self._internal_fds += 1

    def _close_self_pipe(self) -> None:
        self._internal_fds -= 1

    def _write_to_self(self) -> None:
        pass

    @property
    def ready_queue(self) -> Any:
        """The callbacks that are ready: a deque of handles."""
        return self._ready

    @ready_queue.setter
    def ready_queue(self, queue: Any) -> None:
        self._ready = queue

    def timers(self) -> Iterator[asyncio.TimerHandle]:
        """Yield the timers that are not cancelled, in any order."""
        return (handle for handle in self._scheduled if not handle.cancelled())

    def timer_heap(self) -> list[asyncio.TimerHandle]:
        """Return the timers as they stand: ties go by the shape of the heap."""
        return list(self._scheduled)

    def open_transport(self, sock: Any, protocol: asyncio.BaseProtocol, peer: Any) -> Any:
        """Put a transport of asyncio's own between a socket and a protocol, as `accept` does."""
        transport = self._make_socket_transport(sock, protocol, extra={"peername": peer})
        self._opened.append(transport)
        return transport

    def close(self) -> None:
        """Close the loop; nobody need hear of transports that were open when the run was over."""
        super().close()
        for transport in self._opened:
            transport._sock = None


_transport: Any = selector_events
HANDS_OVER = _transport._SelectorSocketTransport._read_ready.__code__
"""The function in which a transport reads, and hands over what it has read."""


def due_of(handle: asyncio.TimerHandle) -> float:
    """Return when a timer is due, by its loop's clock."""
    return handle.when()


def callback_of(handle: asyncio.Handle) -> tuple[Any, tuple[Any, ...]]:
    """Return what a handle calls, and with what; None once it is cancelled."""
    inside: Any = handle
    return inside._callback, inside._args


def context_of(handle: asyncio.Handle) -> Context:
    """Return the context in which a handle runs."""
    inside: Any = handle
    return inside._context  # type: ignore[no-any-return]


def has_unseen_exception(future: "asyncio.Future[Any]") -> bool:
    """Whether it holds an exception that nobody has asked for."""
    inside: Any = future
    return bool(inside._log_traceback)


def unseen_exception(future: "asyncio.Future[Any]") -> BaseException:
    """Return the exception that a future holds, without its counting as seen."""
    inside: Any = future
    error: BaseException = inside._exception
    return error


def drop(task: "asyncio.Task[Any]") -> None:
    """Close a task that nobody will run again, and let nobody hear of that."""
    inside: Any = task
    inside._log_destroy_pending = False
    coroutine: Any = task.get_coro()
    with suppress(BaseException):  # whatever its clean-up raises where nothing can be awaited
        coroutine.close()


def future_parts(future: "asyncio.Future[Any]") -> tuple[str, Any, Any]:
    """Return a future's state, what it holds, and whom it calls back in which context."""
    inside: Any = future
    value = None
    if future.done() and not future.cancelled():
        value = inside._result if inside._exception is None else inside._exception
    return inside._state, value, inside._callbacks


def task_parts(task: "asyncio.Task[Any]") -> tuple[Any, Any, bool]:
    """Return a task's coroutine, the future that it waits for, whether it is to be cancelled."""
    inside: Any = task
    return task.get_coro(), inside._fut_waiter, bool(inside._must_cancel)
