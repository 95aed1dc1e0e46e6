"""Scripts of an application's clients, as they are typed.

    [PATH] [header:NAME=VALUE]... [subprotocol:NAME]... STEP, STEP, ...

Connecting is implied and waited for, unless the first step is `hangup` or `rst`; a client that only
makes requests of HTTP opens no WebSocket. `sim.model.scriptreader` reads them.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from sim.model.frames import Frame, FrameKind

NORMAL = 1000


class Act(StrEnum):
    """What a client of an application can do; `FORMS` says what each of them is."""

    SEND = "send"
    SEND_BYTES = "send_bytes"
    PING = "ping"
    WAIT = "wait"
    SLEEP = "sleep"
    CLOSE = "close"
    FIN = "fin"
    DROP = "drop"
    RST = "rst"
    SILENT = "silent"
    MUTE = "mute"
    HANGUP = "hangup"
    AFTER = "after"
    ON = "on"
    GET = "get"
    POST = "post"
    PUT = "put"
    PATCH = "patch"
    DELETE = "delete"


REQUESTS = frozenset({Act.GET, Act.POST, Act.PUT, Act.PATCH, Act.DELETE})
"""Requests to other routes of the application, each on a connection of its own."""
ASIDE = frozenset({*REQUESTS, Act.SLEEP, Act.AFTER})
"""What needs no WebSocket."""


FORMS: Mapping[Act, tuple[str, str]] = {
    Act.SEND: ("send:TEXT", "send a text message"),
    Act.SEND_BYTES: ("send_bytes:HEX", "send a binary message"),
    Act.PING: ("ping", "send a ping"),
    Act.WAIT: ("wait[:N]", "wait for so many messages more, 1 if there is no number"),
    Act.SLEEP: ("sleep:MS", "do nothing for so many milliseconds"),
    Act.CLOSE: ("close[:CODE]", "send a close frame, 1000 if there is no code, and await the end"),
    Act.FIN: ("fin", "end what this side sends, and read on"),
    Act.DROP: ("drop", "be gone like a killed process: FIN, and a reset for what still comes"),
    Act.RST: ("rst", "reset the TCP connection"),
    Act.SILENT: ("silent", "read on until the server ends the connection"),
    Act.MUTE: ("mute", "from here on answer neither pings nor the server's close"),
    Act.HANGUP: (
        "hangup[:rst]",
        "leave before the answer to the handshake, by FIN or a reset; only as the first step",
    ),
    Act.AFTER: ("after:cK:N", "wait until client K has got N messages"),
    Act.ON: (
        "on:TEXT reply:TEXT",
        "from here on answer each text that begins so; such a message counts for no wait",
    ),
    Act.GET: ("get:/PATH", "ask for a page of the application, and await the answer"),
    **{
        act: (f"{act}:/PATH [BODY]", f"the same by {act.upper()}, with a body")
        for act in (Act.POST, Act.PUT, Act.PATCH, Act.DELETE)
    },
}
"""How each step is typed, and what it does. The help, the schema and README tell these."""


class Step(NamedTuple):
    """One step, with what goes with it."""

    act: Act
    text: str = ""
    number: int = 0
    body: str = ""
    """What a request carries."""

    def typed(self) -> str:
        """Return what one types for it."""
        if self.act is Act.SEND:
            return f"send:{self.text if _is_plain(self.text) else json.dumps(self.text)}"
        if self.act is Act.SEND_BYTES:
            return f"send_bytes:{self.text}"
        if self.act is Act.ON:
            heard, said = map(json.dumps, json.loads(self.text))
            return f"on:{heard} reply:{said}"
        if self.act is Act.AFTER:
            return f"after:{self.text}:{self.number}"
        if self.act in REQUESTS:
            body = self.body if not self.body or _is_plain(self.body) else json.dumps(self.body)
            return f"{self.act}:{self.text} {body}".rstrip()
        if self.act is Act.HANGUP:
            return "hangup:rst" if self.text == "rst" else "hangup"
        usual = {Act.WAIT: 1, Act.CLOSE: NORMAL}.get(self.act, 0)
        return str(self.act) if self.number == usual else f"{self.act}:{self.number}"


@dataclass(frozen=True, slots=True)
class Script:
    """What one client does."""

    path: str
    """What it asks for; "" for the application's only route."""
    steps: tuple[Step, ...]
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    typed: str = ""
    """How it was typed, for people."""

    @property
    def connects(self) -> bool:
        """Whether it opens a WebSocket: one that only makes requests does not."""
        return not self.requests or any(step.act not in ASIDE for step in self.steps)

    @property
    def requests(self) -> tuple[Step, ...]:
        """The requests that it makes besides, in order."""
        return tuple(step for step in self.steps if step.act in REQUESTS)

    def connections(self, name: str) -> tuple[str, ...]:
        """Return what its connections are called: its WebSocket's, and one for each request.

        name: what it is called itself.
        """
        found = [name] if self.connects else []
        count = Counter[Act]()
        for step in self.requests:
            count[step.act] += 1
            again = count[step.act] if count[step.act] > 1 else ""
            found.append(f"{name}.{step.act}{again}")
        return tuple(found)

    def retyped(self) -> "Script":
        """Return it with what one would have typed for it."""
        opening = [
            *([self.path] if self.path else []),
            *(f"header:{name}={value}" for name, value in self.headers),
            *(f"subprotocol:{name}" for name in self.subprotocols),
        ]
        steps = ", ".join(step.typed() for step in self.steps)
        return replace(self, typed=" ".join([*opening, steps]))


def frame_of(step: Step) -> Frame:
    """Return the frame that a step sends."""
    if step.act is Act.SEND:
        return Frame(FrameKind.TEXT, text=step.text)
    if step.act is Act.SEND_BYTES:
        return Frame(FrameKind.BYTES, data=bytes.fromhex(step.text))
    if step.act is Act.PING:
        return Frame(FrameKind.PING)
    return Frame(FrameKind.CLOSE, code=step.number)


def _is_plain(text: str) -> bool:
    """Whether a text may stand in a script as it is."""
    if not text or text.startswith('"'):
        return False
    if text.startswith(("{", "[")):
        try:
            return json.JSONDecoder().raw_decode(text)[1] == len(text)
        except ValueError:
            return False
    return "," not in text and text == text.strip() and text.isprintable()
