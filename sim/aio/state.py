"""The whole state of a run between two turns, for comparison: if two are equal, so is what follows.

Walked are the ready callbacks, the timers as they stand in their heap, what is watched, the
connections with what is under way, the clients, all tasks with their coroutines, the application's
modules, what was drawn, and whatever a finding will be computed from. Objects are numbered as they
are met, so that no address shows, and everything that is met ends up in one hash of 128 bits.

A coroutine is where it stands and what it holds: the names bound in its frame, and all that its
frame refers to, the values of a half evaluated expression included (`gc.get_referents`). Sets are
walked in the order in which code would walk them, for that order is state. What lived before the
first run counts by its address: what of it the application leads to and has changed since is walked
on its own (`sim.aio.rewind`), and nothing else of it can.

Times are told as what is left until then, or has gone by since, so that code which polls comes back
to where it was: floats of the size that the clocks of a run show are taken for times. Where the
application reads a clock itself that would be wrong, for nobody knows what it does with the time;
then they stand as they are, and the time itself is part of the state.

An object of a native type that nobody can look into makes its state equal to no other. That is safe
and costs pruning, so its type is counted and told.
"""

import asyncio
import collections
import decimal
import enum
import functools
import gc
import itertools
import marshal
import types
import warnings
import weakref
from collections.abc import Callable, Iterable
from contextvars import Context, ContextVar
from hashlib import blake2b
from typing import Any

from sim.aio.names import callback_of, context_of, future_parts, has_unseen_exception, task_parts
from sim.aio.reach import (
    CACHE,
    COUNTER,
    TOLD_BY_TEXT,
    counter_state,
    dict_of,
    is_frozen,
    is_random,
    slot_values,
)
from sim.aio.world import BASE_S, EPOCH_S
from sim.objects import hides_something, module_of

_VALUES = (int, str, bytes, float, bool, complex, type(None))
_FIXED = (
    types.ModuleType,
    type,
    types.CodeType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GenericAlias,
    staticmethod,
    classmethod,
    property,
    type(NotImplemented),
    type(Ellipsis),
    CACHE,
)
"""They are what they are, by address: whatever is mutable in them is reached in another way."""
_BUILT_ON = (
    *(dict, list, tuple, set, frozenset, int, str, bytes, float, collections.deque),
    *(collections.OrderedDict, collections.defaultdict),
)
"""Types that `_instance` looks into, whatever is built on them."""
_COROUTINES = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)
_WALKED = (weakref.ReferenceType, types.BuiltinFunctionType, types.MethodWrapperType)
"""Frozen by themselves, but they lead to something."""
_PARTS = (
    ("cr_frame", "cr_code"),
    ("gi_frame", "gi_code"),
    ("ag_frame", "ag_code"),
)
_ITERATORS: tuple[Any, ...] = (
    iter([]),
    iter(()),
    iter({}),
    iter({}.items()),
    iter({}.values()),
    iter(set()),
    iter(""),
    iter(b""),
    iter(range(0)),
    iter(collections.deque()),
    reversed([]),
    itertools.cycle(()),
    itertools.chain(),
    enumerate(()),
    zip(),
    map(len, ()),
    filter(None, ()),
)
_REDUCED = tuple(map(type, _ITERATORS))
"""Iterators that tell where they stand when they are asked how to make them again."""
_REFERRING = frozenset(
    {
        "TaskStepMethWrapper",
        "TaskWakeupMethWrapper",
        "method-wrapper",
        "FutureIter",
        "coroutine_wrapper",
        "async_generator_asend",
        "async_generator_athrow",
        "anext_awaitable",
    }
)
"""Types of C without a name of their own in `types`, that are all that they refer to."""


class States:
    """Tells the states of one application's runs."""

    def __init__(self) -> None:
        """Take what lives now for unchanged: what of it can change is told apart."""
        self._lived = _all_objects()  # kept, so that no address is used twice
        self._static = frozenset(map(id, self._lived))
        self.opaque: dict[str, int] = {}
        """Types that nobody can look into, with how often one was met."""

    def of(
        self,
        own: Iterable[object],
        roots: Iterable[object],
        skip: Iterable[object] = (),
        now_s: float | None = None,
    ) -> tuple[bytes, bytes]:
        """Return the application's own part of the state, and the whole.

        own: what of it has changed, with the numbers of what has. roots: everything else. skip:
        what is not to be walked. now_s: the time since the run began, in seconds, if times are to
        be told from now on.
        """
        walk = _Walk(self._static, self.opaque, frozenset(map(id, skip)), now_s)
        for root in own:
            walk.go(root)
        part = walk.digest()
        for root in roots:
            walk.go(root)
        return part, walk.digest()


