"""Tokens: a run in one short line that can be pasted, and replayed anywhere.

    wsr1.<base64url of zlib of JSON>.<8 hexadecimal digits of its SHA-256>

The JSON holds the scenario without its defaults, the choices as deviations from the default, their
number, the digest of the trace, and the version that made it. Reading one never runs or imports
anything: a guard of somebody's own is a name in it, and nothing more.
"""

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from sim.errors import UserError
from sim.model.scenario import Scenario
from sim.model.schedule import Schedule
from sim.model.times import Table

PREFIX = "wsr1"
LONGEST = 1024
"""A token has at most so many characters."""
_LARGEST = 1 << 16
_CHECK = 8


class TokenBody(Table):
    """What a token says. deviations: [index, pick] of each choice that is not the default."""

    wsrace: str
    rung: Literal["asgi", "wire"] = "asgi"
    scenario: dict[str, Any]
    deviations: tuple[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]], ...] = ()
    choices: Annotated[int, Field(ge=0)]
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def body_of(
    scenario: Scenario, schedule: Schedule, digest: str, version: str, rung: str = "asgi"
) -> TokenBody:
    """Return what the token of a run says."""
    shown = scenario.model_dump(
        mode="json", exclude_defaults=True, exclude={"title", "about", "sweep", "expect"}
    )
    deviations = tuple(
        (index, choice.picked) for index, choice in enumerate(schedule) if choice.deviates
    )
    return TokenBody.model_validate(
        {
            "wsrace": version,
            "rung": rung,
            "scenario": shown,
            "deviations": deviations,
            "choices": len(schedule),
            "digest": digest,
        }
    )


def encode(body: TokenBody) -> str:
    """Return the token. Raises UserError if it would be too long: such a run belongs in a file."""
    text = json.dumps(
        body.model_dump(mode="json", exclude_defaults=True), separators=(",", ":"), sort_keys=True
    )
    packed = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
    token = f"{PREFIX}.{packed}.{_check(packed)}"
    if len(token) > LONGEST:
        raise UserError(f"token: {len(token)} characters are more than {LONGEST}; write a file")
    return token


def decode(token: str) -> TokenBody:
    """Return what a token says. Raises UserError with one line that says what is wrong with it."""
    token = token.strip()
    prefix, _, rest = token.partition(".")
    packed, _, check = rest.rpartition(".")
    if prefix != PREFIX:
        newer = prefix.startswith("wsr") and prefix[3:].isdigit()
        what = f"made by another version ({prefix})" if newer else "not a token of wsrace"
        raise UserError(f"token: {what}; expected {PREFIX}.….…, got {token[:20]!r}")
    if not token.isascii() or _check(packed) != check:
        raise UserError("token: it was cut or changed: the check at its end does not fit")
    try:
        data = base64.b64decode(packed + "=" * (-len(packed) % 4), b"-_", validate=True)
        inflater = zlib.decompressobj()
        text = inflater.decompress(data, _LARGEST)
        if inflater.unconsumed_tail:
            raise UserError(f"token: it holds more than {_LARGEST} bytes")
        if not inflater.eof:
            raise ValueError("its data stop before their end")
        return checked(json.loads(text))
    except (binascii.Error, zlib.error, ValueError, RecursionError) as error:
        raise UserError(f"token: it cannot be read: {error}") from None


def checked(data: object) -> TokenBody:
    """Return `data` as a token's body. Raises UserError naming what does not fit."""
    try:
        body = TokenBody.model_validate(data)
        scenario_of(body)
    except ValidationError as error:
        faults = [f"{_path(fault)}: {fault['msg']}" for fault in error.errors()]
        raise UserError(*(f"token: {fault}" for fault in faults)) from None
    return body


def scenario_of(body: TokenBody) -> Scenario:
    """Return the scenario that a token's body names."""
    return Scenario.model_validate(body.scenario)


def picks_of(body: TokenBody) -> Mapping[int, int]:
    """Return the choices of a token that are not the default."""
    return dict(body.deviations)


def _path(fault: Any) -> str:
    return ".".join(str(part) for part in fault["loc"]) or "it"


def _check(packed: str) -> str:
    return hashlib.sha256(packed.encode("ascii", "replace")).hexdigest()[:_CHECK]
