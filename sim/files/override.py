"""Documents changed key by key, before they are checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.errors import UserError
from sim.files.faults import dotted, one_line
from sim.files.load import parse
from sim.files.locate import key_parts
from sim.model.times import Draw


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
            faults.append(one_line(f"setting {setting!r}", str(error)))
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
            faults.append(one_line(f"key {key!r}", str(error)))
    if faults:
        raise UserError(*faults)
    return result


def _value(text: str) -> Any:
    try:
        data = parse(f"value = {text}", "")
    except UserError:
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
