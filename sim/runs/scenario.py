"""Our scenarios as a subject: how their worlds are made, and what has to be said of them."""

import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from starlette.websockets import WebSocket

from sim import client, network, runtimes, server
from sim.files.recorded import Times, plain_scenario
from sim.kernel.world import Job
from sim.model.client import ClientSpec
from sim.model.engine import Job as AnyJob
from sim.model.outcome import Outcome
from sim.model.plain import printable
from sim.model.profiles import profile_named
from sim.model.record import End, Limits
from sim.model.scenario import Scenario
from sim.model.schedule import Scheduler
from sim.model.switches import OnSend, ServerProfile
from sim.model.ticks import from_ms
from sim.runs import driver, injections
from sim.runs.driver import SimulatedDriver
from sim.runs.injections import Injector
from sim.runs.judge import judge, standing
from sim.runs.own import OwnHandler, guard_named, may_run_own_code
from sim.runs.smaller import smaller_scenarios
from sim.runs.source import source_of
from sim.runs.specs import answers_in_events, client_specs, pauses_of
from sim.runs.stage import Direct, Fidelity, Stage, stage_program
from sim.runs.subject import Unit
from sim.runs.times import InjectionTime, injection_times, list_times
from sim.runtimes.port import ORDERS, TrioRuntime, has_hop
from sim.server.observed import CONNECTION, ObservedWebSocket
from sim.server.older import OlderWebSocket
from sim.sut import chat, loop, state_machine
from sim.sut.chat import Chat
from sim.sut.guards import GUARDS, Guard
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
STATES = ("client_state", "application_state", "machine")
"""What guards read of a connection."""
_STEPS = 10_000_000
"""A run of ours ends by its time; so many steps are a fault."""
_WIRE = "at fidelity wire locks of the libraries are not recorded: never complete"


@dataclass(frozen=True, slots=True)
class ScenarioSubject:
    """A scenario under its guard, with the handler of ours that its mode names."""

    scenario: Scenario
    fidelity: Fidelity = Fidelity.ASGI
    guard: Guard | None = None
    """Somebody's own, for a scenario that names it "module:name"."""
    untimed: bool = False
    """Whether what the outside world does has no time of its own."""
    tellable: bool = True
    """Whether its names are all that another process needs to run it again."""
    profile: ServerProfile | None = None
    """A server that is not the one that the scenario names."""

    @property
    def label(self) -> str:
        """The guard that was asked about."""
        return self.scenario.guard

    @property
    def handler(self) -> OwnHandler | None:
        """Somebody's own handler: none here."""
        return None

    @property
    def checker(self) -> str:
        """Who looks at states: the guard."""
        return "guard"

    @property
    def lanes(self) -> tuple[str, ...]:
        """Both states of the WebSocket, and the application's state machine."""
        return STATES

    def modules(self) -> dict[str, str] | None:
        """Return where the module of somebody's own guard lies; None if that is not known."""
        if self.guard is None:
            return {}
        name = self.label.partition(":")[0]
        file = getattr(sys.modules.get(name), "__file__", None)
        return {name: file} if file and self.tellable else None

    @property
    def has_own_code(self) -> bool:
        """Whether somebody's own guard runs in it."""
        return self.guard is not None

    def options(self) -> list[str]:
        """Return the option that lets somebody's own guard be imported."""
        return ["--guard", self.label] if self.guard is not None else []

    def words(self) -> str:
        """Return scenario, guard and runtime."""
        name = self.scenario.name or "a scenario"
        return printable(f"{name}, guard {self.label}, runtime {self.scenario.runtime}")

    def job(self, scheduler: Scheduler) -> AnyJob:
        """Return the world of the scenario, whose times are settled."""
        return self.prepare().job(self.scenario, scheduler)

    def prepare(self) -> "Prepared":
        """Return what its runs have in common."""
        return Prepared(self)

    def judge(self, end: End) -> Outcome:
        """Return what a run came to. Raises NoAnswer if it says nothing about the handler."""
        return judge(end, answers_in_events(self.scenario))

    def variants(self, times: Times) -> tuple[Self, ...]:
        """Return the subject once for each combination of its listed times. Raises UserError."""
        untimed = times == "all"
        return tuple(
            replace(self, scenario=settled, untimed=untimed)
            for settled in list_times(self.scenario, untimed)
        )

    def smaller(self) -> Iterator[Self]:
        """Yield subjects that are smaller in one respect."""
        for scenario in smaller_scenarios(self.scenario):
            yield replace(self, scenario=scenario)

    def moments(self) -> Iterator["ScenarioMoment"]:
        """Yield the times and turns of its injections; none where they have no time."""
        for place in () if self.untimed else injection_times(self.scenario):
            yield ScenarioMoment(self, place)

    def others(self) -> Iterator["ScenarioSubject"]:
        """Yield the same under guards of ours that hold where it may not, the likest first."""
        for guard in GUARDS.values():
            if guard.robust and guard.name != self.scenario.guard:
                changed = self.scenario.model_copy(update={"guard": guard.name})
                yield replace(self, scenario=changed, guard=None)

    def limits(self) -> list[str]:
        """Return why no search is complete: at fidelity wire the libraries' locks."""
        return [_WIRE] if self.fidelity is Fidelity.WIRE else []

    def caveats(self) -> list[str]:
        """Return what a complete verdict does not see: what somebody's own guard keeps."""
        if self.guard is None:
            return []
        return [f"modulo instrumentation: {self.label} may keep state of its own"]

    def told(self) -> dict[str, Any]:
        """Return what tokens and files keep of it, as plain data."""
        return {
            "fidelity": str(self.fidelity),
            "scenario": plain_scenario(self.scenario),
            "times": "all" if self.untimed else "fixed",
            "guard_source": source_of(self.scenario.guard),
        }

    def refuses(self, prop: str) -> str:
        """Return why a property cannot be asked, "" if it can."""
        return ""

    def is_check(self, where: str) -> bool:
        """Whether a line is the loop's own, or somebody's guard."""
        return where.startswith(f"{loop.__name__}:") or not where.startswith(("sim.", "starlette"))

    def acts_for(self, task: str, handler: str) -> bool:
        """Whether a task is the handler or a wait_for of its; injections have children's names."""
        return task == handler or task.startswith(f"{handler}/wait_for")

    def silence(self) -> str:
        """Return why a send tells nothing, where that is so."""
        if profile_named(self.scenario.server).send_closed is not OnSend.SILENT:
            return ""
        return f"a send of {self.scenario.server} returns silently when the client has gone"

    # -- for `Prepared` ------------------------------------------------------------------------

    def direct(self, scenario: Scenario) -> Direct:
        """Return what makes the handler of each run of a trial: of the scenario, times settled."""
        return _director(scenario, self.guard or guard_named(scenario.guard))

    def clients(self) -> list[ClientSpec]:
        """Return the clients."""
        return client_specs(self.scenario.clients, self.untimed)

    def bounds(self) -> Limits:
        """Return what a run may use up."""
        return Limits(ticks=from_ms(self.scenario.end_ms), steps=_STEPS)

    def complete(self, job: Job) -> Job:
        """Return a job with what is special about the subject."""
        if self.guard is not None:
            return replace(job, opaque=may_run_own_code)
        # On the wire libraries keep what is not reached from the tasks.
        return replace(job, standing=standing) if self.fidelity is Fidelity.ASGI else job


