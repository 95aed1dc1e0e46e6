"""What an application keeps is found, wherever it keeps it, and put back."""

import functools
import io
import operator
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sim.aio.rewind import Rewind
from sim.aio.state import States

CODE = """
import collections, itertools, random, functools

class Base:
    count = 0
    rooms = collections.defaultdict(list)

class Slotted:
    __slots__ = ("value", "missing")
    def __init__(self):
        self.value = []

class Listing(list):
    pass

plain = {"a": [1, {2}]}
ordered = collections.OrderedDict(a=1, b=2)
queue = collections.deque([1, 2], maxlen=5)
members = {"x", "y", "z", "w"}
raw = bytearray(b"abc")
numbers = itertools.count(5)
dice = random.Random(7)
own = Listing([1])
own.label = "own"
slotted = Slotted()
number = 0

class Deep:
    def __init__(self):
        self.inner = {"list": []}

deep = Deep()

@functools.lru_cache
def cached(x):
    return [x]

def closure():
    seen = []
    total = 0
    def add(x):
        nonlocal total
        total += 1
        seen.append(x)
        return total, len(seen)
    return add

add = closure()

def default(x, seen=[]):
    seen.append(x)
    return len(seen)

def step():
    global number
    number += 1
    Base.count += 1
    Base.rooms["r"].append(1)
    Base.added = 1
    plain["a"][1].add(9)
    plain["new"] = 1
    ordered.move_to_end("a")
    queue.append(3)
    members.discard("x"); members.add("v")
    raw.extend(b"d")
    own.append(2); own.label = "changed"
    slotted.value.append(1); slotted.missing = 2
    deep.inner["list"].append(1); deep.other = 3
    return (number, Base.count, len(Base.rooms["r"]), next(numbers), dice.random(), cached(1),
            add(1), default(1), list(ordered), list(queue), list(members), bytes(raw), list(own),
            own.label, slotted.value, slotted.missing, deep.inner, vars(deep).keys(), plain)
"""


@pytest.fixture
def module() -> Iterator[Any]:
    made = types.ModuleType("wsrace_test_state")
    exec(compile(CODE, "wsrace_test_state.py", "exec"), made.__dict__)
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


def own_of(module: Any) -> Callable[[Any], bool]:
    return lambda found: found is module or getattr(found, "__module__", "") == module.__name__


def test_every_kind_of_state_is_put_back(module: Any) -> None:
    rewind = Rewind([("m", module)], own_of(module))
    first = repr(module.step())
    assert repr(module.step()) != first
    rewind.back()
    for _ in range(3):
        assert repr(module.step()) == first
        rewind.back()


@pytest.mark.parametrize(
    "path",
    [
        "m",
        "m.Base",
        "m.Base.rooms",
        "m.plain",
        "m.ordered",
        "m.queue",
        "m.members",
        "m.raw",
        "m.own",
        "m.slotted",
        "m.deep",
        "m.dice",
        "m.cached",
    ],
)
def test_what_changed_is_told_by_its_path(module: Any, path: str) -> None:
    rewind = Rewind([("m", module)], own_of(module))
    assert not [one for _, one in rewind.changed() if not one.counts]
    module.step()
    assert path in rewind.back()
    assert not [one for _, one in rewind.changed() if not one.counts]


def test_nothing_of_the_objects_is_called(module: Any) -> None:
    """Proxies raise outside of their context; whoever compares or reads them would meet that."""

    class Proxy:
        def __getattribute__(self, name: str) -> Any:
            raise LookupError("outside of its context")

        def __eq__(self, other: object) -> bool:
            raise LookupError("outside of its context")

        __hash__ = None  # type: ignore[assignment]

    module.proxy = Proxy()
    module.held = [Proxy()]
    rewind = Rewind([("m", module)], own_of(module))
    module.held.append(1)
    assert "m.held" in rewind.back()
    assert len(module.held) == 1


def test_other_modules_and_library_classes_are_left_alone(module: Any) -> None:
    other = types.ModuleType("a_library")
    other.value = 1  # type: ignore[attr-defined]
    module.library = other
    rewind = Rewind([("m", module)], own_of(module))
    other.value = 2  # type: ignore[attr-defined]
    rewind.back()
    assert other.value == 2


