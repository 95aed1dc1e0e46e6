"""Scenario + scheduler -> record: builds the world of a scenario, and says what came of it."""

import importlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.websockets import WebSocket

from sim import client, network, runtimes, server
from sim.errors import UserError
from sim.kernel.series import run_once
from sim.kernel.trace import digest
from sim.kernel.world import Job
from sim.model.client import ClientSpec
from sim.model.link import LinkSpec
from sim.model.outcome import Outcome
from sim.model.profiles import profile_named
from sim.model.record import End, Event, Limits
from sim.model.scenario import Clients, Scenario, Wait
from sim.model.schedule import Schedule, Scheduler
from sim.model.script import parse_script
from sim.model.switches import ServerProfile
from sim.model.ticks import from_ms
from sim.model.times import settled
from sim.runs import driver, injections
from sim.runs.driver import SimulatedDriver
from sim.runs.injections import Injector
from sim.runs.judge import judge
from sim.runs.stage import Direct, Rung, Stage, staged
from sim.runtimes.port import ORDERS, Pause, TrioRuntime, has_hop
from sim.schedulers.fifo import Fifo
from sim.server.observed import ObservedWebSocket
from sim.server.older import OlderWebSocket
from sim.sut import chat, state_machine
from sim.sut.chat import Chat
from sim.sut.guards import GUARDS, Guard, own_guard
from sim.sut.modes.factory import factory
from sim.sut.modes.isolated import isolated
from sim.sut.modes.legacy import legacy
from sim.sut.modes.main import main

HELPERS = tuple(
    module.__name__
    for module in (client, network, runtimes, server, chat, state_machine, driver, injections)
)
"""What acts for others: a read or write made there is told with the line that asked for it."""
MODES: Mapping[str, Callable[[Chat], Awaitable[None]]] = {
    "main": main,
    "factory": factory,
    "isolated": isolated,
    "legacy": legacy,
}
WEBSOCKETS: Mapping[str, type[ObservedWebSocket]] = {
    "installed": ObservedWebSocket,
    "before-0.36": OlderWebSocket,
}


@dataclass(frozen=True, slots=True)
class Record:
    """One run: what it was, what was chosen, and what came of it."""

    scenario: Scenario
    schedule: Schedule
    outcome: Outcome
    digest: str
    end: End

    @property
    def events(self) -> tuple[Event, ...]:
        """The trace."""
        return self.end.events


def play(
    scenario: Scenario,
    scheduler: Scheduler | None = None,
    rung: Rung = Rung.ASGI,
    guard: Guard | None = None,
    untimed: bool = False,
) -> Record:
    """Run `scenario` once, in its natural order unless `scheduler` says otherwise.

    guard: somebody's own, for a scenario that names it "module:name". untimed: what clients and
    injections do has no time of its own; when it happens is a choice.
    """
    job = job_for(scenario, scheduler or Fifo(), rung, guard, untimed)
    return record(scenario, run_once(job))


def record(scenario: Scenario, end: End) -> Record:
    """Return what came of a run of `scenario`."""
    return Record(
        scenario=scenario,
        schedule=end.schedule,
        outcome=judge(end, answers_in_events(scenario)),
        digest=digest(end.events),
        end=end,
    )


def answers_in_events(scenario: Scenario) -> bool:
    """Whether each message should be answered by the five events of a chat turn."""
    return scenario.mode == "main" and scenario.handler.sends is None


def job_for(
    scenario: Scenario,
    scheduler: Scheduler,
    rung: Rung = Rung.ASGI,
    guard: Guard | None = None,
    untimed: bool = False,
    profile: ServerProfile | None = None,
) -> Job:
    """Return the world of a resolved scenario, ready to run.

    profile: a server that is not the one that the scenario names.
    """
    return Prepared(scenario, rung, guard, untimed, profile).job(scenario, scheduler)


