"""A raw socket that speaks WebSocket as a client. It knows frames and no scripts; it never waits.

Whoever uses it holds a lock around every call but `wait`. Nobody waits in the socket's own `recv`
or `poll`: these would hold the connection, so that a close by another thread resets nothing until
they return. A selector does not.
"""

import selectors
import socket
import struct
from contextlib import suppress

from sim.model.frames import Frame, FrameKind
from sim.model.script import Action
from sim.peer.codec import ClientCodec

_CONNECT_S = 5.0
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for 0 s, so that closing resets (socket(7))."""
_CHUNK = 1 << 16


class LiveWire:
    """One connection. `wait` returns when there is something to read, or when somebody wakes it."""

    def __init__(self) -> None:
        self._codec = ClientCodec()
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._socket: socket.socket | None = None
        self._unsent = bytearray()
        self._fin_follows = False

    def connect(self, address: tuple[str, int]) -> None:
        """Open the TCP connection. Raises OSError."""
        self._socket = socket.create_connection(address, _CONNECT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._selector.register(self._socket, selectors.EVENT_READ)

    def ask(self, host: str, target: str, connect: Action) -> None:
        """Send the handshake's request."""
        self._put(self._codec.request(host, target, connect))

    def wait(self, timeout_s: float | None) -> None:
        """Wait until something can be read or written, at most for `timeout_s`."""
        self._selector.select(timeout_s)

    def wake(self) -> None:
        """Let whoever waits look again. For any thread."""
        with suppress(OSError):
            self._waker.send(b"!")

    # -- writing -------------------------------------------------------------------------------

    def send(self, frame: Frame) -> None:
        """Send a frame; what the kernel does not take at once follows when it does."""
        self._put(self._codec.encode(frame))

    def fin(self) -> None:
        """End this half of the TCP stream."""
        self._fin_follows = True
        self._flush()

    def reset(self) -> None:
        """Reset the TCP connection, within this call."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._socket.close()  # the selector forgets a closed socket by itself
            self._socket = None

    def close(self) -> None:
        """Give everything back. Nobody may wait any more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._selector.close()
        self._waker.close()
        self._woken.close()

    def _put(self, data: bytes) -> None:
        self._unsent += data
        self._flush()

    def _flush(self) -> None:
        if self._socket is None:
            return
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
            if self._fin_follows:
                self._fin_follows = False
                self._socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            self.wake()
        except OSError:
            self._unsent.clear()  # reading tells how the connection ended

    # -- reading -------------------------------------------------------------------------------

    def read(self) -> list[Frame]:
        """Return the frames that have come; the end of the TCP stream is one, FIN or RST."""
        with suppress(BlockingIOError):
            self._woken.recv(_CHUNK)
        if self._socket is None:
            return []
        self._flush()
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        self._selector.modify(self._socket, wanted)
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            return [Frame(FrameKind.RST)]
        if not data:
            return [Frame(FrameKind.FIN)]
        frames = []
        for frame in self._codec.decode(data):
            if frame.kind is FrameKind.PING:
                self._put(self._codec.encode(frame._replace(kind=FrameKind.PONG)))
            else:
                frames.append(frame)
        return frames
