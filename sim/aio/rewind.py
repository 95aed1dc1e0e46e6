"""Puts the application's own state back after each run.

A persistent application with a fresh loop per run is much faster than a fresh process, but what one
run leaves in a registry or a cache would change the next. So everything that the application
reaches (`sim.aio.reach`) is walked once before the first run, what is mutable there is copied
shallowly, and put back after each run. Since what is put back are the very objects that were there,
and each of them has a copy of its own, everything is as it was.

For the same reason the application's part of a run's state is what has changed of these objects,
and what that leads to (`sim.aio.state`): everything else is as it was.

Sets are emptied and filled again before the first run, too: in which order a set is walked depends
on how it was filled.
"""

import collections
import functools
import types
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from sim.aio.reach import (
    ATOMS,
    CACHE,
    COUNTER,
    RANDOM,
    children,
    class_state,
    dict_of,
    is_a,
    is_frozen,
    is_of_a_dict,
    is_of_tool,
    module_state,
)
from sim.aio.saved import Fresh, Saved, mark_counters, save
from sim.aio.together import Together
from sim.objects import hides_something

_MANY = 2_000_000
"""An application that reaches more objects than that is not walked to its end."""


class Rewind:
    """The state of an application before its first run."""

    def __init__(
        self,
        roots: Iterable[tuple[str, Any]],
        own: Callable[[Any], bool],
        finish: Callable[[Any], None] = lambda found: None,
    ) -> None:
        """Walk.

        roots: names and objects. own: whether a function, class or module is theirs. finish: does
        to an object, before it is copied, what would else be done in each run.
        """
        self._own = own
        self._finish = finish
        self._fresh = Fresh()
        self.saved: list[Saved] = []
        """Everything that can change."""
        self.opaque: dict[str, int] = {}
        """Types of objects that nobody can look into, with how many there are."""
        self._reached: dict[int, Any] = {}
        """Everything that was reached; kept, so that no address is used twice."""
        self._walk(list(roots))
        mark_counters(self.saved, self._fresh)
        self._always = [one for one in self.saved if one.always]
        self._together = Together(self.saved)
        self.back()

    def back(self) -> list[str]:
        """Put everything back. Return the paths to what had changed."""
        self._fresh.begin()
        changed = [one for _, one in self._together.changed()]
        for one in (*changed, *(one for one in self._always if one not in changed)):
            one.put_back()
        return [one.path for one in changed]

    def changed(self) -> list[tuple[int, Saved]]:
        """Return what is not as it was, with its number."""
        return self._together.changed()

    def _walk(self, todo: list[tuple[str, Any]]) -> None:
        seen = self._reached
        todo.reverse()
        while todo and len(seen) < _MANY:
            path, found = todo.pop()
            if type(found) in ATOMS or id(found) in seen or is_frozen(type(found)):
                continue
            if is_a(found, (types.ModuleType, type)) and not self._own(found):
                continue
            if is_of_tool(type(found)) and not self._own(type(found)):
                continue
            seen[id(found)] = found
            self._finish(found)
            saved = save(path, found, self._fresh)
            self.saved += saved
            if _is_opaque(found):
                kind = f"{type(found).__module__}.{type(found).__qualname__}"
                self.opaque[kind] = self.opaque.get(kind, 0) + 1
            todo += [(_extend(path, name), one) for name, one in self._held(found)]

    def _held(self, found: Any) -> list[tuple[str, Any]]:
        """Return what an object holds, by name where it has one."""
        if is_a(found, types.ModuleType):
            return list(module_state(found).items())
        state = class_state(found) if is_a(found, type) else dict_of(found) or {}
        known = set(map(id, state.values()))
        others = [("", one) for one in children(found, self._own) if id(one) not in known]
        return [*state.items(), *others]


_SEEN = (
    *(tuple, frozenset, list, dict, set, collections.deque, bytearray, int, str, bytes, float),
    *(functools.partial, types.FunctionType, types.MethodType, types.CellType, types.ModuleType),
    *(staticmethod, classmethod, property, type, CACHE, COUNTER, ContextVar, BaseException),
    *(RANDOM, collections.OrderedDict, collections.defaultdict),
)
"""Types into which is looked, whatever is built on them."""


def _is_opaque(found: Any) -> bool:
    """Whether an object may keep state where nobody can look."""
    if type(found) is types.MappingProxyType:
        return not is_of_a_dict(found)
    return not is_a(found, _SEEN) and hides_something(type(found))


def _extend(path: str, name: str) -> str:
    if not name:
        return path
    return f"{path}.{name}" if path else name
