"""Forms of managers of processes."""

import datetime
import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import time_machine

from sim.logs.times import NANOS
from tests.logs.forms.errors import Event
from tests.logs.forms.form import Form, Make, texts_of

_SUPERVISORD: Final = "%(asctime)s %(levelname)s %(message)s\n"
"""As supervisor/options.py has it, `make_logger`."""


def _honcho(path: Path, events: Sequence[Event]) -> None:
    from honcho.printer import Message, Printer

    with path.open("w") as file:
        printer = Printer(file, width=5)
        for ns, text in texts_of(events):
            at = datetime.datetime.fromtimestamp(ns / NANOS, datetime.UTC)
            for line in text.split("\n"):
                printer.write(Message("line", f"{line}\n".encode(), at, "web.1", None))


class _Process:
    """As much of a supervised process as its dispatcher looks at."""

    group = None
    pid = 4711

    def __init__(self, config: Any) -> None:
        self.config = config


def _supervisor(own: bool) -> Make:
    """own: the log of supervisord at level debug; else that of the process."""

    def make(path: Path, events: Sequence[Event]) -> None:
        from supervisor import loggers
        from supervisor.dispatchers import POutputDispatcher
        from supervisor.events import ProcessCommunicationStderrEvent

        main = loggers.getLogger(loggers.LevelsByName.DEBG)
        loggers.handle_file(main, str(path) if own else os.devnull, _SUPERVISORD)
        options = SimpleNamespace(
            logger=main,
            loglevel=loggers.LevelsByName.DEBG,
            getLogger=loggers.getLogger,
            strip_ansi=False,
            readfd=lambda data: data,
        )
        config = SimpleNamespace(
            name="web",
            options=options,
            stderr_logfile=None if own else str(path),
            stderr_logfile_maxbytes=0,
            stderr_logfile_backups=0,
            stderr_syslog=False,
            stderr_capture_maxbytes=0,
            stdout_events_enabled=False,
            stderr_events_enabled=False,
        )
        dispatcher = POutputDispatcher(_Process(config), ProcessCommunicationStderrEvent, b"")
        text = "%(asctime)s %(levelname)s %(name)s: %(message)s"
        with time_machine.travel(0, tick=False) as clock:
            for ns, one in texts_of(events, text):
                clock.move_to(ns / NANOS)
                dispatcher.fd = f"{one}\n".encode()
                dispatcher.handle_read_event()

    return make


FORMS = (
    Form("honcho", _honcho, "no date", modules=("honcho",)),
    Form("supervisor's own log", _supervisor(own=True), modules=("supervisor",)),
    Form("supervisor of a process", _supervisor(own=False), modules=("supervisor",)),
)
