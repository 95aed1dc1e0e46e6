"""One table of what Linux does with a TCP connection, on the simulated end and on a real one.

Each row says what the client does and what the server's calls give, in order. What the client does
has arrived before the server's next call, and so has the answer to what the server sends. A row
says what Linux does; where our port does something else, `DIFFERS` says so.
"""

import errno
import fcntl
import select
import selectors
import socket
import struct
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any, Protocol

import pytest

from sim.aio.tcp import Peer, Port, Sent
from sim.aio.turn import Selector
from sim.aio.world import World
from sim.model.app import Bounds
from sim.model.record import Limits
from sim.schedulers.fifo import Fifo

Step = str | tuple[str, object]
"""What the client does: "data", "fin", "rst", or "close", which is no mere shutdown; or a call of
the server and what it gives. The call "peer" is what the client's own `recv` gives."""
Row = tuple[Step, ...]
ROWS: dict[str, Row] = {
    # -- data and FIN
    "data, then nothing": ("data", ("recv", b"ab"), ("recv", "EAGAIN"), ("send", 1)),
    "data come together": ("data", "data", ("recv", b"abab"), ("recv", "EAGAIN")),
    "a recv takes a part": ("data", ("recv1", b"a"), ("recv1", b"b"), ("recv1", "EAGAIN")),
    "into a buffer": ("data", ("recv_into", b"a"), ("recv_into", b"b"), ("recv_into", "EAGAIN")),
    "data stay readable behind FIN": ("data", "fin", ("recv", b"ab"), ("recv", b""), ("recv", b"")),
    "what is sent comes": (("send", 1), ("send", 1), ("peer", b"xx"), ("peer", "EAGAIN")),
    "several buffers as one": (("sendmsg", 2), ("peer", b"xy")),
    "nothing is sent": (("send0", 0), ("peer", "EAGAIN"), ("send", 1)),
    # -- a reset
    "data stay readable behind a reset": (
        "data",
        "rst",
        ("recv", b"ab"),
        ("recv", "ECONNRESET"),
        ("recv", b""),
        ("send", "EPIPE"),
    ),
    "a reset is told once, to recv": (
        "rst",
        ("recv", "ECONNRESET"),
        ("recv", b""),
        ("send", "EPIPE"),
        ("send", "EPIPE"),
    ),
    "a reset is told once, to recv_into": (
        "rst",
        ("recv_into", "ECONNRESET"),
        ("recv_into", b""),
    ),
    "a reset is told once, to send": (
        "rst",
        ("send", "ECONNRESET"),
        ("recv", b""),
        ("send", "EPIPE"),
    ),
    "a reset is told to a send of nothing": (
        "rst",
        ("send0", "ECONNRESET"),
        ("recv", b""),
        ("send0", "EPIPE"),
    ),
    "send after send was told": ("rst", ("send", "ECONNRESET"), ("send", "EPIPE"), ("recv", b"")),
    "the data after send was told": (
        "data",
        "rst",
        ("send", "ECONNRESET"),
        ("recv", b"ab"),
        ("recv", b""),
    ),
    "send was told between two parts": (
        "data",
        "rst",
        ("recv1", b"a"),
        ("send", "ECONNRESET"),
        ("recv", b"b"),
        ("recv", b""),
        ("send", "EPIPE"),
    ),
    "a reset behind FIN is none to recv": (
        "fin",
        "rst",
        ("recv", b""),
        ("recv", b""),
        ("send", "EPIPE"),
        ("recv", b""),
    ),
    "a reset behind FIN breaks the pipe": ("fin", "rst", ("send", "EPIPE"), ("recv", b"")),
    "data, FIN and a reset": ("data", "fin", "rst", ("send", "EPIPE"), ("recv", b"ab")),
    "data that go with FIN and a reset": (
        "data",
        "fin",
        "rst",
        ("recv", b"ab"),
        ("recv", b""),
        ("send", "EPIPE"),
    ),
    # -- half closed, or gone
    "half closed: sends go on": ("fin", ("recv", b""), ("send", 1), ("send", 1), ("recv", b"")),
    "half closed: what is sent comes": ("fin", ("send", 1), ("peer", b"x")),
    "half closed, then gone": (
        "fin",
        ("send", 1),
        ("peer", b"x"),
        "close",
        ("send", 1),
        ("send", "EPIPE"),
        ("recv", b""),
    ),
    "gone: the first send succeeds": (
        "close",
        ("recv", b""),
        ("send", 1),
        ("send", "EPIPE"),
        ("recv", b""),
    ),
    "gone: recv sees no reset between sends": (
        "close",
        ("send", 1),
        ("recv", b""),
        ("send", "EPIPE"),
        ("recv", b""),
    ),
    "gone: the data stay": (
        "data",
        "close",
        ("send", 1),
        ("send", "EPIPE"),
        ("recv", b"ab"),
        ("recv", b""),
    ),
    "gone: a send of nothing is not answered": (
        "close",
        ("send0", 0),
        ("send0", 0),
        ("send", 1),
        ("send", "EPIPE"),
    ),
    "gone with bytes unread is a reset": (
        ("send", 1),
        "close",
        ("recv", "ECONNRESET"),
        ("send", "EPIPE"),
        ("recv", b""),
    ),
    # -- our own shutdown
    "a send after our own shutdown": (("shutdown", "ok"), ("send", "EPIPE"), ("recv", "EAGAIN")),
    "a second shutdown": (("shutdown", "ok"), ("shutdown", "ok"), ("send", "EPIPE")),
    "a shutdown sends FIN": (("send", 1), ("shutdown", "ok"), ("peer", b"x"), ("peer", b"")),
    "our own shutdown leaves what comes": (
        ("shutdown", "ok"),
        "data",
        ("recv", b"ab"),
        ("recv", "EAGAIN"),
        "fin",
        ("recv", b""),
    ),
    "a shutdown behind FIN": ("fin", ("shutdown", "ok"), ("peer", b""), ("send", "EPIPE")),
    "a shutdown when the client is gone": (
        "close",
        ("shutdown", "ok"),
        ("send", "EPIPE"),
        ("recv", b""),
    ),
    "a shutdown when both have shut down": ("fin", ("shutdown", "ok"), ("shutdown", "ENOTCONN")),
    "a shutdown behind a reset": ("rst", ("recv", "ECONNRESET"), ("shutdown", "ENOTCONN")),
    "a shutdown leaves the error to recv": (
        "rst",
        ("shutdown", "ENOTCONN"),
        ("recv", "ECONNRESET"),
        ("send", "EPIPE"),
    ),
    "a shutdown leaves the error to send": (
        "rst",
        ("shutdown", "ENOTCONN"),
        ("send", "ECONNRESET"),
        ("recv", b""),
    ),
    "a shutdown behind FIN and a reset": ("fin", "rst", ("shutdown", "ENOTCONN"), ("recv", b"")),
    "a shutdown behind the answer to a send": (
        "close",
        ("send", 1),
        ("shutdown", "ENOTCONN"),
        ("recv", b""),
        ("send", "EPIPE"),
    ),
    "a reset behind our own shutdown, to recv": (
        ("shutdown", "ok"),
        "rst",
        ("recv", "ECONNRESET"),
        ("send", "EPIPE"),
        ("shutdown", "ENOTCONN"),
    ),
    "a reset behind our own shutdown, to send": (
        ("shutdown", "ok"),
        "rst",
        ("send", "ECONNRESET"),
        ("send", "EPIPE"),
        ("recv", b""),
    ),
    # -- our own close
    "close sends FIN": (("send", 1), ("close", "ok"), ("peer", b"x"), ("peer", b"")),
    "close behind a shutdown": (("shutdown", "ok"), ("close", "ok"), ("peer", b"")),
    "close behind FIN": ("fin", ("close", "ok"), ("peer", b"")),
    "close behind data that were read": ("data", ("recv", b"ab"), ("close", "ok"), ("peer", b"")),
    "close with data unread is a reset": (
        "data",
        ("send", 1),
        ("close", "ok"),
        ("peer", b"x"),
        ("peer", "ECONNRESET"),
        ("peer", b""),
    ),
    # -- what select says: r for readable, w for writable
    "nothing yet is not ready to be read": (("ready", "w"),),
    "data make it readable": ("data", ("ready", "rw")),
    "data make it readable until they are read": ("data", ("recv", b"ab"), ("ready", "w")),
    "FIN makes it readable": ("fin", ("ready", "rw")),
    "FIN makes it readable for good": ("fin", ("recv", b""), ("send", 1), ("ready", "rw")),
    "a client that is gone makes it readable": ("close", ("ready", "rw")),
    "a reset makes it both": ("rst", ("ready", "rw")),
    "a reset makes it both for good": (
        "rst",
        ("recv", "ECONNRESET"),
        ("ready", "rw"),
        ("send", "EPIPE"),
        ("ready", "rw"),
    ),
    "our own shutdown makes it no more readable": (("shutdown", "ok"), ("ready", "w")),
    "a full buffer is not writable": (("fill", "EAGAIN"), ("ready", "")),
    "a reset makes it writable though full": (
        ("fill", "EAGAIN"),
        "rst",
        ("ready", "rw"),
        ("send", "ECONNRESET"),
        ("recv", b""),
    ),
}
DIFFERS = {
    "a full buffer is not writable": "the selector takes every port for writable",
}
"""Rows in which our port does something else than Linux, and what."""

