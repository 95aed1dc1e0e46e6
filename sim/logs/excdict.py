"""Tracebacks that a log has as data, written as Python prints them.

structlog's `dict_tracebacks` (structlog/tracebacks.py, `ExceptionDictTransformer`): a list of what
was raised, the last first, each with the frames that it went through.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_MOST: Final = 10
_FRAMES: Final = 200
_CAUSE: Final = "The above exception was the direct cause of the following exception:"
_CONTEXT: Final = "During handling of the above exception, another exception occurred:"


def is_traceback(value: object) -> bool:
    """Whether a value of an entry is a traceback as data."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and "exc_type" in one and "frames" in one for one in value)
    )


def lines_of(value: list[dict[str, Any]], depth: int = 3) -> Iterator[str]:
    """Yield the lines of a traceback as data, those of exceptions in groups behind it."""
    before = None
    for one in reversed(value[:_MOST]):
        if before is not None:
            yield _CAUSE if one.get("is_cause") or before.get("is_cause") else _CONTEXT
        yield "Traceback (most recent call last):"
        frames = one["frames"] if isinstance(one["frames"], list) else []
        for frame in frames[:_FRAMES]:
            if isinstance(frame, Mapping):
                place = f'"{frame.get("filename")}", line {frame.get("lineno")}'
                yield f"  File {place}, in {frame.get('name')}"
        yield from f"{one['exc_type']}: {one.get('exc_value')}".removesuffix(": ").split("\n")
        before = one
    for one in value[:_MOST]:
        inners = one.get("exceptions")
        for inner in inners if isinstance(inners, list) else ():
            if depth and is_traceback(inner):
                yield ""
                yield from lines_of(inner, depth - 1)
