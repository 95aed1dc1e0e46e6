"""Puts the application's own state back after each run.

A persistent application with a fresh loop per run is much faster than a fresh process, but what one
run leaves in a registry or a cache would change the next. So everything that the application
reaches (`sim.aio.reach`) is walked once before the first run, what is mutable there is copied
shallowly, and put back after each run. Since what is put back are the very objects that were there,
and each of them has a copy of its own, everything is as it was.

Sets are emptied and filled again before the first run, too: in which order a set is walked depends
on how it was filled.
"""

import collections
import copy
import functools
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sim.aio.reach import (
    ATOMS,
    CACHE,
    COUNTER,
    OPAQUE_BUT_HARMLESS,
    children,
    class_state,
    dict_of,
    is_random,
    module_state,
    slots_of,
)

_MISSING = object()
_MANY = 2_000_000
"""An application that reaches more objects than that is not walked to its end."""


@dataclass(slots=True)
class _Saved:
    """One mutable object with what was in it, and how that is put back."""

    found: Any
    was: Any
    put_back: Callable[[Any, Any], bool]
    """Returns whether it had changed."""
    path: str


class Rewind:
    """The state of an application before its first run."""

    def __init__(self, roots: Iterable[tuple[str, Any]], own: Callable[[Any], bool]) -> None:
        """Walk. roots: names and objects. own: whether a function, class or module is theirs."""
        self._own = own
        self._saved: list[_Saved] = []
        self._counters: dict[int, tuple[Any, Any]] = {}
        self._caches: list[Any] = []
        self.objects = 0
        self.opaque: dict[str, int] = {}
        """Types of objects that nobody can look into, with how many there are."""
        self._walk(list(roots))
        self.back()

    def back(self) -> list[str]:
        """Put everything back. Return the paths to what had changed."""
        changed = [one.path for one in self._saved if one.put_back(one.found, one.was)]
        for cache in self._caches:
            cache.cache_clear()
        return changed

    def _walk(self, todo: list[tuple[str, Any]]) -> None:
        seen: dict[int, Any] = {}
        todo.reverse()
        while todo and self.objects < _MANY:
            path, found = todo.pop()
            if isinstance(found, ATOMS) and type(found) in ATOMS:
                continue
            if id(found) in seen or isinstance(found, OPAQUE_BUT_HARMLESS):
                continue
            if isinstance(found, (types.ModuleType, type)) and not self._own(found):
                continue
            seen[id(found)] = found
            self.objects += 1
            self._save(path, found)
            todo += [(_extend(path, found, index), one) for index, one in self._held(found)]
        self._keep = seen  # so that no address is used twice

    def _held(self, found: Any) -> list[tuple[str, Any]]:
        if isinstance(found, types.ModuleType):
            return list(module_state(found).items())
        attributes = dict_of(found)
        named = list(attributes.items()) if attributes is not None else []
        known = {id(value) for _, value in named}
        others = [("", one) for one in children(found, self._own) if id(one) not in known]
        return [*named, *others]

    def _save(self, path: str, found: Any) -> None:
        """Copy what is mutable in one object."""
        add = self._saved.append
        if isinstance(found, types.ModuleType):
            add(_Saved(found, module_state(found), self._module_back, path))
        elif isinstance(found, type):
            add(_Saved(found, class_state(found), self._class_back, path))
        elif type(found) is types.CellType:
            add(_Saved(found, _cell(found), self._cell_back, path))
        elif isinstance(found, CACHE):
            self._caches.append(found)
        elif isinstance(found, COUNTER):
            self._counters[id(found)] = found, copy.copy(found)
        elif is_random(found):
            add(_Saved(found, found.getstate(), _random_back, path))
        elif isinstance(found, collections.OrderedDict):
            add(_Saved(found, list(found.items()), self._ordered_back, path))
        elif isinstance(found, dict):
            add(_Saved(found, dict(dict.items(found)), self._dict_back, path))
        elif isinstance(found, list):
            add(_Saved(found, list.copy(found), self._list_back, path))
        elif isinstance(found, set):
            add(_Saved(found, list(set.__iter__(found)), _set_back, path))
        elif isinstance(found, collections.deque):
            add(_Saved(found, list(collections.deque.__iter__(found)), self._deque_back, path))
        elif isinstance(found, bytearray):
            add(_Saved(found, bytes(found), _bytes_back, path))
        self._save_attributes(path, found)

    def _save_attributes(self, path: str, found: Any) -> None:
        if isinstance(found, (types.ModuleType, type)):
            return
        attributes = dict_of(found)
        if attributes is not None:
            was = dict(attributes)
            self._saved.append(_Saved(found, was, self._attributes_back, path))
        names = slots_of(type(found))
        if names:
            held = tuple((name, getattr_or_missing(found, name)) for name in names)
            self._saved.append(_Saved(found, held, self._slots_back, path))
        if attributes is None and not names and _is_opaque(found):
            kind = f"{type(found).__module__}.{type(found).__qualname__}"
            self.opaque[kind] = self.opaque.get(kind, 0) + 1

    # -- putting back --------------------------------------------------------------------------

    def _fresh(self, value: Any) -> Any:
        """Return a counter that stands where the first one stood; anything else as it is."""
        known = self._counters.get(id(value))
        return value if known is None else copy.copy(known[1])

    def _dict_back(self, found: Any, was: Any) -> bool:
        if _same(found, was) and not self._has_counter(was.values()):
            return False
        dict.clear(found)
        dict.update(found, {key: self._fresh(value) for key, value in was.items()})
        return True

    def _has_counter(self, values: Iterable[Any]) -> bool:
        return bool(self._counters) and any(id(value) in self._counters for value in values)

    def _attributes_back(self, found: Any, was: Any) -> bool:
        held = dict_of(found)
        if held is None:
            return False
        return self._dict_back(held, was)

    def _ordered_back(self, found: Any, was: Any) -> bool:
        now = list(collections.OrderedDict.items(found))
        if len(now) == len(was) and all(
            a is c and b is d for (a, b), (c, d) in zip(now, was, strict=True)
        ):
            return False
        collections.OrderedDict.clear(found)
        for key, value in was:
            collections.OrderedDict.__setitem__(found, key, self._fresh(value))
        return True

    def _module_back(self, found: Any, was: Any) -> bool:
        now = module_state(found)
        if _same(now, was) and not self._has_counter(was.values()):
            return False
        held = vars(found)
        for name in now:
            if name not in was:
                del held[name]
        for name, value in was.items():
            held[name] = self._fresh(value)
        return True

    def _class_back(self, found: Any, was: Any) -> bool:
        now = class_state(found)
        if _same(now, was) and not self._has_counter(was.values()):
            return False
        for name in now:
            if name not in was:
                type.__delattr__(found, name)
        for name, value in was.items():
            type.__setattr__(found, name, self._fresh(value))
        return True

    def _cell_back(self, found: Any, was: Any) -> bool:
        if _cell(found) is was and id(was) not in self._counters:
            return False
        if was is _MISSING:
            del found.cell_contents
        else:
            found.cell_contents = self._fresh(was)
        return True

    def _list_back(self, found: Any, was: Any) -> bool:
        if list.__len__(found) == len(was) and all(map(_is, list.__iter__(found), was)):
            return False
        list.clear(found)
        list.extend(found, was)
        return True

    def _deque_back(self, found: Any, was: Any) -> bool:
        held = collections.deque
        if held.__len__(found) == len(was) and all(map(_is, held.__iter__(found), was)):
            return False
        held.clear(found)
        held.extend(found, was)
        return True

    def _slots_back(self, found: Any, was: Any) -> bool:
        changed = False
        for name, value in was:
            now = getattr_or_missing(found, name)
            if now is value and id(value) not in self._counters:
                continue
            changed = True
            if value is _MISSING:
                object.__delattr__(found, name)
            else:
                object.__setattr__(found, name, self._fresh(value))
        return changed


