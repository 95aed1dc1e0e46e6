"""What pydantic finds wrong with a scenario, as one line per fault."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from sim.files.keys import table_at
from sim.files.locate import Path, line_of
from sim.model.plain import near
from sim.model.times import Table

_WRONG_KIND = ("_type", "_parsing")
_KINDS = {
    "bool": "true or false",
    "dict": "a table",
    "float": "a number",
    "int": "an integer",
    "model": "a table",
    "string": "a string",
    "tuple": "a list",
}
_BOUNDS = {
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "too_short": "expected {min_length} or more items",
    "too_long": "expected {max_length} or fewer items",
    "finite_number": "must be a finite number",
    "int_from_float": "expected an integer",
}


def fault_lines(
    error: ValidationError, data: Mapping[str, Any], model: type[Table], source: str, text: str
) -> list[str]:
    """Return what is wrong, in the order of the lines, each fault once.

    error: of `model` when it was given `data`. source, text: as for `sim.files.load.load_data`.
    """
    slips = _folded([_slip(details, data) for details in error.errors(include_url=False)])
    places = [(line_of(text, slip.path), slip) for slip in slips]
    faults = [
        one_line(f"{source}:{line}" if text else source, dotted(slip.path), _message(slip, model))
        for line, slip in sorted(places, key=lambda place: place[0])
    ]
    return list(dict.fromkeys(faults))


def dotted(path: Path) -> str:
    """Return a path as one key, its parts quoted where TOML would quote them."""
    return ".".join(
        part if re.fullmatch("[A-Za-z0-9_-]+", part) else quoted(part) for part in map(str, path)
    )


def quoted(text: str) -> str:
    """Return a text as a string of TOML, in one line."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def one_line(*parts: str) -> str:
    """Return the parts that are not empty as one line, however many lines they hold."""
    return " ".join(": ".join(filter(None, parts)).splitlines())


class _Slip(NamedTuple):
    """One entry of a ValidationError, placed in the data.

    path: the keys that lead to it. base: for an entry from one arm of a union, how long the path to
    the union is; arm: which arm, by pydantic's label. on_key: the key is wrong, not its value.
    """

    path: Path
    base: int
    arm: str | None
    on_key: bool
    kind: str
    details: Any

    @property
    def wrong_kind(self) -> bool:
        """Whether the value is not even of the kind that this arm of the union takes."""
        if len(self.path) != self.base:
            return False
        literal = self.kind == "literal_error" and not isinstance(self.details["input"], str)
        return literal or self.kind.endswith(_WRONG_KIND)


def _slip(details: Any, data: Any) -> _Slip:
    """Return an entry without what pydantic adds to its location, by walking `data` along it."""
    path: list[str | int] = []
    base, arm, on_key = 0, None, False
    value = data
    for number, piece in enumerate(details["loc"], 1):
        inside = isinstance(value, list | tuple) and isinstance(piece, int) and piece < len(value)
        if inside or (isinstance(value, Mapping) and piece in value):
            value = value[piece]
            path.append(piece)
        elif piece == "[key]":
            on_key = True
        elif details["type"] == "missing" and number == len(details["loc"]):
            path += [piece] if isinstance(piece, str) else []
        elif arm is None:
            arm, base = str(piece), len(path)
    if details["type"] == "value_error" and isinstance(value, Mapping):
        # a validator of a whole table names the key that it means at the start of its message
        path += [key for key in value if _said(details).startswith(f"{key}: ")]
    return _Slip(tuple(path), base, arm, on_key, details["type"], details)


def _folded(slips: Sequence[_Slip]) -> list[_Slip]:
    """Return the entries with those of a union's arms reduced to the arm that was meant."""
    meant: dict[Path, str | None] = {}
    for slip in slips:
        if slip.arm is not None:
            meant.setdefault(slip.path[: slip.base], None)
    for where in meant:
        arms = [slip for slip in slips if slip.arm and slip.path[: slip.base] == where]
        wrong = {slip.arm for slip in arms if slip.wrong_kind}
        meant[where] = next((slip.arm for slip in arms if slip.arm not in wrong), arms[0].arm)
    return [
        slip
        for slip in slips
        if (slip.arm is None or meant[slip.path[: slip.base]] == slip.arm)
        # a list whose elements are wrong is not too short as well
        and not (slip.kind == "too_short" and slip.details["input"])
    ]


def _said(details: Any) -> str:
    return str(details["msg"]).removeprefix("Value error, ")


def _message(slip: _Slip, model: type[Table]) -> str:
    """Return what is wrong, what is allowed and what may have been meant."""
    value, context = slip.details["input"], slip.details.get("ctx", {})
    got = f", got {_shown(value)}"
    if slip.kind == "extra_forbidden":
        table = table_at(model, slip.path[:-1])
        return _choice("unknown key", slip.path[-1], table.model_fields if table else ())
    if slip.kind == "literal_error":
        allowed = re.findall("'([^']*)'", context["expected"])
        what = "unknown key" if slip.on_key else f"unknown value {_shown(value)}"
        return _choice(what, slip.path[-1] if slip.on_key else value, allowed)
    if slip.kind == "missing":
        return "too few values" + got if isinstance(value, list | tuple) else "this key is missing"
    if slip.kind == "value_error":
        said = _said(slip.details)
        return _named(said.removeprefix(f"{slip.path[-1]}: ") if slip.path else said, value)
    if slip.kind in _BOUNDS:
        return _BOUNDS[slip.kind].format(**context) + got
    kind = _KINDS.get(slip.kind.rsplit("_", 1)[0])
    if kind and slip.kind.endswith(_WRONG_KIND):
        draw = " or a table" if slip.arm and table_at(model, slip.path) else ""
        return f"expected {kind}{draw}{got}"
    return _said(slip.details)


def _choice(what: str, name: object, allowed: Iterable[str]) -> str:
    hint = near(name, allowed) if isinstance(name, str) else ""
    return f"{what}; allowed: {', '.join(allowed)}{hint}"


def _named(said: str, value: object) -> str:
    """Return the message of a validator that knows names, completed by what it leaves out."""
    what, _, allowed = said.partition("; allowed: ")
    if not allowed or "did you mean" in said:
        return said
    word = re.search("'([^']*)'", what)
    name = word[1] if word else str(value)
    return f"{what if word else f'{what} {name!r}'}; allowed: {allowed}" + near(
        name, allowed.split(", ")
    )


def _shown(value: object) -> str:
    try:
        text = str(value).lower() if isinstance(value, bool) else repr(value)
    except ValueError:  # a hexadecimal integer too long to be written in decimal
        return "a number that is too long"
    return text if len(text) <= 60 else text[:57] + "..."
