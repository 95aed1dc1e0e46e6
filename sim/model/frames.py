"""What travels between client and server above the level of bytes."""

from enum import StrEnum
from typing import NamedTuple


class FrameKind(StrEnum):
    """Kinds of frames, and the events of the TCP connection under them."""

    CONNECT = "connect"
    ACCEPT = "accept"
    REJECT = "reject"
    TEXT = "text"
    BYTES = "bytes"
    PING = "ping"
    PONG = "pong"
    CLOSE = "close"
    FIN = "fin"
    """The end of the stream without a close frame."""
    RST = "rst"
    """A reset: what has not been read is lost."""


class Frame(NamedTuple):
    """One frame.

    text: the payload of a text frame; the subprotocols of connect and accept, joined by ", ".
    code: of a close, or the status of a reject. headers: of connect.
    """

    kind: FrameKind
    text: str = ""
    data: bytes = b""
    code: int = 0
    headers: tuple[tuple[str, str], ...] = ()

    def brief(self) -> str:
        """Return a short form for the trace."""
        if self.kind in (FrameKind.CLOSE, FrameKind.REJECT):
            return f"{self.kind} {self.code}"
        if self.text:
            return f"{self.kind} {self.text}"
        return f"{self.kind} {self.data.hex()}" if self.data else str(self.kind)