LONGEST_S = 20.0
"""Waiting for loopback ends then; it takes less than a millisecond."""
FIN_WAIT2, CLOSE = 5, 7
"""States of a socket, as in the kernel's tcp_states.h."""
NOT_SENT_YET = 0x894B
"""SIOCOUTQNSD: how many bytes in the send buffer were never sent."""


class End(Protocol):
    """A server's end, simulated or real, with its client."""

    def act(self, what: str) -> None:
        """Let the client do something, and what it sends arrive."""

    def call(self, what: str) -> object:
        """Return what a call gives: bytes, a count, "ok", readiness, or the name of an errno."""

    def told(self, events: int) -> int:
        """Return what a selector tells that watches for `events`."""


def outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def done(call: Callable[..., None], *args: object) -> str:
    call(*args)
    return "ok"


def into_one(receive: Callable[[bytearray], int]) -> bytes:
    buffer = bytearray(1)
    return bytes(buffer[: receive(buffer)])


# -- the simulated end -----------------------------------------------------------------------------


class Client(Peer):
    """A client that keeps what it is told."""

    def __init__(self) -> None:
        self.unread = bytearray()
        self.fins = 0
        self.resets = 0

    def on_bytes(self, data: bytes) -> None:
        self.unread += data

    def on_fin(self) -> None:
        self.fins += 1

    def on_reset(self) -> None:
        self.resets += 1

    def recv(self) -> bytes:
        data = bytes(self.unread)
        self.unread.clear()
        if self.resets == 1 and not data:
            self.resets += 1
            raise ConnectionResetError(errno.ECONNRESET, "")
        if data or self.fins or self.resets:
            return data
        raise BlockingIOError(errno.EAGAIN, "")


