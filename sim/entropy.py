"""Hash-derived draws: the only source of chance in the project.

Everything comes from BLAKE2b over a readable key, so it is the same in every process, under every
PYTHONHASHSEED, on every Python, and does not depend on which worker draws first.
"""

import struct
from collections.abc import Iterator
from hashlib import blake2b

_VERSION = b"wsrace.entropy.1"
_BLOCK = struct.Struct("<8Q")
SPAN = 1 << 64
"""Draws are integers in `range(SPAN)`."""


def _key(parts: tuple[str | int, ...]) -> bytes:
    """Encode `parts`: different tuples differ, and the text is the same on every Python.

    Plain `str` and `int` only, because the repr of an enumeration changes with the version.
    """
    return ascii([part if type(part) is int else str(part) for part in parts]).encode()


def draws(*key: str | int) -> Iterator[int]:
    """Return an endless stream of 64-bit integers that depends on `key` alone.

    `key`: any strings and integers, for example `(seed, "step", task)`.
    """
    text = _key(key)
    block = 0
    while True:
        yield from _BLOCK.unpack(blake2b(b"%b/%d" % (text, block), person=_VERSION).digest())
        block += 1


def below(bound: int, *key: str | int) -> int:
    """Return one integer in `range(bound)` that depends on `key` alone.

    The bias is at most `bound / 2**64`. Raises ValueError if `bound` is not positive.
    """
    if bound <= 0:
        raise ValueError(f"bound must be positive, not {bound}")
    return scale(next(draws(*key)), bound)


def scale(draw: int, bound: int) -> int:
    """Map a draw from `range(SPAN)` to `range(bound)`."""
    return draw * bound >> 64


def seed_for(seed: int, *cell: str | int) -> int:
    """Derive the 64-bit seed of one trial from a user's `seed` and the names of its cell."""
    return next(draws("trial", seed, *cell))


def influence_free(count: int, connection: str, index: int) -> bytes:
    """Return `count` bytes for masks, nonces and ping payloads: they vary but decide nothing."""
    if count < 0:
        raise ValueError(f"count must not be negative, not {count}")
    chunks = []
    for block in range(-(-count // 64)):
        key = _key((connection, index, block))
        chunks.append(blake2b(key, person=b"wsrace.bytes.1").digest())
    return b"".join(chunks)[:count]
