"""Refuse what no schedule controls: threads, processes and real sockets inside a world.

Seen through CPython's audit events (PEP 578), so it holds for any library that goes through the
interpreter, and through Trio's own doors to threads, whose idle workers start no new thread. Not
seen: threads that were running before the world began, sockets that C code opens by itself, and on
Python 3.11 a bare `_thread.start_new_thread`.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio

from sim.errors import RefusedOperation
from sim.kernel import trio_hook

_AUDITED = {
    "_thread.start_new_thread": "started a thread",
    "_thread.start_joinable_thread": "started a thread",
    "socket.__new__": "opened a real socket",
    "socket.connect": "connected a real socket",
    "socket.bind": "bound a real socket",
    "socket.getaddrinfo": "asked the real resolver",
    "subprocess.Popen": "started a process",
    "os.fork": "started a process",
    "os.posix_spawn": "started a process",
}

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
            self.refuse(_AUDITED[event])


_guard = _Guard()


@contextmanager
def refusing(refuse: Refuse) -> Iterator[None]:
    """Call `refuse` for every thread, process or socket started in a task of this thread.

    What `refuse` raises reaches the code that tried; if it returns, the operation goes on.
    """
    if not _guard.installed:
        sys.addaudithook(_guard)
        _guard.installed = True

    def refused_door(what: str, door: Callable[..., Any]) -> Callable[..., Any]:
        def closed(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() == _guard.thread and trio_hook.in_task():
                refuse(what)
            return door(*args, **kwargs)

        return closed

    doors: list[tuple[Any, str, str]] = [
        (threading.Thread, "start", "started a thread"),  # Python 3.11 does not audit it
        (trio.to_thread, "run_sync", "used a thread"),
        (trio.lowlevel, "start_thread_soon", "used a thread"),
        (trio.lowlevel.TrioToken, "run_sync_soon", "called run_sync_soon"),
    ]
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


def refusal(what: str, task: str) -> RefusedOperation:
    """Return the error for a task that did `what`."""
    return RefusedOperation(
        f"task {task!r} {what} inside a world: nothing there is under the schedule's control. "
        "Use the world's network and Trio tasks instead"
    )
