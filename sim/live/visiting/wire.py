"""A connection to a running server, on Trio: frames out and in, and every way to end it.

`ClientCodec` makes the frames, not trio-websocket: that answers pings and closes by itself, and can
neither end one half of a connection nor tell a reset from an end.
"""

import os
import ssl
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import trio

from sim.live.visiting.address import Address
from sim.live.visiting.request import request_of
from sim.model.appscript import Script
from sim.model.frames import Frame, FrameKind
from sim.peer.codec import ClientCodec

UNCLEAR: Final = Frame(FrameKind.REJECT)
"""What came is no answer to a handshake, or no frame."""
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for 0 s, so that closing resets (socket(7))."""
_CHUNK: Final = 1 << 16
_BROKEN: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


@dataclass(frozen=True, slots=True)
class Route:
    """A way to a server: one of the addresses that its name has."""

    family: int
    place: tuple[Any, ...]
    address: Address
    tls: ssl.SSLContext | None


async def routes_to(address: Address) -> Sequence[Route]:
    """Look the host up; return the ways to it, in the system's order. Raises OSError."""
    found = await trio.socket.getaddrinfo(address.host, address.port, type=trio.socket.SOCK_STREAM)
    tls = ssl.create_default_context() if address.secure else None
    return [Route(family, place, address, tls) for family, _, _, _, place in found]


class Wire:
    """One connection. One task reads, any may write, and in the end somebody calls `close`."""

    def __init__(self, sock: trio.socket.SocketType, stream: trio.abc.Stream) -> None:
        self._sock = sock
        self._stream = stream
        self._codec = ClientCodec()
        self._writing = trio.StrictFIFOLock()
        self._torn = False
        """Whether part of a frame was sent and the rest was not: nothing may follow it."""

    @classmethod
    async def open(cls, route: Route) -> "Wire":
        """Connect, by TLS if need be. Raises OSError, also for TLS that comes to nothing."""
        sock = trio.socket.socket(route.family, trio.socket.SOCK_STREAM)
        try:
            await sock.connect(route.place)
            stream: trio.abc.Stream = trio.SocketStream(sock)
            if route.tls is not None:
                tls = trio.SSLStream(
                    stream,
                    route.tls,
                    server_hostname=route.address.host,
                    https_compatible=True,
                )
                await _shake_hands(tls)
                stream = tls
        except BaseException:
            sock.close()
            raise
        return cls(sock, stream)

    async def ask(self, address: Address, script: Script) -> None:
        """Send the handshake's request."""
        await self._put(request_of(self._codec, address, script))

    async def send(self, frame: Frame) -> None:
        """Send a frame. That the connection is gone is not told here: reading tells."""
        await self._put(self._codec.encode(frame))

    async def fin(self) -> None:
        """End this half of the TCP stream."""
        async with self._writing:
            self._torn = True
            with suppress(OSError):
                self._sock.shutdown(trio.socket.SHUT_WR)

    def reset(self) -> None:
        """Reset the TCP connection, within this call."""
        with suppress(OSError):
            self._sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, _RESET)
        self._sock.close()

    def close(self) -> None:
        """Close the socket: FIN, and the kernel resets for what still comes."""
        self._sock.close()

    async def _put(self, data: bytes) -> None:
        async with self._writing:
            if self._torn:
                return
            self._torn = True
            with suppress(*_BROKEN):
                await self._stream.send_all(data)
                self._torn = False

    async def receive(self) -> list[Frame]:
        """Wait for what comes; the end of the TCP stream is a frame, FIN or RST. Pings too."""
        try:
            data = await self._stream.receive_some(_CHUNK)
        except _BROKEN as error:
            gone = isinstance(error, trio.ClosedResourceError) or not _is_reset(error)
            return [Frame(FrameKind.FIN if gone else FrameKind.RST)]
        if not data:
            return [Frame(FrameKind.FIN)]
        frames = self._codec.decode(bytes(data))
        return [UNCLEAR if frame.kind is FrameKind.RST else frame for frame in frames]


def _is_reset(error: BaseException) -> bool:
    """Whether a socket broke by a reset; a stream of TLS may also end in the middle of nothing."""
    return not isinstance(error.__cause__, ssl.SSLError)


async def _shake_hands(tls: "trio.SSLStream[trio.abc.Stream]") -> None:
    """Do the handshake of TLS. Raises OSError with what went wrong, in words."""
    try:
        await tls.do_handshake()
    except trio.BrokenResourceError as error:
        cause = error.__cause__
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise OSError(f"its certificate is not trusted: {cause.verify_message}") from None
        raise OSError("it does not speak TLS") from None


def words_of(error: OSError) -> str:
    """Return what went wrong when a connection was opened, in words and without numbers."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, trio.socket.gaierror):
        return "no such host"
    text = os.strerror(error.errno) if error.errno else str(error)  # Trio's own begin otherwise
    return text[:1].lower() + text[1:]
