"""One table of what Linux does with a TCP connection, on the simulated end and on a real one.

Each row says what the client does, in order, and what the server's calls then give. The client's
acts have all arrived before the server calls; a `send` of the server in between is given time to be
answered.
"""

import errno
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Protocol

import pytest

from sim.aio.tcp import Port, Sent

Row = tuple[str, tuple[tuple[str, object], ...]]
ROWS: dict[str, Row] = {
    "data, then nothing": ("data", (("recv", b"ab"), ("recv", "EAGAIN"), ("send", 1))),
    "data stay readable behind FIN": ("data fin", (("recv", b"ab"), ("recv", b""), ("recv", b""))),
    "data stay readable behind a reset": (
        "data rst",
        (("recv", b"ab"), ("recv", "ECONNRESET"), ("recv", b""), ("send", "EPIPE")),
    ),
    "a reset is told once, to recv": (
        "rst",
        (("recv", "ECONNRESET"), ("recv", b""), ("send", "EPIPE"), ("send", "EPIPE")),
    ),
    "a reset is told once, to send": (
        "rst",
        (("send", "ECONNRESET"), ("recv", b""), ("send", "EPIPE")),
    ),
    "the data after send was told": (
        "data rst",
        (("send", "ECONNRESET"), ("recv", b"ab"), ("recv", b"")),
    ),
    "half closed: sends go on": ("fin", (("recv", b""), ("send", 1), ("send", 1))),
    "gone: the first send succeeds": (
        "close",
        (("recv", b""), ("send", 1), ("send", "EPIPE"), ("recv", b"")),
    ),
    "a send after our own shutdown": ("", (("shutdown", "ok"), ("send", "EPIPE"))),
    "a shutdown behind a reset": ("rst", (("recv", "ECONNRESET"), ("shutdown", "ENOTCONN"))),
    "nothing yet is not ready to be read": ("", (("ready", "w"),)),
    "data make it readable": ("data", (("ready", "rw"),)),
    "FIN makes it readable": ("fin", (("ready", "rw"),)),
    "a reset makes it both": ("rst", (("ready", "rw"),)),
}


class End(Protocol):
    """A server's end, simulated or real."""

    def call(self, what: str) -> object:
        """Return what a call gives: bytes, a count, "ok", readiness, or the name of an errno."""


def outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def done(call: Callable[[int], None], how: int) -> str:
    call(how)
    return "ok"


class Simulated:
    """Our port, its client acting at once."""

    def __init__(self, acts: str, kind: type[Port] = Port) -> None:
        self.port = kind(7, "c1", lambda: 0)
        for act in acts.split():
            if act == "data":
                self.port.put(Sent.DATA, b"ab")
            else:
                self.port.put(Sent.RST if act == "rst" else Sent.FIN)
                self.port.peer_closed |= act in ("close", "rst")
        self._settle()

    def _settle(self) -> None:
        self.port.arrive(len(self.port.under_way))

    def call(self, what: str) -> object:
        port = self.port
        calls: dict[str, Callable[[], object]] = {
            "recv": lambda: port.recv(100),
            "send": lambda: port.send(b"x"),
            "shutdown": lambda: done(port.shutdown, socket.SHUT_WR),
            "ready": lambda: "r" * port.readable + "w",
        }
        said = outcome(calls[what])
        self._settle()
        return said


class Real:
    """A real socket over loopback."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server

    def call(self, what: str) -> object:
        server = self._server
        calls: dict[str, Callable[[], object]] = {
            "recv": lambda: server.recv(100),
            "send": lambda: server.send(b"x"),
            "shutdown": lambda: done(server.shutdown, socket.SHUT_WR),
            "ready": self._ready,
        }
        said = outcome(calls[what])
        time.sleep(0.005)  # loopback answers within the call, mostly
        return said

    def _ready(self) -> str:
        readable, writable, _ = select.select([self._server], [self._server], [], 0)
        return "r" * bool(readable) + "w" * bool(writable)


@contextmanager
def real(acts: str) -> Iterator[Real]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        server.setblocking(False)
        try:
            for act in acts.split():
                _act(client, act)
            if acts:
                select.select([server], [], [], 5)
                time.sleep(0.005)
            yield Real(server)
        finally:
            client.close()
            server.close()


def _act(client: socket.socket, act: str) -> None:
    if act == "data":
        client.send(b"ab")
    elif act == "fin":
        client.shutdown(socket.SHUT_WR)
    elif act == "close":
        client.close()
    else:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()


def differences(end: End, row: Row) -> list[tuple[str, object, object]]:
    met = [(what, said, end.call(what)) for what, said in row[1]]
    return [one for one in met if one[1] != one[2]]


@pytest.mark.parametrize("name", ROWS)
def test_the_simulated_end_does_what_the_table_says(name: str) -> None:
    assert differences(Simulated(ROWS[name][0]), ROWS[name]) == []


@pytest.mark.parametrize("name", ROWS)
def test_linux_does_what_the_table_says(name: str) -> None:
    with real(ROWS[name][0]) as end:
        assert differences(end, ROWS[name]) == []


class ForgetsData(Port):
    """A reset takes what had come before."""

    def arrive(self, count: int) -> None:
        super().arrive(count)
        if self.dead:
            self.received.clear()


class TellsTwice(Port):
    """A reset is told to everybody."""

    def _raise(self) -> None:
        raise ConnectionResetError(self.error, "")


class NeverTells(Port):
    """A reset looks like an end of the stream."""

    def arrive(self, count: int) -> None:
        super().arrive(count)
        self.error = 0


class NeverAnswers(Port):
    """A client that is gone takes bytes for ever."""

    def send(self, data: Any) -> int:
        self.peer_closed = False
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


class SendsOn(Port):
    """Our own shutdown does not end our sends."""

    def _send_fin(self) -> None:
        return


class ShutsAnything(Port):
    """A connection that was reset can be shut down."""

    def shutdown(self, how: int) -> None:
        self._send_fin()


@pytest.mark.parametrize(
    "wrong",
    [
        ForgetsData,
        TellsTwice,
        NeverTells,
        NeverAnswers,
        NotReady,
        Deaf,
        SendsOn,
        ShutsAnything,
    ],
)
def test_each_rule_that_is_switched_off_breaks_a_row(wrong: type[Port]) -> None:
    assert any(differences(Simulated(row[0], wrong), row) for row in ROWS.values())


def test_a_reset_under_way_is_met_by_a_send_only_if_it_has_come() -> None:
    for has_come in (False, True):
        port = Port(7, "c1", lambda: 0)
        port.put(Sent.RST)
        port.has_come = lambda come=has_come: come  # type: ignore[misc]
        said = outcome(lambda port=port: port.send(b"x"))  # type: ignore[misc]
        assert said == ("ECONNRESET" if has_come else 1)


def test_nothing_comes_behind_a_reset() -> None:
    port = Port(7, "c1", lambda: 0)
    port.put(Sent.RST)
    port.put(Sent.DATA, b"late")
    assert [unit.what for unit in port.under_way] == [Sent.RST]
