"""The keys that a scenario file may hold, found by walking the model."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, TypeGuard, Union, get_args, get_origin

from sim.files.locate import Path
from sim.model.scenario import Scenario
from sim.model.times import Table


def key_paths() -> tuple[str, ...]:
    """Return every dotted key that a scenario file may hold, in the order of the model.

    N stands for the index in a list of tables, NAME for a key that the file chooses. A key that
    takes a draw stands here once, without the keys of the draw.
    """
    return tuple(_key_paths(Scenario, ""))


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


def table_at(model: type[Table], path: Path) -> type[Table] | None:
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