class Prepared:
    """What the trials of one cell have in common, so that it is made only once."""

    def __init__(
        self,
        scenario: Scenario,
        rung: Rung = Rung.ASGI,
        guard: Guard | None = None,
        untimed: bool = False,
        profile: ServerProfile | None = None,
    ) -> None:
        self._rung = rung
        self._untimed = untimed
        self._guard = guard or guard_named(scenario.guard)
        self._specs = client_specs(scenario.clients, untimed)
        self._profile = profile or profile_named(scenario.server)
        self._limits = Limits(ticks=from_ms(scenario.end_ms), steps=10_000_000)

    def job(self, scenario: Scenario, scheduler: Scheduler) -> Job:
        """Return the world of one trial: `scenario` may differ from the cell's in its times."""
        direct = _director(scenario, self._guard)
        return Job(
            staged(self._rung, direct, self._specs, self._profile, WEBSOCKETS[scenario.starlette]),
            scheduler,
            order=ORDERS[scenario.runtime],
            untimed=self._untimed,
            limits=self._limits,
            helpers=HELPERS,
        )


def _director(scenario: Scenario, guard: Guard) -> Direct:
    """Return what makes the handler of each run."""
    pauses = pauses_of(scenario)
    hop = has_hop(scenario.runtime, scenario.hop)
    mode = MODES[scenario.mode]

    def direct(stage: Stage) -> Callable[[WebSocket], Awaitable[None]]:
        async def handler(websocket: WebSocket) -> None:
            name = websocket.scope["wsrace.connection"]
            injections = [one for one in scenario.injections if one.client == int(name[1:])]
            injector = Injector(SimulatedDriver(stage, name), injections)
            runtime = TrioRuntime(
                stage.world, name, stage.server.nursery, hop, pauses, injector.probe
            )
            chat = Chat(websocket, runtime, guard, scenario.shape, scenario.handler, scenario.setup)
            injector.bind(chat)
            runtime.probe("connecting")
            await mode(chat)

        return handler

    return direct


def pauses_of(scenario: Scenario) -> dict[str, Pause]:
    """Return what the handler awaits at each probe."""
    pauses = {name: _pause(wait) for name, wait in scenario.pauses.items()}
    window_ms = settled(scenario.window_ms)
    if window_ms or scenario.window_hops:
        pauses["validated"] = Pause(scenario.window_hops, from_ms(window_ms))
    return {name: pause for name, pause in pauses.items() if pause.hops or pause.ticks}


def _pause(wait: float | Wait) -> Pause:
    if isinstance(wait, Wait):
        return Pause(wait.hops, from_ms(wait.ms), frozenset(wait.nth))
    return Pause(ticks=from_ms(wait))


def client_specs(clients: Clients, untimed: bool = False) -> list[ClientSpec]:
    """Return the clients that a scenario describes. untimed: their links take no time."""
    up, down = _links(clients, untimed)
    rows = clients.script
    if rows is None:
        messages: list[object] = []
        for number in range(clients.messages):
            messages.append({"send": json.dumps({"type": "chat", "n": number + 1})})
            messages.append({"sleep": from_ms(clients.pause_ms)})
        ends = {"close": {"close": clients.code}, "abort": "rst", "eof": "fin", "silent": "silent"}
        rows = ("connect", {"wait": 1}, *messages, ends[clients.end])
    script = parse_script(rows)
    return [
        ClientSpec(script, start=from_ms(clients.every_ms * number), up=up, down=down)
        for number in range(clients.count)
    ]


def _links(clients: Clients, untimed: bool) -> tuple[LinkSpec, LinkSpec]:
    """Return the links to and from the server."""
    if untimed:
        return LinkSpec(), LinkSpec()
    down_ms = clients.delay_ms if clients.down_ms is None else clients.down_ms
    jitter = from_ms(clients.jitter_ms)
    return (
        LinkSpec(delay=from_ms(clients.delay_ms), jitter=jitter),
        LinkSpec(delay=from_ms(down_ms), jitter=jitter),
    )


def guard_named(name: str) -> Guard:
    """Return a guard of ours. Somebody's own has to be imported by whoever was told to."""
    if name in GUARDS:
        return GUARDS[name]
    raise UserError(f"guard {name!r}: code of your own runs only if you name it: --guard {name}")


def import_guard(name: str) -> Guard:
    """Return the guard "module:name" that a person named. Raises UserError if there is none."""
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever somebody's module raises when it is imported
        what = f"{type(error).__name__}: {error}"
        raise UserError(f"guard {name!r}: cannot import {module_name!r}: {what}") from None
    found = getattr(module, attribute, None)
    if found is None:
        raise UserError(f"guard {name!r}: {module_name!r} has no {attribute!r}")
    try:
        return own_guard(name, found)
    except TypeError as error:
        raise UserError(f"guard {error}") from None