def _all_objects() -> list[Any]:
    """Return all objects that the collector knows, those that are frozen included."""
    frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    with warnings.catch_warnings():  # of what an earlier run has left
        warnings.simplefilter("ignore")
        gc.collect()
    found = gc.get_objects()
    if frozen:
        gc.freeze()
    return found


class _Walk:
    """One walk: numbers for what was met, and what was seen of it, in order."""

    def __init__(
        self,
        static: frozenset[int],
        opaque: dict[str, int],
        skip: frozenset[int],
        now_s: float | None,
    ) -> None:
        self._static = static
        self._skip = skip
        self._opaque = opaque
        self._now_s = now_s
        self.numbers: dict[int, int] = {}
        self._hold: list[Any] = []  # so that no address is used twice within the walk
        self._seen: list[Any] = []

    def digest(self) -> bytes:
        """Return a hash of all that was seen.

        In marshal's version 0: later ones tell interned strings from others, and references.
        """
        return blake2b(marshal.dumps(self._seen, 0), digest_size=16).digest()

    def go(self, root: object) -> None:
        """Walk all that an object leads to."""
        stack = [root]
        numbers, see, hold = self.numbers, self._seen.append, self._hold.append
        static = self._static
        while stack:
            found = stack.pop()
            kind = type(found)
            if kind in _VALUES:
                see(kind.__name__)
                see(found if kind is not float else self.from_now(found))
                continue
            address = id(found)
            number = numbers.get(address)
            if number is not None:
                see(number)
                continue
            if address in self._skip:
                continue
            numbers[address] = len(numbers)
            hold(found)
            walk = _WALKERS.get(kind)
            if walk is None:
                walk = _WALKERS[kind] = _walker_of(kind)
            if address in static and walk not in _LIVING:
                see(address)
                continue
            see(id(kind))
            told = walk(self, found, stack)
            if told is not None:
                see(told)

    def from_now(self, value: Any) -> object:
        """Return a float, or if it is a time, how many nanoseconds are left until then."""
        if self._now_s is None or not value >= BASE_S or value > EPOCH_S * 2:
            return value
        since = EPOCH_S if value >= EPOCH_S else BASE_S
        return "ns", round((value - since - self._now_s) * 1e9)

    def opaque(self, found: Any) -> Any:
        """Take note of an object that nobody can look into: it is equal to no other."""
        kind = f"{type(found).__module__}.{type(found).__qualname__}"
        self._opaque[kind] = number = self._opaque.get(kind, 0) + 1
        return f"opaque {kind} {number}"


Walker = Callable[[_Walk, Any, list[Any]], Any]
"""Puts what an object holds on the stack, and returns what is to be said of itself."""


