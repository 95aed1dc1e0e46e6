"""One request of HTTP that a client makes besides its WebSocket, on a connection of its own.

It is told by `Connection: close`, so that nothing is kept alive that no script speaks of. What it
sends is under way like everything else; the answer is read as it comes.
"""

from collections.abc import Callable, Sequence

import h11

from sim.aio.tcp import Peer, Port, Sent
from sim.aio.world import World
from sim.errors import UserError
from sim.model.appscript import Script, Step

LOST, REFUSED = "unanswered", "refused"
_LENGTHS = frozenset({"content-length", "transfer-encoding"})
"""Headers that say how long a body is: who sends it knows."""


class Request(Peer):
    """A request, and what becomes of it."""

    def __init__(
        self, world: World, client: str, name: str, step: Step, on_over: Callable[[], None]
    ) -> None:
        """Prepare. client: whose it is. name: what its connection is called.

        on_over: called when the answer is here, or will never be.
        """
        self.name = name
        self.over = ""
        """The status of the answer, or that there is none; "" until then."""
        self.words = f"{step.act.upper()} {step.text}"
        self._world = world
        self._client = client
        self._codec = h11.Connection(h11.CLIENT)
        self._step = step
        self._on_over = on_over
        self._status = 0
        self._unread = 0
        """Bytes that it has received: an answer may be half here."""
        self._port: Port | None = None

    def start(self, port: Port, host: str, headers: Sequence[tuple[str, str]]) -> None:
        """Send it. headers: of the client's own, which come before the usual ones."""
        self._port = port
        port.peer = self
        self._world.acted()
        self._event("client.asked", what=self.words)
        port.put(Sent.DATA, encoded(self._codec, self._step, host, headers), own=True)

    def refuse(self) -> None:
        """Nobody listens: it is over before it was sent."""
        self._event("client.asked", what=self.words)
        self._end(REFUSED)

    def __standing__(self) -> object:
        """Return what of it matters for what is to come, and for what is found in the end."""
        unread = self._unread if self._world.bounds.partial else None
        return [self.name, self._port is not None, self.over, self._status, unread]

    # -- what it is told -----------------------------------------------------------------------

    def on_bytes(self, data: bytes) -> None:
        """Take in what the server has sent."""
        self._unread += len(data)
        self._read(data)

    def on_fin(self) -> None:
        """The server sends no more: close this side, too."""
        if not self.over:
            self._read(b"")
        assert self._port is not None, "it was sent"
        if not self._port.peer_closed:
            self._port.peer_closed = True
            self._port.put(Sent.FIN)
        self._end(LOST)

    def on_reset(self) -> None:
        """The server is gone."""
        assert self._port is not None, "it was sent"
        self._port.peer_closed = True
        self._end(LOST)

    def _read(self, data: bytes) -> None:
        if self.over:
            return
        try:
            self._codec.receive_data(data)
            while True:
                event = self._codec.next_event()
                if isinstance(event, h11.Response):
                    self._status = event.status_code
                elif isinstance(event, h11.EndOfMessage):
                    self._end(str(self._status))
                    return
                elif event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                    return
        except h11.RemoteProtocolError:
            self._end(LOST)

    def _end(self, how: str) -> None:
        if not self.over:
            self.over = how
            self._event("client.answered", status=how)
            self._on_over()

    def _event(self, kind: str, **values: str) -> None:
        self._world.event(kind, self._client, connection=self.name, **values)


def encoded(
    codec: h11.Connection, step: Step, host: str, headers: Sequence[tuple[str, str]]
) -> bytes:
    """Return a request in bytes. headers: of the client's own, which come before the usual ones.

    Raises UserError for what HTTP does not allow.
    """
    body = step.body.encode()
    known = {name.lower() for name, _ in headers}
    if wrong := sorted(known & _LENGTHS):
        raise UserError(f"header {', '.join(wrong)}: it follows from the body of each request")
    usual = [("host", host), ("connection", "close")]
    if body:
        kind = "application/json" if body[:1] in (b"{", b"[") else "text/plain"
        usual += [("content-type", kind), ("content-length", str(len(body)))]
    ours = [(name, value) for name, value in usual if name not in known]
    try:
        request = h11.Request(method=step.act.upper(), target=step.text, headers=[*headers, *ours])
        said = [codec.send(request) or b""]
        if body:
            said.append(codec.send(h11.Data(data=body)) or b"")
        said.append(codec.send(h11.EndOfMessage()) or b"")
    except (h11.LocalProtocolError, ValueError) as error:
        raise UserError(f"{step.act.upper()} {step.text}: no request of HTTP: {error}") from None
    return b"".join(said)


def check_requests(script: Script, host: str) -> None:
    """Raise UserError for requests of a script that HTTP does not allow."""
    for step in script.requests:
        encoded(h11.Connection(h11.CLIENT), step, host, script.headers)
