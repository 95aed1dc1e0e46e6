"""Files: read as data, bounded, as JSON that means one thing only; and written whole or not."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sim.errors import UserError
from sim.files.strict_json import BadJson, read
from sim.model.plain import fault

LARGEST_FILE = 16 << 20
"""A file has at most so many bytes."""


def content(path: Path) -> bytes:
    """Return the bytes of a regular file, one more than allowed at most.

    Raises UserError if there is none or it cannot be read.
    """
    source = str(path)
    try:
        if not path.is_file():
            raise UserError(fault(f"{source}: there is no such file"))
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        raise UserError(fault(f"{source}: cannot be read: {what}")) from None


def parse_json(data: bytes, source: str) -> Any:
    """Return what a JSON document says. source: what faults call it.

    Raises UserError with one line if it is too large, or no JSON that all readers read alike.
    """
    if len(data) > LARGEST_FILE:
        raise UserError(fault(f"{source}: it is larger than {LARGEST_FILE >> 20} MiB"))
    try:
        return read(data)
    except BadJson as error:
        place = source if error.line is None else f"{source}:{error.line}"
        raise UserError(fault(f"{place}: {error}")) from None


def write_whole(path: Path, text: str, option: str = "") -> None:
    """Write a file, whole or not at all. option: what named it, "" for nothing.

    Raises UserError if it cannot be written.
    """
    with whole_file(path, option) as part:
        part.write_bytes(text.encode())


@contextmanager
def whole_file(path: Path, option: str = "") -> Iterator[Path]:
    """Yield a path to write to, whose file takes the place of another one once it is whole.

    option: what named it, "" for nothing. Raises UserError if it cannot be written.
    """
    named = f"{option}: {path}" if option else str(path)
    try:
        target = path.resolve()  # a link stays one, what it leads to is written
        looped = target.is_symlink()  # from 3.13 on a link that leads to itself is no error
        if looped or (target.exists() and not target.is_file()):
            raise UserError(fault(f"{named}: cannot be written: it is no regular file"))
        if target.exists() and not os.access(target, os.W_OK):
            raise UserError(fault(f"{named}: cannot be written: it is read-only"))
        part = Path(f"{target}.{os.getpid()}.part")
        try:
            yield part
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, ValueError, RuntimeError) as error:  # before 3.13 it is the last of these
        what = error.strerror if isinstance(error, OSError) else error
        raise UserError(fault(f"{named}: cannot be written: {what}")) from None