def _fixed(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    return id(found)


def _sequence(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    stack.extend(found)
    return len(found)


def _mapping(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    stack.extend(found.keys())
    stack.extend(found.values())
    return len(found)


def _with_factory(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    stack.append(found.default_factory)
    return _mapping(walk, found, stack)


def _bytes(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    return bytes(found)


def _function(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    stack.append(found.__closure__)
    stack.append(found.__defaults__)
    stack.append(found.__kwdefaults__)
    stack.append(found.__dict__)
    return id(found.__code__)


def _method(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    stack.append(found.__self__)
    stack.append(found.__func__)  # it may have been made in this run


def _builtin(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    owner = found.__self__
    if owner is not None and type(owner) is not types.ModuleType:
        stack.append(owner)
    return found.__name__


def _cell(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    try:
        stack.append(found.cell_contents)
    except ValueError:
        return "empty"
    return "cell"


def _coroutine(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    frame_name, code_name = next(names for names in _PARTS if hasattr(found, names[0]))
    frame, code = getattr(found, frame_name), getattr(found, code_name)
    if frame is None:
        return id(code), "over"
    held = frame.f_locals
    names = tuple(held)
    stack.extend(
        one
        for one in gc.get_referents(found)
        if one is not held and not isinstance(one, (types.FrameType, types.CodeType))
    )
    if type(held) is dict:
        # Before Python 3.13 (PEP 667) it is a copy that the frame keeps from now on: what stands in
        # it would live longer because somebody looked, and a second look would find the copy, too.
        held.clear()
    return id(code), frame.f_lasti, names


def _future(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    state, value, callbacks = future_parts(found)
    stack.append(value)
    stack.append(callbacks)
    return state


def _task(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    coroutine, waiting_for, must_cancel = task_parts(found)
    stack.append(coroutine)
    stack.append(waiting_for)
    unseen = has_unseen_exception(found)
    return _future(walk, found, stack), must_cancel, found.cancelling(), unseen


def _handle(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    callback, arguments = callback_of(found)
    stack.append(callback)
    stack.append(arguments)
    stack.append(context_of(found))
    return found.cancelled()


def _timer(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    return _handle(walk, found, stack), walk.from_now(found.when())


def _context(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    # By name: a context is walked in the order of its variables' addresses.
    items = sorted(found.items(), key=lambda item: item[0].name)
    stack.extend(value for _, value in items)
    return tuple(variable.name for variable, _ in items)


def _variable(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    return found.name


def _range(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    return found.start, found.stop, found.step


def _slice(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    stack.extend((found.start, found.stop, found.step))


def _exception(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    stack.extend((found.args, dict_of(found), found.__cause__, found.__context__))


def _reference(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    stack.append(found())


def _referring(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    stack.extend(gc.get_referents(found))
    return getattr(found, "__name__", "")


def _partial(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    stack.extend((found.func, found.args, found.keywords))


def _reduced(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    try:
        stack.append(found.__reduce__()[1:])
    except Exception:  # not all of them can tell
        return walk.opaque(found)


def _counter(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    stack.append(counter_state(found))


_LIVING: tuple[Walker, ...] = (_method, _counter)
"""They are walked even if they lived before: bound methods are made anew all the time, and counters
change without a sign."""


def _random(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    return hash(found.getstate())


def _standing(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    stack.append(found.__standing__())


def _ours(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    return "ours"


def _instance(walk: _Walk, found: Any, stack: list[Any]) -> Any:
    """Walk an instance: what it is as a container, its attributes, and its slots."""
    said: list[Any] = []
    if hides_something(type(found), _BUILT_ON):
        return walk.opaque(found)
    if isinstance(found, collections.OrderedDict):
        said.append(_mapping(walk, dict(collections.OrderedDict.items(found)), stack))
    elif isinstance(found, dict):
        said.append(_mapping(walk, dict(dict.items(found)), stack))
    elif isinstance(found, (list, tuple, set, frozenset, collections.deque)):
        members = list(_members(found))
        stack.extend(members)
        said.append(len(members))
    elif isinstance(found, (int, str, bytes, float)):
        said.append(repr(found))
    attributes = dict_of(found)
    if attributes is not None:
        said.extend(attributes)
        stack.extend(attributes.values())
    slots = list(slot_values(found))
    said.extend(name for name, _ in slots)
    stack.extend(value for _, value in slots)
    return tuple(said)


def _members(found: Any) -> Iterable[Any]:
    bases: tuple[Any, ...] = (list, tuple, set, frozenset, collections.deque)
    base = next(one for one in bases if isinstance(found, one))
    return base.__iter__(found)  # type: ignore[no-any-return]


_WALKERS: dict[type, Walker] = {
    list: _sequence,
    tuple: _sequence,
    set: _sequence,
    frozenset: _sequence,
    collections.deque: _sequence,
    dict: _mapping,
    types.MappingProxyType: _mapping,
    bytearray: _bytes,
    memoryview: _bytes,
    types.FunctionType: _function,
    types.MethodType: _method,
    types.BuiltinFunctionType: _builtin,
    types.CellType: _cell,
    Context: _context,
    ContextVar: _variable,
    range: _range,
    slice: _slice,
    collections.OrderedDict: _mapping,
    collections.defaultdict: _with_factory,
    functools.partial: _partial,
}
"""How objects of a type are walked. Filled as types are met."""


def _walker_of(kind: type) -> Walker:
    """Return how objects of a type are walked that no row names."""
    rows: tuple[tuple[Any, Walker], ...] = (
        (_FIXED, _fixed),
        (enum.Enum, _fixed),
        (_COROUTINES, _coroutine),
        (asyncio.Task, _task),
        (asyncio.Future, _future),
        (asyncio.TimerHandle, _timer),
        (asyncio.Handle, _handle),
        (BaseException, _exception),
        (weakref.ReferenceType, _reference),
        (functools.partial, _partial),
        (COUNTER, _counter),
        (_REDUCED, _reduced),
    )
    for kinds, walker in rows:
        if issubclass(kind, kinds):
            return walker
    module = module_of(kind)
    if module.startswith("sim."):
        return _standing if hasattr(kind, "__standing__") else _ours
    if issubclass(kind, (*TOLD_BY_TEXT, decimal.Context)):
        return lambda walk, found, stack: repr(found)
    if is_frozen(kind) and not issubclass(kind, _WALKED):
        return _fixed
    if kind.__name__ in _REFERRING:
        return _referring
    if module == "random" and hasattr(kind, "getstate"):
        return lambda walk, found, stack: _random(walk, found, stack) if is_random(found) else 0
    if module.partition(".")[0] == "logging":
        return _ours
    return _instance
