"""A `trio.abc.HalfCloseableStream` over two links: what a program sees of a TCP connection.

What happens after one side closes follows Linux: closing with unread bytes, or sending to a side
that has closed, brings back a reset, and a reset takes its time to travel like anything else.
"""

from collections.abc import Callable
from typing import Final

import trio

from sim.kernel.world import World
from sim.model.link import LinkSpec
from sim.network.link import Link, Mark


class _OneAtATime:
    """Raises BusyResourceError when two tasks use one direction, as Trio's streams must."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._busy = False

    def __enter__(self) -> None:
        if self._busy:
            raise trio.BusyResourceError(f"another task is already {self._what} this stream")
        self._busy = True

    def __exit__(self, *_: object) -> None:
        self._busy = False


class SimStream(trio.abc.HalfCloseableStream):
    """One end of a simulated connection. Make both with `stream_pair`."""

    def __init__(self, outgoing: Link, incoming: Link) -> None:
        self.outgoing: Final = outgoing
        self.incoming: Final = incoming
        self.peer: SimStream | None = None
        self.closed = False
        self.on_end: Callable[[], None] | None = None
        """Called when the reader meets the end of the stream, however it came."""
        self._eof_sent = False
        self._reset_seen = False
        self._reset_at: int | None = None
        self._sending = _OneAtATime("sending on")
        self._receiving = _OneAtATime("receiving from")

    def __str__(self) -> str:
        return self.outgoing.name

    # -- sending -------------------------------------------------------------------------------

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`, waiting while the buffer is full.

        Raises ClosedResourceError after `send_eof` or `aclose`, BrokenResourceError once a reset
        has arrived, BusyResourceError while another task sends.
        """
        with self._sending:
            self._check_sendable()
            await trio.lowlevel.checkpoint()
            left = memoryview(bytes(data))
            while True:
                self._check_sendable()
                if not left:
                    return
                room = self.outgoing.room
                if room:
                    self._transmit(bytes(left[:room]))
                    left = left[room:]
                else:
                    await self.outgoing.wait_writable(self._pending_reset)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until there is room in the buffer, or sending would fail."""
        with self._sending:
            if self.closed:
                raise trio.ClosedResourceError("this stream is closed")
            await trio.lowlevel.checkpoint()
            while not self.outgoing.room and not self._broken():
                if self.closed:
                    raise trio.ClosedResourceError("this stream was closed")
                await self.outgoing.wait_writable(self._pending_reset)

    async def send_eof(self) -> None:
        """Send FIN: no more bytes from this side."""
        with self._sending:
            if self.closed:
                raise trio.ClosedResourceError("this stream is closed")
            await trio.lowlevel.checkpoint()
            self._send_fin()

    # -- receiving -----------------------------------------------------------------------------

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return bytes that have arrived, waiting for the first; b"" after a FIN.

        Raises BrokenResourceError after a reset, ClosedResourceError if this side is closed,
        TypeError or ValueError unless `max_bytes` is a positive integer.
        """
        if max_bytes is not None:
            if not isinstance(max_bytes, int):
                raise TypeError(f"max_bytes must be an integer, not {max_bytes!r}")
            if max_bytes < 1:
                raise ValueError(f"max_bytes must be positive, not {max_bytes}")
        with self._receiving:
            if self.closed:
                raise trio.ClosedResourceError("this stream is closed")
            await trio.lowlevel.checkpoint()
            while True:
                if self.closed:
                    raise trio.ClosedResourceError("this stream was closed")
                if self._reset_seen:
                    self._tell_end()
                    raise trio.BrokenResourceError("the connection was reset")
                got = self.incoming.take(max_bytes)
                if isinstance(got, bytes):
                    return got
                if got is Mark.FIN:
                    self._tell_end()
                    return b""
                if got is Mark.RST:
                    self._reset_seen = True
                    continue
                await self.incoming.wait_readable()

    def _tell_end(self) -> None:
        if self.on_end is not None:
            self.on_end()

    @property
    def was_reset(self) -> bool:
        """Whether a reset has arrived, read or not."""
        return self._broken()

    # -- closing -------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Close both directions: FIN, or RST if bytes lie unread. Waiting tasks are woken."""
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Do what `aclose` does, without a checkpoint."""
        if self.closed:
            return
        if self.incoming.unseen:
            self.reset()
            return
        self.closed = True
        self._send_fin()
        self._wake()

    def shut(self) -> None:
        """Do what `send_eof` does, without a checkpoint."""
        if not self.closed:
            self._send_fin()

    def reset(self) -> None:
        """Send RST and close: the peer loses what it has not read yet."""
        if self.closed:
            return
        self.closed = True
        if not self._reset_seen:
            self._tell_reset(self.outgoing.mark(Mark.RST))
        self._wake()

    def _send_fin(self) -> None:
        if not self._eof_sent:
            self._eof_sent = True
            if not self._broken():
                self.outgoing.mark(Mark.FIN)

    def _transmit(self, data: bytes) -> None:
        arrival = self.outgoing.send(data)
        if self.peer is not None and self.peer.closed and self._reset_at is None:
            # The other side is closed: its kernel answers what it cannot deliver with a reset.
            self._reset_at = arrival + self.incoming.spec.delay

    def _tell_reset(self, tick: int) -> None:
        if self.peer is not None:
            self.peer._reset_at = tick
            self.peer._wake()

    def _wake(self) -> None:
        self.outgoing.wake()
        self.incoming.wake()

    def _pending_reset(self) -> int | None:
        return self._reset_at

    def _broken(self) -> bool:
        if self._reset_at is not None and self.outgoing.world.come(self._reset_at):
            self._reset_seen = True
        return self._reset_seen

    def _check_sendable(self) -> None:
        if self.closed or self._eof_sent:
            raise trio.ClosedResourceError("this side of the stream is closed")
        if self._broken():
            raise trio.BrokenResourceError("the connection was reset")


def stream_pair(
    world: World,
    left: str,
    right: str,
    towards_right: LinkSpec | None = None,
    towards_left: LinkSpec | None = None,
) -> tuple[SimStream, SimStream]:
    """Return the two ends of a connection, called `left` and `right` in the trace."""
    rightward = Link(world, f"{left}>{right}", towards_right or LinkSpec())
    leftward = Link(world, f"{right}>{left}", towards_left or LinkSpec())
    one, other = SimStream(rightward, leftward), SimStream(leftward, rightward)
    one.peer, other.peer = other, one
    return one, other
