"""The whole state of a world where nothing is about to happen, as a value that can be compared.

Two worlds that stand still with equal states go on alike, whatever had led there: the same code
stands at the same instruction in each task, with the same values in its variables and in whatever
these lead to, and the same timers are to come. That is more than any history tells.

Times that are to come count from now, wherever they are kept, so that a world that idles comes back
to where it was: with as much to come, and less time until its end. A number is taken for such a
time if a timer or a deadline is due then. That it is one by chance could make two states equal only
if another number in the other state were one by the same chance, as far ahead.

Objects are walked from the tasks' coroutines; each is known by when it was met, so that sharing and
cycles count, and addresses do not. What is the same in every run of a process (modules, classes,
code) counts by identity. An object whose contents cannot be seen makes the state unknown, and an
unknown state equals none.
"""

import collections
import enum
import functools
import gc
import re
import types
import weakref
from array import array
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import outcome
import trio

from sim.kernel import trio_hook
from sim.kernel.names import Known
from sim.kernel.waiters import Waiters
from sim.kernel.world import World
from sim.model.ticks import from_seconds
from sim.objects import hides_something, slots_in

_KERNEL = __name__.rpartition(".")[0]
Task = trio.lowlevel.Task
_VALUES = (int, float, str, bytes, bool, type(None), complex, range)
_NUMBERS = (int, float)
_DUE = "due"
_SCALARS = (int, float, str, bytes, complex)
_STATIC = (
    types.ModuleType,
    type,
    types.CodeType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    staticmethod,
    classmethod,
    property,
)
_SEQUENCES = (list, tuple, collections.deque)
_ITERATORS = (
    *(type(iter(one)) for one in ([0], (), "", b"")),
    *(type(iter(one)) for one in (range(0), {0}, {0: 0}, {0: 0}.values(), {0: 0}.items())),
    enumerate,
)
_SUSPENDED = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)
_OF_TASKS = ("_abort_func", "_next_send_fn", "_next_send", "custom_sleep_data", "_cancel_status")
_COUNTERS = frozenset({"_schedule_points", "_cancel_points", "_counter"})
"""What Trio counts and nobody asks for."""


_NUMBER = re.compile(r"#\d+")
"""Of a task's name: which one of that name it is, which is history."""


class Unseen(Exception):
    """Some object cannot be looked into."""


Numbers = dict[object, int]
"""Numbers of what was found in states: an equal state is a row of equal numbers."""


def state_of(
    world: World, tasks: dict[Task, Known], standing: object, numbers: Numbers
) -> bytes | None:
    """Return the state of a world in which nobody of the loop is ready; None if it is unknown.

    standing: what of its trace still counts. numbers: those of the states it is compared with, to
    which its own are added. Equal states have equal digests under the same numbers.
    """
    walk = _Walk(world, tasks)
    try:
        walk.over([standing, *_roots(world, tasks)])
        row = [numbers.setdefault(one, len(numbers)) for one in walk.found]
    except (Unseen, TypeError):  # a value that cannot be hashed is one that cannot be told
        return None
    return blake2b(array("L", row).tobytes(), digest_size=16).digest()


def _roots(world: World, tasks: dict[Task, Known]) -> Iterator[object]:
    for tick, timer in world.timers():
        yield tick - world.tick
        yield timer.why
        yield timer.waiters
    waiting = sorted(tasks.items(), key=lambda item: item[1].last_step)
    yield [task for task, known in waiting if not known.outside]
    for task, known in sorted(tasks.items(), key=lambda item: item[1].path):
        yield task
        yield _NUMBER.sub("", known.path)
        yield known.ready
        yield task.coro
        for name in _OF_TASKS:
            yield getattr(task, name)


