"""Which of the attributes that a test looks at have decided how it went.

Of `self.busy or self.broken` it is the one that was true. What cannot be told without a call of
somebody's code is not: then all of them are left.
"""

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import Any

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_PLAIN = (bool, int, str, bytes, Enum, type(None))


class Unknown(Exception):
    """It cannot be told without a call of somebody's code."""


@dataclass(frozen=True, slots=True)
class Test:
    """A test that led to a line."""

    test: ast.expr
    held: bool
    """Whether it has to have held for that."""


def deciding(
    tests: Collection[Test],
    name: str,
    values: Mapping[str, Any],
    known: Callable[[str], Any],
) -> set[str]:
    """Return the attributes that decided; all that are known, where that cannot be told.

    name: the variable whose attributes they are. values: of them, plain ones, as they were when
    they were looked at. known: returns what another name stands for.
    """
    found: set[str] = set()
    try:
        for one in tests:
            found |= _Evaluation(name, values, known).deciders(one.test, one.held)
    except Unknown:
        return set(values)
    return found & set(values) or set(values)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    name: str
    values: Mapping[str, Any]
    known: Callable[[str], Any]

    def deciders(self, test: ast.expr, held: bool) -> set[str]:
        """Return the attributes that made a test go as it went."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.deciders(test.operand, not held)
        if isinstance(test, ast.BoolOp):
            parts = test.values
            if isinstance(test.op, ast.Or) is held:  # one is enough
                parts = [one for one in parts if bool(self.value(one)) is held]
            return set().union(*(self.deciders(one, held) for one in parts))
        return {
            node.attr
            for node in ast.walk(test)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == self.name
        }

    def value(self, node: ast.expr) -> Any:
        """Return what an expression comes to. Raises Unknown where that would call something."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not self.value(node.operand)
        if isinstance(node, ast.BoolOp):
            values = [bool(self.value(one)) for one in node.values]
            return any(values) if isinstance(node.op, ast.Or) else all(values)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            compare = _COMPARE.get(type(node.ops[0]))
            if compare is not None:
                return compare(self.value(node.left), self.value(node.comparators[0]))
        raise Unknown

    def _attribute(self, node: ast.Attribute) -> Any:
        """Return an attribute: one of the values, or a name in a class or a module."""
        if isinstance(node.value, ast.Name) and node.value.id == self.name:
            if node.attr in self.values:
                return self.values[node.attr]
            raise Unknown
        holder = self.known(node.value.id) if isinstance(node.value, ast.Name) else None
        found = vars(holder).get(node.attr) if isinstance(holder, (type, ModuleType)) else None
        if isinstance(found, _PLAIN) and found is not None:
            return found
        raise Unknown
