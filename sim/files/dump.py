"""Scenarios written back as TOML."""

import math
from collections.abc import Mapping
from typing import Any

from sim.errors import UserError
from sim.files.faults import dotted, quoted
from sim.model.scenario import Scenario
from sim.model.times import Draw, Table


def dump(scenario: Scenario) -> str:
    """Return `scenario` as TOML that `sim.files.load.load` reads back to an equal scenario.

    Defaults are left out, but for the name. Equal scenarios give the same text. Raises UserError if
    it holds something that TOML cannot, such as None in a script made by hand.
    """
    values = {"name": scenario.name, **_given(scenario)}
    rows, tables = [], []
    for key, value in values.items():
        blocks = value if key == "injections" else [value]
        if isinstance(getattr(scenario, key), Draw) or not isinstance(blocks[0], dict):
            rows.append(_row(key, value))
            continue
        header = f"[[{key}]]" if key == "injections" else f"[{key}]"
        tables += [
            "\n".join([header, *(_row(*item) for item in block.items())]) for block in blocks
        ]
    return "\n\n".join(["\n".join(rows), *tables]) + "\n"


def _given(table: Table) -> dict[str, Any]:
    """Return what a table holds beyond its defaults, as plain data."""
    return {
        name: _plain(getattr(table, name))
        for name, field in type(table).model_fields.items()
        if getattr(table, name) != field.get_default(call_default_factory=True)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Table):
        return _given(value)
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in sorted(value.items())}
    return value


def _row(key: str, value: object) -> str:
    return f"{dotted((key,))} = {_toml(value)}"


def _toml(value: object) -> str:
    """Return a value as TOML. Raises UserError if TOML has no form for it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        # 5 and 5.0 are equal, so they are written alike
        whole = isinstance(value, int) or (math.isfinite(value) and value == int(value))
        return str(int(value)) if whole else repr(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(_row(key, inner) for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        items = [_toml(inner) for inner in value]
        line = f"[{', '.join(items)}]"
        return line if len(line) <= 80 else "[\n  " + ",\n  ".join(items) + ",\n]"
    raise UserError(f"TOML has no form for {value!r}")
