"""Watchpoints: who wrote some attributes of a class's instances in a run, and who read them."""

import asyncio
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from linecache import getline
from types import CodeType, FrameType
from typing import Any

from sim.aio.inside import running
from sim.aio.names import HANDS_OVER
from sim.aio.wakes import Wake, WakingLoop
from sim.aio.world import CONNECTION, World
from sim.hosting.condition import is_plain
from sim.hosting.target import Target
from sim.hosting.waits import is_servers, name_of


@dataclass(frozen=True, slots=True)
class Access:
    """One read or write."""

    found: Any
    """The object."""
    name: str
    """The attribute."""
    before: str
    """What was in it before."""
    value: str
    """What was read or written."""
    writes: bool
    turn: int
    """The turn of the loop."""
    ms: float
    """The time since the run began, in milliseconds."""
    connection: str
    """For whom it was done, "" if for nobody."""
    task: str
    """The coroutine of the task that did it, of the server's own the handler that it calls; "" for
    a callback of the loop."""
    where: str
    """The line that did it."""
    own: str
    """The innermost line of the user's on the way to it, "" if there is none."""
    source: str
    """What stands there."""
    reads_bytes: bool
    """Whether it was done as the server read from a client."""
    line: int
    """The number of the line that did it."""
    frame: FrameType | None
    """The call that read, if it is one of the function that tests."""
    raw: Any = None
    """What was read, if that is a state and not the way to another object."""
    woken: tuple[str, ...] = ()
    """What led to the step that did it, in words, from where it came from outside; () if the loop
    notes nothing of it."""

    @property
    def changes(self) -> bool:
        """Whether something else is in it from then on."""
        return self.writes and self.before != self.value


@contextmanager
def watching(
    kind: type,
    names: Collection[str],
    target: Target,
    tests: CodeType,
    on_access: Callable[[Access, World, FrameType], None] | None = None,
) -> Iterator[list[Access]]:
    """Note who reads and writes attributes, while runs are made.

    Of a class that is none of Python's nothing is noted. Reads are noted where a line of the user's
    makes them, and where the function `tests` does: what else a library looks at is its own affair.
    on_access: called with each as it happens, and with the frame that does it.
    """
    seen: list[Access] = []
    reads: Any = kind.__getattribute__
    writes: Any = kind.__setattr__

    def note(access: Access | None, frame: FrameType) -> None:
        world = running()
        if access is not None and world is not None:
            seen.append(access)
            if on_access is not None:
                on_access(access, world, frame)

    def read(self: Any, name: str) -> Any:
        value = reads(self, name)
        if name in names:
            frame = sys._getframe(1)
            if frame.f_code is tests or target.is_own(frame.f_code.co_filename):
                what = (self, name, shown(value), shown(value), False)
                tester = frame if frame.f_code is tests else None
                note(access_of(target, what, frame, tester, value), frame)
        return value

    def write(self: Any, name: str, value: Any) -> None:
        if name in names:
            try:
                before = shown(object.__getattribute__(self, name))
            except AttributeError:
                before = ""
            what = (self, name, before, shown(value), True)
            note(access_of(target, what, sys._getframe(1)), sys._getframe(1))
        writes(self, name, value)

    with replaced(kind, "__getattribute__", read), replaced(kind, "__setattr__", write):
        yield seen


@contextmanager
def replaced(kind: Any, name: str, by: Callable[..., Any]) -> Iterator[None]:
    """Replace an attribute of a class for a while; one of C stays as it is."""
    before = vars(kind).get(name)
    try:
        setattr(kind, name, by)
    except TypeError:  # a class of C
        yield
        return
    try:
        yield
    finally:
        if before is None:
            delattr(kind, name)
        else:
            setattr(kind, name, before)


def access_of(
    target: Target,
    what: tuple[Any, str, str, str, bool],
    frame: FrameType,
    tests: FrameType | None = None,
    raw: Any = None,
) -> Access | None:
    """Return an access, None outside of runs.

    what: object, name, value before and now, whether it writes. frame: that does it. tests: the
    same, if it is a call of the function that tests. raw: what was read.
    """
    world = running()
    if world is None:
        return None
    own = target.own_frame(frame)
    return Access(
        *what,
        turn=world.turns,
        ms=world.now_ns / 1e6,
        connection=CONNECTION.get(""),
        task=_task(),
        where=target.place(frame.f_code.co_filename, frame.f_lineno),
        own=target.place(own.f_code.co_filename, own.f_lineno) if own is not None else "",
        source=getline(own.f_code.co_filename, own.f_lineno).strip() if own is not None else "",
        reads_bytes=_reads_bytes(frame),
        line=frame.f_lineno,
        frame=tests,
        raw=raw if is_plain(raw) else None,
        woken=_woken(),
    )


def _woken() -> tuple[str, ...]:
    """Return what led to the step that is being made."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return ()
    return tuple(map(_wake_words, loop.chain())) if isinstance(loop, WakingLoop) else ()


def _wake_words(wake: Wake) -> str:
    """Return what a callback is, and when it was made ready."""
    whose = wake.connection or "the system"
    if wake.kind == "socket":
        what = f"{whose}'s socket"
    elif wake.kind == "thread":
        what = f"a thread of {whose}"
    elif wake.kind == "timer":
        what = f"a timer of {whose}"
    elif isinstance(wake.what, asyncio.Task):
        name = "handler" if is_servers(wake.what) else name_of(wake.what)
        what = f"{name} of {whose}"
    else:
        what = f"a callback of {whose}"
    return f"{what} (turn {wake.turn})"


def shown(value: object) -> str:
    """Return a value as people know it: of an enumeration the name."""
    return value.name if isinstance(value, Enum) else repr(value)[:60]


def _task() -> str:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return ""
    if task is None:
        return ""
    return "the handler" if is_servers(task) else name_of(task)


def _reads_bytes(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code is HANDS_OVER:
            return True
        frame = frame.f_back
    return False
