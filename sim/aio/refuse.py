"""Refuse what no schedule controls: sockets, processes, files that are written.

Threads are refused where they are started (threads.py). All else is seen through CPython's audit
events (PEP 578), in the thread of the loop and in those that the engine starts; a run that met one
says nothing, even if the code swallows the error. Reading files is allowed, and so are the threads
of executors, which the engine runs itself.

Not seen: what C code opens without the interpreter. Drivers that do are refused by name.
"""

import os
import sys
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from sim.aio.inside import running
from sim.aio.world import World
from sim.errors import RefusedOperation

_AUDITED = {
    "socket.connect": "connected a real socket",
    "socket.bind": "bound a real socket",
    "socket.getaddrinfo": "asked the real resolver",
    "socket.gethostbyname": "asked the real resolver",
    "socket.sendto": "sent to a real socket",
    "subprocess.Popen": "started a process",
    "os.exec": "started a process",
    "os.fork": "started a process",
    "os.forkpty": "started a process",
    "os.posix_spawn": "started a process",
    "os.spawn": "started a process",
    "os.system": "started a process",
    "pty.spawn": "started a process",
    "sqlite3.connect": "opened a database",
    "os.remove": "removed a file",
    "os.rename": "renamed a file",
    "os.mkdir": "made a folder",
    "os.rmdir": "removed a folder",
    "os.truncate": "wrote a file",
}
_EVENTS = frozenset({*_AUDITED, "open"})
_HARNESS = str(Path(__file__).resolve().parents[1])


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """See what is done: the audit hook of the process, idle outside of runs."""
    if event not in _EVENTS:
        return
    world = running()
    what = _what(event, arguments) if world is not None else ""
    if world is not None and what:
        refuse(world, what, sys._getframe(1))
        raise RefusedOperation(f"{what} inside a simulated run: no schedule controls that")


def _what(event: str, arguments: tuple[Any, ...]) -> str:
    """Return what an audit event says that somebody did, "" if that is allowed."""
    if event == "open":
        name, _, flags = arguments
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if not writes or name == os.devnull or "__pycache__" in str(name):
            return ""  # a module that is imported late may leave its bytecode
        return f"opened {name!r} to write"
    if event == "sqlite3.connect" and arguments and arguments[0] in (":memory:", b":memory:"):
        return ""
    return _AUDITED.get(event, "")


def user_line(frame: FrameType | None) -> str:
    """Return the innermost line that is neither ours nor a library's, "file:line"."""
    while frame is not None:
        name = frame.f_code.co_filename
        library = name.startswith((sys.base_prefix, _HARNESS, "<")) or "site-packages" in name
        if not library:
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def refuse(world: World, what: str, frame: FrameType | None) -> None:
    """Let a run say nothing: it did what no schedule controls. frame: from which it is done."""
    where = user_line(frame)
    here = os.path.join(os.getcwd(), "")
    world.refuse(f"{what}{f' at {where.removeprefix(here)}' if where else ''}")


@cache
def watch() -> None:
    """Begin to refuse, once in a process: audit hooks cannot be removed."""
    sys.addaudithook(_watch)
