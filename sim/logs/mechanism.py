"""What the text of one record proves: the chain of what was raised, and the frames between.

A pattern is consistent with several mechanisms. A traceback says more: "During handling of" an
exception means that it was raised before, in the same task, and had not been done with; the frames
say which call of the server's or of Starlette's raised it, and the source lines on which object the
handler made it. Only what follows from that is said here; else the candidates stay. So nothing is
proved by siblings in an exception group, by a cause that was kept ("direct cause"), by functions of
somebody's own that are called send or close, or where two calls may be of two connections: a
broadcast after a disconnect fails by another client's.

The functions that are looked for are those of starlette/websockets.py (`receive*`, `send*`,
`close`, `accept`), and of what stands below it: `asgi_send` of uvicorn's protocols, `recv` and
`send` of websockets.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sim.logs.matching import match_patterns

_FRAME: Final = re.compile(r"""[\s|]*File "([^"]{1,300})", line ([0-9]{1,7}), in (\S{1,100})""")
_OF_SERVERS: Final = re.compile(
    r"/(?:starlette|fastapi|uvicorn|hypercorn|websockets|wsproto|daphne|autobahn|channels)/"
)
_OF_LIBRARIES: Final = re.compile(r"site-packages|dist-packages|/lib/python[0-9.]+/|^<")
_CALL: Final = re.compile(
    r"(?:await|async for .{1,60} in)\s+(?P<on>[\w.\[\]'\"]{1,80})"
    r"\.(?:receive|iter|send|close|accept)\w*\("
)
"""How a handler's line calls a WebSocket, and which."""
_GONE: Final = re.compile(
    r"ClientDisconnected|ConnectionClosed|BrokenPipe|ConnectionReset|WebSocketDisconnect\b"
)
_CAUSE: Final = re.compile(r"ClientDisconnected|ConnectionClosed|BrokenPipe|ConnectionReset")
"""What a disconnect may come of."""
_DISCONNECT: Final = re.compile(r"^(?:(?:starlette|fastapi)\.\w+\.)?WebSocketDisconnect\b")
"""Not WebSocketDisconnected, the error of a call that came too late (Starlette from 1.7), nor that
of a library for clients."""
_GROUP: Final = re.compile(r"(?:[\w.]*\.)?(?:Base)?ExceptionGroup\b")
_MOST: Final = 10
"""Tracebacks of a record that are kept; the first ones."""


class Frame(NamedTuple):
    """One call of a traceback. place: "file:line". is_own: whether the file is no library's.
    is_servers: whether it is the server's, Starlette's, or of what they are made of.
    """

    place: str
    call: str
    is_own: bool
    is_servers: bool


def frame_in(line: str) -> Frame | None:
    """Return the call that a line of a traceback tells of, None if it tells of none."""
    found = _FRAME.match(line)
    if found is None:
        return None
    servers = _OF_SERVERS.search(found[1]) is not None
    own = not servers and _OF_LIBRARIES.search(found[1]) is None
    return Frame(f"{found[1]}:{found[2]}", found[3], own, servers)


@dataclass(slots=True)
class Raised:
    """One traceback. branch: those of one branch follow from each other. text: what was raised, its
    last line. calls: names of the server's functions.
    """

    branch: int = 0
    text: str = ""
    calls: list[str] = field(default_factory=list)
    own: str = ""
    """The innermost line that is no library's, "file:line"."""
    on: str = ""
    """The object on which a line of somebody's own called a WebSocket, "" if no line tells."""
    follows_from_cause: bool = False
    """Whether what was raised before is told to be its cause, and not what was being handled."""
    _after_own: bool = False

    def add(self, frame: Frame) -> None:
        """Take a frame of it."""
        if frame.is_servers and len(self.calls) < 200:
            self.calls.append(frame.call)
        self._after_own = frame.is_own
        if frame.is_own:
            self.own = frame.place

    def add_code(self, line: str) -> None:
        """Take a line that is no frame: the source of the frame before it."""
        if self._after_own and (found := _CALL.search(line)) is not None:
            self.on = found["on"]

    @property
    def is_raised_by_own(self) -> bool:
        """Whether its innermost frame is of somebody's own."""
        return self._after_own

    @property
    def sends(self) -> bool:
        """Whether it rose in a send: of text, of bytes, of JSON, or of an accept or a close."""
        return any(call.startswith(("send", "close", "accept", "asgi_send")) for call in self.calls)

    @property
    def is_disconnect(self) -> bool:
        """Whether a receive told of the end of the connection."""
        return _DISCONNECT.search(self.text) is not None and (
            "_raise_on_disconnect" in self.calls or not self.sends
        )

    def is_on_the_same_as(self, other: "Raised") -> bool:
        """Whether both rose in calls on one object of the handler's."""
        return bool(self.on) and self.on == other.on