class _Walk:
    """A walk over the objects of a world."""

    def __init__(self, world: World, tasks: dict[Task, Known]) -> None:
        self._world = world
        self._tasks = tasks
        self._met: dict[int, int] = {}
        self._held: list[object] = []
        """Keeps what is met alive, so that no address is used twice."""
        self._todo: list[object] = []
        now = world.tick
        self._due: dict[tuple[type, float], int] = {
            (int, tick): tick - now for tick, _ in world.timers() if tick > now
        }
        """Times to come, in ticks and as Trio has them, and how far ahead they are."""
        for deadline, _ in trio_hook.deadlines():
            self._due[float, deadline] = from_seconds(deadline) - now
        self.found: list[object] = []

    def over(self, roots: list[object]) -> None:
        """Walk from `roots` on."""
        self._todo = roots[::-1]
        while self._todo:
            self._visit(self._todo.pop())

    def _visit(self, thing: Any) -> None:
        kind = type(thing)
        if kind in _VALUES:
            ahead = self._due.get((kind, thing)) if kind in _NUMBERS else None
            self.found += [kind, thing] if ahead is None else [_DUE, ahead]
            return
        number = self._met.setdefault(id(thing), len(self._met))
        if number < len(self._held):
            self.found.append(number)
            return
        self._held.append(thing)
        self.found.append(kind)
        if isinstance(thing, (*_STATIC, enum.Enum)):
            self.found.append(thing)
        elif isinstance(thing, _SCALARS):  # of a class of its own: what it is worth, and more
            self.found.append(repr(thing))
            self._attributes(thing)
        elif not self._ours(thing) and not self._plain(thing) and not self._code(thing):
            self._instance(thing)

    def _push(self, *things: object) -> None:
        self._todo.extend(reversed(things))

    def _ours(self, thing: Any) -> bool:
        """Visit what belongs to the kernel or to Trio."""
        if isinstance(thing, Task):
            self.found.append(thing in self._tasks)  # and then when it was met first
        elif isinstance(thing, trio.Nursery):
            mine = [child for child in self._tasks if child in thing.child_tasks]
            self._push(*mine, thing.cancel_scope, thing._pending_excs, thing._closed)
        elif isinstance(thing, Waiters):
            self._push(*thing)
        elif kind_name(thing) == "CancelStatus":
            self._push(thing._scope, thing.effectively_cancelled, thing._parent)
        else:  # what programs see of the kernel is walked from the roots
            return type(thing).__module__.startswith(_KERNEL)
        return True

    def _plain(self, thing: Any) -> bool:
        """Visit a container."""
        if isinstance(thing, _SEQUENCES):
            self.found.append(len(thing))
            self._push(*thing)
        elif isinstance(thing, dict | types.MappingProxyType):
            self.found.append(len(thing))
            self._push(*thing.keys(), *thing.values())
        elif isinstance(thing, set | frozenset):
            self.found.append(len(thing))
            if len(thing) > 1 and not all(type(one) in _VALUES for one in thing):
                raise Unseen  # the order in which it would be walked is one of addresses
            self._push(*sorted(thing, key=repr))
        elif type(thing) in _ITERATORS:
            self._push(*thing.__reduce__()[1:])
        elif isinstance(thing, weakref.ReferenceType):
            self._push(thing())
        elif isinstance(thing, bytearray | memoryview):
            self.found.append(bytes(thing))
        else:
            return False
        if type(thing).__module__ != "builtins":
            self._attributes(thing)
        return True

    def _code(self, thing: Any) -> bool:
        """Visit what can be run."""
        if isinstance(thing, types.FunctionType):
            self.found.append(thing.__code__)
            self._push(*(thing.__closure__ or ()), thing.__defaults__, thing.__kwdefaults__)
        elif isinstance(thing, types.MethodType):
            self._push(thing.__func__, thing.__self__)
        elif isinstance(thing, types.CellType):
            self._push(*gc.get_referents(thing))
        elif isinstance(thing, types.BuiltinFunctionType):
            self.found.append(thing.__name__)
            self._push(thing.__self__)
        elif isinstance(thing, functools.partial):
            self._push(thing.func, thing.args, thing.keywords)
        elif isinstance(thing, _SUSPENDED):
            self._suspended(thing)
        elif isinstance(thing, outcome.Outcome):
            self._push(*(getattr(thing, name, None) for name in ("value", "error")))
        elif isinstance(thing, BaseException):
            self._push(thing.args, vars(thing))
        elif kind_name(thing) in ("coroutine_wrapper", "method-wrapper"):
            self._push(*gc.get_referents(thing))
        else:
            return False
        return True

    def _suspended(self, thing: Any) -> None:
        """Visit a coroutine or generator: where it stands, and all that its frame refers to."""
        frame = next(
            (f for name in ("cr", "gi", "ag") if (f := getattr(thing, f"{name}_frame", None))), None
        )
        if frame is None:
            self.found.append("over")
            return
        self.found += [frame.f_code, frame.f_lasti]
        self._push(
            *(
                one
                for one in gc.get_referents(thing)
                if not isinstance(one, types.FrameType | types.CodeType)
            )
        )

    def _instance(self, thing: Any) -> None:
        kind = type(thing)
        standing = getattr(kind, "__standing__", None)
        if standing is not None:
            self._push(standing(thing))
        elif hides_something(kind) or not (self._attributes(thing) or kind is object):
            raise Unseen

    def _attributes(self, thing: Any) -> bool:
        """Visit the attributes of an instance. Return whether it can have any."""
        names = dict.fromkeys(getattr(thing, "__dict__", ()))
        slots = [name for one in type(thing).__mro__ for name in _slots_of(one)]
        for name in (*names, *slots):
            if name not in _COUNTERS:
                self.found.append(name)
                self._push(getattr(thing, name, Unseen))
        return hasattr(thing, "__dict__") or bool(slots)


def kind_name(thing: object) -> str:
    """Return the name of a thing's class."""
    return type(thing).__name__


def _slots_of(kind: type) -> tuple[str, ...]:
    return tuple(
        f"_{kind.__name__.lstrip('_')}{name}"
        if name.startswith("__") and not name.endswith("__")
        else name
        for name in slots_in(kind)
    )