class Simulated:
    """Our port, its client acting at once."""

    def __init__(self, kind: type[Port] = Port) -> None:
        self.port = kind(7, "c1", lambda: 0)
        self.port.peer = self.client = Client()

    def act(self, what: str) -> None:
        port = self.port
        resets = what == "rst" or (what == "close" and self.client.unread)
        port.peer_closed |= what in ("close", "rst")
        if what == "data":
            port.put(Sent.DATA, b"ab")
        else:
            port.put(Sent.RST if resets else Sent.FIN)
        self._settle()

    def call(self, what: str) -> object:
        port = self.port
        calls: dict[str, Callable[[], object]] = {
            "recv": lambda: port.recv(100),
            "recv1": lambda: port.recv(1),
            "recv_into": lambda: into_one(port.recv_into),
            "send": lambda: port.send(b"x"),
            "send0": lambda: port.send(b""),
            "sendmsg": lambda: port.sendmsg([b"x", b"y"]),
            "fill": self._fill,
            "shutdown": lambda: done(port.shutdown, socket.SHUT_WR),
            "close": lambda: done(port.close),
            "peer": self.client.recv,
            "ready": self._ready,
        }
        said = outcome(calls[what])
        self._settle()
        return said

    def told(self, events: int) -> int:
        world = World(Fifo(), Limits(), Bounds(), keep=False)
        world.ports.append(self.port)
        selector = Selector(world)
        selector.register(self.port, events)
        return sum(mask for _, mask in selector.select(0))

    def _settle(self) -> None:
        self.port.arrive(len(self.port.under_way))

    def _fill(self) -> int:
        self.port.takes = lambda count: 0
        return self.port.send(b"x")

    def _ready(self) -> str:
        mask = self.told(EVENT_READ | EVENT_WRITE)
        if bool(mask & EVENT_READ) != self.port.readable:
            return "the port and the selector do not agree"
        return letters(mask)


