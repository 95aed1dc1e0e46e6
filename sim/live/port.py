"""The handlers' port on real time: on asyncio and on Trio, with the very calls a product makes.

Nothing here adds a scheduling point: probes and records are plain calls, and what waits is one
await of the library's own.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn, Protocol, TypeVar

import trio

from sim.errors import RefusedOperation
from sim.live.recorder import TASK, Recorder
from sim.model.record import Value
from sim.model.ticks import ms
from sim.runtimes.port import Pause, Pauses

T = TypeVar("T")


class Trigger(Protocol):
    """An event of the runtime's own: who waits runs at the next turn after `set`."""

    def set(self) -> object:
        """Let those that wait go on."""

    def is_set(self) -> bool:
        """Whether `set` has been called."""

    async def wait(self) -> object:
        """Wait for `set`."""


class LivePort(ABC):
    """One connection's port. on_probe: told of every probe, within the handler's own step."""

    def __init__(
        self,
        recorder: Recorder,
        connection: str,
        pauses: Mapping[str, Pause],
        on_probe: Callable[[str], None],
    ) -> None:
        self.connection = connection
        self._recorder = recorder
        self._pauses = Pauses(pauses)
        self._on_probe = on_probe
        self._begun_ms = recorder.elapsed_ms()

    @abstractmethod
    async def sleep(self, ms: float) -> None:
        """Wait for `ms` milliseconds; 0 is one turn."""

    @abstractmethod
    async def turn(self) -> None:
        """Let every other task that is runnable run once."""

    @abstractmethod
    async def receive(
        self, receiving: Callable[[], Awaitable[T]], timeout_ms: float, in_place: bool
    ) -> T:
        """Await `receiving()` for at most `timeout_ms`. Raises TimeoutError."""

    @abstractmethod
    def start(self, run: Callable[[], Awaitable[None]], name: str) -> Any:
        """Start a task; what it raises is recorded and ends nothing else."""

    @abstractmethod
    def cancel(self, task: Any) -> None:
        """Cancel a task started here."""

    @abstractmethod
    def trigger(self) -> Trigger:
        """Return an event of this runtime."""

    @abstractmethod
    async def run(self, handler: Callable[[], Awaitable[None]]) -> None:
        """Run the handler so that `stop` can cancel it; a cancellation is recorded."""

    @abstractmethod
    def stop(self) -> None:
        """Cancel the handler."""

    async def pause(self, probe: str) -> None:
        """Await what is scripted at `probe`."""
        pause = self._pauses.next(probe)
        if pause is not None:
            for _ in range(pause.hops):
                await self.turn()
            if pause.ticks:
                await self.sleep(ms(pause.ticks))

    def now(self) -> float:
        """Return the milliseconds since the handler began."""
        return self._recorder.elapsed_ms() - self._begun_ms

    def log(self, level: str, text: str) -> None:
        """Write a line to the product's log: an event of the trace."""
        self.record("log", level=level, text=text)

    def probe(self, name: str) -> None:
        """Pass a named place: an event, and whatever an injection does there."""
        self.record("probe", at=name)
        self._on_probe(name)

    def note(self, name: str, write: bool) -> None:  # noqa: B027 - nothing to do on any runtime
        """Accesses of shared state are not recorded on real servers."""

    def refuse(self, why: str, error: BaseException | None = None) -> NoReturn:
        """End the handler: what it runs with cannot be judged."""
        raise RefusedOperation(why) from error

    def record(self, kind: str, **values: Value) -> None:
        """Record an event for the checkers."""
        self._recorder.event(kind, connection=self.connection, **values)

    async def _recorded(self, run: Callable[[], Awaitable[None]], name: str) -> None:
        TASK.set(name)
        try:
            await run()
        except Exception as error:
            self.record("task.raised", task=name, error=type(error).__name__)


class AsyncioPort(LivePort):
    """The port on asyncio, whatever this Python's `wait_for` does."""

    _handler: "asyncio.Task[Any] | None" = None

    async def sleep(self, ms: float) -> None:
        """Wait for `ms` milliseconds."""
        await asyncio.sleep(ms / 1000)

    async def turn(self) -> None:
        """Go once round the loop."""
        await asyncio.sleep(0)

    async def receive(
        self, receiving: Callable[[], Awaitable[T]], timeout_ms: float, in_place: bool
    ) -> T:
        """Await as the product does: `wait_for`, or in place `asyncio.timeout`."""
        if in_place:
            async with asyncio.timeout(timeout_ms / 1000):
                return await receiving()
        return await asyncio.wait_for(receiving(), timeout_ms / 1000)

    def start(self, run: Callable[[], Awaitable[None]], name: str) -> "asyncio.Task[None]":
        """Start a task."""
        return asyncio.get_running_loop().create_task(self._recorded(run, name), name=name)

    def cancel(self, task: Any) -> None:
        """Cancel a task started here."""
        task.cancel()

    def trigger(self) -> asyncio.Event:
        """Return an asyncio.Event."""
        return asyncio.Event()

    async def run(self, handler: Callable[[], Awaitable[None]]) -> None:
        """Run the handler in this task; a cancellation goes on to the server."""
        self._handler = asyncio.current_task()
        try:
            await handler()
        except asyncio.CancelledError:
            self.record("app.cancelled")
            raise

    def stop(self) -> None:
        """Cancel the handler's task."""
        if self._handler is not None:
            self._handler.cancel()


class TrioPort(LivePort):
    """The port on Trio. nursery: where tasks are started; it outlives the connection."""

    def __init__(self, *args: Any, nursery: trio.Nursery) -> None:
        super().__init__(*args)
        self._nursery = nursery
        self._scope = trio.CancelScope()

    async def sleep(self, ms: float) -> None:
        """Wait for `ms` milliseconds."""
        await trio.sleep(ms / 1000)

    async def turn(self) -> None:
        """Pass one checkpoint."""
        await trio.lowlevel.checkpoint()

    async def receive(
        self, receiving: Callable[[], Awaitable[T]], timeout_ms: float, in_place: bool
    ) -> T:
        """Await with the timeout around the receive, which is all that Trio has."""
        with trio.move_on_after(timeout_ms / 1000):
            return await receiving()
        raise TimeoutError

    def start(self, run: Callable[[], Awaitable[None]], name: str) -> trio.CancelScope:
        """Start a task."""
        scope = trio.CancelScope()

        async def task() -> None:
            with scope:
                await self._recorded(run, name)

        self._nursery.start_soon(task, name=name)
        return scope

    def cancel(self, task: Any) -> None:
        """Cancel a task started here."""
        task.cancel()

    def trigger(self) -> trio.Event:
        """Return a trio.Event."""
        return trio.Event()

    async def run(self, handler: Callable[[], Awaitable[None]]) -> None:
        """Run the handler in a scope of its own."""
        try:
            with self._scope:
                await handler()
        except trio.Cancelled:
            self.record("app.cancelled")
            raise
        if self._scope.cancelled_caught:
            self.record("app.cancelled")

    def stop(self) -> None:
        """Cancel the handler's scope."""
        self._scope.cancel()
