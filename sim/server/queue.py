"""What waits to be received by the application, with asyncio's rules for who is woken."""

from collections import deque
from collections.abc import Callable
from typing import Any

from sim.kernel.waiters import Waiters
from sim.kernel.world import World

Message = dict[str, Any]


class ReceiveQueue:
    """A queue of ASGI messages.

    Each put wakes one waiting getter, the one that has waited longest; a getter that finds a
    message does not yield (asyncio/queues.py, `put_nowait` and `get`; trio's memory channel would).
    one_receiver: a second waiting getter is an error (websockets/legacy/protocol.py, `recv`).
    """

    def __init__(self, world: World, name: str, one_receiver: bool) -> None:
        self._world = world
        self._name = name
        self._one_receiver = one_receiver
        self._messages: deque[Message] = deque()
        self._getters = Waiters()

    def __bool__(self) -> bool:
        return bool(self._messages)

    def note(self) -> None:
        """Note that what the queue gives out has changed."""
        self._world.write(self._name)

    def put(self, message: Message) -> None:
        """Add `message` and wake the getter that has waited longest."""
        self.note()
        self._messages.append(message)
        self._getters.wake_one()

    def wake_all(self) -> None:
        """Let every getter look again."""
        self.note()
        self._getters.wake_all()

    async def get(self, over: Callable[[], Message | None]) -> Message:
        """Return the next message, waiting for it. `over` may supply one that comes first.

        Raises RuntimeError for a second getter where the server allows one.
        """
        while True:
            self.note()
            if (instead := over()) is not None:
                return instead
            if self._messages:
                return self._messages.popleft()
            if self._one_receiver and self._getters:
                raise RuntimeError(
                    "cannot call recv while another coroutine is already waiting for the next "
                    "message"
                )
            await self._getters.park()
