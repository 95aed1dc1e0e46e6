"""A client's frames in and out of bytes, with wsproto: no socket, no script, no time."""

import wsproto
from wsproto import ConnectionType, events
from wsproto.connection import ConnectionState
from wsproto.frame_protocol import FrameProtocol
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from sim.model.frames import Frame, FrameKind
from sim.model.script import Action

_NO_STATUS = 1005
"""The code that stands for a close frame without one (RFC 6455, 7.4.1)."""


class ClientCodec:
    """One client's side of the protocol. It answers nothing by itself."""

    def __init__(self) -> None:
        self._protocol = wsproto.WSConnection(ConnectionType.CLIENT)  # handshake, and what comes
        self._frames = FrameProtocol(client=True, extensions=[])  # what goes, also too early
        self._parts: list[str | bytes | bytearray] = []

    def request(self, host: str, target: str, connect: Action) -> bytes:
        """Return the handshake's request. connect: has its headers and subprotocols."""
        headers = [(name.encode(), value.encode()) for name, value in connect.headers]
        subprotocols = list(connect.subprotocols)
        request = events.Request(host, target, extra_headers=headers, subprotocols=subprotocols)
        return self._protocol.send(request)

    def encode(self, frame: Frame) -> bytes:
        """Return a frame in bytes."""
        if frame.kind is FrameKind.TEXT:
            return bytes(self._frames.send_data(frame.text))
        if frame.kind is FrameKind.BYTES:
            return bytes(self._frames.send_data(frame.data))
        if frame.kind is FrameKind.PING:
            return bytes(self._frames.ping(frame.data))
        if frame.kind is FrameKind.PONG:
            return bytes(self._frames.pong(frame.data))
        return bytes(self._frames.close(None if frame.code == _NO_STATUS else frame.code))

    def decode(self, data: bytes) -> list[Frame]:
        """Return the frames in what has come; RST where it cannot be understood."""
        if self._protocol.state is ConnectionState.CLOSED:
            return []
        try:
            self._protocol.receive_data(data)
            found = [self._frame_of(event) for event in self._protocol.events()]
        except (LocalProtocolError, RemoteProtocolError):
            return [Frame(FrameKind.RST)]
        return [frame for frame in found if frame is not None]

    def _frame_of(self, event: events.Event) -> Frame | None:
        if isinstance(event, events.AcceptConnection):
            return Frame(FrameKind.ACCEPT, text=event.subprotocol or "")
        if isinstance(event, events.RejectConnection):
            return Frame(FrameKind.REJECT, code=event.status_code)
        if isinstance(event, events.CloseConnection):
            return Frame(FrameKind.CLOSE, code=int(event.code))
        if isinstance(event, events.Ping):
            return Frame(FrameKind.PING, data=bytes(event.payload))
        if isinstance(event, events.TextMessage | events.BytesMessage):
            return self._message(event)
        return None

    def _message(self, event: "events.TextMessage | events.BytesMessage") -> Frame | None:
        self._parts.append(event.data)
        if not event.message_finished:
            return None
        parts, self._parts = self._parts, []
        if isinstance(event, events.TextMessage):
            return Frame(FrameKind.TEXT, text="".join(map(str, parts)))
        return Frame(FrameKind.BYTES, data=b"".join(p for p in parts if isinstance(p, bytes)))
