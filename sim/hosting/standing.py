"""Where tasks stand when nothing moves any more, and who could have ended it.

A wait is told by the line that awaits, of the user's or a library's, and by the lock, event or
queue that it came to. While the run is made again it is noted who holds locks, and who has set
events or put something into queues: the last one is named, or that there was none.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from linecache import getline
from types import FrameType
from typing import Any

from sim.aio.inside import running
from sim.aio.world import CONNECTION
from sim.hosting.findings import Served
from sim.hosting.target import Target
from sim.hosting.waits import SERVERS, frames_of, is_servers, name_of

_MACHINERY = ("asyncio", "anyio", "sim")
"""Packages in which tasks come to stand, for others; ours wrap some of theirs."""
_BETWEEN = (*SERVERS, "starlette", "fastapi")
"""Packages between an application and its client."""
_WAITED_FOR = ("asyncio", "anyio")
_ENDS = {
    ("Lock", "acquire"): "release",
    ("Semaphore", "acquire"): "release",
    ("BoundedSemaphore", "acquire"): "release",
    ("Event", "wait"): "set",
    ("Queue", "get"): "put_nowait",
    ("Queue", "put"): "get_nowait",
    ("Queue", "join"): "task_done",
    ("Condition", "wait"): "notify",
}
"""What ends a wait, by what is waited for: of asyncio's classes, and of anyio's on it."""
_DONE = {
    "release": "released",
    "set": "set",
    "put_nowait": "put into",
    "get_nowait": "taken from",
    "task_done": "called task_done of",
    "notify": "notified",
}


@dataclass(frozen=True, slots=True)
class Touch:
    """Somebody held, set or filled what others wait for."""

    turn: int
    connection: str
    task: str
    where: str
    """The line that did it, outside of asyncio and anyio."""

    def words(self) -> str:
        """Return who, when and where."""
        whose = f" of {self.connection}" if self.connection else ""
        at = f" ({self.where})" if self.where else ""
        return f"{self.task or 'a callback'}{whose} in turn {self.turn}{at}"


@dataclass(frozen=True, slots=True)
class Stand:
    """A task that stands, and what would end it."""

    task: str
    """Its connection and name, as in `Waiting`."""
    where: str
    """The line that awaits, outside of asyncio and anyio."""
    source: str
    """What stands there."""
    awaits: str
    """What it came to: "Lock.acquire"."""
    ends: str = ""
    """Who could end it, in words; "" if nothing is known."""

    def line(self) -> str:
        """Return it in words."""
        source = f" `{self.source}`" if self.source else ""
        place = f" at {self.where}{source}" if self.where else ""
        ends = f": {self.ends}" if self.ends else ""
        return f"{self.task} stands{place}, in {self.awaits}{ends}"


@dataclass
class Touches:
    """What was done to locks, events and queues in a run."""

    target: Target
    held: dict[int, Touch] = field(default_factory=dict)
    """Who holds a lock, by its identity."""
    ended: dict[tuple[int, str], Touch] = field(default_factory=dict)
    """Who ended waits for something last, by its identity and how."""
    kept: list[object] = field(default_factory=list)
    """All of these, so that no identity is used twice."""

    def now(self, found: object) -> Touch | None:
        """Return who does something now, None outside of runs. found: to what, which is kept."""
        world = running()
        if world is None:
            return None
        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
        name = "" if task is None else "the handler" if is_servers(task) else name_of(task)
        frame = _outside(sys._getframe(2))
        where = _place(self.target, frame) if frame is not None else ""
        self.kept.append(found)
        return Touch(world.turns, CONNECTION.get(""), name, where)


@contextmanager
def touches(target: Target) -> Iterator[Touches]:
    """Note what is done to locks, events and queues while runs are made."""
    noted = Touches(target)
    saved: list[tuple[Any, str, Any]] = []
    for kind in _kinds():
        for name in {"acquire", "acquire_nowait", *_DONE} & vars(kind).keys():
            method = vars(kind)[name]
            saved.append((kind, name, method))
            setattr(kind, name, _wrapped(name, method, noted))
    try:
        yield noted
    finally:
        for kind, name, method in saved:
            setattr(kind, name, method)


def _kinds() -> Iterator[Any]:
    """Yield the classes that tasks wait for."""
    yield from (asyncio.Lock, asyncio.Semaphore, asyncio.Event, asyncio.Queue, asyncio.Condition)
    behind = sys.modules.get("anyio._backends._asyncio")
    yield from (getattr(behind, name) for name in ("Lock", "Event") if hasattr(behind, name))


def _wrapped(name: str, method: Callable[..., Any], noted: Touches) -> Callable[..., Any]:
    """Return a method that notes that it was called."""

    async def acquire(self: Any) -> Any:
        got = await method(self)
        if touch := noted.now(self):
            noted.held[id(self)] = touch
        return got

    def acquire_nowait(self: Any) -> Any:
        got = method(self)
        if touch := noted.now(self):
            noted.held[id(self)] = touch
        return got

    def ends(self: Any, *args: Any, **kwargs: Any) -> Any:
        if name == "release":
            noted.held.pop(id(self), None)
        if touch := noted.now(self):
            noted.ended[id(self), name] = touch
        return method(self, *args, **kwargs)

    return {"acquire": acquire, "acquire_nowait": acquire_nowait}.get(name, ends)


def stands_of(served: Served, noted: Touches) -> list[Stand]:
    """Return where the tasks of a run stand that are not the server's own."""
    target = served.observer.target
    handlers = {id(call.task): call.connection for call in served.observer.calls}
    found = []
    for task, connection in served.loop.started:
        if task.done() or (is_servers(task) and id(task) not in handlers):
            continue
        label = handlers.get(id(task)) or f"{connection or 'lifespan'}/{name_of(task)}"
        found.append(_stand(label, list(frames_of(task)), target, noted, served))
    return found


