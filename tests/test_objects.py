"""Whether a type keeps state in C is told by the size of its instances."""

import collections
import enum
import io
import queue
import random
import re
import struct
import types
from typing import Any

import pytest

from sim.objects import hides_something, module_of


class Plain:
    pass


def test_a_type_says_its_module_or_none_whatever_stands_there() -> None:
    """protobuf's types in C have a descriptor there: `check` broke off with an AttributeError."""
    assert module_of(Plain) == __name__
    odd: Any = type("Odd", (), {"__module__": property(lambda self: "x")})
    assert not isinstance(odd.__module__, str)
    assert module_of(odd) == ""


class Slotted:
    __slots__ = ("a", "b")


class More(Slotted):
    __slots__ = ("__weakref__", "c")


class Both(Plain, Slotted):
    pass


class Mapping(dict[str, int]):
    pass


class Colour(enum.Enum):
    RED = 1


class Buffer(io.BytesIO):
    pass


OPEN = (Plain, Slotted, More, Both, Mapping, Colour, queue.Queue, types.SimpleNamespace)
HIDING = (io.BytesIO, io.StringIO, Buffer, random.Random, re.Pattern, struct.Struct)


@pytest.mark.parametrize("kind", OPEN)
def test_what_python_itself_adds_hides_nothing(kind: type) -> None:
    assert not hides_something(kind, (dict,))


@pytest.mark.parametrize("kind", [*HIDING, collections.OrderedDict, collections.defaultdict])
def test_what_c_adds_is_hidden(kind: type) -> None:
    assert hides_something(kind, (dict,))
