"""Mutable objects of an application, each with what was in it before the first run.

One class for each way in which an object can be changed. Nothing of the object itself is called,
only its built-in base: subclasses may do anything when they are written to.
"""

import collections
import types
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from operator import is_
from typing import Any, ClassVar, cast

from sim.aio.reach import (
    CACHE,
    COUNTER,
    class_state,
    counter_state,
    dict_of,
    is_a,
    is_random,
    module_state,
    slots_of,
)

_MISSING = object()


class Fresh:
    """Makes counters anew: `itertools.count` cannot be put back, so its holders get another one."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[Any, tuple[Any, ...]]] = {}
        self._now: dict[int, Any] = {}

    def keep(self, counter: Any) -> None:
        """Remember where a counter stands."""
        self._first[id(counter)] = counter, counter_state(counter)

    def begin(self) -> None:
        """Begin to put things back: holders of one counter get one again."""
        self._now.clear()

    def of(self, value: Any) -> Any:
        """Return what stands for a value now: a counter made anew, anything else as it is."""
        known = self._first.get(id(value))
        if known is None:
            return value
        made = self._now.get(id(value))
        if made is None:
            made = self._now[id(value)] = COUNTER(*known[1])
        return made

    def has(self, values: Iterable[Any]) -> bool:
        """Whether one of the values is a counter."""
        return bool(self._first) and any(id(value) in self._first for value in values)


class Saved(ABC):
    """One object, and what was in it."""

    __slots__ = ("_fresh", "_marks", "counts", "found", "path", "was")
    always: ClassVar[bool] = False
    """Whether it is put back even if nothing changed."""

    def __init__(self, path: str, found: Any, fresh: Fresh) -> None:
        self.path = path
        self.found = found
        self._fresh = fresh
        self.was: Any = self.now()
        self._marks: object = self.marks()
        self.counts = False
        """Whether it holds a counter, so that it has to be put back in any case."""

    @abstractmethod
    def now(self) -> Any:
        """Return what is in it, as something that can be walked."""

    @abstractmethod
    def put_back(self) -> None:
        """Make it what it was."""

    def whole(self) -> Any:
        """Return a container of all that it holds, and perhaps more, if there is one.

        Not a copy, so that asking for it costs nothing. None if there is none, or if walking it
        would call what is not a built-in's.
        """
        return None

    def marks(self) -> object:
        """Return what tells whether other objects are in it, or in another order.

        Their addresses: what was in it is kept, so that none of them is used twice. To compare the
        objects would call what is theirs.
        """
        return tuple(map(id, self.now()))

    def changed(self) -> bool:
        """Whether something else is in it."""
        return self.counts or self.marks() != self._marks


class _SavedMapping(Saved):
    """Something with keys and values."""

    __slots__ = ()

    def changed(self) -> bool:
        """Whether something else is in it. Asked in every turn: no copy is made for it."""
        held, was = self._held(), self.was
        return (
            self.counts
            or len(held) != len(was)
            or not all(map(is_, held, was))
            or not all(map(is_, held.values(), was.values()))
        )

    def _held(self) -> Mapping[Any, Any]:
        """Return what holds them now."""
        held: Mapping[Any, Any] = self.now()
        return held

    def _again(self) -> dict[Any, Any]:
        return {key: self._fresh.of(value) for key, value in self.was.items()}


class SavedDict(_SavedMapping):
    """A dictionary, or one of a subclass."""

    __slots__ = ()

    def now(self) -> Any:
        """Return a copy."""
        return dict(dict.items(self.found))

    def whole(self) -> Any:
        """Return the dictionary itself."""
        return self.found if type(self.found) is dict else None

    def _held(self) -> Mapping[Any, Any]:
        found: Mapping[Any, Any] = self.found if type(self.found) is dict else self.now()
        return found

    def put_back(self) -> None:
        """Fill it anew."""
        dict.clear(self.found)
        dict.update(self.found, self._again())


class SavedOrdered(_SavedMapping):
    """An OrderedDict, which keeps an order of its own."""

    __slots__ = ()

    def now(self) -> Any:
        """Return a copy, in its own order."""
        return dict(collections.OrderedDict.items(self.found))

    def put_back(self) -> None:
        """Fill it anew."""
        collections.OrderedDict.clear(self.found)
        for key, value in self._again().items():
            collections.OrderedDict.__setitem__(self.found, key, value)


class SavedAttributes(_SavedMapping):
    """The attributes of an instance."""

    __slots__ = ()

    def now(self) -> Any:
        """Return a copy."""
        return dict(dict_of(self.found) or {})

    def whole(self) -> Any:
        """Return the dictionary that keeps them now: another one may have taken its place."""
        return self._held()

    def _held(self) -> Mapping[Any, Any]:
        return dict_of(self.found) or {}

    def put_back(self) -> None:
        """Fill them anew."""
        held = dict_of(self.found)
        if held is not None:
            held.clear()
            held.update(self._again())


class SavedModule(_SavedMapping):
    """The globals of a module."""

    __slots__ = ()

    def now(self) -> Any:
        """Return those that are not the interpreter's."""
        return module_state(self.found)

    def whole(self) -> Any:
        """Return all of them."""
        return vars(self.found)

    def put_back(self) -> None:
        """Take away what is new, and set the others."""
        held = vars(self.found)
        for name in self.now():
            if name not in self.was:
                del held[name]
        held.update(self._again())


