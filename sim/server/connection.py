"""The server's side of one connection: what a server profile makes of frames and ASGI messages.

Frames come in through `received`, as a server's protocol object gets them from its transport; the
application sees `receive` and `send`. How frames leave is the fidelity's business (`Outlet`).
"""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Protocol, Self

import trio

from sim.kernel.waiters import BY_IO, Waiters
from sim.kernel.world import World
from sim.model.frames import Frame, FrameKind
from sim.model.switches import OnAccept, OnReturn, OnSend, OwnClose, ServerProfile
from sim.server.queue import Message, ReceiveQueue

CLOSE_TIMEOUT_S = 10
"""How long uvicorn and websockets wait for the client's part of a closing handshake."""
GRACE_S = 3
"""How long hypercorn lets applications run on after it was told to shut down (config.py)."""
ABNORMAL, NO_STATUS, NORMAL, INTERNAL = 1006, 1005, 1000, 1011
_ENDS = (FrameKind.FIN, FrameKind.RST)


class ClientDisconnected(OSError):
    """What uvicorn's `send` raises when the client is gone (uvicorn/protocols/utils.py)."""


class ProtocolError(Exception):
    """What uvicorn's `send` let pass before 0.27: ConnectionClosed, or wsproto's own error."""


class Outlet(Protocol):
    """How the server's frames leave."""

    async def transmit(self, frame: Frame) -> bool:
        """Put a frame of the application on the wire. Return False if the socket refuses it."""

    def post(self, frame: Frame) -> None:
        """Put a frame of the server's own on the wire, if it still can be."""

    def finish(self) -> None:
        """End the server's half of the TCP connection, once."""

    def close(self) -> None:
        """Do that and read no more: who waits for arrivals gets none."""


class Peer(Enum):
    """How the client is, as far as the server has read."""

    THERE = "there"
    CLOSED = "closed"
    """A closing handshake has begun that the application did not ask for."""
    LOST = "lost"


