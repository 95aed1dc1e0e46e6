"""What the text of one record proves: the chain of what was raised, and the frames between.

A pattern is consistent with several mechanisms. A traceback says more: "During handling of" an
exception means that it was raised before, in the same task, and had not been done with; the frames
say which call raised it. Only what follows from that is said here; else the candidates stay.

The functions that are looked for are those of starlette/websockets.py (`receive*`, `send*`,
`close`, `accept`, `_raise_on_disconnect`), and of what stands below it: `asgi_send` of uvicorn's
protocols, `recv` and `send` of websockets.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_FRAME: Final = re.compile(r"""[\s|]*File "([^"]{1,300})", line ([0-9]{1,7}), in (\S{1,100})""")
_OF_LIBRARIES: Final = re.compile(
    r"site-packages|dist-packages|/lib/python[0-9.]+/|^<|/(?:uvicorn|starlette|fastapi|hypercorn)/"
)
_GONE: Final = re.compile(
    r"ClientDisconnected|ConnectionClosed|BrokenPipe|ConnectionReset|WebSocketDisconnect\b"
)
_DISCONNECT: Final = re.compile(r"WebSocketDisconnect\b")
"""Not WebSocketDisconnected, the error of a call that came too late (Starlette from 1.10)."""
_MOST: Final = 10
"""Tracebacks of a record that are kept; the first ones."""


class Frame(NamedTuple):
    """One call of a traceback. place: "file:line". is_own: whether the file is no library's."""

    place: str
    call: str
    is_own: bool


def frame_in(line: str) -> Frame | None:
    """Return the call that a line of a traceback tells of, None if it tells of none."""
    found = _FRAME.match(line)
    if found is None:
        return None
    return Frame(f"{found[1]}:{found[2]}", found[3], _OF_LIBRARIES.search(found[1]) is None)


@dataclass(slots=True)
class Raised:
    """One traceback. text: what was raised, its last line. calls: names of its functions."""

    text: str = ""
    calls: list[str] = field(default_factory=list)
    own: str = ""
    """The innermost line that is no library's, "file:line"."""

    def add(self, frame: Frame) -> None:
        """Take a frame of it."""
        if len(self.calls) < 200:
            self.calls.append(frame.call)
        if frame.is_own:
            self.own = frame.place

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
    last, before = chain[-1], chain[:-1]
    after_disconnect = any(one.is_disconnect for one in before)
    closes = "websocket.close" in last.text.partition(" after ")[0] or "close" in last.calls
    refused = "after-the-close" in names or "send-after-close" in names
    failed = any(one.sends and _GONE.search(one.text) for one in before)
    if refused and closes and (was_rejected or failed):
        return OWN_CLOSE
    if after_disconnect and last.sends and (refused or _GONE.search(last.text)):
        return OWN_CLOSE if closes else OWN_SEND
    if _CLOSED_BEFORE.search(last.text):
        return OWN_CLOSE
    if "receive-after-disconnect" in names and after_disconnect:
        return OWN_RECEIVE
    if "keepalive-timeout" in names and last.sends and _GONE.search(last.text):
        return KEEPALIVE  # the server's library had closed, and the handler went on to send
    if failed and (refused or "need-accept-first" in names):
        return BLIND  # a send had failed, and what caught that went on
    if "client-disconnected" in names and "accept" in last.calls:
        return GONE
    if "escaped-disconnect" in names and last.is_disconnect:
        return ESCAPED
    return ""


class Chain:
    """The tracebacks of a record, as its lines come."""

    def __init__(self) -> None:
        self.raised: list[Raised] = []

    def start(self) -> None:
        """Let a traceback begin."""
        if len(self.raised) < _MOST:
            self.raised.append(Raised())

    def add(self, frame: Frame) -> None:
        """Take a frame of the last one."""
        if self.raised and not self.raised[-1].text:
            self.raised[-1].add(frame)

    def end(self, text: str) -> None:
        """Let the last one end. text: what was raised."""
        if self.raised and not self.raised[-1].text:
            self.raised[-1].text = text[:1000]

    @property
    def own(self) -> str:
        """The innermost line of somebody's own in the last traceback, "" if none is."""
        return self.raised[-1].own if self.raised else ""
