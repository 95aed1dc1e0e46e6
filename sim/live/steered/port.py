"""A real TCP connection over loopback, in place of a simulated one.

Its server's end is a real socket: every `recv`, `send`, `shutdown` and `close` goes to the kernel,
and what the kernel answers is what the application's server gets. Led are only the moments at which
what the client has sent is handed to the kernel, which stands for the time on the way.

A client that is gone (`drop`) answers later bytes with a reset, on loopback at once. Since that may
take its time on a network, its socket is only shut down when its FIN is due, and reset when the
reset is: the server's kernel sees the same segments.
"""

import errno
import os
import select
import socket
import struct
from collections.abc import Callable
from time import monotonic
from typing import Any

from sim.aio.tcp import Port, Sent, Unit

_PATIENCE_S = 0.5
"""How long to wait for what is written on one end of a loopback connection to be on the other."""
_ALL = 1 << 20
"""More bytes than are under way in one unit."""
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets."""


class NotDelivered(Exception):
    """The kernel has not handed over what was written."""


class RealPort(Port):
    """One connection, its client's end at hand."""

    def __init__(self, number: int, name: str, now_ns: Callable[[], int], ends: "Ends") -> None:
        """Prepare. number: stands in the client's address. now_ns: the time of the run."""
        super().__init__(number, name, now_ns)
        self._ends = ends
        self._real = self._ends.server
        self._number = self._real.fileno()
        self._sent = 0
        """Bytes that the server's kernel took and the client has not read yet."""

    def fileno(self) -> int:
        """Return the descriptor, -1 once it is closed."""
        return self._real.fileno()

    @property
    def number(self) -> int:
        """The real descriptor, while it was open."""
        return self._number

    # -- the other end -------------------------------------------------------------------------

    def _take_in(self, unit: Unit) -> None:
        """Hand something to the kernel, and wait until it is there.

        Raises NotDelivered if it does not come.
        """
        if not self.closed:
            self._hand_over(unit)

    def _hand_over(self, unit: Unit) -> None:
        client = self._ends.client
        before = self._unread() if unit.what is Sent.DATA else 0
        try:
            if unit.what is Sent.DATA:
                client.sendall(unit.data)
            elif unit.what is Sent.FIN:
                client.shutdown(socket.SHUT_WR)
            else:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                client.close()
        except BlockingIOError:
            raise NotDelivered(f"{self.name} sends more at once than a socket takes") from None
        except OSError:
            return  # the server has reset the connection: nothing of it arrives any more
        if unit.what is Sent.DATA:
            wanted = before + len(unit.data)
            self._wait(lambda: self._unread() >= wanted or self._polled(select.POLLERR))
        elif unit.what is Sent.FIN:
            self._wait(lambda: self._polled(select.POLLRDHUP))
        else:
            self._wait(lambda: self._polled(select.POLLERR | select.POLLHUP))

    def _unread(self) -> int:
        """Return how many bytes the server's kernel holds for it."""
        try:
            return len(self._real.recv(_ALL, socket.MSG_PEEK))
        except BlockingIOError:
            return 0

    def _polled(self, events: int) -> bool:
        """Whether one of some events has come on the server's end."""
        poll = select.poll()
        poll.register(self._real.fileno(), events)
        return any(told & events for _, told in poll.poll(0))

    def _wait(self, has_come: Callable[[], bool]) -> None:
        ends = monotonic() + _PATIENCE_S
        while not has_come():
            if monotonic() > ends:
                raise NotDelivered(f"what {self.name} sent did not come over loopback")

    # -- the socket ----------------------------------------------------------------------------

    def recv(self, most: int) -> bytes:
        """Return what has come, as the kernel does."""
        return self._real.recv(most)

    def send(self, data: Any) -> int:
        """Send what the kernel takes, and let the client read it."""
        self._meet_reset()
        whole = bytes(data)
        if whole and not self.dead and not self.shut:
            most = self.takes(len(whole))
            if not most:  # what a full buffer would say
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            whole = whole[:most]
        taken = self._real.send(whole)
        if self.peer_closed and taken:
            self.put(Sent.RST)
        self._sent += taken
        self._hear()
        return taken

    def shutdown(self, how: int) -> None:
        """End what this side sends."""
        self._meet_reset()
        self._real.shutdown(how)
        if not self.shut:
            self.shut = True
            self._hear_end()

    def close(self) -> None:
        """Give the descriptor back."""
        if self.closed:
            return
        self.closed = True
        self._real.close()
        if not self.dead and not self.shut:
            self._hear_end()
        self.shut = True

    def setsockopt(self, *args: Any) -> None:
        """Set an option of the socket's."""
        self._real.setsockopt(*args)

    def getsockopt(self, *args: Any) -> int:
        """Return an option of the socket's."""
        return self._real.getsockopt(*args)

    # -- the client reads ----------------------------------------------------------------------

    def _hear(self) -> None:
        """Let the client read all that the server's kernel has taken."""
        ends = monotonic() + _PATIENCE_S
        while self._sent and monotonic() < ends:
            data = self._read()
            if not data:
                if data is not None:
                    return
                continue
            self._sent -= len(data)
            if not self.peer_closed:
                self.peer.on_bytes(data)

    def _hear_end(self) -> None:
        """Let the client see that the server has ended its half, or reset the connection."""
        self._hear()
        ends = monotonic() + _PATIENCE_S
        while monotonic() < ends:
            try:
                if self._ends.client.recv(1 << 16) == b"":
                    self.peer.on_fin()
                    return
            except BlockingIOError:
                continue
            except ConnectionResetError:
                self.peer.on_reset()
                return
            except OSError:  # the client has closed
                return

    def _read(self) -> bytes | None:
        """Return what is there for the client, None if nothing is; b"" at the end."""
        try:
            return self._ends.client.recv(1 << 20)
        except BlockingIOError:
            return None
        except OSError:
            return b""


class Ends:
    """Both ends of a TCP connection over loopback, neither of which blocks."""

    def __init__(self) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            self.client = socket.create_connection(listener.getsockname())
            self.server, _ = listener.accept()
        for end in (self.client, self.server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
