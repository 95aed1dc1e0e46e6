"""Notes what tasks do with Trio's own primitives, while a world's steps are recorded.

Code under test may use events, locks, limiters, conditions, parking lots and memory channels. Each
call of theirs is noted as a write of the object, before it and, where it may wait, once more after:
that says more than is needed and never less. (`is_set` and other looks are reads.)

Objects are named after the task that made them, so that a name means the same in every run of a
search. One that was made outside the world keeps its name for as long as it lives.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Self
from weakref import ref

import trio

from sim.kernel.trio_hook import shared_state
from sim.kernel.world import World

HARNESS = True  # see sim.kernel.where.describe_wait
_LOOKS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (trio.Event, ("is_set", "statistics")),
    (trio.lowlevel.ParkingLot, ("__len__", "__bool__", "statistics")),
    (trio.Lock, ("locked", "statistics")),
    (trio.StrictFIFOLock, ("locked", "statistics")),
    (trio.Semaphore, ("statistics",)),
    (trio.CapacityLimiter, ("statistics",)),
    (trio.Condition, ("locked", "statistics")),
    (trio.MemorySendChannel, ("statistics",)),
    (trio.MemoryReceiveChannel, ("statistics",)),
)
_ACTS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (trio.Event, ("set",)),
    (trio.lowlevel.ParkingLot, ("unpark", "unpark_all", "repark", "repark_all")),
    (trio.Lock, ("acquire_nowait", "release")),
    (trio.StrictFIFOLock, ("acquire_nowait", "release")),
    (trio.Semaphore, ("acquire_nowait", "release")),
    (trio.CapacityLimiter, ("acquire_on_behalf_of_nowait", "release_on_behalf_of")),
    (trio.Condition, ("acquire_nowait", "release", "notify", "notify_all")),
    (trio.MemorySendChannel, ("send_nowait", "close", "clone")),
    (trio.MemoryReceiveChannel, ("receive_nowait", "close", "clone")),
)
_WAITS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (trio.Event, ("wait",)),
    (trio.lowlevel.ParkingLot, ("park",)),
    (trio.Lock, ("acquire",)),
    (trio.StrictFIFOLock, ("acquire",)),
    (trio.Semaphore, ("acquire",)),
    (trio.CapacityLimiter, ("acquire_on_behalf_of",)),
    (trio.Condition, ("wait",)),
    (trio.MemorySendChannel, ("send",)),
    (trio.MemoryReceiveChannel, ("receive",)),
)
_MADE = (
    trio.Event,
    trio.lowlevel.ParkingLot,
    trio.Lock,
    trio.StrictFIFOLock,
    trio.Semaphore,
    trio.CapacityLimiter,
    trio.Condition,
    trio.MemorySendChannel,
)
_LOOKED_AT: tuple[tuple[type, str], ...] = (
    (trio.Semaphore, "value"),
    (trio.CapacityLimiter, "borrowed_tokens"),
    (trio.CapacityLimiter, "available_tokens"),
    (trio.CapacityLimiter, "total_tokens"),
)


class _Names:
    """Names of objects that need not be hashable; a name goes when its object does."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[ref[Any], str]] = {}
        self._made_outside = 0

    def get(self, thing: Any) -> str | None:
        """Return the name of `thing`, if it has one."""
        known = self._known.get(id(thing))
        return known[1] if known is not None and known[0]() is thing else None

    def put(self, thing: Any, name: str) -> str:
        """Call `thing` by `name`."""
        number = id(thing)

        def forget(gone: ref[Any]) -> None:
            if self._known.get(number, (None, ""))[0] is gone:
                del self._known[number]

        self._known[number] = (ref(thing, forget), name)
        return name

    def invent(self, thing: Any) -> str:
        """Name something that was made outside the world, by a number."""
        self._made_outside += 1
        return self.put(thing, f"{type(thing).__name__}:{self._made_outside}")


_names = _Names()


class Observer:
    """Names objects and notes what the world that is observed does with them.

    Trio's classes are patched when the first world is to be observed and restored on leaving: doing
    so for each world costs as much as running a small one.
    """

    def __init__(self) -> None:
        self._world: World | None = None
        self._made: dict[str, int] = {}
        self._saved: list[tuple[type, str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        while self._saved:
            owner, name, original = self._saved.pop()
            if original is None:
                delattr(owner, name)  # it was inherited
            else:
                setattr(owner, name, original)

    def observe(self, world: World | None) -> None:
        """Observe a world, which must be the only one that runs, or none."""
        self._world = world
        self._made = {}
        if world is not None and not self._saved:
            self._patch()

    def made(self, thing: Any) -> None:
        """Name an object after the task that makes it."""
        world = self._world
        if world is None or world.ending is not None:
            return
        state = _state(thing)
        if _names.get(state) is None:
            path = world.task
            number = self._made[path] = self._made.get(path, 0) + 1
            _names.put(state, f"{type(thing).__name__}:{path}#{number}")

    def note(self, thing: Any, write: bool) -> None:
        """Note a read or a write of an object by the current step."""
        world = self._world
        if world is None or world.step is None:
            return
        state = _state(thing)
        name = _names.get(state) or _names.invent(state)
        if write:
            world.write(name)
        else:
            world.read(name)

    def _patch(self) -> None:
        for made in _MADE:
            self._put(made, "__init__", partial(_maker, self))
        for table, wrap in (
            (_LOOKS, partial(_call, self, False)),
            (_ACTS, partial(_call, self, True)),
            (_WAITS, partial(_wait, self)),
        ):
            for owner, names in table:
                for name in names:
                    self._put(owner, name, wrap)
        for owner, name in _LOOKED_AT:
            self._put(owner, name, partial(_property, self))

    def _put(self, owner: type, name: str, wrap: Callable[[Any], Any]) -> None:
        self._saved.append((owner, name, owner.__dict__.get(name)))
        setattr(owner, name, wrap(getattr(owner, name)))


def _state(thing: Any) -> Any:
    if isinstance(thing, trio.MemorySendChannel | trio.MemoryReceiveChannel):
        return shared_state(thing)
    return thing


def _maker(observer: Observer, original: Callable[..., None]) -> Callable[..., None]:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        channel = isinstance(self, trio.MemorySendChannel)  # its state is what it is given
        if not channel:
            observer.made(self)  # before it touches itself: a limiter sets its own tokens
        original(self, *args, **kwargs)
        if channel:
            observer.made(self)

    return init


def _call(observer: Observer, write: bool, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        observer.note(self, write)
        return original(self, *args, **kwargs)

    return call


def _wait(
    observer: Observer, original: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Any]]:
    async def wait(self: Any, *args: Any, **kwargs: Any) -> Any:
        observer.note(self, True)
        try:
            return await original(self, *args, **kwargs)
        finally:
            observer.note(self, True)

    return wait


def _property(observer: Observer, original: property) -> property:
    get = original.fget
    assert get is not None

    def look(self: Any) -> Any:
        observer.note(self, False)
        return get(self)

    put = original.fset
    if put is None:
        return property(look)

    def change(self: Any, value: Any) -> None:
        observer.note(self, True)
        put(self, value)

    return property(look, change)