@dataclass(frozen=True, slots=True)
class ScenarioMoment:
    """When an injection of a scenario comes."""

    subject: ScenarioSubject
    place: InjectionTime

    @property
    def what(self) -> str:
        """What the injection does."""
        return self.place.what

    @property
    def unit(self) -> Unit:
        """Whether it is a time or a number of turns."""
        return self.place.unit

    @property
    def value(self) -> float:
        """The moment."""
        return self.place.value

    def moved(self, value: float) -> ScenarioSubject | None:
        """Return the subject with another moment there, None if that cannot be."""
        scenario = self.place.moved(value)
        return None if scenario is None else replace(self.subject, scenario=scenario)


class Prepared:
    """What the trials of one cell have in common, so that it is made only once."""

    def __init__(self, subject: ScenarioSubject) -> None:
        self._subject = subject
        self._clients = subject.clients()
        self._profile = subject.profile or profile_named(subject.scenario.server)
        self._limits = subject.bounds()
        if subject.handler is None and subject.guard is None:
            guard_named(subject.scenario.guard)  # nothing is run for a guard that is nowhere

    def job(self, scenario: Scenario, scheduler: Scheduler) -> Job:
        """Return the world of one trial: `scenario` may differ from the cell's in its times."""
        subject = self._subject
        job = Job(
            stage_program(
                subject.fidelity,
                subject.direct(scenario),
                self._clients,
                self._profile,
                WEBSOCKETS[scenario.starlette],
            ),
            scheduler,
            order=ORDERS[scenario.runtime],
            untimed=subject.untimed,
            limits=self._limits,
            helpers=HELPERS,
        )
        return subject.complete(job)


def _director(scenario: Scenario, guard: Guard) -> Direct:
    """Return what makes the handler of each run."""
    pauses = pauses_of(scenario)
    hop = has_hop(scenario.runtime, scenario.hop)
    mode = MODES[scenario.mode]

    def direct(stage: Stage) -> Callable[[WebSocket], Awaitable[None]]:
        async def handler(websocket: WebSocket) -> None:
            name = websocket.scope[CONNECTION]
            injector = injector_for(stage, name, scenario)
            runtime = TrioRuntime(
                stage.world, name, stage.server.nursery, hop, pauses, injector.probe
            )
            chat = Chat(websocket, runtime, guard, scenario.shape, scenario.handler, scenario.setup)
            injector.bind(chat)
            runtime.probe("connecting")
            await mode(chat)

        return handler

    return direct


def injector_for(stage: Stage, name: str, scenario: Scenario) -> Injector:
    """Return what does the injections of the connection `name`."""
    own = [one for one in scenario.injections if one.client == int(name[1:])]
    return Injector(SimulatedDriver(stage, name), own)
