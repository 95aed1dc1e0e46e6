"""Whether a type keeps state in C is told by the size of its instances."""

import collections
import enum
import io
import queue
import random
import re
import struct
import types

import pytest

from sim.objects import hides_something


class Plain:
    pass


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
