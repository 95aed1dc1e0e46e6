"""Servers that clients visit: uvicorn in a process, and one whose every frame a test decides."""

import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trio
import wsproto
from wsproto import ConnectionType, events

from sim.live.visiting.address import Address, parse_address
from sim.live.visiting.seen import Seen
from sim.live.visiting.session import Due, Session
from sim.live.visiting.wire import routes_to
from sim.model.scriptreader import parse
from sim.model.visiting import Part

LIMIT_S = 30
"""What takes longer hangs."""
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Running:
    """uvicorn, and the file that it logs to."""

    url: str
    log: Path
    process: "subprocess.Popen[bytes]"


@contextmanager
def uvicorn(app: str, log: Path) -> Iterator[Running]:
    """Serve an application of `tests/helpers/apps/visited.py`; connections may come at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as file:
        command = [sys.executable, "-P", "-m", "uvicorn", f"tests.helpers.apps.visited:{app}"]
        with subprocess.Popen(
            [*command, "--fd", str(listener.fileno())],
            pass_fds=[listener.fileno()],
            stdout=file,
            stderr=file,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        ) as process:
            port = listener.getsockname()[1]
            listener.close()
            try:
                yield Running(f"ws://127.0.0.1:{port}", log, process)
            finally:
                process.kill()


class Peer:
    """The server's end of one connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.ended = ""
        """How the client ended the TCP connection: "FIN" or "RST"."""
        self._protocol = wsproto.WSConnection(ConnectionType.SERVER)
        self._came: list[events.Event] = []

    async def next(self) -> events.Event | None:
        """Return what comes next; None at the end of the TCP connection."""
        while not self._came:
            try:
                data = await self.stream.receive_some(4096)
            except trio.BrokenResourceError:
                self.ended = "RST"
                return None
            if not data:
                self.ended = "FIN"
                return None
            self._protocol.receive_data(bytes(data))
            self._came += self._protocol.events()
        return self._came.pop(0)

    async def send(self, event: events.Event) -> None:
        await self.stream.send_all(self._protocol.send(event))

    async def accept(self) -> events.Request:
        """Take the handshake, and return what was asked."""
        request = await self.next()
        assert isinstance(request, events.Request)
        await self.send(events.AcceptConnection())
        return request

    async def text(self) -> str:
        """Return the text that comes next."""
        event = await self.next()
        assert isinstance(event, events.TextMessage)
        return event.data

    async def say(self, text: str) -> None:
        await self.send(events.TextMessage(text))

    async def close_code(self) -> int:
        """Return the code with which the client closes next, and answer it."""
        event = await self.next()
        assert isinstance(event, events.CloseConnection)
        await self.send(event.response())
        return int(event.code)


Serve = Callable[[Peer], Awaitable[None]]


@contextmanager
def deadline() -> Iterator[None]:
    with trio.fail_after(LIMIT_S):
        yield


async def address_of(nursery: trio.Nursery, serve: Serve) -> Address:
    """Serve each connection by `serve` until the nursery ends; return where."""

    async def one(stream: trio.SocketStream) -> None:
        async with stream:
            await serve(Peer(stream))

    listeners: list[trio.SocketListener] = await nursery.start(trio.serve_tcp, one, 0)
    port = listeners[0].socket.getsockname()[1]
    return parse_address(f"ws://127.0.0.1:{port}/ws?a=1")


def play(
    script: str,
    serve: Serve,
    due: Sequence[Due] = (),
    answer_s: float = LIMIT_S,
    fresh: bool = False,
    leave_when: Callable[[], Awaitable[None]] | None = None,
) -> Seen:
    """Let one client visit a server; return what it saw, once the server has seen its end.

    leave_when: returns when the client is told from outside to leave.
    """

    async def main() -> Seen:
        done = trio.Event()

        async def serves(peer: Peer) -> None:
            await serve(peer)
            done.set()

        with deadline():
            async with trio.open_nursery() as nursery:
                address = await address_of(nursery, serves)
                (route, *_) = await routes_to(address)
                part = Part(3, "a client", 1, parse(script), fresh=fresh)
                session = Session(route, part, due, answer_s)
                if leave_when is not None:
                    nursery.start_soon(_tell, leave_when, session)
                seen = await session.play(1.5)
                await done.wait()
                nursery.cancel_scope.cancel()
        return seen

    return trio.run(main)


async def _tell(leave_when: Callable[[], Awaitable[None]], session: Session) -> None:
    await leave_when()
    session.leave_now()
