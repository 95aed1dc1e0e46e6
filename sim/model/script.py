"""Client scripts: what a fake client does, in order. Frozen data, checked before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sim.errors import UserError
from sim.model.frames import Frame, FrameKind
from sim.model.plain import near

NORMAL_CLOSURE = 1000


class Do(StrEnum):
    """What a client can do. In brackets: the value that goes with it."""

    CONNECT = "connect"
    """Open the connection and wait for the answer (optional: a list of subprotocols)."""
    SEND = "send"
    """Send a text frame (the text; malformed JSON is simply such a text)."""
    SEND_BYTES = "send_bytes"
    """Send a binary frame (the bytes, in hexadecimal)."""
    WAIT = "wait"
    """Wait for so many messages from the server (an integer of at least 1)."""
    SLEEP = "sleep"
    """Stay silent for so long (ticks, at least 0)."""
    PING = "ping"
    """Send a ping."""
    CLOSE = "close"
    """Send a close frame and wait for the end (optional: the code, 1000 to 4999)."""
    FIN = "fin"
    """End the TCP stream without a close frame."""
    RST = "rst"
    """Reset the TCP connection."""
    SILENT = "silent"
    """Read on until the server ends the connection."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do, with its value; `headers` only with connect."""

    do: Do
    value: str | int | None = None
    subprotocols: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


def parse_script(rows: Sequence[object]) -> tuple[Action, ...]:
    """Return the actions of a script given as rows like "fin", {"send": "hi"}, {"wait": 1}.

    Raises UserError with one line for every row that cannot be done.
    """
    actions: list[Action] = []
    faults: list[str] = []
    for number, row in enumerate(rows, 1):
        try:
            actions.append(_parse_row(row))
        except _FaultError as fault:
            faults.append(f"client script, row {number}: {fault}")
    for number, action in enumerate(actions, 1):
        if not faults and (action.do is Do.CONNECT) != (number == 1):
            what = "must be the first row" if number > 1 else "is missing as the first row"
            faults.append(f"client script, row {number}: connect {what}")
    if not rows:
        faults.append("client script: it is empty; the first row must be connect")
    if faults:
        raise UserError(*faults)
    return tuple(actions)


class _FaultError(Exception):
    """What is wrong with one row."""


def _parse_row(row: object) -> Action:
    headers: tuple[tuple[str, str], ...] = ()
    if isinstance(row, str):
        name, value = row, None
    elif isinstance(row, Mapping) and row:
        fields = dict(row)
        if "headers" in fields and "connect" in fields:
            headers = _headers(fields.pop("headers"))
        if len(fields) != 1:
            raise _FaultError(f"expected one action, got {', '.join(map(str, fields))}")
        ((name, value),) = fields.items()
    else:
        raise _FaultError(f"expected a name or a table with one action, got {row!r}")
    return _check(_known(name), value, headers)


def _known(name: object) -> Do:
    try:
        return Do(str(name))
    except ValueError:
        allowed = ", ".join(Do) + near(str(name), Do)
        raise _FaultError(f"unknown action {name!r}; allowed: {allowed}") from None


def _headers(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or not all(isinstance(v, str) for v in value.values()):
        raise _FaultError(f"headers: expected a table of strings, got {value!r}")
    return tuple((str(name), text) for name, text in value.items())


def _check(do: Do, value: object, headers: tuple[tuple[str, str], ...]) -> Action:
    """Return the action, or raise what is wrong with its value."""
    if do is Do.CONNECT:
        names = [] if value is None else value
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
            raise _FaultError(f"connect: expected a list of subprotocols, got {value!r}")
        return Action(do, None, tuple(names), headers)
    if do in (Do.SEND, Do.SEND_BYTES):
        if not isinstance(value, str):
            raise _FaultError(f"{do}: expected a string, got {value!r}")
        if do is Do.SEND_BYTES:
            _hexadecimal(value)
        return Action(do, value)
    if do in (Do.WAIT, Do.SLEEP):
        return Action(do, _integer(do, value, 1 if do is Do.WAIT else 0, None))
    if do is Do.CLOSE:
        return Action(do, 1000 if value is None else _integer(do, value, 1000, 4999))
    if value is not None:
        raise _FaultError(f"{do}: takes no value, got {value!r}")
    return Action(do)


def _hexadecimal(value: str) -> None:
    try:
        bytes.fromhex(value)
    except ValueError:
        raise _FaultError(f"send_bytes: expected hexadecimal bytes, got {value!r}") from None


def _integer(do: Do, value: object, least: int, most: int | None) -> int:
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    fits = isinstance(value, int) and not isinstance(value, bool)
    if not fits or not isinstance(value, int) or value < least or (most and value > most):
        raise _FaultError(f"{do}: expected an integer {bounds}, got {value!r}")
    return value


def frame_of(action: Action) -> Frame:
    """Return the frame that an action sends."""
    value = action.value
    if action.do is Do.SEND:
        return Frame(FrameKind.TEXT, text=str(value))
    if action.do is Do.SEND_BYTES:
        return Frame(FrameKind.BYTES, data=bytes.fromhex(str(value)))
    if action.do is Do.PING:
        return Frame(FrameKind.PING)
    return Frame(FrameKind.CLOSE, code=int(value or NORMAL_CLOSURE))
