"""The keys that a scenario file may hold, found by walking the model."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, TypeGuard, Union, get_args, get_origin

from sim.files.locate import Path
from sim.model.times import Table


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
