"""Which objects an application's state lives in: what its own modules reach, and how.

Walked are the user's modules and classes, and whatever they hold: containers and their subclasses,
instances of any class, closures, defaults, caches. Not walked are other modules, other classes'
attributes, and what the interpreter keeps to itself. Nothing of theirs is called on the way: no
property, no `==`, no `__getattr__` (proxies that look at the context would raise).
"""

import ast
import asyncio
import collections
import copyreg
import datetime
import decimal
import functools
import gc
import itertools
import logging
import operator
import random
import re
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sim.objects import module_of

ATOMS = (str, bytes, int, float, complex, bool, type(None), type(NotImplemented), type(Ellipsis))
TOLD_BY_TEXT = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    decimal.Decimal,
)
"""Values of native types, that are the same if they show the same."""
_LOCK_TYPES = (type(threading.Lock()), type(threading.RLock()))
OPAQUE_BUT_HARMLESS = (
    types.CodeType,
    types.BuiltinFunctionType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.MethodWrapperType,
    types.GenericAlias,
    types.FrameType,
    types.TracebackType,
    re.Pattern,
    range,
    slice,
    memoryview,
    logging.Logger,
    logging.Handler,
    logging.Filter,
    asyncio.AbstractEventLoop,
    weakref.ReferenceType,
    operator.attrgetter,
    operator.itemgetter,
    operator.methodcaller,
    *_LOCK_TYPES,
)
"""What no state of an application lives in, or none that a run changes."""
_FROZEN_MODULES = ("pydantic_core", "_regex")
"""Native modules whose objects never change once they are made."""


def is_frozen(kind: type) -> bool:
    """Whether objects of a type are what they are, and hold no state that a run could change."""
    known = (*OPAQUE_BUT_HARMLESS, *TOLD_BY_TEXT)
    module = module_of(kind)  # what has none was made by C, for C
    return issubclass(kind, known) or not module or module.startswith(_FROZEN_MODULES)


def is_of_tool(kind: type) -> bool:
    """Whether a type is this tool's. What its objects lead to is everything that lives."""
    return module_of(kind).partition(".")[0] == _TOOL


_TOOL = __name__.partition(".")[0]
CACHE = type(functools.lru_cache(lambda: None))
COUNTER = itertools.count
RANDOM = random.Random


def is_a(found: Any, kinds: Any) -> bool:
    """Whether an object is of one of these types. `isinstance` would ask the object, too."""
    return issubclass(type(found), kinds)


def slots_of(kind: type) -> tuple[str, ...]:
    """Return the names of the slots that instances of a class have."""
    return tuple(copyreg._slotnames(kind) or ())  # type: ignore[attr-defined]


def dict_of(found: Any) -> dict[str, Any] | None:
    """Return the attributes of an instance, None if it keeps none."""
    try:
        held = object.__getattribute__(found, "__dict__")
    except (AttributeError, TypeError):
        return None
    return held if type(held) is dict else None


def slot_values(found: Any) -> Iterator[tuple[str, Any]]:
    """Yield the slots of an instance that are set."""
    for name in slots_of(type(found)):
        try:
            yield name, object.__getattribute__(found, name)
        except AttributeError:
            continue


def class_state(kind: type) -> dict[str, Any]:
    """Return the attributes of a class that are neither methods nor descriptors."""
    return {
        name: value
        for name, value in vars(kind).items()
        if not (name.startswith("__") and name.endswith("__"))
        and not is_a(value, (types.FunctionType, staticmethod, classmethod, property, type))
        and not hasattr(type(value), "__get__")
    }


def module_state(module: types.ModuleType) -> dict[str, Any]:
    """Return the globals of a module that are not the interpreter's."""
    return {
        name: value
        for name, value in vars(module).items()
        if not (name.startswith("__") and name.endswith("__"))
    }


def children(found: Any, own: Callable[[Any], bool]) -> Iterable[Any]:
    """Return what an object holds, of what may be walked.

    own: whether a function, class or module is the user's.
    """
    kind = type(found)
    if is_a(found, types.ModuleType):
        return module_state(found).values() if own(found) else ()
    if is_a(found, type):
        return (*class_state(found).values(), *_methods(found)) if own(found) else ()
    if kind is types.FunctionType:
        return _of_function(found)
    if kind is types.CellType:
        return (found.cell_contents,) if _filled(found) else ()
    if kind is types.MethodType:
        return (found.__self__, found.__func__)
    if kind is functools.partial:
        return (found.func, found.args, found.keywords)
    if is_a(found, (staticmethod, classmethod)):
        return (found.__func__,)
    if is_a(found, property):
        return tuple(filter(None, (found.fget, found.fset, found.fdel)))
    if kind is types.MappingProxyType:  # what only it leads to nobody can change, but what is in it
        return (*found.keys(), *found.values()) if is_of_a_dict(found) else ()
    return _of_instance(found)


def is_of_a_dict(proxy: Any) -> bool:
    """Whether a read-only view is one of a plain dictionary, whose methods are nobody's own."""
    return all(type(one) is dict for one in gc.get_referents(proxy))


def _methods(kind: type) -> Iterable[Any]:
    return (value for name, value in vars(kind).items() if not name.startswith("__module__"))


def _of_function(found: Any) -> Iterable[Any]:
    held: list[Any] = [*(found.__closure__ or ()), *(found.__defaults__ or ())]
    held += (found.__kwdefaults__ or {}).values()
    held += vars(found).values()
    return held


def _of_instance(found: Any) -> Iterable[Any]:
    held: list[Any] = []
    if is_a(found, dict):
        held += dict.keys(found)
        held += dict.values(found)
    else:
        held += _iterate(found)
    attributes = dict_of(found)
    if attributes is not None:
        held += attributes.values()
    held += (value for _, value in slot_values(found))
    return held


def _iterate(found: Any) -> list[Any]:
    """Return the members of a container, as its built-in base has them."""
    bases: tuple[Any, ...] = (list, tuple, collections.deque, set, frozenset)
    for base in bases:
        if is_a(found, base):
            return list(base.__iter__(found))
    return []


def _filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # asked only whether it raises
    except ValueError:
        return False
    return True


def counter_state(counter: Any) -> tuple[Any, ...]:
    """Return where an `itertools.count` stands, as what makes another one that stands there.

    Its copying is deprecated as of Python 3.12, and what it is told by is what it was made with.
    """
    text = repr(counter).removeprefix("count(").removesuffix(")")
    try:
        return tuple(ast.literal_eval(f"({text},)"))
    except (SyntaxError, ValueError):  # a step that is no plain number
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tuple(counter.__reduce__()[1])


def is_random(found: Any) -> bool:
    """Whether an object draws, from a state that can be put back."""
    return is_a(found, random.Random) and not is_a(found, random.SystemRandom)
