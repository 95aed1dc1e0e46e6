"""One direction of a simulated TCP connection: segments on their way, in order, in virtual time."""

from collections import deque
from collections.abc import Callable
from enum import Enum

import trio

from sim.kernel.world import World
from sim.model.link import LinkSpec
from sim.model.schedule import Kind
from sim.model.ticks import seconds


class Mark(Enum):
    """What ends a stream of bytes."""

    FIN = "fin"
    RST = "rst"


class Link:
    """Carries segments and marks from one end to the other.

    Bytes count against the buffer from sending until they are read; that is the send buffer, the
    wire and the receive buffer in one, and what makes a sender wait.
    """

    def __init__(self, world: World, name: str, spec: LinkSpec) -> None:
        self.world = world
        self.name = name
        self.spec = spec
        self.unread = 0
        self.stalled = False
        self.lost = False
        self._items: deque[tuple[int, bytes | Mark]] = deque()
        self._last = 0
        self._readers = trio.lowlevel.ParkingLot()
        self._writers = trio.lowlevel.ParkingLot()

    # -- the sending end -----------------------------------------------------------------------

    @property
    def room(self) -> int:
        """Bytes that may be sent now."""
        return max(0, self.spec.buffer - self.unread)

    def send(self, data: bytes) -> int:
        """Put `data` on its way, cut into segments. Return the tick at which the last arrives."""
        size = self.spec.segment or len(data)
        for start in range(0, len(data), size):
            self._put(data[start : start + size])
        return self._last

    def mark(self, mark: Mark) -> int:
        """Send FIN after what is on its way, or RST ahead of it. Return the tick of arrival."""
        if mark is Mark.RST:
            now = self.world.tick
            self._items = deque(item for item in self._items if item[0] <= now)
        self._put(mark)
        return self._last

    def _put(self, item: bytes | Mark) -> None:
        world = self.world
        spec = self.spec
        jitter = 0
        if spec.jitter and isinstance(item, bytes):
            jitter = world.ask(Kind.VALUE, range(spec.jitter + 1), 0, self.name)
        self._last = max(self._last, world.tick + spec.delay + jitter)
        what = item.hex() if isinstance(item, bytes) else item.value
        world.event("wire", link=self.name, at=self._last, data=what)
        world.write(self.name)
        if isinstance(item, bytes):
            self.unread += len(item)
        if not self.lost:
            self._items.append((self._last, item))
            self._readers.unpark_all()

    # -- the receiving end ---------------------------------------------------------------------

    def arrived(self) -> list[tuple[int, bytes | Mark]]:
        """Return what the reader can see now; with free arrivals the schedule decides."""
        self.world.read(self.name)
        if self.stalled:
            return []
        if self.spec.free:
            return self._chosen()
        now = self.world.tick
        return [item for item in self._items if item[0] <= now]

    def _chosen(self) -> list[tuple[int, bytes | Mark]]:
        items = list(self._items)
        if len(items) < 2:
            return items
        count = range(1, len(items) + 1)
        picked = self.world.ask(Kind.ARRIVAL, count, len(count) - 1, self.name)
        return items[: count[picked]]

    def take(self, most: int | None) -> bytes | Mark | None:
        """Return bytes that have arrived, joined, at most `most`; else a mark; else None."""
        parts: list[bytes] = []
        left = most
        for at, item in self.arrived():
            if isinstance(item, Mark):
                if parts:
                    break
                return item
            self._items.popleft()
            if left is not None and len(item) > left:
                self._items.appendleft((at, item[left:]))
                item = item[:left]
            parts.append(item)
            if left is not None:
                left -= len(item)
                if not left:
                    break
        if not parts:
            return None
        data = b"".join(parts)
        self.unread -= len(data)
        self.world.write(self.name)
        self._writers.unpark_all()
        return data

    @property
    def unseen(self) -> bool:
        """Whether bytes are on their way or lie unread."""
        return any(isinstance(item, bytes) for _, item in self._items)

    # -- waiting -------------------------------------------------------------------------------

    async def wait_readable(self) -> None:
        """Wait until more may have arrived."""
        if not self._items or self.stalled or self.spec.free:
            await self._readers.park()
            return
        with trio.CancelScope(deadline=seconds(self._items[0][0])):
            await self._readers.park()

    async def wait_writable(self, until: Callable[[], int | None]) -> None:
        """Wait until room may have been made, at most until the tick that `until` names."""
        tick = until()
        if tick is None:
            await self._writers.park()
            return
        with trio.CancelScope(deadline=seconds(tick)):
            await self._writers.park()

    def wake(self) -> None:
        """Let everybody look again."""
        self._readers.unpark_all()
        self._writers.unpark_all()

    # -- faults --------------------------------------------------------------------------------

    def stall(self) -> None:
        """Let nothing arrive until `resume`."""
        self.world.event("stall", link=self.name)
        self.world.write(self.name)
        self.stalled = True

    def resume(self) -> None:
        """Let arrive what has waited."""
        self.world.event("resume", link=self.name)
        self.world.write(self.name)
        self.stalled = False
        self.wake()

    def cut(self) -> None:
        """Lose everything that is on its way or will be sent. Nobody is told."""
        self.world.event("cut", link=self.name)
        self.world.write(self.name)
        self.lost = True
        self._items = deque(item for item in self._items if item[0] <= self.world.tick)
