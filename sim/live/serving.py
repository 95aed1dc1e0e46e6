"""Starts a real server in this process and runs scenarios on it."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from sim.errors import WsraceError, leaves
from sim.live.connection import LiveConnection
from sim.live.driver import refuse_impossible
from sim.live.hosts import Host
from sim.live.stacks import Stack
from sim.live.thread import ServerThread, quiet
from sim.live.trial import LiveRun, Trial
from sim.model.scenario import Scenario
from sim.runs.own import guard_named
from sim.server.serve import describe
from sim.sut.guards import Guard

_ATTEMPTS = 3
"""How often a trial is begun, where the server itself breaks down during it."""
_DYING_S = 1.0
"""How long a server that breaks down may take from its handlers' cancellation to its end."""


class Endpoint:
    """The application behind the route: each path belongs to one connection of one trial."""

    host: Host

    def __init__(self) -> None:
        self.connections: dict[str, LiveConnection] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the connection that the path names; refuse any other."""
        connection = self.connections.pop(scope["path"], None)
        if connection is None:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await connection.serve(self.host, scope, receive, send)


class LiveServer:
    """A server that runs. `run` plays scenarios on it, one trial at a time.

    breakdowns: what the server itself has raised, one line each. hypercorn 0.18 on Trio breaks down
    when a client's close meets its own (trio/tcp_server.py: `_close` sends without the lock); it is
    then started anew, and the trial repeated.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.breakdowns: list[str] = []
        self._stuck = False
        self._endpoint = Endpoint()
        self._app = Starlette(routes=[WebSocketRoute("/ws/{trial}/{client}", self._endpoint)])
        self._numbers = itertools.count(1)
        self._thread: ServerThread | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where the server listens."""
        assert self._thread is not None, "it has been started"
        return self._thread.address

    def start(self) -> None:
        """Start the server and wait until it answers. Raises WsraceError if it does not."""
        self._thread = ServerThread(self.stack, self._app)
        self._endpoint.host = self._thread.host
        self._thread.start()
        self._thread.wait_until_it_answers()

    def stop(self) -> None:
        """End the server. Raises WsraceError if a handler prevents that."""
        if self._thread is not None:
            self._thread.end()

    def run(
        self,
        scenario: Scenario,
        trials: int = 1,
        guard: Guard | None = None,
        limit_ms: float | None = None,
    ) -> list[LiveRun]:
        """Run a resolved scenario `trials` times and return what came of each.

        The stack says what it runs on, whatever runtime and server the scenario names; links have
        the delays that they have. guard: somebody's own, for a scenario that names it
        "module:name". limit_ms: a trial that takes longer is `time_up`; by default the time that
        its waits can take, and 3 s. Raises UserError for what cannot be done on a real server,
        WsraceError if the server breaks down again and again, or the handler of an earlier trial
        does not end.
        """
        refuse_impossible(scenario, self.stack)
        guard = guard or guard_named(scenario.guard)
        return [self._trial(scenario, guard, limit_ms) for _ in range(trials)]

    def _trial(self, scenario: Scenario, guard: Guard, limit_ms: float | None) -> LiveRun:
        for _ in range(_ATTEMPTS):
            run = self._attempt(scenario, guard, limit_ms)
            if not self._broke_down(run):
                return run
        raise WsraceError(f"{self.stack.name} breaks down: {self.breakdowns[-1]}")

    def _broke_down(self, run: LiveRun) -> bool:
        """Return whether the server has broken down; then there is a new one."""
        assert self._thread is not None, "it has been started"
        if not run.outcome.time_up and any(event.kind == "app.cancelled" for event in run.events):
            self._thread.join(_DYING_S)  # who else would cancel a handler
        if self._thread.is_alive():
            return False
        self.breakdowns.append(_why(self._thread.error))
        self.start()
        return True

    def _attempt(self, scenario: Scenario, guard: Guard, limit_ms: float | None) -> LiveRun:
        if self._stuck:
            raise WsraceError(f"{self.stack.name}: the handler of an earlier trial does not end")
        trial = Trial(scenario, guard, self.address, f"/ws/{next(self._numbers)}")
        self._endpoint.connections.update(trial.connections)
        try:
            return trial.play(self._endpoint.host, limit_ms)
        finally:
            self._stuck = trial.stuck
            self._endpoint.connections.clear()


@contextmanager
def serving(stack: Stack) -> Iterator[LiveServer]:
    """Serve `stack` on 127.0.0.1 until the block is left, in a thread of its own.

    Raises WsraceError if the server does not start, or does not end.
    """
    server = LiveServer(stack)
    with quiet():
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _why(error: BaseException | None) -> str:
    """Return the innermost reason in one line."""
    if isinstance(error, BaseExceptionGroup):
        error = leaves(error)[0]
    return "no reason" if error is None else describe(error)
