"""Refuse what no schedule controls: threads, processes, sockets and other event loops.

Threads, processes and sockets are seen through CPython's audit events (PEP 578), so it holds for
any library that goes through the interpreter, and through Trio's own doors to threads, whose idle
workers start no new thread. asyncio is seen at the doors through which its functions look for the
loop that runs (asyncio/events.py, tasks.py), and at those of its primitives that wait: in a world
there is no such loop, and what they would raise says nothing about the code under test.

Not seen: threads that were running before the world began, sockets that C code opens by itself, and
on Python 3.11 a bare `_thread.start_new_thread`.
"""

import asyncio
import inspect
import sys
import threading
from asyncio import events, tasks
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio

from sim.errors import RefusedOperation
from sim.kernel import trio_hook
from sim.kernel.lines import place_of

_AUDITED = {
    "_thread.start_new_thread": "started a thread",
    "_thread.start_joinable_thread": "started a thread",
    "socket.__new__": "opened a real socket",
    "socket.connect": "connected a real socket",
    "socket.bind": "bound a real socket",
    "socket.getaddrinfo": "asked the real resolver",
    "subprocess.Popen": "started a process",
    "os.exec": "started a process",
    "os.fork": "started a process",
    "os.posix_spawn": "started a process",
    "os.spawn": "started a process",
    "os.system": "started a process",
    "pty.spawn": "started a process",
}
ASYNCIO = "used asyncio"
_ADVICE = {
    ASYNCIO: "It runs on Trio here: write it with anyio or trio, or ask about it in that form.",
}
_USUAL_ADVICE = (
    "Nothing there is under the schedule's control: put a fake in its place, or leave it out of "
    "what is asked about."
)
_AWAITING = ("create_task", "ensure_future", "gather", "shield", "sleep", "wait", "wait_for")
"""Functions of asyncio that are handed coroutines; all of them ask for the loop that runs."""
_DETECTORS = ("anyio", "sniffio")
"""Libraries that look for a loop only to find out which one there is."""

Refuse = Callable[[str], None]


class _Guard:
    """The one audit hook of the process: hooks cannot be removed, so it does nothing by default."""

    def __init__(self) -> None:
        self.installed = False
        self.thread = -1
        self.refuse: Refuse | None = None

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.refuse is None or event not in _AUDITED:
            return
        if threading.get_ident() == self.thread and trio_hook.in_task():
            self.refuse(ASYNCIO if _from_asyncio() else _AUDITED[event])


_guard = _Guard()


def _from_asyncio() -> bool:
    """Whether asyncio asks for it: a loop of its own opens sockets."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code is not trio.run.__code__:
        if str(frame.f_globals.get("__name__", "")).startswith("asyncio."):
            return True
        frame = frame.f_back
    return False


def _doors() -> list[tuple[Any, str, str]]:
    """Return where code goes through: owner, name, and what it does there."""
    return [
        (threading.Thread, "start", "started a thread"),  # Python 3.11 does not audit it
        (trio.to_thread, "run_sync", "used a thread"),
        (trio.lowlevel, "start_thread_soon", "used a thread"),
        (trio.lowlevel.TrioToken, "run_sync_soon", "called run_sync_soon"),
        *((owner, name, ASYNCIO) for owner in (asyncio, tasks) for name in _AWAITING),
        *((asyncio, name, ASYNCIO) for name in ("get_running_loop", "get_event_loop", "run")),
        *((events, name, ASYNCIO) for name in ("get_running_loop", "get_event_loop")),
        *((owner, "new_event_loop", ASYNCIO) for owner in (asyncio, events)),
        *((owner, "current_task", ASYNCIO) for owner in (asyncio, tasks)),
        (type(asyncio.get_event_loop_policy()), "get_event_loop", ASYNCIO),  # for asyncio.Future
        *(
            (owner, "wait", ASYNCIO)
            for owner in (asyncio.Event, asyncio.Condition, asyncio.Barrier)
        ),
        *((owner, "acquire", ASYNCIO) for owner in (asyncio.Lock, asyncio.Semaphore)),
        *((asyncio.Queue, name, ASYNCIO) for name in ("get", "put")),
    ]


@contextmanager
def refusing(refuse: Refuse) -> Iterator[None]:
    """Call `refuse` for everything of that kind which a task of this thread does.

    What `refuse` raises reaches the code that tried; if it returns, the operation goes on.
    """
    if not _guard.installed:
        sys.addaudithook(_guard)
        _guard.installed = True

    def refused_door(what: str, door: Callable[..., Any]) -> Callable[..., Any]:
        def closed(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() == _guard.thread and trio_hook.in_task():
                caller = str(sys._getframe(1).f_globals.get("__name__", ""))
                if not caller.startswith(_DETECTORS):
                    for coroutine in filter(inspect.iscoroutine, args):
                        coroutine.close()  # nobody will await it, and nobody need hear of that
                    refuse(what)
            return door(*args, **kwargs)

        return closed

    doors = _doors()
    saved = [getattr(owner, name) for owner, name, _ in doors]
    saved_guard = (_guard.thread, _guard.refuse)
    for (owner, name, what), door in zip(doors, saved, strict=True):
        setattr(owner, name, refused_door(what, door))
    _guard.thread, _guard.refuse = threading.get_ident(), refuse
    try:
        yield
    finally:
        _guard.thread, _guard.refuse = saved_guard
        for (owner, name, _), door in zip(doors, saved, strict=True):
            setattr(owner, name, door)


def refusal(what: str, task: str, where: str) -> RefusedOperation:
    """Return the error for a task that did `what`. where: "module:line" of its own code, or ""."""
    place = f" at {place_of(where)}" if where else ""
    return RefusedOperation(
        f"task {task!r} {what}{place} inside a world. {_ADVICE.get(what, _USUAL_ADVICE)}"
    )
