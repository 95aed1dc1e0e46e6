"""Real servers on a port of this machine, the clients that visit them, and their logs."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

ROOT: Final = Path(__file__).parents[3]
_HUNG_S: Final = 60.0
_STOPS_S: Final = 5.0
_RUDELY: Final = ("/loop", "/chained", "/gives_up", "/late_accept")
"""Handlers from whose clients no close frame comes: their sockets are closed."""
_CLOSED_BY_SERVER: Final = ("/echo", "/send_after_close", "/closes_twice")
Event = TypeVar("Event", AcceptConnection, CloseConnection)
_APP: Final = "tests.logs.forms.served:app"


@dataclass(frozen=True, slots=True)
class Server:
    """A server. command: how Python runs it; PORT and APP stand for what they say."""

    name: str
    command: tuple[str, ...]
    modules: tuple[str, ...]
    app: str = _APP


_CHANNELS: Final = "tests.logs.forms.served_by_channels:app"
SERVERS: Final = (
    *(
        Server(
            f"uvicorn {ws}",
            ("uvicorn", "APP", "--host=127.0.0.1", "--port=PORT", f"--ws={ws}"),
            ("uvicorn", ws.partition("-")[0]),
        )
        for ws in ("websockets", "websockets-sansio", "wsproto")
    ),
    Server(
        "gunicorn",
        ("gunicorn", "APP", "--bind=127.0.0.1:PORT", "-k", "uvicorn_worker.UvicornWorker"),
        ("gunicorn", "uvicorn_worker"),
    ),
    *(
        Server(
            f"hypercorn {loop}",
            ("hypercorn", "APP", "--bind=127.0.0.1:PORT", "-k", loop),
            ("hypercorn", loop),
        )
        for loop in ("asyncio", "trio")
    ),
    Server("daphne", ("daphne", "APP", "-b", "127.0.0.1", "-p", "PORT"), ("daphne",)),
    Server(
        "granian",
        ("granian", "APP", "--interface=asgi", "--host=127.0.0.1", "--port=PORT"),
        ("granian",),
    ),
    Server(
        "Channels on daphne",
        ("daphne", "APP", "-b", "127.0.0.1", "-p", "PORT"),
        ("daphne", "channels"),
        _CHANNELS,
    ),
    Server(
        "Channels on uvicorn",
        ("uvicorn", "APP", "--host=127.0.0.1", "--port=PORT", "--ws=websockets"),
        ("uvicorn", "websockets", "channels"),
        _CHANNELS,
    ),
)


@contextmanager
def running(server: Server, folder: Path) -> Iterator["Running"]:
    """Serve the application until the block ends."""
    port, log = _free_port(), folder / "log"
    ended, left = folder / "ended", folder / "left"
    names = {"PORT": str(port), "APP": server.app}
    command = [_with(names, part) for part in server.command]
    env = os.environ | {"ENDED": str(ended), "LEFT": str(left), "PYTHONWARNINGS": "ignore"}
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=file,
            stderr=file,
            cwd=ROOT,
            env=env,
            start_new_session=True,
        ) as process,
    ):
        try:
            found = Running(port, log, ended, left)
            wait_until(found.answers, lambda: log.read_text(errors="replace"))
            yield found
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop a server and its workers. Granian may wait for ever; its log is complete by then."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOPS_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _with(names: dict[str, str], part: str) -> str:
    for name, value in names.items():
        part = part.replace(name, value)
    return part


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers. ended: a file in which the application says which handlers
    ended. left: one that says that the client has.
    """

    port: int
    log: Path
    ended: Path
    left: Path

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), _HUNG_S).close()
        except OSError:
            return False
        return True

    def visit(self, path: str) -> None:
        """Be a client of one of the handlers, and wait until it has ended."""
        self.left.unlink(missing_ok=True)
        before = self._ends()
        with Client(self.port, path) as client, suppress(ConnectionError):  # the server may leave
            if path != "/late_accept":
                client.until(AcceptConnection)
                client.send(TextMessage("hi"))
            if path in _CLOSED_BY_SERVER:
                client.send(client.until(CloseConnection).response())
            elif path not in _RUDELY:
                client.send(CloseConnection(1001))
        self.left.touch()
        wait_until(lambda: self._ends() > before, self.log.read_text)

    def says(self, text: str) -> None:
        """Wait until its log does."""
        wait_until(lambda: text in self.log.read_text(), self.log.read_text)

    def _ends(self) -> int:
        return self.ended.read_text().count("\n") if self.ended.exists() else 0


class Client:
    """A client on a plain socket."""

    def __init__(self, port: int, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _HUNG_S)
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self.send(Request(host=f"127.0.0.1:{port}", target=path))

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, event: Request | TextMessage | CloseConnection) -> None:
        self._socket.sendall(self._protocol.send(event))

    def until(self, kind: type[Event]) -> Event:
        """Return the first event of a kind. Raises ConnectionError if the server leaves."""
        while True:
            for event in self._protocol.events():
                if isinstance(event, kind):
                    return event
            data = self._socket.recv(4096)
            if not data:
                raise ConnectionResetError("the server has left")
            self._protocol.receive_data(data)


def wait_until(is_so: Callable[[], bool], why_not: Callable[[], str]) -> None:
    end = time.monotonic() + _HUNG_S
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(why_not())
        time.sleep(0.005)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
