"""One direction of a simulated TCP connection: segments of bytes on their way."""

from collections.abc import Callable
from enum import Enum

import trio

from sim.kernel.waiters import Waiters
from sim.kernel.world import World
from sim.model.link import LinkSpec
from sim.model.ticks import seconds
from sim.network.pipe import Pipe


class Mark(Enum):
    """What ends a stream of bytes."""

    FIN = "fin"
    RST = "rst"


class Link(Pipe[bytes | Mark]):
    """Carries segments and marks from one end to the other.

    Bytes count against the buffer from sending until they are read; that is the send buffer, the
    wire and the receive buffer in one, and what makes a sender wait.
    """

    def __init__(self, world: World, name: str, spec: LinkSpec) -> None:
        super().__init__(world, name, spec)
        self._unread = 0
        self._writers = Waiters()

    @property
    def room(self) -> int:
        """Bytes that may be sent now."""
        return max(0, self.spec.buffer - self._unread)

    @property
    def unseen(self) -> bool:
        """Whether bytes are on their way or lie unread."""
        return any(isinstance(item, bytes) for _, item in self._items)

    def send(self, data: bytes) -> int:
        """Put `data` on its way as one segment. Return the tick at which it arrives."""
        self._unread += len(data)
        return self._put(data, _shown)

    def mark(self, mark: Mark) -> int:
        """Send FIN after what is on its way, or RST ahead of it. Return the tick of arrival."""
        if mark is Mark.RST:
            self.drop_travelling()
        return self._put(mark, _shown, jitters=False)

    def take(self, most: int | None) -> bytes | Mark | None:
        """Return bytes that have arrived, joined, at most `most`; else a mark; else None."""
        parts: list[bytes] = []
        left = most
        for item in self.arrived():
            if isinstance(item, Mark):
                if parts:
                    break
                return item
            tick, _ = self._items.popleft()
            if left is not None and len(item) > left:
                self._items.appendleft((tick, item[left:]))
                item = item[:left]
            parts.append(item)
            if left is not None:
                left -= len(item)
                if not left:
                    break
        if not parts:
            return None
        data = b"".join(parts)
        self._unread -= len(data)
        self.world.write(self.name)
        self._writers.wake_all()
        return data

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
        super().wake()
        self._writers.wake_all()


def _shown(item: bytes | Mark) -> str:
    return item.value if isinstance(item, Mark) else item.hex()