def letters(mask: int) -> str:
    return "r" * bool(mask & EVENT_READ) + "w" * bool(mask & EVENT_WRITE)


# -- the real end ----------------------------------------------------------------------------------


class Real:
    """A real socket over loopback, and the client's."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self._client = client
        self._server = server
        self._shut = False

    def act(self, what: str) -> None:
        client, server = self._client, self._server
        before = queued(server)
        if what == "data":
            client.send(b"ab")
            until(lambda: queued(server) == before + 2)
        elif what == "fin":
            client.shutdown(socket.SHUT_WR)
            until(lambda: heard_the_end(server) and (not self._shut or state(server) == CLOSE))
        else:
            resets = what == "rst" or queued(client) > 0
            if what == "rst":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            dies = resets or self._shut
            until(lambda: state(server) == CLOSE if dies else heard_the_end(server))

    def call(self, what: str) -> object:
        server = self._server
        calls: dict[str, Callable[[], object]] = {
            "recv": lambda: server.recv(100),
            "recv1": lambda: server.recv(1),
            "recv_into": lambda: into_one(server.recv_into),
            "send": lambda: self._send(b"x"),
            "send0": lambda: server.send(b""),
            "sendmsg": lambda: server.sendmsg([b"x", b"y"]),
            "fill": self._fill,
            "shutdown": self._shutdown,
            "close": self._close,
            "peer": lambda: self._client.recv(100),
            "ready": self._ready,
        }
        return outcome(calls[what])

    def told(self, events: int) -> int:
        with selectors.DefaultSelector() as selector:  # what asyncio asks
            selector.register(self._server, events)
            return sum(mask for _, mask in selector.select(0))

    @property
    def _gone(self) -> bool:
        return self._client.fileno() == -1

    def _send(self, data: bytes) -> int:
        before = 0 if self._gone else queued(self._client)
        sent = self._server.send(data)
        if self._gone:
            until(lambda: state(self._server) == CLOSE)  # by the reset that answers
        else:
            until(lambda: queued(self._client) == before + sent)
        return sent

    def _fill(self) -> int:
        def full() -> bool:
            self._server.send(b"x" * 65536)
            return False

        until(lambda: in_flight(self._server) == 0 and outcome(full) == "EAGAIN")
        return self._server.send(b"x")

    def _shutdown(self) -> str:
        self._server.shutdown(socket.SHUT_WR)
        self._shut = True
        until(lambda: state(self._server) in (FIN_WAIT2, CLOSE))
        return "ok"

    def _close(self) -> str:
        self._server.close()
        until(lambda: heard_the_end(self._client))
        return "ok"

    def _ready(self) -> str:
        readable, writable, _ = select.select([self._server], [self._server], [], 0)
        return "r" * bool(readable) + "w" * bool(writable)


def until(has_come: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST_S
    while not has_come():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.0002)


def number(sock: socket.socket, request: int) -> int:
    answer = fcntl.ioctl(sock, request, bytes(4))
    return int.from_bytes(answer, "little")


def queued(sock: socket.socket) -> int:
    """Return how many bytes are there to be read."""
    return number(sock, termios.FIONREAD)


def in_flight(sock: socket.socket) -> int:
    """Return how many bytes were sent and not acknowledged yet."""
    return number(sock, termios.TIOCOUTQ) - number(sock, NOT_SENT_YET)


def state(sock: socket.socket) -> int:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def heard_the_end(sock: socket.socket) -> bool:
    """Whether FIN or a reset has come."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return bool(poll.poll(0))


@contextmanager
def real() -> Iterator[Real]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with closing(client), closing(server):
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Real(client, server)


# -- the table -------------------------------------------------------------------------------------


