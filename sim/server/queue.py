"""What waits to be received by the application, with asyncio's rules for who is woken."""

from collections import deque
from collections.abc import Callable
from typing import Any

import trio

from sim.kernel.waiters import Waiters
from sim.kernel.world import World
from sim.model.switches import ServerProfile

Message = dict[str, Any]


class ReceiveQueue:
    """A queue of ASGI messages.

    Each put wakes one waiting getter, the one that has waited longest; a getter that finds a
    message does not yield (asyncio/queues.py, `put_nowait` and `get`), unless the profile says so.
    profile: its switches one_receiver, ready_turns and woken_turns.
    """

    def __init__(self, world: World, name: str, profile: ServerProfile) -> None:
        self._world = world
        self._name = name
        self._connection = name.partition(".")[0]
        self._profile = profile
        self._messages: deque[Message] = deque()
        self._getters = Waiters()
        self._finished = False
        self._end: Message | None = None

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

    def finish(self) -> None:
        """Note that nothing more can come: who gets now waits for the end, and not for a message.

        From then on several may wait (websockets/legacy/protocol.py, `recv`: the waiter for a
        message is gone once transfer_data_task is done, and ensure_open waits for the close).
        """
        self.note()
        self._finished = True

    def end(self, message: Message) -> None:
        """Give `message` to everyone who gets when there is nothing else left."""
        self.finish()
        self._end = message
        self._getters.wake_all()

    async def get(self, over: Callable[[], Message | None]) -> Message:
        """Return the next message, waiting for it. `over` may supply one that comes first.

        Raises RuntimeError for a second getter where the server allows one.
        """
        turns = self._profile.ready_turns
        self.note()
        if (instead := over()) is not None:
            return instead
        while True:
            if self._messages:
                message = self._messages.popleft()
                for _ in range(turns):
                    await trio.lowlevel.checkpoint()
                return message
            if self._end is not None:
                return self._end
            if self._profile.one_receiver and self._getters and not self._finished:
                raise RuntimeError(
                    "cannot call recv while another coroutine is already waiting for the next "
                    "message"
                )
            if self._getters:
                waiting = len(self._getters) + 1
                self._world.remark("receivers", connection=self._connection, waiting=waiting)
            await self._getters.park()
            self.note()
            turns = 0
            for _ in range(self._profile.woken_turns):
                await trio.lowlevel.checkpoint()
