"""What an application prints and logs within a run: kept with the run, and not shown meanwhile."""

import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sim.aio.inside import running
from sim.aio.world import CONNECTION, World

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


class _Stream:
    """Stands before a stream: what is written within a run goes to the run."""

    def __init__(self, name: str, real: Any) -> None:
        self._name = name
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def write(self, text: str) -> int:
        """Write to the run that is being made, else to the stream."""
        world = running()
        if world is None:
            return self._real.write(text)  # type: ignore[no-any-return]
        world.output.append((self._name, text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several lines."""
        for line in lines:
            self.write(line)


def _say(world: World, record: logging.LogRecord) -> None:
    """Keep what was logged: in the trace without addresses, and only what is a warning or worse."""
    try:
        text = record.getMessage()
    except Exception:  # a format that does not fit its arguments: logging prints that, and goes on
        text = str(record.msg)
    shown = f"{record.levelname}:{record.name}:{text.rstrip()}\n"
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        shown += f"  {type(error).__name__}: {error}\n"
    world.output.append(("log", shown))
    if record.levelno >= logging.WARNING and record.name != "asyncio":
        line = _ADDRESS.sub("0x...", text.strip()).partition("\n")[0]
        level, name = record.levelname, record.name
        world.event("log", name, connection=CONNECTION.get(), level=level, text=line)


def _handlers(real: Callable[[logging.Logger, logging.LogRecord], None]) -> Any:
    def handle(self: logging.Logger, record: logging.LogRecord) -> None:
        world = running()
        if world is None:
            real(self, record)
        else:
            _say(world, record)

    return handle


@contextmanager
def captured() -> Iterator[None]:
    """Let runs keep what they print and log, instead of handlers and streams."""
    streams = sys.stdout, sys.stderr
    handle = logging.Logger.callHandlers
    sys.stdout, sys.stderr = _Stream("stdout", streams[0]), _Stream("stderr", streams[1])
    logging.Logger.callHandlers = _handlers(handle)  # type: ignore[method-assign]
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        logging.Logger.callHandlers = handle  # type: ignore[method-assign]
