"""What bytes and frames share: things on their way in one direction, in order, in virtual time."""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from sim.kernel.waiters import BY_IO, Waiters
from sim.kernel.world import World
from sim.model.link import LinkSpec
from sim.model.schedule import Kind

T = TypeVar("T")


class Pipe(Generic[T]):
    """Items with the tick at which each arrives. A later item never overtakes an earlier one."""

    def __init__(self, world: World, name: str, spec: LinkSpec) -> None:
        self.world = world
        self.name = name
        self.spec = spec
        self._items: deque[tuple[int, T]] = deque()
        self._last = 0
        self._readers = Waiters()

    def __standing__(self) -> tuple[object, ...]:
        """Return what of it matters for what is to come (`sim.kernel.state`), counted from now.

        What has arrived lies there, whenever it came, and what comes next waits for nothing past.
        """
        now = self.world.tick
        items = [(max(0, tick - now), item) for tick, item in self._items]
        return {**vars(self), "_items": items, "_last": max(0, self._last - now)}, None

    def _put(self, item: T, show: Callable[[T], str], jitters: bool = True) -> int:
        """Put `item` on its way; return the tick of its arrival."""
        world, spec = self.world, self.spec
        jitter = 0
        if spec.jitter and jitters:
            jitter = world.ask(Kind.VALUE, range(spec.jitter + 1), 0, self.name)
        self._last = max(self._last, world.tick + spec.delay + jitter)
        if world.tracing:
            world.event("wire", link=self.name, at=self._last, data=show(item))
        world.write(self.name)
        self._items.append((self._last, item))
        self._readers.wake_all(BY_IO)
        return self._last

    def arrived(self) -> list[T]:
        """Return what the reader can see now."""
        self.world.read(self.name)
        return self.lying()

    def lying(self) -> list[T]:
        """Return what the reader could see now, for who tells what it would do: no step reads."""
        come = self.world.come
        return [item for tick, item in self._items if come(tick)]

    async def wait_readable(self) -> None:
        """Wait until more may have arrived."""
        if not self._items:
            await self._readers.park()
            return
        timer = self.world.wake_at(self._items[0][0], self._readers, BY_IO)
        try:
            await self._readers.park()
        finally:
            self.world.drop(timer)

    def wake(self) -> None:
        """Let everybody look again."""
        self._readers.wake_all()

    def drop_travelling(self) -> None:
        """Forget what has not arrived yet."""
        now = self.world.tick
        self._items = deque(entry for entry in self._items if self.world.come(entry[0]))
        if not self.world.come(self._last):
            self._last = now  # what comes next waits for nothing that is gone
