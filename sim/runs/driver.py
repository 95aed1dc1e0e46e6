"""How injections reach a connection of a simulated server."""

from collections.abc import Callable

import trio

from sim.client.base import Client
from sim.kernel.waiters import BY_TIMER, Waiters
from sim.model.record import Value
from sim.model.ticks import from_ms, ms
from sim.runs.injections import Act
from sim.runs.stage import Stage
from sim.server.connection import ServerConnection


class SimulatedDriver:
    """Acts on the connection `name` of a stage."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self._name = name

    @property
    def client(self) -> Client:
        """The client at the other end."""
        return self._stage.clients[self._name]

    @property
    def _connection(self) -> ServerConnection:
        return self._stage.server.connections[self._name]

    def record(self, kind: str, /, **values: Value) -> None:
        """Add an event of this connection to the trace."""
        self._stage.world.event(kind, connection=self._name, **values)

    def now_ms(self) -> float:
        """Return the virtual time."""
        return ms(self._stage.world.tick)

    def wait(self, name: str, delay_ms: float, by_client: bool) -> Act:
        """Return what waits for the delay, or for any moment where the outside has no time."""
        world = self._stage.world
        if world.job.untimed and not by_client:
            return self._whenever(f"{self._name}.{name}.due")

        async def due() -> None:
            due = world.tick + from_ms(delay_ms)
            if not world.come(due):
                await world.sleep_until(due)

        return due

    def _whenever(self, state: str) -> Act:
        """Return what waits for a timer of the server's that is due at any time from now on."""
        world, waiters = self._stage.world, Waiters()
        past = False

        async def trigger() -> None:
            nonlocal past
            world.write(state)
            past = True
            waiters.wake_all(BY_TIMER)

        async def due() -> None:
            world.write(state)
            if not past:
                await waiters.park()

        with world.outside():
            self._stage.server.nursery.start_soon(trigger, name="timer")
        return due

    async def sleep(self, ms: float) -> None:
        """Wait for `ms` milliseconds."""
        world = self._stage.world
        await world.sleep_until(world.tick + from_ms(ms))

    async def turn(self) -> None:
        """Pass one checkpoint."""
        await trio.lowlevel.checkpoint()

    def arm(self, act: Act, name: str, by_client: bool) -> None:
        """Start a task of the side that acts."""
        if by_client:
            with self._stage.world.outside():
                self._stage.server.nursery.start_soon(act, name=name)
        else:
            self._stage.server.nursery.start_soon(act, name=name)

    def start(self, act: Act, name: str) -> None:
        """Start a task of the server's, even if the client's side has just acted."""
        with self._stage.world.inside():
            self._stage.server.nursery.start_soon(act, name=name)

    def prepare(self, act: Act, name: str) -> Callable[[], None]:
        """Return what starts the task: here one that is new runs as soon as one that waited."""
        return lambda: self.start(act, name)

    def shut_down(self) -> None:
        """End the connection as the server's shutdown does."""
        self._connection.shutdown()

    def fail_next_send(self) -> None:
        """Let the next send of the application fail."""
        self._connection.fail_next_send()