def differences(end: End, row: Row) -> list[tuple[str, object, object]]:
    """Return where a row is not met: the call, what the row says, what it gave."""
    found = []
    for step in row:
        if isinstance(step, str):
            end.act(step)
            continue
        what, said = step
        gave = end.call(what)
        if gave != said:
            found.append((what, said, gave))
    return found


def differs(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason)


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=differs(DIFFERS[one])) if one in DIFFERS else one for one in ROWS],
)
def test_the_simulated_end_does_what_the_table_says(name: str) -> None:
    assert differences(Simulated(), ROWS[name]) == []


@pytest.mark.parametrize("name", ROWS)
def test_linux_does_what_the_table_says(name: str) -> None:
    with real() as end:
        assert differences(end, ROWS[name]) == []


WATCHED: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "data": ("data",),
    "FIN": ("fin",),
    "a client that is gone": ("close",),
    "a reset": ("rst",),
    "a reset behind data": ("data", "rst"),
    "a reset behind FIN": ("fin", "rst"),
}


@pytest.mark.parametrize("events", [EVENT_READ, EVENT_WRITE, EVENT_READ | EVENT_WRITE])
@pytest.mark.parametrize("name", WATCHED)
def test_a_selector_tells_the_same_of_both_whatever_it_watches_for(name: str, events: int) -> None:
    ours = Simulated()
    with real() as linux:
        for act in WATCHED[name]:
            ours.act(act)
            linux.act(act)
        assert letters(ours.told(events)) == letters(linux.told(events))


# -- rules that are switched off -------------------------------------------------------------------


def again() -> BlockingIOError:
    return BlockingIOError(errno.EAGAIN, "")


def broken() -> BrokenPipeError:
    return BrokenPipeError(errno.EPIPE, "")


class ForgetsData(Port):
    """A reset takes what had come before."""

    def arrive(self, count: int) -> None:
        super().arrive(count)
        if self.dead:
            self.received.clear()


class DropsTheRest(Port):
    """A recv takes everything, and gives a part."""

    def recv(self, most: int) -> bytes:
        data = super().recv(most)
        self.received.clear()
        return data


class EndsAtOnce(Port):
    """FIN hides the data before it."""

    def recv(self, most: int) -> bytes:
        return b"" if self.fin else super().recv(most)


class EndsOnce(Port):
    """The end of the stream is told once."""

    def recv(self, most: int) -> bytes:
        data = super().recv(most)
        self.fin &= bool(data)
        return data


class LosesBytes(Port):
    """What is sent does not come."""

    def send(self, data: Any) -> int:
        self.peer = Peer()
        return super().send(data)


class SendsTheFirst(Port):
    """Of several buffers one is sent."""

    def sendmsg(self, buffers: Any) -> int:
        return self.send(buffers[0])


class NeverFull(Port):
    """The kernel takes everything."""

    def send(self, data: Any) -> int:
        self.takes = lambda count: count
        return super().send(data)


class TellsTwice(Port):
    """A reset is told to everybody."""

    def _raise(self) -> None:
        raise ConnectionResetError(self.error, "")


class SendLeavesTheError(Port):
    """What send was told, recv is told again."""

    def send(self, data: Any) -> int:
        try:
            return super().send(data)
        except ConnectionResetError as error:
            self.error = error.errno or 0
            raise


class RecvLeavesTheError(Port):
    """What recv was told, send is told again."""

    def recv(self, most: int) -> bytes:
        try:
            return super().recv(most)
        except ConnectionResetError as error:
            self.error = error.errno or 0
            raise


class NeverTells(Port):
    """A reset looks like an end of the stream."""

    def arrive(self, count: int) -> None:
        super().arrive(count)
        self.error = 0


class SendIsNotTold(Port):
    """Only recv is told of a reset."""

    def send(self, data: Any) -> int:
        if self.dead:
            raise broken()
        return super().send(data)


class SendsIntoTheVoid(Port):
    """Once the error was told, sends succeed."""

    def send(self, data: Any) -> int:
        return 1 if self.dead and not self.error else super().send(data)


class WaitsForTheDead(Port):
    """Once the error was told, recv waits for more."""

    def recv(self, most: int) -> bytes:
        if self.dead and not self.error and not self.received:
            raise again()
        return super().recv(most)