class SavedClass(_SavedMapping):
    """The attributes of a class that are no methods."""

    __slots__ = ()

    def now(self) -> Any:
        """Return them."""
        return class_state(self.found)

    def whole(self) -> Any:
        """Return all that the class has, methods included."""
        return vars(self.found)

    def put_back(self) -> None:
        """Take away what is new, and set the others."""
        for name in self.now():
            if name not in self.was:
                type.__delattr__(self.found, name)
        for name, value in self._again().items():
            type.__setattr__(self.found, name, value)


class SavedSlots(_SavedMapping):
    """The slots of an instance."""

    __slots__ = ()

    def now(self) -> Any:
        """Return what they hold."""
        return {name: _slot(self.found, name) for name in slots_of(type(self.found))}

    def put_back(self) -> None:
        """Set them, or empty them."""
        for name, value in self._again().items():
            if value is not _MISSING:
                object.__setattr__(self.found, name, value)
            elif _slot(self.found, name) is not _MISSING:
                object.__delattr__(self.found, name)


class SavedList(Saved):
    """A list, or one of a subclass."""

    __slots__ = ()

    def now(self) -> Any:
        """Return a copy."""
        return list(list.__iter__(self.found))

    def whole(self) -> Any:
        """Return the list itself."""
        return self.found if type(self.found) is list else None

    def put_back(self) -> None:
        """Fill it anew."""
        list.clear(self.found)
        list.extend(self.found, self.was)


class SavedDeque(Saved):
    """A deque."""

    __slots__ = ()

    def now(self) -> Any:
        """Return its members."""
        return list(collections.deque.__iter__(self.found))

    def put_back(self) -> None:
        """Fill it anew."""
        collections.deque.clear(self.found)
        collections.deque.extend(self.found, self.was)


class SavedSet(Saved):
    """A set: what it went through decides in which order it is walked, so that it is always filled
    anew. Members whose hashes meet are walked by who came first: so they come in the order of their
    hashes, for two who fill one set by turns would else each find it changed by the other."""

    __slots__ = ()
    always = True

    def __init__(self, path: str, found: Any, fresh: Fresh) -> None:
        super().__init__(path, found, fresh)
        self.was.sort(key=hash)

    def now(self) -> Any:
        """Return its members, in the order in which code walks them."""
        return list(set.__iter__(self.found))

    def put_back(self) -> None:
        """Fill it anew."""
        set.clear(self.found)
        set.update(self.found, self.was)
        self._marks = self.marks()


class SavedBytes(Saved):
    """A bytearray."""

    __slots__ = ()

    def now(self) -> Any:
        """Return its bytes."""
        return bytes(self.found)

    def marks(self) -> object:
        """Return its bytes."""
        return self.now()

    def put_back(self) -> None:
        """Write them."""
        self.found[:] = self.was


class SavedCell(Saved):
    """A variable that a function shares with those around it."""

    __slots__ = ()

    def now(self) -> Any:
        """Return what is in it."""
        try:
            return [self.found.cell_contents]
        except ValueError:
            return []

    def put_back(self) -> None:
        """Set or empty it."""
        if self.was:
            self.found.cell_contents = self._fresh.of(self.was[0])
        elif self.now():
            del self.found.cell_contents


class SavedRandom(Saved):
    """A generator of random numbers of the application's own."""

    __slots__ = ()

    def now(self) -> Any:
        """Return its state."""
        return self.found.getstate()

    def marks(self) -> object:
        """Return its state."""
        return self.now()

    def put_back(self) -> None:
        """Set its state."""
        self.found.setstate(self.was)


class SavedCache(Saved):
    """An `lru_cache`: what is in it can only be dropped."""

    __slots__ = ()

    def now(self) -> Any:
        """Return how much is in it."""
        return self.found.cache_info().currsize

    def marks(self) -> object:
        """Return how much is in it."""
        return self.now()

    def changed(self) -> bool:
        """Whether anything is in it."""
        return bool(self.now())

    def put_back(self) -> None:
        """Empty it."""
        self.found.cache_clear()


_BY_BASE: tuple[tuple[type | tuple[type, ...], type[Saved]], ...] = (
    (types.ModuleType, SavedModule),
    (type, SavedClass),
    (types.CellType, SavedCell),
    (cast("type", CACHE), SavedCache),
    (collections.OrderedDict, SavedOrdered),
    (dict, SavedDict),
    (list, SavedList),
    (set, SavedSet),
    (collections.deque, SavedDeque),
    (bytearray, SavedBytes),
)


def save(path: str, found: Any, fresh: Fresh) -> list[Saved]:
    """Return what is mutable in one object, with what is in it now."""
    saved: list[Saved] = []
    if is_a(found, COUNTER):
        fresh.keep(found)
        return saved
    if is_random(found):
        return [SavedRandom(path, found, fresh)]
    kind = next((made for base, made in _BY_BASE if is_a(found, base)), None)
    if kind is not None:
        saved.append(kind(path, found, fresh))
    if not is_a(found, (types.ModuleType, type)):
        if dict_of(found) is not None:
            saved.append(SavedAttributes(path, found, fresh))
        if slots_of(type(found)):
            saved.append(SavedSlots(path, found, fresh))
    return saved


def mark_counters(saved: Iterable[Saved], fresh: Fresh) -> None:
    """Mark what holds a counter: it changes without a sign."""
    for one in saved:
        held = one.was.values() if isinstance(one.was, Mapping) else one.was
        if isinstance(one, (_SavedMapping, SavedCell)):
            one.counts = fresh.has(held)


def _slot(found: Any, name: str) -> Any:
    try:
        return object.__getattribute__(found, name)
    except AttributeError:
        return _MISSING
