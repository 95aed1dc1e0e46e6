"""Scenario files: read, and checked with all their faults at once."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, TypeVar

from pydantic import ValidationError

from sim.errors import UserError
from sim.files.depth import TOO_DEEP, too_deep
from sim.files.faults import fault_lines, one_line
from sim.model.scenario import Batch, Scenario
from sim.model.times import Table

T = TypeVar("T", bound=Table)


def parse(text: str, source: str) -> dict[str, Any]:
    """Return the data of a TOML document, unchecked.

    Raises UserError if `text` is not TOML, naming `source` and the line, or is nested too deeply.
    """
    try:
        return _parsed(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else len(text.rstrip().split("\n"))
        raise UserError(one_line(f"{source}:{line}", str(error))) from None
    except ValueError as error:
        raise UserError(one_line(source, str(error))) from None


def load_data(data: Mapping[str, object], source: str, text: str = "") -> Scenario | Batch:
    """Return the scenario or batch that `data`, such as a parsed document, describes.

    source: what faults call it, such as "scenarios/blind-spot.toml"; its stem is the name of a
    scenario that gives none. text: the document that `data` came from; without it, faults name no
    line. Raises UserError with one line for every fault.
    """
    if "include" in data:
        return check_table(Batch, data, source, text)
    return check_table(Scenario, data, source, text)


def check_table(model: type[T], data: Mapping[str, object], source: str, text: str = "") -> T:
    """Return what `data` describes as a `model`; a key `name` is taken from the source if missing.

    source, text: as for `load_data`. Raises UserError with one line for every fault.
    """
    return check_as_it_is(model, {"name": PurePath(source).stem, **data}, source, text)


def check_as_it_is(model: type[T], data: Mapping[str, object], source: str, text: str = "") -> T:
    """Return what `data` describes as a `model`.

    source, text: as for `load_data`. Raises UserError with one line for every fault.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = fault_lines(error, data, model, source, text)
    raise UserError(*faults)


def _parsed(text: str) -> dict[str, Any]:
    """Return a document. Raises ValueError if it is not TOML or is nested too deeply."""
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    if too_deep(data):
        raise ValueError(TOO_DEEP)
    return data
