"""The server's side of one connection: what a server profile makes of frames and ASGI messages.

Frames come in through `received`, as a server's protocol object gets them from its transport; the
application sees `receive` and `send`. How frames leave is the rung's business (`Outlet`).
"""

from typing import Any, Protocol

import trio

from sim.kernel.world import World
from sim.model.frames import Frame, FrameKind
from sim.server.profiles import OnAccept, OnSend, OwnClose, ServerProfile


class ClientDisconnected(OSError):
    """What uvicorn's `send` raises when the client is gone (uvicorn/protocols/utils.py)."""


class Outlet(Protocol):
    """How the server's frames leave."""

    async def transmit(self, frame: Frame) -> None:
        """Put a frame on the wire."""

    @property
    def reset(self) -> bool:
        """Whether the socket was reset although the server has not read that yet."""


class ServerConnection:
    """One connection under one profile.

    `ended` says how the client went, as far as the server has read: "" while it is there,
    "closed" after a clean close, "lost" after FIN or RST.
    """

    def __init__(self, world: World, name: str, profile: ServerProfile, outlet: Outlet) -> None:
        self.world = world
        self.name = name
        self.profile = profile
        self.outlet = outlet
        self.ended = ""
        self.accepted = False
        self.finished = False
        self._own_close: int | None = None
        self._own_close_done = False
        self._client_code: int | None = None
        self._reply: Frame | None = None
        self._paused = False
        self._turn = trio.lowlevel.ParkingLot()
        self._queue: list[dict[str, Any]] = []
        self._connect_sent = False

    # -- from the wire -------------------------------------------------------------------------

    async def pump(self, get: Any) -> None:
        """Read frames with `get` until the connection ends, as the server's transport would."""
        while not self.finished:
            while self._paused:
                await self._turn.park()
            frame: Frame = await get()
            if self.profile.reader_task:
                await trio.lowlevel.checkpoint()
            self.received(frame)
            if self._reply is not None:
                reply, self._reply = self._reply, None
                await self.outlet.transmit(reply)

    def received(self, frame: Frame) -> None:
        """Process one frame from the client."""
        self.world.write(self.name)
        self.world.event("received", frame=frame.brief())
        kind = frame.kind
        if kind in (FrameKind.TEXT, FrameKind.BYTES):
            self._received_message(frame)
        elif kind is FrameKind.PING:
            self._reply = Frame(FrameKind.PONG, data=frame.data)
        elif kind is FrameKind.CLOSE:
            self._received_close(frame)
        elif kind in (FrameKind.FIN, FrameKind.RST):
            self._received_end()

    def _received_message(self, frame: Frame) -> None:
        if frame.kind is FrameKind.TEXT:
            self._put({"type": "websocket.receive", "text": frame.text})
        else:
            self._put({"type": "websocket.receive", "bytes": frame.data})
        self._paused = self.profile.pause_after_message

    def _received_close(self, frame: Frame) -> None:
        if self._own_close is not None:
            self._finish_own_close()
            return
        self.ended = "closed"
        self._reply = Frame(FrameKind.CLOSE, code=frame.code)
        self._client_code = frame.code if self.profile.keeps_close_code else 1006
        if not self.profile.close_waits_for_tcp:
            self._disconnect(self._client_code)

    def _received_end(self) -> None:
        self.finished = True
        if self._own_close is not None:
            self._finish_own_close()
            return
        after = self.profile.lost_after_handshake
        lost = after if self.accepted else 1006
        waited = self._client_code if self.profile.close_waits_for_tcp else None
        if self.ended != "closed":
            self.ended = "lost"
        elif waited is None:
            return
        self._disconnect(lost if waited is None else waited)

    def _finish_own_close(self) -> None:
        """The client answered the server's close, or its TCP connection ended."""
        if self._own_close_done:
            return
        self._own_close_done = True
        if self.profile.own_close is OwnClose.REPLY:
            self._disconnect(1000)
        elif self.profile.own_close is OwnClose.LEGACY:
            assert self._own_close is not None
            self._disconnect(self._own_close)
        self._turn.unpark_all()

    def _disconnect(self, code: int) -> None:
        self._put({"type": "websocket.disconnect", "code": code, "reason": ""})

    def _put(self, message: dict[str, Any]) -> None:
        self.world.write(self.name)
        self._queue.append(message)
        self._turn.unpark_all()

    # -- from the application ------------------------------------------------------------------

    async def receive(self) -> dict[str, Any]:
        """Return the next ASGI message."""
        if not self._connect_sent:
            self._connect_sent = True
            return {"type": "websocket.connect"}
        self.world.write(self.name)
        if self.profile.own_close is OwnClose.LEGACY and self._own_close_done:
            # websockets_impl.py, asgi_receive: closed_event is set, what is queued is lost.
            return {"type": "websocket.disconnect", "code": 1005}
        while not self._queue:
            await self._turn.park()
        self.world.write(self.name)
        message = self._queue.pop(0)
        if self._paused and not self._queue:
            self._paused = False
            self._turn.unpark_all()
        self.world.event("asgi.receive", type=message["type"], code=message.get("code"))
        return message

    async def send(self, message: Any) -> None:
        """Take an ASGI message from the application."""
        kind = message["type"]
        self.world.write(self.name)
        self.world.event("asgi.send", type=kind)
        if self.profile.send_yields:
            await trio.lowlevel.checkpoint()
            self.world.write(self.name)
        if kind == "websocket.accept":
            await self._accept(message)
        elif kind == "websocket.send":
            await self._send(message)
        elif kind == "websocket.close":
            await self._close(message.get("code", 1000))
        else:
            raise RuntimeError(f"Unexpected ASGI message {kind!r}")

    async def _accept(self, message: Any) -> None:
        if not self.ended:
            self.accepted = True
            text = message.get("subprotocol") or ""
            await self.outlet.transmit(Frame(FrameKind.ACCEPT, text=text))
            return
        if self.profile.accept_gone is OnAccept.OSERROR:
            raise ClientDisconnected
        if self.profile.accept_gone is OnAccept.RUNTIME_ERROR:
            raise RuntimeError(
                "Expected ASGI message 'websocket.send' or 'websocket.close', "
                "but got 'websocket.accept'."
            )

    async def _send(self, message: Any) -> None:
        if self._gone():
            return
        if self.outlet.reset and self.profile.send_reset_first is OnSend.RAISE:
            await trio.lowlevel.checkpoint()  # websockets/legacy/protocol.py, drain: sleep(0)
            raise ClientDisconnected
        text, data = message.get("text"), message.get("bytes")
        kind = FrameKind.TEXT if data is None else FrameKind.BYTES
        await self.outlet.transmit(Frame(kind, text=text or "", data=data or b""))

    async def _close(self, code: int) -> None:
        if not self.accepted:
            self._own_close = code
            await self.outlet.transmit(Frame(FrameKind.REJECT, code=403))
            if self.profile.own_close is OwnClose.QUEUED:
                self._disconnect(1006)
            return
        if self._gone():
            return
        self._own_close = code
        own_close = self.profile.own_close
        if own_close is OwnClose.QUEUED:
            self._disconnect(code)
        await self.outlet.transmit(Frame(FrameKind.CLOSE, code=code))
        if own_close is OwnClose.LEGACY:
            while not self._own_close_done:
                await self._turn.park()

    def _gone(self) -> bool:
        """Whether the client is gone and nobody is told; raises where the server tells."""
        if not self.ended:
            return False
        closed = self.ended == "closed"
        if (self.profile.send_closed if closed else self.profile.send_lost) is OnSend.RAISE:
            raise ClientDisconnected
        return True

    async def shutdown(self) -> None:
        """End the connection because the server shuts down."""
        code = self.profile.shutdown_code
        self.world.event("shutdown", code=code)
        if code is not None and not self.ended and self._own_close is None:
            self._own_close = code
            self._own_close_done = True
            self._disconnect(code)
            await self.outlet.transmit(Frame(FrameKind.CLOSE, code=code))