class ServerConnection:
    """One connection under one profile.

    soon: runs a coroutine function in a task of its own, from the next turn on. app_scope: set by
    whoever runs the application, if it is to be cancelled on shutdown.
    """

    def __init__(
        self,
        world: World,
        name: str,
        profile: ServerProfile,
        outlet: Outlet,
        soon: Callable[[Callable[[], Awaitable[None]]], None],
    ) -> None:
        self.world = world
        self.name = name
        self.profile = profile
        self.peer = Peer.THERE
        self.accepted = False
        self.lost = False
        self.app_scope: trio.CancelScope | None = None
        self._outlet = outlet
        self._soon = soon
        self._tcp = f"{name}.tcp"
        self._told = f"{name}.told"
        """What stands between the application and the server alone: the connection's own state is
        another one, so that what was handed to the application conflicts with no arrival."""
        self._queue = ReceiveQueue(world, f"{name}.queue", profile)
        self._connect_given = False
        self._failing = False
        self._disconnect_given = False
        self._close_code: int | None = None
        self._own_close = False
        self._answered = False
        self._closing = False
        self._paused = False
        self._app_over = False
        self._changed = Waiters()

    # -- from the wire -------------------------------------------------------------------------

    async def pump(self, arrivals: Callable[[], Awaitable[Sequence[Frame]]]) -> None:
        """Read what arrives until the connection ends, as the server's transport would."""
        while not self._looked.lost:
            while self._looked._paused and not self._closing:
                if self._app_over:
                    return  # nobody will ever resume reading: the connection leaks, as it does
                await self._changed.park()
            frames = await arrivals()
            self.world.read(self._tcp)
            if not frames:  # another task has closed this end: this is the turn after it
                break
            if frames[0].kind in _ENDS and self.profile.loss_by_callback:
                await self._end_by_callback(frames[0])
                break
            if self.profile.reader_task:
                await trio.lowlevel.checkpoint()
            for frame in frames:
                self.received(frame)
            if self._closing:
                await trio.lowlevel.checkpoint()
                break
        self.connection_lost()

    @property
    def _looked(self) -> Self:
        """The connection, its state noted as read."""
        self.world.read(self._tcp)
        return self

    @property
    def _is_told(self) -> bool:
        """Whether the application was handed the disconnect (closed_event of legacy)."""
        self.world.read(self._told)
        return self._disconnect_given

    @property
    def _is_closing(self) -> bool:
        """What asyncio's transport says by `is_closing` before connection_lost has run."""
        return self._closing and not self.lost

    async def _end_by_callback(self, frame: Frame) -> None:
        """Let the transport close, and the loss be told one turn later."""
        self.world.write(self._tcp)
        self._closing = True  # what is written from now on goes nowhere
        await trio.lowlevel.checkpoint()
        self._trace(frame)

    def _trace(self, frame: Frame) -> None:
        if self.world.tracing:
            self.world.event("frame", connection=self.name, frame=frame.brief())

    def received(self, frame: Frame) -> None:
        """Process one frame from the client."""
        if self._looked._closing:
            return
        self.world.write(self._tcp)
        self._trace(frame)
        kind = frame.kind
        if kind in (FrameKind.TEXT, FrameKind.BYTES):
            self._message(frame)
        elif kind is FrameKind.PING:
            self._outlet.post(Frame(FrameKind.PONG, data=frame.data))
        elif kind is FrameKind.CLOSE:
            self._close_frame(frame.code)
        elif kind in _ENDS:
            self.connection_lost()

    def _message(self, frame: Frame) -> None:
        if self._own_close and self.profile.own_close is OwnClose.QUEUED:
            return  # the application is past its close; wsproto_impl.py, handle_events
        if frame.kind is FrameKind.TEXT:
            self._queue.put({"type": "websocket.receive", "text": frame.text})
        else:
            self._queue.put({"type": "websocket.receive", "bytes": frame.data})
        self._paused = self.profile.pause_after_message

    def _close_frame(self, code: int) -> None:
        if self.profile.close_waits_for_tcp:
            self._queue.finish()
        if self._own_close:
            self._answer(code)
        elif self.peer is Peer.THERE:
            self.peer = Peer.CLOSED
            self._outlet.post(Frame(FrameKind.CLOSE, code=code))
            self._end_by_client(code if self.profile.keeps_close_code else ABNORMAL)

    def _end_by_client(self, code: int) -> None:
        self._close_code = code
        if self.profile.close_waits_for_tcp:
            self._outlet.finish()  # only this half: the client's half ends the wait
        else:
            self._disconnect(code)
            self._close_tcp()

    def _answer(self, code: int) -> None:
        """The server's own close was answered, or never will be."""
        if self._answered:
            return
        self._answered = True
        self._close_code = code
        if self.profile.own_close is OwnClose.REPLY:
            self._disconnect(NORMAL)
        if self.profile.own_close is OwnClose.LEGACY:
            self._outlet.finish()
        else:
            self._close_tcp()

    def _close_tcp(self) -> None:
        """Stop reading and end the TCP connection; the loss is noticed one turn later."""
        if self._looked._closing or self.lost:
            return
        self.world.write(self._tcp)
        self._closing = True
        self._outlet.close()  # asyncio's transport.close: call_soon(connection_lost)
        self._changed.wake_all()

    def connection_lost(self) -> None:
        """Do what the server does when the TCP connection is over, however it ended."""
        if self._looked.lost:
            return
        self.world.write(self._tcp)
        self.world.event("lost", connection=self.name)
        self.lost = True
        self._outlet.finish()
        profile = self.profile
        was_there = self.peer is Peer.THERE
        if was_there:
            self.peer = Peer.LOST
        if self._own_close:
            self._answer(ABNORMAL)
        if profile.close_waits_for_tcp:
            self._disconnect(ABNORMAL if self._close_code is None else self._close_code)
        elif profile.loss_always_queued or (was_there and not self._own_close):
            self._disconnect(profile.lost_after_handshake if self.accepted else ABNORMAL)
        self._changed.wake_all()

    def _disconnect(self, code: int) -> None:
        message = {"type": "websocket.disconnect", "code": code, "reason": ""}
        if self.profile.close_waits_for_tcp:
            self._queue.end(message)
        else:
            self._queue.put(message)

    # -- from the application ------------------------------------------------------------------

    async def receive(self) -> Message:
        """Return the next ASGI message."""
        self.world.read(self._told)
        if not self._connect_given:
            self.world.write(self._told)
            self._connect_given = True
            for _ in range(self.profile.ready_turns):
                await trio.lowlevel.checkpoint()
            return {"type": "websocket.connect"}
        message = await self._queue.get(self._over)
        self.world.read(self._tcp)
        if message["type"] == "websocket.disconnect":
            self.world.write(self._told)
            self._disconnect_given = True
        if self._paused and not self._queue:
            self._resume()
        self.world.event(
            "asgi.receive", connection=self.name, type=message["type"], code=message.get("code")
        )
        return message

    def _over(self) -> Message | None:
        """websockets_impl.py, asgi_receive: once closed_event is set, what is queued is lost."""
        if self.profile.own_close is OwnClose.LEGACY and self._is_told:
            return {"type": "websocket.disconnect", "code": NO_STATUS}
        return None

    async def send(self, message: Message) -> None:
        """Take an ASGI message from the application.

        Raises OSError or RuntimeError where the server does.
        """
        kind = message["type"]
        self.world.read(self._tcp)
        self.world.event("asgi.send", connection=self.name, type=kind)
        if kind == "websocket.accept":
            await self._accept(message.get("subprotocol") or "")
        elif kind == "websocket.send":
            await self._send(message)
        elif kind == "websocket.close":
            await self._close(message.get("code", NORMAL))
        else:
            raise RuntimeError(f"Unexpected ASGI message {kind!r}")

    async def _accept(self, subprotocol: str) -> None:
        if self._is_closing:
            return  # uvicorn's send: not while the transport is_closing
        if not self.lost:
            self.world.write(self._tcp)
            self.accepted = True
            await self._transmit(Frame(FrameKind.ACCEPT, text=subprotocol))
        elif self.profile.accept_gone is OnAccept.OSERROR:
            raise ClientDisconnected
        elif self.profile.accept_gone is OnAccept.RUNTIME_ERROR:
            raise RuntimeError(
                "Expected ASGI message 'websocket.send' or 'websocket.close', "
                "but got 'websocket.accept'."
            )

    async def _send(self, message: Message) -> None:
        out_of_turn = not self.accepted and self.profile.accept_gone is not OnAccept.SILENT
        if self._is_closing and out_of_turn:  # its accept came in this very turn
            raise RuntimeError(
                "Expected ASGI message 'websocket.accept', 'websocket.close' or "
                "'websocket.http.response.start' but got 'websocket.send'."
            )
        if self._failing:
            self.world.write(self._tcp)
            self._failing = False
            raise ClientDisconnected
        if await self._gone():
            return
        data = message.get("bytes")
        if data is None:
            took = await self._transmit(Frame(FrameKind.TEXT, text=message["text"]))
        else:
            took = await self._transmit(Frame(FrameKind.BYTES, data=data))
        if not took:
            self._tell(self.profile.send_reset_first)

    def fail_next_send(self) -> None:
        """Let the next `send` of the application fail, whatever the connection is like."""
        self.world.write(self._tcp)
        self._failing = True

    async def _transmit(self, frame: Frame) -> bool:
        took = not self._is_closing and await self._outlet.transmit(frame)
        if not took:
            self._close_tcp()  # asyncio's transport: a failed write schedules connection_lost
        turns = self.profile.send_turns or (not took and self.profile.send_drains)
        for _ in range(turns):
            await trio.lowlevel.checkpoint()
        return took

    def _post(self, frame: Frame) -> None:
        if not self._is_closing:
            self._outlet.post(frame)

    async def _gone(self) -> bool:
        """Whether the client is gone and nobody is told; raises where the server tells."""
        if self.profile.own_close is OwnClose.LEGACY and self._is_told:
            raise RuntimeError(  # websockets_impl.py, asgi_send: closed_event is set
                "Unexpected ASGI message, after sending 'websocket.close' or response already "
                "completed."
            )
        if self.peer is Peer.THERE:
            return False
        if self.profile.close_waits_for_tcp:
            await self._until_lost()  # legacy/protocol.py, ensure_open
        # Without a handshake the library refuses to send, as it does after a close.
        closed = self.peer is Peer.CLOSED or not self.accepted
        self._tell(self.profile.send_closed if closed else self.profile.send_lost)
        return True

    @staticmethod
    def _tell(how: OnSend) -> None:
        """Tell the application that the client is gone, where the server does."""
        if how is OnSend.RAISE:
            raise ClientDisconnected
        if how is OnSend.LEAK:
            raise ProtocolError

    async def _close(self, code: int) -> None:
        if not self.accepted:
            self._reject()
        elif not await self._gone():
            self.world.write(self._tcp)
            self._own_close = True
            if self.profile.own_close is OwnClose.QUEUED:
                self._disconnect(code)
            self._post(Frame(FrameKind.CLOSE, code=code))
            if not self.profile.own_close_waits:
                self._close_tcp()
            elif self.profile.own_close is OwnClose.LEGACY:
                await self._close_in_time()
                self._queue.note()
                self.world.write(self._told)
                self._disconnect_given = True
            elif self.profile.own_close is OwnClose.QUEUED:
                self._resume()
                self._soon(self._close_in_time)

    def _reject(self, status: int = 403) -> None:
        self.world.write(self._tcp)
        self._own_close = True
        self._post(Frame(FrameKind.REJECT, code=status))
        if self.profile.own_close is OwnClose.QUEUED:
            self._disconnect(ABNORMAL)
        self._close_tcp()

    def _resume(self) -> None:
        self.world.write(self._tcp)
        self._paused = False
        self._changed.wake_all(BY_IO)  # resume_reading: the selector finds what there is

    async def _close_in_time(self) -> None:
        with trio.move_on_after(CLOSE_TIMEOUT_S):
            await self._until_lost()
        self._close_tcp()

    async def _until_lost(self) -> None:
        while not self._looked.lost:
            await self._changed.park()

    # -- from the server -----------------------------------------------------------------------

    def serves_in(self, scope: trio.CancelScope) -> None:
        """Take the scope in which the application runs, which a shutdown cancels."""
        self.world.write(self._told)
        self.app_scope = scope

    def app_done(self, failed: bool) -> None:
        """Do what the server does when the application has returned or raised."""
        returns = self.profile.app_returns
        self.world.write(self._tcp)
        self._app_over = True
        self._changed.wake_all()
        if self.lost or self._closing:
            return
        if not self.accepted:
            self._reject(500)
        elif returns is OnReturn.CLOSE:
            if self.peer is Peer.THERE and not self._own_close:
                self._outlet.post(Frame(FrameKind.CLOSE, code=INTERNAL))
            self._close_tcp()
        elif (failed or returns is OnReturn.DROP) and not self._own_close:
            self._close_tcp()

    def shutdown(self) -> None:
        """End the connection because the server shuts down."""
        code = self.profile.shutdown_code
        self.world.write(self._tcp)
        self.world.event("shutdown", connection=self.name, code=code)
        if code is None:
            self._soon(self._cancel_app)
        elif not self.accepted and not self.lost:
            self._reject(500)
        elif self.peer is Peer.THERE and not self._own_close:  # whether it is_closing or not
            self.peer = Peer.CLOSED
            self._close_code = code
            self._post(Frame(FrameKind.CLOSE, code=code))
            if not self.profile.close_waits_for_tcp:
                self._disconnect(code)
            self._close_tcp()
        else:
            self._close_tcp()

    async def _cancel_app(self) -> None:
        await trio.sleep(GRACE_S)
        self.world.read(self._told)
        if self.app_scope is not None:
            self.app_scope.cancel()
