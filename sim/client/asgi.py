"""The client of the asgi fidelity: whole frames over in-memory links."""

from sim.client.base import Client, Gone
from sim.kernel.world import World
from sim.model.client import LOST, ClientSpec
from sim.model.frames import Frame, FrameKind
from sim.model.script import Action
from sim.network.frames import FrameLink


class AsgiClient(Client):
    """Speaks in frames: no bytes, no handshake but one frame each way."""

    def __init__(
        self, world: World, name: str, spec: ClientSpec, up: FrameLink, down: FrameLink
    ) -> None:
        super().__init__(world, name, spec)
        self._up = up
        self._down = down
        self._how = LOST

    async def _connect(self, connect: Action) -> None:
        text = ", ".join(connect.subprotocols)
        self._put(Frame(FrameKind.CONNECT, text=text, headers=connect.headers))
        await self._until(lambda: self.opened)

    def arrived(self) -> int:
        """Return how many messages lie there to be taken, 0 if anything else does."""
        frames = self._down.lying()
        if all(frame.kind in (FrameKind.TEXT, FrameKind.BYTES) for frame in frames):
            return len(frames)
        return 0

    async def _next(self, until: int | None) -> None:
        for frame in await self._down.get(until):
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        self.changed()
        kind = frame.kind
        if kind is FrameKind.ACCEPT:
            self._opened(frame.text)
        elif kind in (FrameKind.TEXT, FrameKind.BYTES):
            self._got(frame)
        elif kind is FrameKind.CLOSE:
            self._how = frame.brief()
            if not self.closing:
                self.closing = True
                self._put(Frame(FrameKind.CLOSE, code=frame.code))
        elif kind is FrameKind.REJECT:
            self._how = frame.brief()
        elif kind in (FrameKind.FIN, FrameKind.RST):
            self.drop(FrameKind.FIN)
            self._ended(self._how)

    async def _send(self, frame: Frame) -> None:
        self.changed()
        if self.dropped or self.closing:
            raise Gone("this side has ended the connection")
        self.act(frame)

    def act(self, frame: Frame) -> None:
        """Send a frame now, unless this side has ended the connection."""
        self.changed()
        if not self.dropped and not self.closing:
            self.closing = frame.kind is FrameKind.CLOSE
            self._sent(frame)
            self._put(frame)

    def _put(self, frame: Frame) -> None:
        if not self.dropped:
            self._up.send(frame)

    def drop(self, kind: FrameKind) -> None:
        """End the TCP connection by FIN or RST."""
        self.changed()
        if not self.dropped:
            self.dropped = True
            self._up.send(Frame(kind))
        if kind is FrameKind.RST:
            self._ended(LOST)