def getattr_or_missing(found: Any, name: str) -> Any:
    """Return what a slot holds, or that it holds nothing."""
    try:
        return object.__getattribute__(found, name)
    except AttributeError:
        return _MISSING


def _cell(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


def _is(one: Any, other: Any) -> bool:
    return one is other


def _same(now: dict[Any, Any], was: dict[Any, Any]) -> bool:
    """Whether two dictionaries hold the same objects in the same order."""
    if dict.__len__(now) != len(was):
        return False
    pairs = zip(dict.items(now), was.items(), strict=True)
    return all(key is other and value is held for (key, value), (other, held) in pairs)


def _random_back(found: Any, was: Any) -> bool:
    changed = found.getstate() != was
    if changed:
        found.setstate(was)
    return bool(changed)


def _bytes_back(found: Any, was: bytes) -> bool:
    changed = bytes(found) != was
    if changed:
        found[:] = was
    return changed


def _set_back(found: Any, was: list[Any]) -> bool:
    """Fill a set anew in any case: what it went through decides in which order it is walked."""
    changed = set.__len__(found) != len(was) or not all(map(found.__contains__, was))
    set.clear(found)
    set.update(found, was)
    return changed


def _is_opaque(found: Any) -> bool:
    """Whether an object may keep state where nobody can look."""
    known = (tuple, frozenset, dict, list, set, collections.deque, bytearray, functools.partial)
    known_kinds = (types.FunctionType, types.MethodType, types.CellType, staticmethod, classmethod)
    if isinstance(found, (*known, *known_kinds, property, CACHE, COUNTER)) or is_random(found):
        return False
    return type(found) is not object and type(found).__module__ not in ("types", "typing", "enum")


def _extend(path: str, found: Any, name: str) -> str:
    if not name:
        return path
    return f"{path}.{name}" if path else name
