"""How injections reach a connection of a real server, as the truth was measured.

What a client does is written within the handler's own step: the bytes are in the kernel before its
next statement, and the server's loop has not read them. What the server does is done by a task that
has waited since the connection began; the probe sets its event, so that it runs at the handler's
next turn.
"""

import threading
from collections.abc import Callable
from typing import Any

from sim.errors import UserError
from sim.live.client import LiveClient
from sim.live.port import LivePort
from sim.live.stacks import Stack
from sim.model.profiles import closes_each
from sim.model.record import Value
from sim.model.scenario import Scenario
from sim.runs.injections import Act


def refuse_impossible(scenario: Scenario, stack: Stack) -> None:
    """Raise UserError for each injection that no real server, or not this one, can do."""
    faults = []
    for number, injection in enumerate(scenario.injections):
        if injection.do == "failing-send":
            why = "a real server fails a send only for a reason: use client-abort or client-close"
        elif injection.do == "server-shutdown" and not closes_each(stack.row):
            why = f"{stack.name} has no shutdown of one connection; uvicorn has"
        else:
            continue
        faults.append(f"injections.{number}.do: {injection.do} cannot be done live: {why}")
    if faults:
        raise UserError(*faults)


class LiveDriver:
    """Acts on one connection. `port` is given once there is one."""

    port: LivePort

    def __init__(self, client: LiveClient, shut_down: Callable[[], None]) -> None:
        self.client = client
        """The client at the other end."""
        self.shut_down = shut_down
        """Ends the connection as the server's shutdown does."""
        self.settled = threading.Event()
        """Set when the handler has ended and nothing is armed any more."""
        self._waiting: list[Any] = []
        self._acting: list[Any] = []
        self._armed = 0
        self._ended = False

    def record(self, kind: str, /, **values: Value) -> None:
        """Add an event of this connection to the trace."""
        self.port.record(kind, **values)

    def now_ms(self) -> float:
        """Return 0: on a real server times count from the handler's beginning."""
        return 0.0

    def wait(self, name: str, delay_ms: float, by_client: bool) -> Act:
        """Return what waits for the delay; all tasks are the server's here."""

        async def due() -> None:
            if delay_ms > 0:
                await self.port.sleep(delay_ms)

        return due

    async def sleep(self, ms: float) -> None:
        """Wait for `ms` milliseconds."""
        await self.port.sleep(ms)

    async def turn(self) -> None:
        """Let every other task that is runnable run once."""
        await self.port.turn()

    def arm(self, act: Act, name: str, by_client: bool) -> None:
        """Start a task; `settled` waits for it."""

        async def counted() -> None:
            try:
                await act()
            finally:
                self._armed -= 1
                self._settle()

        self._armed += 1
        self.start(counted, name)

    def start(self, act: Act, name: str) -> None:
        """Start a task."""
        self._acting.append(self.port.start(act, name))

    def prepare(self, act: Act, name: str) -> Callable[[], None]:
        """Start a task that waits; return what lets it run."""
        trigger = self.port.trigger()

        async def wait() -> None:
            if not trigger.is_set():  # set before this task began: Trio's wait would take a turn
                await trigger.wait()
            await act()

        task = self.port.start(wait, name)
        self._waiting.append(task)

        def let_run() -> None:
            self._waiting.remove(task)
            self._acting.append(task)
            trigger.set()

        return let_run

    def fail_next_send(self) -> None:
        """Refuse: see `refuse_impossible`."""
        raise NotImplementedError("a real server fails a send only for a reason")

    # -- for the connection --------------------------------------------------------------------

    def handler_ended(self) -> None:
        """Cancel what still waits for its probe."""
        for task in self._waiting:
            self.port.cancel(task)
        self._waiting.clear()
        self._ended = True
        self._settle()

    def over(self) -> None:
        """Cancel everything: the run has ended."""
        for task in self._acting:
            self.port.cancel(task)

    def _settle(self) -> None:
        if self._ended and not self._armed:
            self.settled.set()