OWN_CLOSE: Final = "own second close"
OWN_SEND: Final = "send after its own disconnect"
OWN_RECEIVE: Final = "receive after its own disconnect"
RECEIVERS: Final = "two receivers"
KEEPALIVE: Final = "keepalive"
BLIND: Final = "blind spot"
ESCAPED: Final = "escaped disconnect"
GONE: Final = "accept race"
SERVER_CLOSE: Final = "server close"
EATEN: Final = "eaten disconnect"
REGISTRY: Final = "registry change"

_CLOSED_BEFORE: Final = re.compile(
    r"websocket\.http\.response\.body\W{1,8}but got \W{1,8}websocket\.close"
    r"|WSStream.{1,8} object has no"
)
"""How uvicorn's websockets_impl and hypercorn refuse a second close before the accept."""
REJECTED: Final = re.compile(r'"WebSocket [^"]{0,300}" 403\b')
"""How uvicorn says that a handshake was refused: the handler closed before it accepted."""


def prove(names: Sequence[str], chain: Sequence[Raised], was_rejected: bool = False) -> str:
    """Return the mechanism that the tracebacks of a record prove, "" if they prove none.

    names: its patterns. chain: its tracebacks, the first cause first. was_rejected: whether the
    line before the record says that the handshake was refused.
    """
    if "concurrent-receive" in names:
        return RECEIVERS  # its text says so, and nothing else raises it
    if not chain:
        return ""
    last = chain[-1]
    before = [one for one in _led_to(chain) if one.is_on_the_same_as(last)]
    raised = match_patterns(last.text)
    told = any(one.is_disconnect for one in before)
    failed = any(one.sends and _GONE.search(one.text) for one in before)
    closes = "websocket.close" in last.text.partition(" after ")[0] or "close" in last.calls
    refused = "after-the-close" in raised or "send-after-close" in raised
    gone = last.sends and _GONE.search(last.text) is not None
    if _CLOSED_BEFORE.search(last.text):
        return OWN_CLOSE
    if refused and closes and (was_rejected or failed):
        return OWN_CLOSE
    if told and last.sends and (refused or gone or "protocol-closed" in raised):
        return OWN_CLOSE if closes else OWN_SEND
    if "receive-after-disconnect" in raised and told:
        return OWN_RECEIVE
    if "keepalive-timeout" in raised and gone and "asgi_send" in last.calls:
        return KEEPALIVE  # the server's library had closed, and the handler went on to send
    if failed and (refused or "need-accept-first" in raised):
        return BLIND  # a send had failed, and what caught that went on
    if "client-disconnected" in names and "accept" in last.calls:
        return GONE
    if "escaped-disconnect" in raised and last.is_disconnect:
        return ESCAPED
    return ""


def _led_to(chain: Sequence[Raised]) -> Iterator[Raised]:
    """Yield what was being handled when the last of a chain was raised, the latest first.

    A cause that somebody's own line names may have been kept for long; a server's is what it meets.
    """
    for one, following in zip(chain[-2::-1], chain[:0:-1], strict=True):
        kept = following.follows_from_cause and following.is_raised_by_own
        if kept or one.branch != following.branch:
            return
        yield one


class Chain:
    """The tracebacks of a record, as its lines come."""

    def __init__(self) -> None:
        self.raised: list[Raised] = []
        self._branch = 0
        self._more = False
        self._causes = False

    def start(self) -> None:
        """Let a traceback begin."""
        if len(self.raised) < _MOST:
            self.raised.append(Raised(self._branch, follows_from_cause=self._causes))
        else:
            self._more = True
        self._causes = False

    def part(self) -> None:
        """Let what follows not follow from what was before."""
        self._branch += 1

    def cause(self) -> None:
        """Let what was raised be told to be the cause of what follows."""
        self._causes = True

    def add(self, frame: Frame) -> None:
        """Take a frame of the last one."""
        if self.raised and not self.raised[-1].text:
            self.raised[-1].add(frame)

    def add_code(self, line: str) -> None:
        """Take a line of the last one that is no frame."""
        if self.raised and not self.raised[-1].text:
            self.raised[-1].add_code(line)

    def end(self, text: str) -> None:
        """Let the last one end. text: what was raised."""
        if self.raised and not self.raised[-1].text:
            self.raised[-1].text = text[:1000]

    @property
    def own(self) -> str:
        """The innermost line of somebody's own in the last traceback, "" if none is."""
        return self.raised[-1].own if self.raised else ""

    @property
    def is_known(self) -> bool:
        """Whether all that was raised is known; what came to no end is not."""
        texts = [one.text for one in self.raised]
        return not self._more and all(
            text and (_GROUP.match(text) or match_patterns(text) or _CAUSE.search(text))
            for text in texts
        )
