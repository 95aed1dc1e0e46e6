"""What a form of a log is, and how events come to be logged at their own times."""

import importlib.util
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import time_machine

from sim.logs.times import NANOS
from tests.logs.forms.errors import Event, caught

Says = Literal["time", "no year", "no date", "no time"]
Make = Callable[[Path, Sequence[Event]], None]


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a log. make: writes events to a file, by the means of those who made the form up.
    says: how much of its time a record says. severity: of an error. proves: whether its chain of
    tracebacks is kept. modules, programs: what has to be installed.
    """

    name: str
    make: Make
    says: Says = "time"
    severity: str = "error"
    proves: bool = True
    names_causes: bool = True
    """Whether what was raised first stands there with its module."""
    always: str = ""
    """A pattern of its own that each error holds; the fallback of others."""
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """What is not installed."""
        return lacking(self.modules, self.programs)


_PLACES: Final = ":/usr/sbin:/sbin:/lib/systemd:/usr/lib/systemd"


def which(program: str) -> str | None:
    """Return the path of a program, also of one for administrators."""
    return shutil.which(program) or shutil.which(program, path=_PLACES)


def in_time(events: Iterable[Event]) -> Iterator[Event]:
    """Yield events; while one is out, it is its time for all of Python."""
    with time_machine.travel(0, tick=False) as clock:
        for event in events:
            clock.move_to(event.ns / NANOS)
            yield event


def log(
    handler: logging.Handler, events: Iterable[Event], formatter: logging.Formatter | None = None
) -> None:
    """Log events with `logging`, into one handler."""
    logger = logging.Logger("app")
    if formatter is not None:
        handler.setFormatter(formatter)
    logger.addHandler(handler)
    for event in in_time(events):
        if event.kind is None:
            logger.info(event.text)
        else:
            logger.error(event.text, exc_info=caught(event.kind))
    handler.close()


def texts_of(events: Sequence[Event], text: str = logging.BASIC_FORMAT) -> list[tuple[int, str]]:
    """Return what a process writes: of each event its time, and its lines as `logging` has them."""
    written: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    log(Kept(), events, logging.Formatter(text))
    return [(event.ns, one) for event, one in zip(events, written, strict=True)]


def lacking(modules: Iterable[str], programs: Iterable[str] = ()) -> list[str]:
    """Return those that are not installed."""
    missing = [name for name in modules if not _has(name)]
    return missing + [name for name in programs if which(name) is None]


def _has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a package around it
        return False
