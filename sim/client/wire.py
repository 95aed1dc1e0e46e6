"""The client of the wire fidelity: trio-websocket over a simulated stream."""

import math
from contextlib import suppress
from typing import Any, cast

import trio
import trio_websocket
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection
from wsproto.utilities import LocalProtocolError

from sim.client.base import Client, Gone
from sim.errors import leaves
from sim.kernel.waiters import Waiters
from sim.kernel.world import World
from sim.model.client import CLOSE_TIMEOUT_S, LOST, ClientSpec
from sim.model.frames import Frame, FrameKind
from sim.model.script import Action
from sim.model.ticks import seconds
from sim.network.stream import SimStream

HOST = "server"
_ABNORMAL = 1006


class WireClient(Client):
    """trio-websocket's client, with its own reader task, masks and handshake."""

    def __init__(self, world: World, name: str, spec: ClientSpec, stream: SimStream) -> None:
        super().__init__(world, name, spec)
        self._stream = stream
        self._connection: WebSocketConnection | None = None
        self._tasks: trio.Nursery | None = None
        self._shaking = False
        self._news = Waiters()

    async def run(self) -> None:
        """Follow the script, with trio-websocket's reader task beside it."""
        try:
            async with trio.open_nursery() as self._tasks:
                await super().run()
                self._tasks.cancel_scope.cancel()
        except* ConnectionRejected as group:  # raised by trio-websocket's reader task
            (error,) = leaves(group)
            assert isinstance(error, ConnectionRejected)
            self._ended(Frame(FrameKind.REJECT, code=error.status_code).brief())
        self._stream.close()

    async def _connect(self, connect: Action) -> None:
        assert self._tasks is not None
        with trio.CancelScope() as handshake:
            # trio-websocket waits for ever if the stream ends before the server has answered.
            self._stream.on_end = handshake.cancel
            self._connection = await trio_websocket.wrap_client_stream(
                self._tasks,
                cast(Any, self._stream),  # annotated for sockets; uses trio.abc.Stream only
                HOST,
                self.spec.path,
                subprotocols=connect.subprotocols or None,
                extra_headers=[(name.encode(), text.encode()) for name, text in connect.headers],
            )
        self._stream.on_end = None
        if self._connection is None:
            self._ended(LOST)
        else:
            self._opened(self._connection.subprotocol or "")

    async def _next(self, until: int | None) -> None:
        deadline = math.inf if until is None else seconds(until)
        with trio.CancelScope(deadline=deadline):
            await self._take_message()

    async def _take_message(self) -> None:
        assert self._connection is not None
        try:
            message = await self._connection.get_message()
        except ConnectionClosed:
            while self._shaking:  # another task of this client closes
                await self._news.park()
            self._closed(self._connection)
            return
        if isinstance(message, str):
            self._got(Frame(FrameKind.TEXT, text=message))
        else:
            self._got(Frame(FrameKind.BYTES, data=message))

    def _closed(self, connection: WebSocketConnection) -> None:
        reason = connection.closed
        if reason is None or reason.code == _ABNORMAL:
            self._ended(LOST)
        else:
            self._ended(Frame(FrameKind.CLOSE, code=reason.code).brief())

    async def _send(self, frame: Frame) -> None:
        connection, tasks = self._connection, self._tasks
        assert connection is not None
        assert tasks is not None
        try:
            if frame.kind is FrameKind.CLOSE:
                await self._close(connection, frame.code)
            elif frame.kind is FrameKind.PING:
                tasks.start_soon(_ping, connection, name="ping")
            else:
                text = frame.kind is FrameKind.TEXT
                await connection.send_message(frame.text if text else frame.data)
                self._sent(frame)
        except (ConnectionClosed, LocalProtocolError) as error:
            raise Gone(str(error)) from None

    async def _close(self, connection: WebSocketConnection, code: int) -> None:
        self.closing = self._shaking = True
        with trio.move_on_after(CLOSE_TIMEOUT_S):
            await connection.aclose(code)
        self._shaking = False
        self._news.wake_all()
        self._closed(connection)

    def act(self, frame: Frame) -> None:
        """Send a frame in a task of its own: trio-websocket has no way to do it at once."""
        if self._tasks is not None and self._connection is not None and not self.closing:
            self._tasks.start_soon(self._act, frame, name="act")

    async def _act(self, frame: Frame) -> None:
        with suppress(Gone):
            await self._send(frame)

    def drop(self, kind: FrameKind) -> None:
        """End the TCP connection by FIN or RST."""
        self.dropped = True
        if kind is FrameKind.RST:
            self._stream.reset()
        else:
            self._stream.shut()


async def _ping(connection: WebSocketConnection) -> None:
    try:
        await connection.ping()
    except ConnectionClosed:
        return
