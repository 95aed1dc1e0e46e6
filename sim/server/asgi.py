"""The server of the asgi fidelity: whole frames over in-memory links."""

from sim.model.frames import Frame, FrameKind
from sim.network.frames import FrameLink
from sim.server.serve import Server, asgi_scope


class AsgiOutlet:
    """Puts the server's frames on a link."""

    def __init__(self, up: FrameLink, down: FrameLink) -> None:
        self._up = up
        self._down = down
        self._finished = False

    async def transmit(self, frame: Frame) -> bool:
        """Send `frame` unless the client has reset the connection."""
        if self._finished or self._up.reset:
            return False
        self._down.send(frame)
        return True

    def post(self, frame: Frame) -> None:
        """Send `frame` if this half is still open."""
        if not self._finished:
            self._down.send(frame)

    def finish(self) -> None:
        """Send FIN, once."""
        if not self._finished:
            self._finished = True
            self._down.send(Frame(FrameKind.FIN))

    def close(self) -> None:
        """Send FIN and read no more."""
        self.finish()
        self._up.close_reader()


async def serve_frames(
    server: Server, name: str, path: str, up: FrameLink, down: FrameLink
) -> None:
    """Serve the client at the other end of two links, if it asks for a connection."""
    outlet = AsgiOutlet(up, down)
    connect, *early = await up.get()  # nobody else closes this end
    if connect.kind is not FrameKind.CONNECT:
        outlet.finish()
        return

    async def arrivals() -> list[Frame]:
        nonlocal early
        frames, early = early or await up.get(), []
        return frames

    headers = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in connect.headers]
    subprotocols = connect.text.split(", ") if connect.text else []
    await server.serve(name, asgi_scope(path, headers, subprotocols), outlet, arrivals)
