"""The server's end of one TCP connection, as Linux has it.

The rules were measured on Linux with loopback sockets; tests/aio/test_tcp.py runs one table of them
on this class and on a real pair of sockets.

- What came before a reset stays readable; then `recv` raises ECONNRESET once; then it returns b"",
  and `send` raises EPIPE.
- The error is told once, to whoever asks first: after `send` has raised ECONNRESET, `recv` returns
  the data, then b"".
- A peer that has closed, and not only shut down, answers the next bytes with a reset: the first
  `send` succeeds, a later one raises EPIPE, and `recv` returns b"" throughout.
- A reset makes a descriptor readable and writable, whichever of the two is waited for, and `send`
  sees it even while nobody reads.
- `shutdown` sends FIN, and so does `close`, unless data are unread: then it sends a reset. The
  other end still reads what was sent before.
- A send of nothing meets what is there, and is not answered.

One rule is left out: a buffer that was full is writable again at once.
"""

import errno
import os
import socket
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple


class Sent(Enum):
    """What can be under way to the server."""

    DATA = "data"
    FIN = "fin"
    RST = "rst"


class Unit(NamedTuple):
    """What arrives as a whole."""

    what: Sent
    data: bytes
    sent_ns: int
    """When it was sent."""
    own: bool = False
    """Whether the other end sent it of its own accord, and not as an answer."""


class Peer:
    """What is told to the other end. By default it does not listen."""

    @property
    def patience_ns(self) -> int:
        """How long it will go on waiting for an answer to what is still under way; 0 for none."""
        return 0

    def on_bytes(self, data: bytes) -> None:
        """Take in what the server has sent."""

    def on_fin(self) -> None:
        """Take note that the server sends no more."""

    def on_reset(self) -> None:
        """Take note that the server closed with data unread."""


