"""The columns that name a stack -> the runtime, the server profile and the Starlette of a run."""

import re
from dataclasses import dataclass
from typing import Literal

from sim.conformance.cells import Cell
from sim.errors import UserError
from sim.model.names import RuntimeName
from sim.model.profiles import profile_named
from sim.model.stacks import find_stack


class NotCovered(Exception):
    """The model has no answer for a cell; the text says why."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a scenario says of its stack."""

    runtime: RuntimeName
    server: str
    starlette: Literal["installed", "before-0.36"]


CONVERTS_SINCE = (0, 36)
"""The Starlette since which an OSError of `send` becomes WebSocketDisconnect(1006)."""
IN_PLACE_SINCE = (3, 12)
"""The Python since which asyncio.wait_for runs in place (asyncio/tasks.py)."""
OLDEST_PYTHON = (3, 8)


def setting_of(cell: Cell) -> Setting:
    """Return what the columns of a cell come to. Raises NotCovered with the reason."""
    stack = find_stack(cell.stack)
    if stack is None:
        raise NotCovered(f"stack {cell.stack!r} is unknown")
    if cell.runtime != stack.loop:
        raise NotCovered(f"runtime {cell.runtime!r} with stack {cell.stack!r} is not modelled")
    name, _, version = cell.server.partition(" ")
    if name != stack.server:
        raise NotCovered(f"server {cell.server!r} does not belong to stack {cell.stack!r}")
    return Setting(
        _runtime(cell),
        _profile(stack.family, _version(version, "server", cell.server)),
        "installed"
        if _version(cell.starlette, "starlette", cell.starlette) >= CONVERTS_SINCE
        else "before-0.36",
    )


def _runtime(cell: Cell) -> RuntimeName:
    python = _version(cell.python, "python", cell.python)
    if not OLDEST_PYTHON <= python < (4, 0):
        raise NotCovered(f"python {cell.python!r} is not modelled")
    if cell.runtime == "trio":
        return "trio"
    return "asyncio-3.12" if python >= IN_PLACE_SINCE else "asyncio-3.11"


def _profile(family: str, version: tuple[int, ...]) -> str:
    name = f"{family}@{'.'.join(map(str, version))}"
    try:
        return profile_named(name).name
    except UserError as error:
        raise NotCovered(str(error)) from None


def _version(text: str, column: str, shown: str) -> tuple[int, ...]:
    """Return the numbers of a release; a release candidate or the like counts as the release."""
    match = re.match(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?!\d)", text)
    if match is None:
        raise NotCovered(f"{column} {shown!r}: this is no version")
    return tuple(int(part) for part in match.groups() if part)
