"""Bytes of a log, of any size and in any state, as blocks of text in which a character is a byte.

A block is text in Latin-1, whatever the bytes are: nothing can fail to be decoded, and what is
UTF-8 is mended where it is shown (`mend_text`). Blocks have one size, however the bytes arrived, so
nothing that follows can depend on that.
"""

import codecs
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

BLOCK: Final = 1 << 18
"""Bytes of a block."""
_GZIP: Final = b"\x1f\x8b\x08"
_OTHERS: Final = {
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
}
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD: Final = 64
"""So many bytes are looked at to tell an encoding without a byte order mark."""
_WIDE_CHARACTERS: Final = 4
"""So many plain characters, every other byte zero, are UTF-16."""
DAMAGED: Final = "gzip data that is damaged"
CUT: Final = "a gzip stream that is cut"
FOREIGN: Final = "bytes after a gzip stream that are none"


@dataclass(slots=True)
class Notes:
    """What was noticed about the bytes. encoding: how they were read. gzip: whether they were
    compressed. size: how many there were, unpacked. unreadable: parts that were not, by why.
    """

    encoding: str = "utf-8"
    gzip: bool = False
    size: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)


def blocks(chunks: Iterable[bytes], notes: Notes, size: int = BLOCK) -> Iterator[str]:
    """Yield all of a log in blocks of `size` characters, the last one shorter."""
    head, rest = _headed(chunks, max(map(len, (_GZIP, *_OTHERS))))
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            notes.unreadable[f"it looks like {name}; only gzip is unpacked"] += 1
    if head.startswith(_GZIP):
        notes.gzip = True
        rest = _unpacked(_even(rest, size), notes, size)
    for block in _even(_as_utf8(_counted(rest, notes), notes), size):
        yield block.decode("latin-1")


def mend_text(text: str) -> str:
    """Return text of a block as it was meant: what is UTF-8 in it is read as that."""
    return text if text.isascii() else _HIGH.sub(_as_meant, text)


_HIGH: Final = re.compile("[\x80-\xff]+")


def _as_meant(found: re.Match[str]) -> str:
    try:
        return found[0].encode("latin-1").decode()
    except UnicodeDecodeError:
        return found[0]


def _headed(chunks: Iterable[bytes], size: int) -> tuple[bytes, Iterable[bytes]]:
    """Return the first `size` bytes, or a few more or all, and everything including them."""
    head, rest = b"", iter(chunks)
    for chunk in rest:
        head += chunk
        if len(head) >= size:
            break
    return head, chain((head,), rest)


def _counted(chunks: Iterable[bytes], notes: Notes) -> Iterator[bytes]:
    for chunk in chunks:
        notes.size += len(chunk)
        yield chunk


def _even(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the same bytes in pieces of `size`."""
    kept: list[bytes] = []
    have = 0
    for chunk in chunks:
        kept.append(chunk)
        have += len(chunk)
        if have >= size:
            whole = b"".join(kept)
            end = have - have % size
            yield from (whole[at : at + size] for at in range(0, end, size))
            kept, have = [whole[end:]], have - end
    if have:
        yield b"".join(kept)


def _unpacked(chunks: Iterable[bytes], notes: Notes, size: int) -> Iterator[bytes]:
    """Yield what gzip members hold. Behind damage it goes on with the next member, if any."""
    unpacking = None
    sound = True
    for chunk in chunks:
        data, at = chunk, 0
        while at < len(data):
            if unpacking is None:
                at, sound = _next_member(data, at, sound, notes)
                if at == len(data):
                    break
                unpacking = zlib.decompressobj(31)
            before = unpacking.copy()
            try:
                out = unpacking.decompress(memoryview(data)[at:], size)
            except zlib.error:
                if sound:
                    notes.unreadable[DAMAGED] += 1
                    yield _up_to_the_damage(before, data[at:])
                unpacking, sound, at = None, False, at + 1
                continue
            if out:
                yield out
            rest = unpacking.unused_data if unpacking.eof else unpacking.unconsumed_tail
            if unpacking.eof:
                unpacking, sound = None, True
            data, at = rest, 0
    if unpacking is not None and sound:
        yield unpacking.flush()
        notes.unreadable[CUT] += 1


def _up_to_the_damage(unpacking: "zlib._Decompress", data: bytes) -> bytes:
    """Return what can be had before the error: a call that fails gives nothing at all."""
    found = []
    with suppress(zlib.error):
        for at in range(len(data)):
            found.append(unpacking.decompress(data[at : at + 1]))
    return b"".join(found)


def _next_member(data: bytes, at: int, sound: bool, notes: Notes) -> tuple[int, bool]:
    """Return where the next member begins, and whether all was well up to there.

    Zeros between members are padding. A member whose first bytes are cut by the end of `data` is
    tried as it stands.
    """
    if sound:
        while at < len(data) and data[at] == 0:
            at += 1
        if at == len(data) or _GZIP.startswith(data[at : at + len(_GZIP)]):
            return at, True
        notes.unreadable[FOREIGN] += 1
    found = data.find(_GZIP, at)
    return (len(data), False) if found < 0 else (found, False)


def _as_utf8(chunks: Iterable[bytes], notes: Notes) -> Iterable[bytes]:
    """Yield the bytes; those in UTF-16 or UTF-32 are written anew in UTF-8."""
    head, rest = _headed(chunks, _HEAD)
    encoding = _encoding(head[:_HEAD])
    notes.encoding = encoding or "utf-8"
    if encoding is None:
        return rest
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return (
        decoder.decode(chunk, final).encode("utf-8", "replace")
        for chunk, final in chain(((chunk, False) for chunk in rest), ((b"", True),))
    )


def _encoding(head: bytes) -> str | None:
    """Return the encoding that the first bytes speak for, None for what needs no rewriting."""
    for mark, name in _BOMS:
        # Two bytes of rubbish may look like a mark, but hardly any text in UTF-16 is without zeros.
        if head.startswith(mark) and (name == "utf-8-sig" or 0 in head):
            return name
    even, odd = head[: len(head) & ~1 : 2], head[1::2]
    if len(odd) >= _WIDE_CHARACTERS:
        if not any(odd) and all(even):
            return "utf-16-le"
        if not any(even) and all(odd):
            return "utf-16-be"
    return None
