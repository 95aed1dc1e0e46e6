"""States are equal if and only if what can follow is: one thing changed at a time."""

import asyncio
import collections
import contextvars
import datetime
import decimal
import functools
import io
import itertools
import re
import sys
import weakref
import zlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from sim.aio.state import States


class Instance:
    def __init__(self, value: Any) -> None:
        self.value = value


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class OwnDict(dict[str, Any]):
    pass


KEPT = [Instance(0)]


def moved(value: int) -> "collections.OrderedDict[int, None]":
    made: collections.OrderedDict[int, None] = collections.OrderedDict.fromkeys([0, 1])
    made.move_to_end(value)
    return made


class Buffer(io.BytesIO):
    pass


def generator(value: Any, steps: int) -> Iterator[Any]:
    def numbers() -> Iterator[Any]:
        kept = value
        while True:
            yield kept

    made = numbers()
    for _ in range(steps):
        next(made)
    return made


def closure(value: Any) -> Callable[[], Any]:
    return lambda: value


def variable_holding(value: Any) -> contextvars.Context:
    context = contextvars.Context()
    context.run(_VARIABLE.set, value)
    return context


_VARIABLE: contextvars.ContextVar[Any] = contextvars.ContextVar("variable")
MADE: dict[str, Callable[[int], Any]] = {
    "int": lambda value: 1000 + value,
    "text": lambda value: f"text {value}",
    "list": lambda value: [value],
    "order of a list": lambda value: [value, 1 - value],
    "order of a dict": lambda value: dict.fromkeys([value, 1 - value]),
    "deque": lambda value: collections.deque([value]),
    "set": lambda value: {value},
    "bytearray": lambda value: bytearray([value]),
    "instance": Instance,
    "slots": Slotted,
    "a subclass of dict": lambda value: OwnDict(a=value),
    "deep": lambda value: [Instance({"a": [Slotted((value,))]})],
    "closure": closure,
    "default": lambda value: lambda x=value: x,  # one code: an eval each would be two, by luck
    "partial": lambda value: functools.partial(print, value),
    "bound method": lambda value: Instance(value).__eq__,
    "generator": lambda value: generator(value, 1),
    "where a generator stands": lambda value: generator(0, value),
    "iterator": lambda value: iter([value]),
    "where a counter stands": itertools.count,
    "context": variable_holding,
    "exception": lambda value: LookupError(value),
    "date": lambda value: datetime.date(2026, 1, 1 + value),
    "timedelta": lambda value: datetime.timedelta(value),
    "range": range,
    "order of an OrderedDict": lambda value: moved(value),
    "factory of a defaultdict": lambda value: collections.defaultdict([list, dict][value]),
    "decimal.Context": lambda value: decimal.Context(prec=20 + value),
    "members of a WeakSet": lambda value: weakref.WeakSet(KEPT[:value]),
}


@pytest.fixture(scope="module")
def states() -> States:
    return States()


@pytest.mark.parametrize("name", MADE)
def test_equal_things_are_equal_and_a_difference_shows(name: str, states: States) -> None:
    def state(value: int) -> bytes:
        return states.of([], [MADE[name](value)])[1]

    assert state(0) == state(0)
    assert state(0) != state(1)


def test_one_object_twice_is_not_two_that_are_equal(states: States) -> None:
    one, other = Instance(1), Instance(1)
    assert states.of([], [[one, one]])[1] != states.of([], [[one, other]])[1]


def test_a_string_is_the_same_whether_it_is_interned_or_not(states: States) -> None:
    interned, made = "a name", "".join(["a ", "name"])
    assert sys.intern(interned) is not made
    assert states.of([], [[interned]])[1] == states.of([], [[made]])[1]


def test_circles_are_walked_once(states: States) -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert states.of([], [circle])[1] == states.of([], [circle])[1]


async def waits(future: "asyncio.Future[int]", kept: int) -> int:
    return kept + await future


def stepped(coroutine: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
    coroutine.send(None)
    return coroutine


def test_a_coroutine_is_where_it_stands_and_what_it_holds_half_way_through_an_expression(
    states: States,
) -> None:
    loop = asyncio.SelectorEventLoop()
    made = [
        waits(loop.create_future(), 1),
        stepped(waits(loop.create_future(), 1)),
        stepped(waits(loop.create_future(), 1)),
        stepped(waits(loop.create_future(), 2)),
    ]
    told = [states.of([], [one])[1] for one in made]
    assert told[1] == told[2]
    assert len(set(told)) == 3
    for one in made:
        one.close()
    loop.close()


@pytest.mark.parametrize(
    "opaque",
    [re.finditer("a", "aaa"), io.BytesIO(b"a"), io.StringIO("a"), Buffer(b"a"), zlib.compressobj()],
    ids=lambda one: type(one).__name__,
)
def test_state_kept_in_c_is_equal_to_nothing_and_counted(opaque: object) -> None:
    """A buffer has a dictionary, too, and nothing in it."""
    states = States()
    kept, states._static = states._static, frozenset()
    assert states.of([], [opaque])[1] != states.of([], [opaque])[1]
    assert states.opaque
    assert kept


def test_the_own_part_is_told_apart_from_the_whole(states: States) -> None:
    skipped = [1, 2]
    first = states.of([[1], skipped], [[2]], [skipped])
    second = states.of([[1], skipped], [[3]], [skipped])
    skipped.append(3)
    assert states.of([[1], skipped], [[2]], [skipped]) == first
    assert states.of([[1]], [], [])[0] == states.of([[1]], [], [skipped])[0]
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_a_counter_that_lived_before_is_told_by_where_it_stands() -> None:
    counter = itertools.count()
    states = States()
    before = states.of([], [counter])[1]
    next(counter)
    assert states.of([], [counter])[1] != before
    assert states.of([], [itertools.count(1)])[1] == states.of([], [counter])[1]


def test_what_lived_before_counts_by_its_address_alone() -> None:
    kept = Instance([1])
    states = States()
    before = states.of([], [kept])[1]
    kept.value.append(2)
    assert states.of([], [kept])[1] == before
