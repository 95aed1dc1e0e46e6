"""Why an exception rose: the state that was tested where it did, read from the code itself.

Nothing is known of the code. What stands in the tests around the line that raised, attributes of
`self` for the most part, is what the exception depended on.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import CodeType, FrameType, TracebackType
from typing import Any

from sim.aio.reach import dict_of
from sim.hosting.deciding import Test, deciding
from sim.hosting.observe import frames_through

_PLAIN = (bool, int, str, bytes, Enum, type(None))
"""Types of what is a state, and not the way to another object."""


@dataclass(frozen=True, slots=True)
class Condition:
    """The state that an exception depended on."""

    found: Any
    """The object that was in this state."""
    names: tuple[str, ...]
    """Its attributes that stand in the tests around."""
    frame: FrameType
    """The call in which it rose."""
    line: int
    """Where it rose."""
    name: str = ""
    """The variable that holds the object there."""
    tests: tuple[Test, ...] = ()
    """The tests that led there, as they stand in the code."""

    def deciding(self, values: Mapping[str, Any]) -> set[str]:
        """Return which of its attributes decided. values: what was read of them."""
        return deciding(self.tests, self.name, values, lambda name: named(self.frame, name))


def condition_of(error: BaseException) -> Condition | None:
    """Return on what an exception depended, of what it rose from first that can be told.

    None where no test of an attribute stands around.
    """
    for one in reversed(list(rose_from(error))):
        last = last_of(one.__traceback__)
        if last is None:
            continue
        found = _tested(last.tb_frame, last.tb_lineno)
        if found is not None:
            return found
    return None


def rose_from(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that it stands for.

    What was being handled when it rose is one of these only if the very function that handled it
    raised anew, as libraries do. Who calls something in an `except` meets another failure there.
    """
    at: BaseException | None = error
    while at is not None:
        yield at
        last, context = last_of(at.__traceback__), at.__context__
        replaces = (
            context is not None and last is not None and last.tb_frame in frames_through(context)
        )
        at = at.__cause__ or (context if replaces else None)


def last_of(at: TracebackType | None) -> TracebackType | None:
    """Return the innermost part of a traceback."""
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at


def _tested(frame: FrameType, line: int) -> Condition | None:
    """Return the state of the first object of which an attribute was tested before a line."""
    held: dict[str, list[str]] = {}
    tests = tuple(_tests_of(frame.f_code, line))
    for name, attribute in _attributes_in(tests):
        held.setdefault(name, []).append(attribute)
    for name, attributes in sorted(held.items(), key=lambda item: item[0] != "self"):
        found = named(frame, name)
        values = {one: _value(found, one) for one in dict.fromkeys(attributes)}
        values = {one: value for one, value in values.items() if is_plain(value)}
        if values:
            mine = tuple(
                one for one in tests if name in {held for held, _ in _attributes_in([one])}
            )
            return Condition(found, tuple(values), frame, line, name, mine)
    return None


def named(frame: FrameType, name: str) -> Any:
    """Return what a name stands for in a call: a variable, or a global; None for nothing."""
    return frame.f_locals.get(name, frame.f_globals.get(name))


def _value(found: Any, name: str) -> object:
    """Return an attribute without a call of anything of theirs; what is no state, if none."""
    try:
        return object.__getattribute__(found, name)
    except (AttributeError, TypeError):
        return object


def is_plain(value: object) -> bool:
    """Whether a value is a state, and not the way to another object."""
    return isinstance(value, _PLAIN)


def vars_of(found: object) -> dict[str, Any]:
    """Return the attributes of an instance, none if it keeps none."""
    return dict_of(found) or {}


def _attributes_in(tests: Iterable[Test]) -> Iterator[tuple[str, str]]:
    """Yield names and attributes in tests."""
    for one in tests:
        for node in ast.walk(one.test):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                yield node.value.id, node.attr


def _tests_of(code: CodeType, line: int) -> Iterator[Test]:
    """Yield the tests that led to a line, the innermost first."""
    try:
        lines, first = inspect.getsourcelines(code)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return
    yield from _tests_around(tree, line - max(first, 1) + 1)


def _tests_around(tree: ast.AST, line: int) -> Iterator[Test]:
    """Yield the tests of the statements around a line, and of an assertion that stands there."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.If, ast.While, ast.Assert, ast.IfExp))
        and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    for node in sorted(around, key=lambda one: -one.lineno):
        otherwise = node.orelse if isinstance(node, (ast.If, ast.While)) else []
        below = bool(otherwise) and line >= otherwise[0].lineno
        yield Test(node.test, not (isinstance(node, ast.Assert) or below))