def _stand(
    label: str, frames: list[FrameType], target: Target, noted: Touches, served: Served
) -> Stand:
    if not frames:
        return Stand(label, "", "", "nothing")
    outside = [frame for frame in frames if not _is_machinery(frame)]
    awaits = _awaited(frames)
    if not outside:
        return Stand(label, "", "", awaits, _whoever_ends(frames, noted))
    others = [frame for frame in outside if _package(frame) not in _BETWEEN]
    line = others[-1] if others else outside[-1]
    if _package(outside[-1]) in _BETWEEN:
        ends = _unread(label.partition("/")[0], served)
        return Stand(label, _place(target, line), _source(line), "receive", ends)
    ends = _whoever_ends(frames, noted)
    return Stand(label, _place(target, line), _source(line), awaits, ends)


def _awaited(frames: list[FrameType]) -> str:
    """Return what a task awaits, innermost, but for what we have put around it."""
    names = [frame.f_code.co_qualname for frame in frames if _package(frame) != "sim"]
    return names[-1] if names else "nothing"


def _whoever_ends(frames: list[FrameType], noted: Touches) -> str:
    """Return who could end what a task awaits, "" if nothing is known.

    The innermost wait decides, but for the event within a queue, which is the queue's own affair.
    """
    inner = [one for one in reversed(frames) if _package(one) in _WAITED_FOR]
    for frame, around in zip(inner, [*inner[1:], None], strict=False):
        if around is not None and isinstance(around.f_locals.get("self"), asyncio.Queue):
            continue
        if ends := _ends(frame, noted):
            return ends
    return ""


def _ends(frame: FrameType, noted: Touches) -> str:
    """Return who could end a wait in a method of something that is waited for."""
    found = frame.f_locals.get("self")
    ends = _ENDS.get((type(found).__name__, frame.f_code.co_name))
    if ends is None or not isinstance(found, tuple(_kinds())):
        return ""
    last = noted.ended.get((id(found), ends))
    if ends == "release":
        if isinstance(found, asyncio.Semaphore):
            return f"the last who has released it was {last.words()}" if last else ""
        holder = noted.held.get(id(found))
        return f"it is held by {holder.words()}" if holder else "it is held"
    if last is None:
        return f"nobody has {_DONE[ends]} it in this run"
    return f"the last who has {_DONE[ends]} it was {last.words()}"


def _unread(connection: str, served: Served) -> str:
    """Return what of a client's has not been received, for who waits for it."""
    for client in served.clients:
        if client.name == connection:
            missing = client.sent - served.observer.received[connection]
            if missing > 0:
                return f"{missing} of its client's {client.sent} messages were never received"
            if waits := client.waits_for:
                return f"its client waits itself, for {waits}"
            gone = connection in served.observer.disconnected
            return "it was told that its client is gone" if gone else "its client sends no more"
    return ""


def _is_machinery(frame: FrameType) -> bool:
    return _package(frame) in _MACHINERY


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _outside(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame that is neither asyncio's, anyio's nor ours."""
    while frame is not None and _package(frame) in _MACHINERY:
        frame = frame.f_back
    return frame


def _place(target: Target, frame: FrameType) -> str:
    return target.place(frame.f_code.co_filename, frame.f_lineno)


def _source(frame: FrameType) -> str:
    return getline(frame.f_code.co_filename, frame.f_lineno).strip()