def test_what_the_tool_itself_keeps_is_left_alone_although_the_application_holds_it(
    module: Any,
) -> None:
    """A module of tests holds an `App`; that keeps all that lived, and there are the links of every
    cache, and whoever puts these back breaks the process down by a segmentation fault.
    """
    cached = functools.lru_cache(maxsize=8)(str)
    cached(1)
    module.told = [States()]
    rewind = Rewind([("m", module)], own_of(module))
    assert [one.path for one in rewind.saved if one.path.startswith("m.told.")] == []
    module.told.append(1)
    cached.cache_clear()
    assert "m.told" in rewind.back()
    assert len(module.told) == 1
    assert cached(1) == "1"


def test_a_class_of_ones_own_that_is_built_on_one_of_the_tool_is_walked(module: Any) -> None:
    module.Mine = type("Mine", (States,), {"__module__": module.__name__})
    module.mine = module.Mine.__new__(module.Mine)
    module.mine.rooms = []
    rewind = Rewind([("m", module)], own_of(module))
    module.mine.rooms.append(1)
    rewind.back()
    assert module.mine.rooms == []


def test_two_holders_of_one_counter_get_one_again(module: Any) -> None:
    module.holders = [{"a": module.numbers}]
    rewind = Rewind([("m", module)], own_of(module))
    assert next(module.numbers) == 5
    rewind.back()
    assert module.holders[0]["a"] is module.numbers
    assert (next(module.numbers), next(module.holders[0]["a"])) == (5, 6)


def test_objects_that_nobody_can_look_into_are_counted(module: Any) -> None:
    module.hidden = iter(range(3))
    rewind = Rewind([("m", module)], own_of(module))
    assert rewind.opaque == {"builtins.range_iterator": 1}


def test_what_a_read_only_view_holds_is_walked_and_put_back(module: Any) -> None:
    """As Litestar keeps its handlers."""
    module.view = types.MappingProxyType({"rooms": []})
    rewind = Rewind([("m", module)], own_of(module))
    assert rewind.opaque == {}
    module.view["rooms"].append(1)
    rewind.back()
    assert module.view == {"rooms": []}


def test_a_view_of_what_may_answer_by_itself_is_one_of_them(module: Any) -> None:
    class Answers(dict[str, int]):
        def values(self) -> Any:
            raise AssertionError("asked")

    module.view = types.MappingProxyType(Answers())
    assert Rewind([("m", module)], own_of(module)).opaque == {"builtins.mappingproxy": 1}


def test_a_getter_keeps_nothing(module: Any) -> None:
    module.getters = [operator.attrgetter("x"), operator.itemgetter(1), operator.methodcaller("y")]
    assert Rewind([("m", module)], own_of(module)).opaque == {}


def test_a_buffer_is_one_of_them_although_it_has_a_dictionary(module: Any) -> None:
    module.buffer = io.BytesIO()
    assert Rewind([("m", module)], own_of(module)).opaque == {"_io.BytesIO": 1}


@pytest.mark.parametrize("members", [(7, 15), (15, 7), (7, 15, 23)])
def test_two_who_fill_one_set_do_not_find_it_changed_by_the_other(
    module: Any, members: tuple[int, ...]
) -> None:
    """The hashes of these meet, so that who comes first decides in which order they are walked."""
    module.pair = set()
    for one in members:
        module.pair.add(one)
    first, second = (Rewind([("m", module)], own_of(module)) for _ in range(2))
    for rewind in (first, second, first):
        rewind.back()
        changed = [*first.changed(), *second.changed()]
        assert "m.pair" not in {saved.path for _, saved in changed}


def test_sets_are_walked_in_the_same_order_in_each_run(module: Any) -> None:
    module.big = set(range(0, 5000, 7))
    for number in range(0, 5000, 14):
        module.big.discard(number)
    rewind = Rewind([("m", module)], own_of(module))
    first = list(module.big)
    module.big.clear()
    module.big.update(range(100))
    rewind.back()
    assert list(module.big) == first
