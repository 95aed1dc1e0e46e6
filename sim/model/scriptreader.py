"""Reads the scripts of an application's clients, as people type them (`sim.model.appscript`).

Text runs to the next comma, or is one JSON value if it begins with `{`, `[` or `"`; a JSON string
is sent without its quotes. The same goes for the body of a request, behind its path.
"""

import json
import re
from collections.abc import Callable, Iterable

from sim.errors import UserError
from sim.model.appscript import FORMS, NORMAL, REQUESTS, Act, Script, Step
from sim.model.plain import near

_BEFORE_JSON = re.compile(rf'(?:[^:,]*:|\s*(?:{"|".join(sorted(REQUESTS))}):[^\s,]*\s+)(?=[{{["])')
"""What may stand before a JSON value: the step's name, of a request also its path."""


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
        before = _BEFORE_JSON.match(text)
        if before is not None:
            head, value = before[0], text[before.end() :]
            name = head.strip().rstrip(":")
            try:
                _, length = json.JSONDecoder().raw_decode(value)
            except ValueError as error:
                faults.append(f"{name}: what begins like JSON is none: {error}")
                return found
            rest = value[length:].lstrip()
            if rest and not rest.startswith((",", "reply:")):
                faults.append(f"{name}: expected a comma behind the JSON, got {rest[:20]!r}")
                return found
            step, _, later = rest.partition(",")
            found.append(f"{head}{value[:length]}{' ' if step else ''}{step}".strip())
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
    try:
        read: str = json.loads(value)
    except ValueError as error:
        raise _FaultError(f"what begins like a JSON string is none: {error}") from None
    return read


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


def _request(act: Act, value: str | None) -> Step:
    path, *rest = (value or "").strip().split(None, 1)[:2] or [""]
    body = rest[0] if rest else ""
    if not path.startswith("/"):
        raise _FaultError(f"expected {FORMS[act][0]}, with a path that begins with /")
    if act is Act.GET and body:
        raise _FaultError(f"a get carries no body, got {body!r}")
    return Step(act, path, body=_plain_text(body.strip()))


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
    **dict.fromkeys(REQUESTS, _request),
}
assert set(_READERS) == set(FORMS) == set(Act)