class Port:
    """One end of a connection, in place of a non-blocking socket.

    under_way: what the other end has sent and the server's kernel has not received. `peer_closed`:
    the other end is gone, and answers bytes with a reset.
    """

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = socket.IPPROTO_TCP

    def __init__(self, descriptor: int, name: str, now_ns: Callable[[], int]) -> None:
        self.name = name
        self.peer = Peer()
        self.under_way: deque[Unit] = deque()
        self.received = bytearray()
        self.fin = False
        """Whether the other end's FIN is here."""
        self.dead = False
        """Whether it was reset."""
        self.error = 0
        """The error that is still to be told, an errno."""
        self.closed = False
        self.shut = False
        """Whether our FIN is sent."""
        self.peer_closed = False
        self.has_come: Callable[[Unit], bool] = lambda unit: False
        """Asked within a send while a reset is under way: whether it is here by now."""
        self.on_arrival: Callable[[], None] = lambda: None
        """Called when the other end's own doing, or its end, has come."""
        self.takes: Callable[[int], int] = lambda count: count
        """Asked within a send of so many bytes: how many of them the kernel takes."""
        self._descriptor = descriptor
        self._now_ns = now_ns

    # -- the other end -------------------------------------------------------------------------

    def put(self, what: Sent, data: bytes = b"", own: bool = False) -> None:
        """Send something to the server. It arrives later. own: whether it is no answer."""
        if self.under_way and self.under_way[-1].what is Sent.RST:
            return  # nothing comes after a reset
        self.under_way.append(Unit(what, data, self._now_ns(), own))

    def cut(self, index: int) -> None:
        """Cut a unit of what is under way into two, in the middle."""
        unit = self.under_way[index]
        assert unit.what is Sent.DATA, "nothing else has a middle"
        middle = len(unit.data) // 2
        self.under_way[index] = unit._replace(data=unit.data[:middle])
        self.under_way.insert(index + 1, unit._replace(data=unit.data[middle:]))

    def arrive(self, count: int) -> None:
        """Let the first units of what is under way arrive."""
        for _ in range(count):
            unit = self.under_way.popleft()
            self._take_in(unit)
            if unit.what is Sent.FIN:
                self.fin = True
            elif unit.what is Sent.RST:
                self.dead = True
                self.under_way.clear()
            if unit.own or unit.what is not Sent.DATA:
                self.on_arrival()

    def _take_in(self, unit: Unit) -> None:
        """Let the server's kernel have what has come."""
        if unit.what is Sent.DATA:
            self.received += unit.data
        elif unit.what is Sent.RST:
            self.error = errno.EPIPE if self.fin else errno.ECONNRESET

    @property
    def readable(self) -> bool:
        """Whether a selector would say so."""
        return bool(self.received) or self.fin or self.dead

    @property
    def is_over(self) -> bool:
        """Whether one of the ends has ended it, as far as the server's kernel knows."""
        return self.fin or self.dead or self.closed

    def __standing__(self) -> object:
        """Return what of it matters for what is to come, but for when it was sent."""
        under_way = [(unit.what.value, unit.data, unit.own) for unit in self.under_way]
        flags = (self.fin, self.dead, self.error, self.closed, self.shut, self.peer_closed)
        return [self.name, under_way, bytes(self.received), flags]

    # -- the socket ----------------------------------------------------------------------------

    def recv(self, most: int) -> bytes:
        """Return what has come. Raises BlockingIOError if nothing has, ConnectionResetError."""
        if self.received:
            data = bytes(self.received[:most])
            del self.received[:most]
            return data
        if self.error and not self.fin:
            self._raise()
        if self.fin or self.dead:
            return b""
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def recv_into(self, buffer: Any) -> int:
        """Put what has come into a buffer, as `recv`."""
        view = memoryview(buffer)
        data = self.recv(len(view))
        view[: len(data)] = data
        return len(data)

    def send(self, data: Any) -> int:
        """Send what the kernel takes. Raises what a reset left, BlockingIOError."""
        whole = bytes(data)
        self._meet_reset()
        if self.dead:
            if self.error == errno.ECONNRESET:
                self._raise()
            self.error = 0
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        if self.shut:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        taken = self.takes(len(whole)) if whole else 0
        if whole and not taken:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        if not self.peer_closed:
            self.peer.on_bytes(whole[:taken])
        elif taken:
            self.put(Sent.RST)
        return taken

    def sendmsg(self, buffers: Any) -> int:
        """Send several buffers as one."""
        return self.send(b"".join(map(bytes, buffers)))

    def shutdown(self, how: int) -> None:
        """End what this side sends. Raises OSError if the connection is over."""
        self._meet_reset()
        if self.dead or (self.shut and self.fin):
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        if not self.shut:
            self.shut = True
            self.peer.on_fin()

    def close(self) -> None:
        """Give the descriptor back."""
        if self.closed:
            return
        self.closed = True
        if self.dead:
            return
        if self.received:
            self.peer.on_reset()
        elif not self.shut:
            self.peer.on_fin()
        self.shut = True

    def _meet_reset(self) -> None:
        resets = [i for i, unit in enumerate(self.under_way) if unit.what is Sent.RST]
        if resets and not self.dead and self.has_come(self.under_way[resets[0]]):
            self.arrive(resets[0] + 1)

    def _raise(self) -> None:
        error, self.error = self.error, 0
        raise ConnectionResetError(error, os.strerror(error))

    # -- what asyncio asks of a socket besides -------------------------------------------------

    def fileno(self) -> int:
        """Return the descriptor, -1 once it is closed."""
        return -1 if self.closed else self._descriptor

    @property
    def descriptor(self) -> int:
        """The number that it had while it was open."""
        return self._descriptor

    def getsockname(self) -> tuple[str, int]:
        """Return the server's address."""
        return "127.0.0.1", 8000

    def getpeername(self) -> tuple[str, int]:
        """Return the client's address."""
        return "127.0.0.1", 50000 + self._descriptor

    def setblocking(self, flag: bool) -> None:
        """Do nothing: it never blocks."""

    def gettimeout(self) -> float:
        """Return 0: it never blocks."""
        return 0.0

    def setsockopt(self, *args: Any) -> None:
        """Do nothing: no option matters here."""

    def getsockopt(self, *args: Any) -> int:
        """Return 0: no option matters here."""
        return 0
