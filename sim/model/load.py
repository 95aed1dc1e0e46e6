"""Scenario files: read with all faults at once, overridden key by key, and written back."""

import json
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePath
from types import UnionType
from typing import Annotated, Any, NamedTuple, TypeGuard, Union, get_args, get_origin

from pydantic import ValidationError

from sim.errors import UserError
from sim.model.locate import Path, key_parts, line_of
from sim.model.scenario import Batch, Scenario
from sim.model.times import Draw, Table

_DEPTH = 32
"""How deep a document may be nested; it keeps every walk below away from the recursion limit."""
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


def load(text: str, source: str) -> Scenario | Batch:
    """Return the scenario, or the batch if there is a key `include`, of a TOML document.

    text: the document. source: what faults call it, such as "scenarios/blind-spot.toml"; its stem
    is the name of a scenario that gives none. Raises UserError with one line for every fault.
    """
    return load_data(parse(text, source), source, text)


def parse(text: str, source: str) -> dict[str, Any]:
    """Return the data of a TOML document, unchecked.

    Raises UserError if `text` is not TOML, naming `source` and the line, or is nested too deeply.
    """
    try:
        return _parsed(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else len(text.rstrip().split("\n"))
        raise UserError(_line(f"{source}:{line}", str(error))) from None
    except ValueError as error:
        raise UserError(_line(source, str(error))) from None


def load_data(data: Mapping[str, object], source: str, text: str = "") -> Scenario | Batch:
    """Return the scenario or batch that `data`, such as a parsed document, describes.

    source: as for `load`. text: the document that `data` came from; without it, faults name no
    line. Raises UserError with one line for every fault.
    """
    model = Batch if "include" in data else Scenario
    named = {"name": PurePath(source).stem, **data}
    try:
        return model.model_validate(named)
    except ValidationError as error:
        slips = _folded([_slip(details, named) for details in error.errors(include_url=False)])
    places = [(line_of(text, slip.path), slip) for slip in slips]
    faults = [
        _line(f"{source}:{line}" if text else source, dotted(slip.path), _message(slip, model))
        for line, slip in sorted(places, key=lambda place: place[0])
    ]
    raise UserError(*dict.fromkeys(faults))


def override(data: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Return a deep copy of `data` with settings like "clients.messages=3" applied in order.

    data: a parsed document. settings: a dotted key, "=", and a TOML value; what is not a TOML value
    is a string. Numbers in a key count the elements of lists from 0. Missing tables are created.
    Raises UserError with one line for every setting that is malformed or has no place in `data`.
    """
    result: dict[str, Any] = _thawed(data)
    faults = []
    for setting in settings:
        try:
            path, rest = key_parts(setting)
            if not rest.startswith("="):
                raise ValueError("expected KEY=VALUE")
            holder, last = _slot(result, path)
            holder[last] = _value(rest[1:].strip())
        except ValueError as error:
            faults.append(_line(f"setting {setting!r}", str(error)))
    if faults:
        raise UserError(*faults)
    return result


def overlay(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deep copy of `data` with a table of changes, such as an entry's `set`, laid over it.

    changes: dotted keys and their values. A table is laid over the table that is there; any other
    value, and a draw, takes the place of what is there. Raises UserError with one line for every
    key that is malformed or has no place in `data`.
    """
    result: dict[str, Any] = _thawed(data)
    faults = []
    for key, change in changes.items():
        try:
            path, rest = key_parts(key)
            if rest:
                raise ValueError("an empty or malformed key")
            holder, last = _slot(result, path)
            old = holder[last] if isinstance(holder, list) else holder.get(last)
            holder[last] = _laid(old, change)
        except ValueError as error:
            faults.append(_line(f"key {key!r}", str(error)))
    if faults:
        raise UserError(*faults)
    return result


def dump(scenario: Scenario) -> str:
    """Return `scenario` as TOML that `load` reads back to an equal scenario.

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


def key_paths() -> tuple[str, ...]:
    """Return every dotted key that a scenario file may hold, in the order of the model.

    N stands for the index in a list of tables, NAME for a key that the file chooses. A key that
    takes a draw stands here once, without the keys of the draw.
    """
    return tuple(_key_paths(Scenario, ""))


def dotted(path: Path) -> str:
    """Return a path as one key, its parts quoted where TOML would quote them."""
    return ".".join(_key(str(part)) for part in path)


def near(name: str, allowed: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" with the allowed name most like `name`, or ""."""
    names = list(allowed)
    found = get_close_matches(name, names, n=1)
    if not found and len(name) > 3:
        # a long name may have been meant by a short one: uvicron, uvicorn-websockets@0.35
        starts = {known[: len(name)]: known for known in reversed(names)}
        found = [starts[start] for start in get_close_matches(name, starts, n=1)]
    return f"; did you mean {found[0]!r}?" if found else ""


def _parsed(text: str) -> dict[str, Any]:
    """Return a document. Raises ValueError if it is not TOML or is nested too deeply."""
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level: list[Any] = [data]
    for _ in range(_DEPTH):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise ValueError("nested too deeply")
    return data


def _value(text: str) -> Any:
    try:
        data = _parsed(f"value = {text}")
    except ValueError:
        return text
    return data["value"] if len(data) == 1 else text


def _thawed(value: Any) -> Any:
    """Return a deep copy in which every table is a dict and every sequence a list."""
    if isinstance(value, Mapping):
        return {key: _thawed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_thawed(inner) for inner in value]
    return value


def _slot(data: dict[str, Any], path: Sequence[str]) -> tuple[Any, Any]:
    """Return the table or list that holds the end of `path`, and its key or index there.

    Missing tables are created. Raises ValueError if the path leads through anything else.
    """
    holder: Any = data
    key: Any = None
    for number, part in enumerate(path):
        if number:
            holder = holder[key] if isinstance(holder, list) else holder.setdefault(key, {})
        where = dotted(tuple(path[:number]))
        if not isinstance(holder, dict | list):
            raise ValueError(f"{where} is neither a table nor a list")
        key = _index(part, len(holder), where) if isinstance(holder, list) else part
    return holder, key


def _index(part: str, length: int, where: str) -> int:
    # the bound on the digits keeps int() from refusing a number that is too long to read
    if not (part.isascii() and part.isdigit() and len(part) < 10) or int(part) >= length:
        raise ValueError(
            f"{where or 'this'} is a list of {length}, counted from 0; it has no element {part}"
        )
    return int(part)


def _laid(old: Any, change: Any) -> Any:
    """Return what is there once `change` has been laid over `old`, which it may alter."""
    if not isinstance(change, Mapping) or change.keys() <= Draw.model_fields.keys():
        return _thawed(change)
    if not isinstance(old, dict | list):
        old = {}
    for key, inner in change.items():
        holder, last = _slot(old, (key,))
        before = holder[last] if isinstance(holder, list) else holder.get(last)
        holder[last] = _laid(before, inner)
    return old


def _line(*parts: str) -> str:
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
        table = _table(model, slip.path[:-1])
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
        draw = " or a table" if slip.arm and _table(model, slip.path) else ""
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
    quoted = re.search("'([^']*)'", what)
    name = quoted[1] if quoted else str(value)
    return f"{what if quoted else f'{what} {name!r}'}; allowed: {allowed}" + near(
        name, allowed.split(", ")
    )


def _shown(value: object) -> str:
    try:
        text = str(value).lower() if isinstance(value, bool) else repr(value)
    except ValueError:  # a hexadecimal integer too long to be written in decimal
        return "a number that is too long"
    return text if len(text) <= 60 else text[:57] + "..."


def _arms(annotation: Any) -> Iterator[Any]:
    """Yield the types that an annotation admits, without what surrounds them."""
    if get_origin(annotation) is Annotated:
        yield from _arms(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for arm in get_args(annotation):
            yield from _arms(arm)
    else:
        yield annotation


def _is_table(annotation: Any) -> TypeGuard[type[Table]]:
    return isinstance(annotation, type) and issubclass(annotation, Table)


def _table(model: type[Table], path: Path) -> type[Table] | None:
    """Return the model of the table at the end of `path`, if a table may stand there."""
    found: list[Any] = [model]
    for piece in path:
        within: list[Any] = []
        for arm in found:
            if _is_table(arm) and piece in arm.model_fields:
                within += _arms(arm.model_fields[piece].annotation)
            elif get_origin(arm) is tuple:
                within += _arms(get_args(arm)[0])
        found = within
    return next(filter(_is_table, found), None)


def _key_paths(model: type[Table], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = next(_arms(field.annotation))
        element = get_args(kind)[0] if get_origin(kind) is tuple else None
        if _is_table(kind):
            yield from _key_paths(kind, f"{prefix}{name}.")
        elif _is_table(element):
            yield from _key_paths(element, f"{prefix}{name}.N.")
        else:
            yield f"{prefix}{name}" + (".NAME" if get_origin(kind) is dict else "")


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
    return f"{_key(key)} = {_toml(value)}"


def _key(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else _toml(key)


def _toml(value: object) -> str:
    """Return a value as TOML. Raises UserError if TOML has no form for it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        # 5 and 5.0 are equal, so they are written alike
        whole = isinstance(value, int) or (math.isfinite(value) and value == int(value))
        return str(int(value)) if whole else repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        return "{" + ", ".join(_row(key, inner) for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        items = [_toml(inner) for inner in value]
        line = f"[{', '.join(items)}]"
        return line if len(line) <= 80 else "[\n  " + ",\n  ".join(items) + ",\n]"
    raise UserError(f"TOML has no form for {value!r}")
