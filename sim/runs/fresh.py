"""Runs made again in a process of their own, in which no other run has left anything behind.

Starting Python and importing wsrace takes most of a second, so one process does that once, runs
nothing, and forks for each request; in the fork the modules of somebody's own are imported anew.
Where there is no fork, each request gets a new interpreter.

What goes in is what a person has named already: race files, and where the modules of their guards
and handlers lie. Nothing is pickled.
"""

import atexit
import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sim.files.racefile import to_text
from sim.runs.keep import file_of
from sim.runs.subject import Record

PATIENCE_S = 120.0
"""A process that says nothing for longer is given up: nothing was confirmed then."""
_BEGIN = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from sim.runs.fresh_process import serve; serve()"
)
FORKS = hasattr(os, "fork")
"""Whether this system has forks; else each request gets a new interpreter."""
_LIBRARIES = ("uvicorn", "fastapi", "sim.runs.app")
"""What takes longest to import before an application can be run, where it is installed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one run there."""

    digest: str = ""
    outcome: str = ""
    error: str = ""
    """Why it could not be made; "" if it was."""

    def same(self, made: Record) -> bool:
        """Whether it was the same run, event for event."""
        return not self.error and self.digest == made.digest


class FreshProcess:
    """Makes runs again, while whoever asked goes on. records: of subjects whose modules are known.

    Ask for the `answers`, or `close` it.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self._count = len(records)
        self._server = _server()
        self._number = self._server.ask([_request(one) for one in records])

    def answers(self) -> list[Answer]:
        """Return what came of each run."""
        rows = self._server.answer(self._number)
        if isinstance(rows, str):
            return [Answer(error=rows)] * self._count
        return [Answer(**row) for row in rows]

    def close(self) -> None:
        """Want no answers any more."""
        self._server.forget(self._number)


def warm() -> None:
    """Start the process that serves all requests, if none runs, and let it import libraries.

    Those that this one has imported, too: the code that is asked about is imported in a fork.
    """
    _server().load([name for name in _LIBRARIES if name in sys.modules])


class _Server:
    """The process that forks, and what it has not answered yet."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0 if FORKS else None,  # so that `end` reaches its forks
        )
        self.owner = os.getpid()
        self._asked = 0
        self._unwanted: set[int] = set()
        self._answers: dict[int, Any] = {}
        self._pending = b""
        self._loaded: set[str] = set()
        self.usable = True

    def load(self, libraries: list[str]) -> None:
        """Let it import libraries that it has not imported."""
        if FORKS and (new := [name for name in libraries if name not in self._loaded]):
            self._loaded.update(new)
            self._say({"load": new})

    def ask(self, runs: list[dict[str, Any]]) -> int:
        """Send a request. Return its number."""
        self._asked += 1
        place = {"path": sys.path, "folder": os.getcwd(), "environment": dict(os.environ)}
        if fault := self._say({"number": self._asked, "runs": runs, **place}):
            self._answers[self._asked] = f"the process has ended: {fault}"
        self.usable = self.usable and FORKS  # without a fork it serves one request
        return self._asked

    def _say(self, what: dict[str, Any]) -> OSError | None:
        """Send a line. Return why that is not possible, if it is not."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{json.dumps(what)}\n".encode())
            self._process.stdin.flush()
        except OSError as error:
            return error
        return None

    def answer(self, number: int) -> Any:
        """Return the answer to a request: a row for each run, or why there is none."""
        while number not in self._answers:
            line = self._line()
            if line is None:
                self.end()
                return "the process ended, or took too long"
            told = json.loads(line)
            if told["number"] in self._unwanted:
                self._unwanted.remove(told["number"])
            else:
                self._answers[told["number"]] = told["answers"]
        return self._answers.pop(number)

    def forget(self, number: int) -> None:
        """Drop the answer to a request, whenever it comes."""
        if self._answers.pop(number, None) is None:
            self._unwanted.add(number)

    def end(self) -> None:
        """End the process and its forks, one that hangs in somebody's code included."""
        self.usable = False
        if self.owner != os.getpid() or self._process.returncode is not None:
            return
        if FORKS:
            os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.communicate()

    def _line(self) -> bytes | None:
        """Return the next line that the process writes, None if none comes in time."""
        out = self._process.stdout
        assert out is not None
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            while b"\n" not in self._pending:
                if not selector.select(PATIENCE_S):
                    return None
                more = os.read(out.fileno(), 1 << 16)
                if not more:
                    return None
                self._pending += more
        line, _, self._pending = self._pending.partition(b"\n")
        return line


_running: list[_Server] = []


def _server() -> _Server:
    """Return the process of this one; a worker that was forked has none yet."""
    if not _running or not _running[0].usable or _running[0].owner != os.getpid():
        _running[:] = [_Server()]
        atexit.register(_running[0].end)
    return _running[0]


def _request(record: Record) -> dict[str, Any]:
    """Return a run and the code that it needs."""
    known = record.subject.modules() or {}
    modules = {name: os.path.realpath(file) for name, file in known.items()}
    return {"file": to_text(file_of(record)), "modules": modules}