class ResetsBehindFin(Port):
    """A reset behind FIN is one like any other."""

    def arrive(self, count: int) -> None:
        alive = not self.dead
        super().arrive(count)
        if self.dead and alive:
            self.error = errno.ECONNRESET


class TellsBehindFin(Port):
    """recv is told of a reset behind FIN."""

    def recv(self, most: int) -> bytes:
        if self.error and not self.received:
            self._raise()
        return super().recv(most)


class NeverAnswers(Port):
    """A client that is gone takes bytes for ever."""

    def send(self, data: Any) -> int:
        self.peer_closed = False
        return super().send(data)


class AnswersBefore(Port):
    """The first send to a client that is gone fails."""

    def send(self, data: Any) -> int:
        if self.peer_closed and not self.dead:
            raise broken()
        return super().send(data)


class AnswersTheHalfClosed(Port):
    """A client that has shut down is taken for gone."""

    def send(self, data: Any) -> int:
        self.peer_closed |= self.fin
        return super().send(data)


class SendsOn(Port):
    """Our own shutdown does not end our sends."""

    def shutdown(self, how: int) -> None:
        super().shutdown(how)
        self.shut = False


class ShutsQuietly(Port):
    """The client does not hear of our shutdown."""

    def shutdown(self, how: int) -> None:
        self.shut = True


class ShutsTheShut(Port):
    """What both have shut down can be shut down again."""

    def shutdown(self, how: int) -> None:
        if not self.shut:
            super().shutdown(how)


class AnswersNothing(Port):
    """A client that is gone answers a send of no bytes."""

    def send(self, data: Any) -> int:
        if self.peer_closed and not self.dead:
            self.put(Sent.RST)
        return super().send(data)


class ClosesPolitely(Port):
    """A close with data unread looks like any other."""

    def close(self) -> None:
        self.received.clear()
        super().close()


class ClosesQuietly(Port):
    """The client does not hear of our close."""

    def close(self) -> None:
        self.closed = True


class ShutsBoth(Port):
    """Our own shutdown ends what comes."""

    def recv(self, most: int) -> bytes:
        return b"" if self.shut else super().recv(most)


class ShutsOnce(Port):
    """A second shutdown fails."""

    def shutdown(self, how: int) -> None:
        if self.shut:
            raise OSError(errno.ENOTCONN, "")
        super().shutdown(how)


class ShutsAnything(Port):
    """A connection that was reset can be shut down."""

    def shutdown(self, how: int) -> None:
        self.shut = True


class ShutdownTakesTheError(Port):
    """A shutdown counts as being told."""

    def shutdown(self, how: int) -> None:
        self.error = 0
        super().shutdown(how)


class ShutComesFirst(Port):
    """A send after our own shutdown hides a reset."""

    def send(self, data: Any) -> int:
        if self.shut:
            raise broken()
        return super().send(data)


class NotReady(Port):
    """A reset leaves a descriptor as it was."""

    @property
    def readable(self) -> bool:
        return bool(self.received) or self.fin


class Deaf(Port):
    """FIN is not seen."""

    @property
    def readable(self) -> bool:
        return bool(self.received) or self.dead


class Blind(Port):
    """Data are not seen."""

    @property
    def readable(self) -> bool:
        return self.fin or self.dead


class AlwaysReady(Port):
    """Whoever reads need not wait."""

    @property
    def readable(self) -> bool:
        return True


