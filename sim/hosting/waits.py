"""Where a task stands: the chain of awaits from its coroutine down to what it waits for."""

import asyncio
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from sim.model.record import Waiting

SERVERS = ("uvicorn", "websockets", "wsproto")
"""Packages whose tasks and objects are the server's own."""
_FRAMES = ("cr_frame", "ag_frame", "gi_frame")
_AWAITED = ("cr_await", "ag_await", "gi_yieldfrom")


def frames_of(task: "asyncio.Task[Any]") -> Iterator[FrameType]:
    """Yield the frames of a task that waits, outermost first."""
    inside: Any = task.get_coro()
    while inside is not None:
        frame = next(
            (getattr(inside, name, None) for name in _FRAMES if hasattr(inside, name)), None
        )
        if frame is not None:
            yield frame
        inside = next((getattr(inside, name) for name in _AWAITED if hasattr(inside, name)), None)


def is_servers(task: "asyncio.Task[Any]") -> bool:
    """Whether a task is the server's own."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    module = str(frame.f_globals.get("__name__", "")) if frame is not None else ""
    return module.partition(".")[0] in SERVERS


def name_of(task: "asyncio.Task[Any]") -> str:
    """Return what a task is called: its coroutine, of one of anyio's the inner one."""
    coroutine: Any = task.get_coro()
    inner: Any = getattr(coroutine, "cr_frame", None)
    if inner is not None and coroutine.__qualname__.endswith(("_run_wrapped_task", "_run_coro")):
        inside = inner.f_locals.get("coro") or inner.f_locals.get("self")
        inside = getattr(inside, "_coro", inside)
        coroutine = inside if hasattr(inside, "__qualname__") else coroutine
    return str(getattr(coroutine, "__qualname__", type(coroutine).__name__))


def waiting_of(
    task: "asyncio.Task[Any]",
    label: str,
    is_own: Callable[[str], bool],
    place: Callable[[str, int], str],
) -> Waiting:
    """Return where a task stands.

    label: what it is called. is_own: whether a file is the user's. place: how a line is told.
    """
    chain = [(frame.f_code, frame.f_lineno) for frame in frames_of(task)]
    own = [(code, line) for code, line in chain if is_own(code.co_filename)]
    what = chain[-1][0].co_qualname if chain else "nothing"
    where = place(own[-1][0].co_filename, own[-1][1]) if own else ""
    return Waiting(label, what, where)
