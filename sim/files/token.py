"""Tokens: a run in one short line that can be pasted, and replayed anywhere.

    wsr1.<base64url of zlib of JSON>.<8 hexadecimal digits of its SHA-256>

The JSON holds the scenario without its defaults, the choices as deviations from the default, their
number and their marks, the outcome, the digest of the trace, and the version that made it. Reading
one never runs or imports anything: a guard of somebody's own is a name in it, and nothing more.
"""

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Self

from pydantic import ValidationError, model_validator

from sim.errors import UserError
from sim.files.faults import dotted, one_line
from sim.files.recorded import Count, Recorded
from sim.files.strict_json import read
from sim.model.marks import pack, unpack
from sim.model.plain import fault
from sim.model.schedule import Schedule

PREFIX = "wsr1"
LONGEST = 1024
"""A token has at most so many characters."""
_LARGEST = 1 << 16
_CHECK = 8
_SOURCE = 16
"""So many digits of a module's SHA-256 are enough to notice that it was edited."""
_SOURCES = ("guard_source", "handler_source")


class TokenBody(Recorded):
    """What a token says.

    deviations: [index, pick] of each choice that is not the default. choices: how many there were.
    marks: one for each, so that a replay can say where it differs; None where they did not fit.
    outcome: its label; None in tokens of the first version, which hold the trace to its digest.
    """

    deviations: tuple[tuple[Count, Count], ...] = ()
    choices: Count
    marks: str | None = None
    outcome: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        indexes = [-1, *(index for index, _ in self.deviations), self.choices]
        if any(index >= later for index, later in pairwise(indexes)):
            raise ValueError(f"deviations: expected rising indexes below {self.choices}")
        if self.marks is not None and len(unpack(self.marks)) != self.choices:
            raise ValueError(f"marks: expected one for each of {self.choices} choices")
        return self


def body_of(
    told: Mapping[str, Any],
    schedule: Schedule,
    digest: str,
    outcome: str | None = None,
) -> TokenBody:
    """Return what the token of a run says.

    told: what tokens and files have in common, but for the digest. outcome: its label.
    """
    deviations = tuple(
        (index, choice.picked) for index, choice in enumerate(schedule) if choice.deviates
    )
    sources = {key: told[key][:_SOURCE] for key in _SOURCES if told.get(key)}
    return TokenBody.model_validate(
        {
            **told,
            **sources,
            "deviations": deviations,
            "choices": len(schedule),
            "marks": pack(choice.question for choice in schedule),
            "outcome": outcome,
            "digest": digest,
        }
    )


def encode(body: TokenBody) -> str:
    """Return the token, without marks if they make it too long.

    Raises UserError if it is too long even so: such a run belongs in a file.
    """
    token = _packed(body)
    if len(token) > LONGEST:
        token = _packed(body.model_copy(update={"marks": None}))
    if len(token) > LONGEST:
        raise UserError(f"token: {len(token)} characters are more than {LONGEST}; write a file")
    return token


def _packed(body: TokenBody) -> str:
    text = json.dumps(
        body.model_dump(mode="json", exclude_defaults=True), separators=(",", ":"), sort_keys=True
    )
    packed = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
    return f"{PREFIX}.{packed}.{_check(packed)}"


def decode(token: str) -> TokenBody:
    """Return what a token says. Raises UserError with one line that says what is wrong with it."""
    token = token.strip()
    prefix, _, rest = token.partition(".")
    packed, _, check = rest.rpartition(".")
    if prefix != PREFIX:
        newer = prefix.startswith("wsr") and prefix[3:].isdigit()
        what = f"made by another version ({prefix[:20]})" if newer else "not a token of wsrace"
        raise UserError(f"token: {what}; expected {PREFIX}.….…, got {token[:20]!a}")
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
        return check_body(read(text))
    except (binascii.Error, zlib.error, ValueError) as error:
        raise UserError(f"token: it cannot be read: {error}") from None


def check_body(data: object) -> TokenBody:
    """Return `data` as a token's body. Raises UserError naming what does not fit."""
    try:
        return TokenBody.model_validate(data)
    except ValidationError as error:
        raise UserError(
            *(
                fault(one_line("token", dotted(slip["loc"]) or "it", slip["msg"]))
                for slip in error.errors()
            )
        ) from None


def picks_of(body: TokenBody) -> Mapping[int, int]:
    """Return the choices of a token that are not the default."""
    return dict(body.deviations)


def _check(packed: str) -> str:
    return hashlib.sha256(packed.encode("ascii", "replace")).hexdigest()[:_CHECK]
