"""Cells as they stand in a file, for the tests: a stack in whole, an arrangement, an outcome."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.conformance.cells import Cell

NAMES = ("python", "starlette", "stack", "server", "lib", "runtime")
_ROWS = (
    ("3.11.7", "0.47.3", "uvicorn-websockets", "uvicorn 0.35.0", "websockets 15.0.1", "asyncio"),
    ("3.11.7", "0.47.3", "hypercorn-asyncio", "hypercorn 0.18.0", "wsproto 1.3.2", "asyncio"),
    (
        *("3.12.1", "1.10.0", "uvicorn-websockets-sansio", "uvicorn 0.54.0"),
        *("websockets 17.4", "asyncio"),
    ),
    ("3.12.1", "1.10.0", "hypercorn-trio", "hypercorn 0.18.0", "wsproto 1.3.2", "trio"),
    ("3.12.1", "0.47.3", "uvicorn-wsproto", "uvicorn 0.35.0", "wsproto 1.3.2", "asyncio"),
)
STACKS: Mapping[str, Mapping[str, str]] = {
    row[2]: dict(zip(NAMES, row, strict=True)) for row in _ROWS
}
"""The columns of the stacks that the truth was measured on, by the column `stack`."""
LEGACY = "uvicorn-websockets"
TRIO = "hypercorn-trio"


def row(like: str = LEGACY, /, **columns: Any) -> dict[str, Any]:
    """Return the columns of a cell. Without more it is one that the model agrees with.

    like: the stack whose columns it has.
    """
    return {
        **STACKS[like],
        "kind": "client_close",
        "point": "top",
        "wait": "0",
        "guard": "none",
        "queued": 0,
        "n": 10,
        "outcomes": {"clean_disconnect(1000)": 10},
        **columns,
    }


def cell(like: str = LEGACY, /, **columns: Any) -> Cell:
    """Return a cell."""
    return Cell.model_validate(row(like, **columns))


def written(path: Path, *lines: Mapping[str, Any] | bytes | str) -> Path:
    """Write a file of cells: rows as JSON, anything else as it is. Return its path."""
    path.write_bytes(b"".join(_line(line) + b"\n" for line in lines))
    return path


def _line(line: Mapping[str, Any] | bytes | str) -> bytes:
    if isinstance(line, Mapping):
        return json.dumps(line).encode()
    return line.encode() if isinstance(line, str) else line
