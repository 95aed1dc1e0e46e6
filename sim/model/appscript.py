"""Scripts of an application's clients, as they are typed.

    [PATH] [header:NAME=VALUE]... [subprotocol:NAME]... STEP, STEP, ...

Connecting is implied and waited for, unless the first step is `hangup` or `rst`. Text runs to the
next comma, or is one JSON value if it begins with `{`, `[` or `"`; a JSON string is sent without
its quotes.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from sim.errors import UserError
from sim.model.frames import Frame, FrameKind
from sim.model.plain import near

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
}
"""How each step is typed, and what it does. The help, the schema and README tell these."""


class Step(NamedTuple):
    """One step, with what goes with it."""

    act: Act
    text: str = ""
    number: int = 0

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


def parse(typed: str) -> Script:
    """Return a client's script. Raises UserError with one line for each step that is wrong."""
    faults: list[str] = []
    path, headers, subprotocols, rest = _opening(typed.strip(), faults)
    steps: tuple[Step, ...] = ()
    try:
        steps = parse_steps(_split(rest, faults))
    except UserError as error:
        faults += error.faults
    if not steps and not faults:
        faults.append("it does nothing; for example: send:hi, close")
    if faults:
        raise UserError(*(f"client {typed!r}: {fault}" for fault in faults))
    return Script(path, steps, tuple(headers), tuple(subprotocols), typed.strip())


def parse_steps(typed: Iterable[str]) -> tuple[Step, ...]:
    """Return steps that stand for themselves. Raises UserError with one line for each fault."""
    faults: list[str] = []
    steps: list[Step] = []
    for number, text in enumerate(typed, 1):
        try:
            step = _step(text)
            if step.act is Act.HANGUP and number > 1:
                raise _FaultError("hangup: only as the first step, it leaves before the answer")
            steps.append(step)
        except _FaultError as fault:
            faults.append(f"step {number}, {text!r}: {fault}")
    if faults:
        raise UserError(*faults)
    return tuple(steps)


class _FaultError(Exception):
    """What is wrong with one step."""


def _opening(text: str, faults: list[str]) -> tuple[str, list[tuple[str, str]], list[str], str]:
    """Return path, headers and subprotocols, and what is left of the text."""
    path, headers, subprotocols = "", [], []
    while True:
        word, _, rest = text.partition(" ")
        if word.startswith("/") and not path:
            path = word
        elif word.startswith("header:"):
            name, equals, value = word.removeprefix("header:").partition("=")
            if not name or not equals:
                faults.append(f"{word!r}: expected header:NAME=VALUE")
            headers.append((name, value))
        elif word.startswith("subprotocol:"):
            subprotocols.append(word.removeprefix("subprotocol:"))
        else:
            return path, headers, subprotocols, text
        text = rest.lstrip()


def _split(text: str, faults: list[str]) -> list[str]:
    """Return the steps: between commas, unless the comma stands in a JSON value."""
    found: list[str] = []
    while text:
        head, colon, value = text.partition(":")
        if colon and "," not in head and value.startswith(("{", "[", '"')):
            try:
                _, length = json.JSONDecoder().raw_decode(value)
            except ValueError as error:
                faults.append(f"{head.strip()}: what begins like JSON is none: {error}")
                return found
            rest = value[length:].lstrip()
            if rest and not rest.startswith((",", "reply:")):
                faults.append(
                    f"{head.strip()}: expected a comma behind the JSON, got {rest[:20]!r}"
                )
                return found
            step, _, later = rest.partition(",")
            found.append(f"{head}:{value[:length]}{' ' if step else ''}{step}".strip())
            text = later.lstrip()
        else:
            step, _, text = text.partition(",")
            if step.strip() or not text:
                found.append(step.strip())
            text = text.lstrip()
    return found


def _step(text: str) -> Step:
    name, colon, value = text.partition(":")
    try:
        act = Act(name.strip())
    except ValueError:
        allowed = ", ".join(Act) + near(name.strip(), Act)
        raise _FaultError(f"unknown; allowed: {allowed}") from None
    return _READERS[act](act, value if colon else None)


def _plain_text(value: str) -> str:
    """Return a text as it is sent: a JSON string without its quotes."""
    if not value.startswith('"'):
        return value
    read: str = json.loads(value)
    return read


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


def _text(act: Act, value: str | None) -> Step:
    if value is None:
        raise _FaultError(f"expected {act}:TEXT")
    return Step(act, _plain_text(value))


def _bytes(act: Act, value: str | None) -> Step:
    try:
        return Step(act, bytes.fromhex(value or "-").hex())
    except ValueError:
        raise _FaultError(f"expected {act}: and bytes in hexadecimal, got {value!r}") from None


def _integer(value: str | None, least: int, most: int, usual: int | None) -> int:
    if value is None and usual is not None:
        return usual
    try:
        number = int(value or "")
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise _FaultError(f"expected a number from {least} to {most}, got {value!r}")
    return number


def _numbered(least: int, most: int, usual: int | None) -> Callable[[Act, str | None], Step]:
    return lambda act, value: Step(act, number=_integer(value, least, most, usual))


def _bare(act: Act, value: str | None) -> Step:
    if value is not None:
        raise _FaultError(f"takes no value, got {value!r}")
    return Step(act)


def _hangup(act: Act, value: str | None) -> Step:
    if value not in (None, "rst"):
        raise _FaultError(f"expected hangup or hangup:rst, got {value!r}")
    return Step(act, value or "fin")


def _after(act: Act, value: str | None) -> Step:
    name, _, count = (value or "").partition(":")
    if not (name.startswith("c") and name[1:].isdigit()):
        raise _FaultError("expected after:cN:COUNT, for example after:c2:1")
    return Step(act, name, _integer(count or None, 1, 1_000_000, 1))


def _on(act: Act, value: str | None) -> Step:
    heard, found, said = (value or "").partition(" reply:")
    if not found or not heard:
        raise _FaultError("expected on:TEXT reply:TEXT")
    return Step(act, json.dumps([_plain_text(heard), _plain_text(said)]))


_READERS: dict[Act, Callable[[Act, str | None], Step]] = {
    Act.SEND: _text,
    Act.SEND_BYTES: _bytes,
    Act.PING: _bare,
    Act.WAIT: _numbered(1, 1_000_000, 1),
    Act.SLEEP: _numbered(0, 10_000_000_000, None),
    Act.CLOSE: _numbered(1000, 4999, NORMAL),
    Act.FIN: _bare,
    Act.DROP: _bare,
    Act.RST: _bare,
    Act.SILENT: _bare,
    Act.MUTE: _bare,
    Act.HANGUP: _hangup,
    Act.AFTER: _after,
    Act.ON: _on,
}
assert set(_READERS) == set(FORMS) == set(Act)
