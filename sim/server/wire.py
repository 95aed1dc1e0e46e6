"""The server of the wire fidelity: trio-websocket over a simulated stream, bridged to ASGI.

trio-websocket answers pings and close frames by itself and closes the stream after a closing
handshake, so those posts of the profile have nothing left to do here.
"""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import trio
import trio_websocket
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest
from wsproto.utilities import LocalProtocolError

from sim.errors import leaves
from sim.kernel.waiters import Waiters
from sim.model.frames import Frame, FrameKind
from sim.network.stream import SimStream
from sim.server.connection import ABNORMAL
from sim.server.serve import Server, asgi_scope, describe


class WireOutlet:
    """The bridge: the server's frames to trio-websocket's calls, its messages to frames.

    tasks: where closing handshakes run, so that posting one does not wait.
    """

    def __init__(self, request: WebSocketRequest, stream: SimStream, tasks: trio.Nursery) -> None:
        self._request = request
        self._stream = stream
        self._tasks = tasks
        self._connection: WebSocketConnection | None = None
        self._ended = False
        self._closing = False
        self._news = Waiters()
        stream.on_end = self._on_end

    def _on_end(self) -> None:
        self._ended = True
        self._news.wake_all()

    # -- towards the client --------------------------------------------------------------------

    async def transmit(self, frame: Frame) -> bool:
        """Send `frame`. Return False if the connection or its socket is closed."""
        try:
            if frame.kind is FrameKind.ACCEPT:
                self._connection = await self._request.accept(subprotocol=frame.text or None)
                self._news.wake_all()
            elif self._connection is None:
                return False
            else:
                message = frame.text if frame.kind is FrameKind.TEXT else frame.data
                await self._connection.send_message(message)
        except (ConnectionClosed, LocalProtocolError):
            return False
        return True

    def post(self, frame: Frame) -> None:
        """Start the closing handshake or the refusal that `frame` asks for."""
        connection = self._connection
        if frame.kind is FrameKind.REJECT:
            self._spawn(lambda: self._request.reject(frame.code))
        elif frame.kind is FrameKind.CLOSE and connection is not None and not connection.closed:
            self._spawn(lambda: connection.aclose(frame.code))

    def _spawn(self, close: Callable[[], Awaitable[None]]) -> None:
        self._closing = True
        self._tasks.start_soon(self._run_closing, close, name="closing")

    async def _run_closing(self, close: Callable[[], Awaitable[None]]) -> None:
        try:
            await close()
        except (ConnectionClosed, LocalProtocolError):
            pass
        finally:
            self._closing = False
            self.finish()

    def finish(self) -> None:
        """Close the stream, unless a handshake is under way that will."""
        if not self._closing:
            self._stream.close()
            self._on_end()

    close = finish
    """Closing the stream makes trio-websocket's reader, and so `arrivals`, end."""

    # -- from the client -----------------------------------------------------------------------

    async def arrivals(self) -> list[Frame]:
        """Return the next message, or what ended the connection."""
        while self._connection is None and not self._ended:
            await self._news.park()
        if self._connection is None:
            return [self._end()]
        try:
            message = await self._connection.get_message()
        except ConnectionClosed:
            while self._closing:
                await self._news.park()
            reason = self._connection.closed
            if reason is None or reason.code == ABNORMAL:
                return [self._end()]
            return [Frame(FrameKind.CLOSE, code=reason.code), self._end()]
        if isinstance(message, str):
            return [Frame(FrameKind.TEXT, text=message)]
        return [Frame(FrameKind.BYTES, data=message)]

    def _end(self) -> Frame:
        return Frame(FrameKind.RST if self._stream.was_reset else FrameKind.FIN)


async def serve_stream(server: Server, name: str, stream: SimStream) -> None:
    """Serve the client at the other end of `stream`, if it asks for a connection."""
    try:
        async with trio.open_nursery() as tasks:
            request: WebSocketRequest | None = None
            with trio.CancelScope() as handshake:
                # trio-websocket waits for ever if the stream ends before the request has come.
                stream.on_end = handshake.cancel
                request = await trio_websocket.wrap_server_stream(
                    tasks,
                    cast(Any, stream),  # annotated for sockets; uses trio.abc.Stream only
                )
            if request is not None:
                scope = asgi_scope(request.path, request.headers, request.proposed_subprotocols)
                outlet = WireOutlet(request, stream, tasks)
                await server.serve(name, scope, outlet, outlet.arrivals)
            tasks.cancel_scope.cancel()
    except* LocalProtocolError as group:
        # A ping that arrives while this side closes ends trio-websocket's reader with this error
        # (python-trio/trio-websocket, issue 184). The connection is lost; the server lives on.
        server.world.event(
            "trio_websocket.failed", connection=name, error=describe(leaves(group)[0])
        )
        stream.close()
        if name in server.connections:
            server.connections[name].connection_lost()
    stream.close()
