"""Runs kept: as tokens, and as files."""

import os
from pathlib import Path
from typing import Any

from sim import __version__
from sim.errors import UserError
from sim.files.outside import content, write_whole
from sim.files.racefile import SUFFIX, RaceFile, from_text, row_of_choice, row_of_outcome, to_text
from sim.files.recorded import NO_ERROR
from sim.files.token import body_of, encode
from sim.runs.subject import Record


def token_of(record: Record, property: str = NO_ERROR) -> str:
    """Return the token of a run. Raises UserError if it is too long for one.

    property: what the run was asked for.
    """
    told = {**record.subject.told(), "wsrace": __version__, "property": property}
    return encode(body_of(told, record.schedule, record.digest, record.outcome.label))


def token_or_none(record: Record, property: str = NO_ERROR) -> str:
    """Return the token of a run, "" if it is too long for one."""
    try:
        return token_of(record, property)
    except UserError:
        return ""


def file_of(
    record: Record, property: str = NO_ERROR, counterexample: dict[str, Any] | None = None
) -> RaceFile:
    """Return the race file of a run; counterexample: anything that explains it, as plain data."""
    return RaceFile.model_validate(
        {
            **record.subject.told(),
            "wsrace": __version__,
            "property": property,
            "schedule": tuple(map(row_of_choice, record.schedule)),
            "outcome": row_of_outcome(record.outcome),
            "digest": record.digest,
            "counterexample": counterexample,
        }
    )


def write_file(path: str | Path, race: RaceFile) -> None:
    """Write a race file, whole or not at all.

    Raises UserError if it cannot be written, or could not be read again.
    """
    data = to_text(race).encode()
    from_text(data, str(path))
    write_whole(Path(path), data.decode())


def read_file(path: str | Path) -> RaceFile:
    """Return what a race file says. Raises UserError with one line for every fault."""
    return from_text(content(Path(path)), str(path))


def is_file(given: str) -> bool:
    """Whether what was typed means a file: a token has no separator, no ending and is no path."""
    separators = {os.sep, os.altsep or os.sep}
    return given.endswith(SUFFIX) or bool(separators & set(given)) or os.path.exists(given)
