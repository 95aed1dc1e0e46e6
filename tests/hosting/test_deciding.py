"""Which of the attributes in a test decided how it went."""

import ast
from enum import Enum
from typing import Any

import pytest

from sim.hosting import deciding as under_test
from sim.hosting.deciding import deciding


class Stage(Enum):
    OPEN = 1
    SHUT = 2


def decided(test: str, held: bool = True, **values: Any) -> set[str]:
    tests = [under_test.Test(ast.parse(test, mode="eval").body, held)]
    return deciding(tests, "self", values, {"Stage": Stage}.get)


@pytest.mark.parametrize(
    ("test", "values", "wanted"),
    [
        ("self.a or self.b", {"a": False, "b": True}, {"b"}),
        ("self.a or self.b", {"a": True, "b": True}, {"a", "b"}),
        ("self.a and self.b", {"a": 1, "b": 2}, {"a", "b"}),
        ("not self.a or self.b", {"a": False, "b": False}, {"a"}),
        ("self.a is Stage.SHUT or self.b", {"a": Stage.SHUT, "b": False}, {"a"}),
        ("self.a == 3 or self.b > 4", {"a": 1, "b": 5}, {"b"}),
        ("self.a or (self.b and self.c)", {"a": 0, "b": 1, "c": 1}, {"b", "c"}),
    ],
)
def test_of_an_or_those_that_were_true_and_of_an_and_all(
    test: str, values: dict[str, Any], wanted: set[str]
) -> None:
    assert decided(test, **values) == wanted


def test_of_a_test_that_had_to_fail_it_is_the_other_way_round() -> None:
    """As of an assertion."""
    assert decided("self.a and self.b", False, a=True, b=False) == {"b"}
    assert decided("self.a or self.b", False, a=False, b=False) == {"a", "b"}


@pytest.mark.parametrize(
    "test", ["self.a or ready()", "self.a or self.unknown", "self.a or other.b", "self.a or x[0]"]
)
def test_what_would_call_somebodys_code_is_not_evaluated_and_all_are_left(test: str) -> None:
    assert decided(test, a=False, b=1) == {"a", "b"}
