"""A raw socket that speaks WebSocket as a client. It knows frames and no scripts; it never waits.

Whoever uses it holds a lock around every call but `wait`. Nobody waits in the socket's own `recv`
or `poll`: these would hold the connection, so that a close by another thread resets nothing until
they return. A selector does not.
"""

import selectors
import socket
import struct
from contextlib import suppress

import wsproto
from wsproto import ConnectionType, events
from wsproto.connection import ConnectionState
from wsproto.frame_protocol import FrameProtocol
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from sim.model.frames import Frame, FrameKind
from sim.model.script import Action

_CONNECT_S = 5.0
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for 0 s, so that closing resets (socket(7))."""
_CHUNK = 1 << 16
_NO_STATUS = 1005
"""The code that stands for a close frame without one (RFC 6455, 7.4.1)."""


class LiveWire:
    """One connection. `wait` returns when there is something to read, or when somebody wakes it."""

    def __init__(self) -> None:
        self._protocol = wsproto.WSConnection(ConnectionType.CLIENT)  # handshake, and what comes
        self._frames = FrameProtocol(client=True, extensions=[])  # what goes, also too early
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._socket: socket.socket | None = None
        self._unsent = bytearray()
        self._fin_follows = False
        self._parts: list[str | bytes | bytearray] = []

    def connect(self, address: tuple[str, int]) -> None:
        """Open the TCP connection. Raises OSError."""
        self._socket = socket.create_connection(address, _CONNECT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._selector.register(self._socket, selectors.EVENT_READ)

    def ask(self, host: str, target: str, connect: Action) -> None:
        """Send the handshake's request."""
        headers = [(name.encode(), value.encode()) for name, value in connect.headers]
        subprotocols = list(connect.subprotocols)
        request = events.Request(host, target, extra_headers=headers, subprotocols=subprotocols)
        self._put(self._protocol.send(request))

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
        if frame.kind is FrameKind.TEXT:
            self._put(self._frames.send_data(frame.text))
        elif frame.kind is FrameKind.BYTES:
            self._put(self._frames.send_data(frame.data))
        elif frame.kind is FrameKind.PING:
            self._put(self._frames.ping(frame.data))
        else:
            self._put(self._frames.close(None if frame.code == _NO_STATUS else frame.code))

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

    def _put(self, data: bytes | bytearray) -> None:
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
        if self._protocol.state is ConnectionState.CLOSED:
            return []
        try:
            self._protocol.receive_data(data)
            return [frame for event in self._protocol.events() for frame in self._frames_of(event)]
        except (LocalProtocolError, RemoteProtocolError):
            return [Frame(FrameKind.RST)]

    def _frames_of(self, event: events.Event) -> list[Frame]:
        if isinstance(event, events.AcceptConnection):
            return [Frame(FrameKind.ACCEPT, text=event.subprotocol or "")]
        if isinstance(event, events.RejectConnection):
            return [Frame(FrameKind.REJECT, code=event.status_code)]
        if isinstance(event, events.CloseConnection):
            return [Frame(FrameKind.CLOSE, code=int(event.code))]
        if isinstance(event, events.Ping):
            self._put(self._frames.pong(bytes(event.payload)))
        elif isinstance(event, events.TextMessage | events.BytesMessage):
            return self._message(event)
        return []

    def _message(self, event: "events.TextMessage | events.BytesMessage") -> list[Frame]:
        self._parts.append(event.data)
        if not event.message_finished:
            return []
        parts, self._parts = self._parts, []
        if isinstance(event, events.TextMessage):
            return [Frame(FrameKind.TEXT, text="".join(map(str, parts)))]
        return [Frame(FrameKind.BYTES, data=b"".join(p for p in parts if isinstance(p, bytes)))]