BREAKS: dict[type[Port], str] = {
    ForgetsData: "data stay readable behind a reset",
    DropsTheRest: "a recv takes a part",
    EndsAtOnce: "data stay readable behind FIN",
    EndsOnce: "data stay readable behind FIN",
    LosesBytes: "what is sent comes",
    SendsTheFirst: "several buffers as one",
    NeverFull: "a reset makes it writable though full",
    TellsTwice: "a reset is told once, to recv",
    SendLeavesTheError: "a reset is told once, to send",
    RecvLeavesTheError: "a reset is told once, to recv",
    NeverTells: "a reset is told once, to recv",
    SendIsNotTold: "a reset is told once, to send",
    SendsIntoTheVoid: "send after send was told",
    WaitsForTheDead: "a reset is told once, to recv",
    ResetsBehindFin: "a reset behind FIN breaks the pipe",
    TellsBehindFin: "a reset behind FIN is none to recv",
    NeverAnswers: "gone: the first send succeeds",
    AnswersBefore: "gone: the first send succeeds",
    AnswersTheHalfClosed: "half closed: sends go on",
    SendsOn: "a send after our own shutdown",
    ShutsQuietly: "a shutdown sends FIN",
    ShutsTheShut: "a shutdown when both have shut down",
    AnswersNothing: "gone: a send of nothing is not answered",
    ClosesPolitely: "close with data unread is a reset",
    ClosesQuietly: "close sends FIN",
    ShutsBoth: "our own shutdown leaves what comes",
    ShutsOnce: "a second shutdown",
    ShutsAnything: "a shutdown behind a reset",
    ShutdownTakesTheError: "a shutdown leaves the error to recv",
    ShutComesFirst: "a reset behind our own shutdown, to send",
    NotReady: "a reset makes it both",
    Deaf: "FIN makes it readable",
    Blind: "data make it readable",
    AlwaysReady: "nothing yet is not ready to be read",
}
"""A port without one of its rules, and a row that cannot be met without it."""


@pytest.mark.parametrize("wrong", BREAKS)
def test_each_rule_that_is_switched_off_breaks_the_row_that_tests_it(wrong: type[Port]) -> None:
    row = ROWS[BREAKS[wrong]]
    assert differences(Simulated(), row) == [], "it is met while the rule is on"
    assert differences(Simulated(wrong), row) != []


# -- what no pair of sockets can show --------------------------------------------------------------


def test_nothing_is_there_before_it_arrives() -> None:
    port = Port(7, "c1", lambda: 0)
    port.put(Sent.DATA, b"ab")
    port.put(Sent.DATA, b"cd")
    port.put(Sent.FIN)
    assert (port.readable, outcome(lambda: port.recv(9))) == (False, "EAGAIN")
    port.arrive(1)
    assert (port.recv(9), outcome(lambda: port.recv(9))) == (b"ab", "EAGAIN")
    port.arrive(2)
    assert (port.recv(9), port.recv(9)) == (b"cd", b"")


@pytest.mark.parametrize(("takes", "gives", "came"), [(2, 2, b"ab"), (0, "EAGAIN", b"")])
def test_a_send_gives_the_client_what_the_kernel_takes(
    takes: int, gives: object, came: bytes
) -> None:
    end = Simulated()
    end.port.takes = lambda count: takes
    assert outcome(lambda: end.port.send(b"abc")) == gives
    assert bytes(end.client.unread) == came


def test_the_client_hears_once_that_no_more_is_sent() -> None:
    end = Simulated()
    for call in ("shutdown", "shutdown", "close", "close"):
        end.call(call)
    assert end.client.fins == 1


def test_a_client_that_reset_the_connection_hears_no_more() -> None:
    end = Simulated()
    end.act("rst")
    end.call("send")
    end.call("close")
    assert (end.client.fins, bytes(end.client.unread)) == (0, b"")


@pytest.mark.parametrize("has_come", [False, True])
def test_a_reset_under_way_is_met_by_a_send_only_if_it_has_come(has_come: bool) -> None:
    port = Port(7, "c1", lambda: 0)
    port.put(Sent.DATA, b"ab")
    port.put(Sent.RST)
    port.has_come = lambda unit: has_come
    assert outcome(lambda: port.send(b"x")) == ("ECONNRESET" if has_come else 1)
    assert outcome(lambda: port.recv(9)) == (b"ab" if has_come else "EAGAIN")


def test_a_shutdown_meets_a_reset_under_way_if_it_has_come() -> None:
    port = Port(7, "c1", lambda: 0)
    port.put(Sent.RST)
    port.has_come = lambda unit: True
    assert outcome(lambda: port.shutdown(socket.SHUT_WR)) == "ENOTCONN"


def test_nothing_comes_behind_a_reset() -> None:
    port = Port(7, "c1", lambda: 0)
    port.put(Sent.RST)
    port.put(Sent.DATA, b"late")
    assert [unit.what for unit in port.under_way] == [Sent.RST]
