"""One trial on a real server: clients and connections, how long to wait, and the judgement."""

import time
from dataclasses import dataclass

from sim.live.client import LiveClient
from sim.live.connection import LiveConnection
from sim.live.hosts import Host
from sim.live.recorder import Recorder
from sim.model.client import ClientSpec
from sim.model.outcome import Outcome
from sim.model.record import End, Ending, Event
from sim.model.scenario import Scenario
from sim.model.script import Do
from sim.model.ticks import ms
from sim.model.times import require_number
from sim.runs.judge import judge
from sim.runs.specs import answers_in_events, client_specs, pauses_of
from sim.sut.guards import Guard

_BEYOND_MS = 10_000.0
"""What a trial may take beyond the waits of its scenario: a busy machine is no hang."""
_AFTER_S = 1.0
"""How long clients and injections may go on when the handlers have ended."""


@dataclass(frozen=True, slots=True)
class LiveRun:
    """One trial: what came of it, its trace, and the handler's time in milliseconds."""

    outcome: Outcome
    events: tuple[Event, ...]
    ms: float


class Trial:
    """One trial of a scenario. connections: by the path that their clients ask for.

    stuck: whether a handler has not ended although it was cancelled.
    """

    def __init__(
        self, scenario: Scenario, guard: Guard, address: tuple[str, int], path: str
    ) -> None:
        self._scenario = scenario
        self._specs = client_specs(scenario.clients)
        self._recorder = Recorder()
        self._clients: list[LiveClient] = []
        self.stuck = False
        self.connections: dict[str, LiveConnection] = {}
        for number, spec in enumerate(self._specs, 1):
            name = f"c{number}"
            client = LiveClient(self._recorder, name, spec, address, f"{path}/{name}")
            self._clients.append(client)
            self.connections[f"{path}/{name}"] = LiveConnection(
                self._recorder, client, scenario, guard
            )

    def play(self, host: Host, limit_ms: float | None) -> LiveRun:
        """Let the clients loose on the server; judge what happens within the time limit."""
        connections = list(self.connections.values())
        limit_s = (patience_ms(self._scenario, self._specs) if limit_ms is None else limit_ms) / 1e3
        until = time.monotonic() + limit_s
        try:
            for client in self._clients:
                client.start()
            in_time = self._wait(connections, until)
            events = self._recorder.close()
        finally:
            self._end(host, connections)
        return self._judged(events, in_time, max(one.ms for one in connections))

    def _wait(self, connections: list[LiveConnection], until: float) -> bool:
        """Wait until handlers and clients have ended; return whether the handlers were in time.

        A handler whose client has ended without reaching it will never begin.
        """
        for client, connection in zip(self._clients, connections, strict=True):
            while not connection.ended.wait(0.05):
                if time.monotonic() >= until:
                    return False
                if client.finished(0) and not connection.began.wait(_AFTER_S):
                    break
        after = min(until, time.monotonic() + _AFTER_S)
        for connection in connections:
            connection.settle(max(0.0, after - time.monotonic()))
        for client in self._clients:
            client.finished(max(0.0, after - time.monotonic()))
        return True

    def _end(self, host: Host, connections: list[LiveConnection]) -> None:
        """End what still runs, on both sides."""
        for client in self._clients:
            client.stop()
        for connection in connections:
            if connection.began.is_set() and not connection.ended.wait(_AFTER_S):
                host.call(connection.stop)
                self.stuck = not connection.ended.wait(_AFTER_S) or self.stuck
            host.call(connection.over)
        for client in self._clients:
            client.finished(_AFTER_S)

    def _judged(self, events: tuple[Event, ...], in_time: bool, ms: float) -> LiveRun:
        end = End(
            ending=Ending.COMPLETED if in_time else Ending.TIME_LIMIT,
            tick=events[-1].tick if events else 0,
            steps=0,
            schedule=(),
            events=events,
        )
        return LiveRun(judge(end, answers_in_events(self._scenario)), events, ms)


def patience_ms(scenario: Scenario, specs: list[ClientSpec]) -> float:
    """Return how long a trial may take: all that its scenario waits for once, and 10 s."""
    handler, setup = scenario.handler, scenario.setup
    waits = [handler.receive_timeout_ms, handler.poll_ms, handler.work_ms * 5, *handler.retry_ms]
    waits += map(require_number, (setup.authentication_ms, setup.manager_ms, setup.services_ms))
    for injection in scenario.injections:
        waits += [require_number(injection.delay_ms), require_number(injection.time_ms or 0)]
        waits.append(injection.each_ms * len(injection.to))
    rounds = 2
    ticks = max(map(_ticks_of_script, specs))
    waits.append(ms(ticks))
    rounds += sum(action.do is Do.SEND for action in specs[0].script)
    pauses = sum(pause.ticks for pause in pauses_of(scenario).values())
    waits.append(ms(rounds * pauses))
    return min(scenario.end_ms, sum(waits) + _BEYOND_MS)


def _ticks_of_script(spec: ClientSpec) -> int:
    return spec.start + sum(int(a.value or 0) for a in spec.script if a.do is Do.SLEEP)
