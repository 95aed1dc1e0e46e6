"""The port of the handlers on Trio: one object per connection, under the runtime that is named.

asyncio-3.11   wait_for runs the receive in a task of its own: one turn in, two turns back
               (asyncio/tasks.py of 3.11: ensure_future; the done callback, then the waiter)
all others     the timeout runs around the receive (asyncio/timeouts.py; trio.move_on_after)
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import outcome
import trio

from sim.errors import RefusedOperation
from sim.kernel.lines import SOMEBODYS_OWN, place_of, raised_at
from sim.kernel.order import Order
from sim.kernel.waiters import Waiters
from sim.kernel.world import World
from sim.model.names import RuntimeName
from sim.model.ticks import from_ms, ms, seconds

T = TypeVar("T")
ORDERS: Mapping[RuntimeName, Order] = {
    "asyncio-3.11": Order.FIFO,
    "asyncio-3.12": Order.FIFO,
    "trio": Order.BATCH,
    "any-order": Order.ANY,
}
"""What each runtime leaves open of the order of ready tasks."""


def has_hop(runtime: RuntimeName, hop: bool = False) -> bool:
    """Whether a receive with a timeout passes through a task of its own. hop: for any-order."""
    return runtime == "asyncio-3.11" or (runtime == "any-order" and hop)


@dataclass(frozen=True, slots=True)
class Pause:
    """What a handler awaits at a probe: so many turns of the scheduler, then so many ticks.

    nth: at these passings of the probe only; empty: at every one.
    """

    hops: int = 0
    ticks: int = 0
    nth: frozenset[int] = frozenset()


class Pauses:
    """What one connection's handler awaits: counts how often it has passed each probe."""

    def __init__(self, pauses: Mapping[str, Pause]) -> None:
        self._pauses = pauses
        self._passed: dict[str, int] = {}

    def __standing__(self) -> object:
        """Return what of it matters for what is to come (`sim.kernel.state`)."""
        passed = {
            name: min(count, max(self._pauses[name].nth)) for name, count in self._passed.items()
        }
        return self._pauses, passed

    def next(self, probe: str) -> Pause | None:
        """Return what is awaited at this passing of `probe`, None for nothing."""
        pause = self._pauses.get(probe)
        if pause is None or not pause.nth:
            return pause
        count = self._passed[probe] = self._passed.get(probe, 0) + 1
        return pause if count in pause.nth else None


class TrioRuntime:
    """One connection's port. on_probe: told of every probe, within the handler's own step."""

    def __init__(
        self,
        world: World,
        connection: str,
        nursery: trio.Nursery,
        hop: bool,
        pauses: Mapping[str, Pause],
        on_probe: Callable[[str], None],
    ) -> None:
        self.connection = connection
        self._world = world
        self._nursery = nursery
        self._hop = hop
        self._pauses = Pauses(pauses)
        self._on_probe = on_probe

    async def sleep(self, ms: float) -> None:
        """Wait for `ms` milliseconds; 0 is one turn, as in asyncio."""
        await self._world.sleep_until(self._world.tick + from_ms(ms))

    async def pause(self, probe: str) -> None:
        """Await what is scripted at `probe`."""
        pause = self._pauses.next(probe)
        if pause is not None:
            for _ in range(pause.hops):
                await trio.lowlevel.checkpoint()
            if pause.ticks:
                await self._world.sleep_until(self._world.tick + pause.ticks)

    async def receive(
        self, receiving: Callable[[], Awaitable[T]], timeout_ms: float, in_place: bool
    ) -> T:
        """Await `receiving()` for at most `timeout_ms`. Raises TimeoutError."""
        if self._hop and not in_place:
            return await self._wait_for(receiving, timeout_ms)
        with trio.move_on_after(seconds(from_ms(timeout_ms))):
            return await receiving()
        raise TimeoutError

    async def _wait_for(self, receiving: Callable[[], Awaitable[T]], timeout_ms: float) -> T:
        result: list[outcome.Outcome[T]] = []
        done, ended = Waiters(), list[bool]()
        scope = trio.CancelScope()
        shared = f"{self.connection}.wait_for"

        async def child() -> None:
            with scope:
                try:
                    result.append(outcome.Value(await receiving()))
                except Exception as error:  # a cancellation is none of the receive's results
                    result.append(outcome.Error(error))
            await trio.lowlevel.checkpoint()  # the done callbacks run one turn later
            self._world.write(shared)
            ended.append(True)
            done.wake_all()

        self._nursery.start_soon(child, name="wait_for")
        timer = self._world.wake_at(self._world.tick + from_ms(timeout_ms), done)
        try:
            await done.park()
            self._world.write(shared)
            if not ended:
                scope.cancel()
                await done.park()
        finally:
            self._world.drop(timer)
            if not ended:
                scope.cancel()
        if not result:
            raise TimeoutError
        return result[0].unwrap()

    def start(self, run: Callable[[], Awaitable[None]], name: str) -> trio.CancelScope:
        """Start a task; what it raises is recorded, as asyncio logs it, and ends nothing else."""
        scope = trio.CancelScope()

        async def task() -> None:
            with scope:
                try:
                    await run()
                except Exception as error:
                    self.record("task.raised", task=name, error=type(error).__name__)

        self._nursery.start_soon(task, name=name)
        return scope

    def cancel(self, task: Any) -> None:
        """Cancel a task started here."""
        task.cancel()

    def now(self) -> float:
        """Return the virtual time in milliseconds."""
        self._world.reads_time()
        return ms(self._world.tick)

    def log(self, level: str, text: str) -> None:
        """Write a line to the product's log: an event of the trace."""
        self._world.event("log", connection=self.connection, level=level, text=text)

    def probe(self, name: str) -> None:
        """Pass a named place: an event, and whatever an injection does there."""
        self._world.event("probe", connection=self.connection, at=name)
        self._on_probe(name)

    def note(self, name: str, write: bool) -> None:
        """Note a read or a write of named state in the current step."""
        if write:
            self._world.write(name)
        else:
            self._world.read(name)

    def refuse(self, why: str, error: BaseException | None = None) -> NoReturn:
        """End the run without an answer. error: what somebody's own code raised, for its line."""
        where = raised_at(error, SOMEBODYS_OWN) if error is not None else ""
        self._world.refuse(RefusedOperation(f"{why} at {place_of(where)}" if where else why))

    def record(self, kind: str, **values: str | int | bool | None) -> None:
        """Record an event for the checkers."""
        self._world.event(kind, connection=self.connection, **values)
