"""Searches the schedules of somebody's own handler.

The handler gets Starlette's WebSocket and nothing else, and runs on Trio. Of the scenario it meets
the clients, the server, the order of the runtime, the end, and the injections that have a time.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from starlette.websockets import WebSocket, WebSocketDisconnect

from sim.errors import UserError
from sim.exploration.inquiry import Inquiry
from sim.exploration.listed import settled_times
from sim.exploration.verdict import Exploration, Verdict
from sim.kernel.series import run_once, run_search
from sim.kernel.trace import digest
from sim.kernel.world import Job
from sim.model.client import ClientSpec
from sim.model.happens_before import silent_wakes
from sim.model.profiles import profile_named
from sim.model.record import End, Ending, Event, Limits
from sim.model.scenario import Scenario, Setup
from sim.model.schedule import Scheduler
from sim.model.script import Do
from sim.model.ticks import from_ms
from sim.runs.driver import SimulatedDriver
from sim.runs.injections import Injector
from sim.runs.judge import judge
from sim.runs.play import HELPERS, Record, client_specs
from sim.runs.stage import Rung, Stage, staged
from sim.runtimes.port import ORDERS, TrioRuntime
from sim.schedulers.fifo import Fifo
from sim.sut.chat import Chat
from sim.sut.classify import classify
from sim.sut.guards import GUARDS

Handler = Callable[[WebSocket], Awaitable[None]]
MODULO = "modulo instrumentation: the handler may keep state of its own"
_JUDGED = (Ending.COMPLETED, Ending.DEADLOCK, Ending.TIME_LIMIT)
_STEPS = 20_000
"""More steps than that in one run are taken for a loop that never waits."""


def explore_handler(handler: Handler, scenario: Scenario, inquiry: Inquiry) -> Exploration:
    """Search the schedules of `handler` for a run that breaks the property.

    Raises UserError for what a scenario cannot ask of a handler that is not ours.
    """
    settled = _settled(scenario, inquiry)
    job = replace(_job(handler, settled, inquiry), steps=inquiry.strategy == "dpor")
    horizon = len(run_once(job).schedule)
    judged = _Judged(settled, inquiry)
    most = inquiry.most + inquiry.samples
    series = run_search(job, inquiry.search(horizon), judged.add, most)
    bounds = judged.bounds()
    if not series.complete and not (inquiry.first and judged.failing):
        bounds.append(f"cut after {series.runs} schedules")
    complete = series.complete and not bounds and not inquiry.samples
    if inquiry.strategy == "dpor":
        bounds.append(MODULO)
    fine = Verdict.RACE_FREE if complete else Verdict.INCONCLUSIVE
    looked = judged.outcomes.total()
    return Exploration(
        scenario=settled,
        inquiry=inquiry,
        verdict=Verdict.RACY if judged.failing else fine,
        complete=complete,
        scope=inquiry.scope(horizon),
        bound="; ".join(bounds),
        classes=looked if inquiry.strategy == "dpor" else None,
        schedules=series.runs,
        looked=looked,
        failing=judged.failing,
        outcomes=dict(judged.outcomes),
        failure=judged.failure,
    )


def play_handler(
    handler: Handler, scenario: Scenario, inquiry: Inquiry, scheduler: Scheduler
) -> Record:
    """Run `handler` once. Raises UserError as `explore_handler` does."""
    settled = _settled(scenario, inquiry)
    job = _job(handler, settled, inquiry)
    return _record(settled, run_once(job.under(scheduler)))


class _Judged:
    """Judges the runs of a search and keeps count."""

    def __init__(self, scenario: Scenario, inquiry: Inquiry) -> None:
        self._scenario = scenario
        self._inquiry = inquiry
        self._silent: dict[str, None] = {}
        self._ended = ""
        self.outcomes: Counter[str] = Counter()
        self.failing = 0
        self.failure: Record | None = None

    def add(self, end: End) -> bool:
        """Judge one run. Return whether that is enough."""
        for one, other in silent_wakes(end.trace_steps):
            self._silent[f"{one} woke {other} without a recorded write"] = None
        if end.ending not in _JUDGED:  # what one run does, most others will do too
            self._ended = f"a run ended by {end.ending}: {end.error}"
            return True
        found = _record(self._scenario, end)
        self.outcomes[found.outcome.label] += 1
        if self._inquiry.fails(found.outcome):
            self.failing += 1
            if self.failure is None or _cost(found) < _cost(self.failure):
                self.failure = found
        return self._inquiry.first and self.failing > 0

    def bounds(self) -> list[str]:
        """Return what stands in the way of a complete answer."""
        return [*([self._ended] if self._ended else []), *self._silent]


def _cost(found: Record) -> tuple[int, int]:
    return sum(choice.deviates for choice in found.schedule), found.end.steps


def _job(handler: Handler, scenario: Scenario, inquiry: Inquiry) -> Job:
    """Return the world in which `handler` serves the scenario's clients."""

    def direct(stage: Stage) -> Handler:
        async def serve(websocket: WebSocket) -> None:
            name = websocket.scope["wsrace.connection"]
            _inject(stage, name, websocket, scenario)
            try:
                await handler(websocket)
            except WebSocketDisconnect as error:
                stage.world.event("left", connection=name, outcome=classify(error))
                raise
            except Exception as error:
                what, text = classify(error), str(error)
                stage.world.event("raised", connection=name, outcome=what, text=text)
                raise

        return serve

    return Job(
        staged(Rung.ASGI, direct, _clients(scenario, inquiry), profile_named(scenario.server)),
        Fifo(),
        order=ORDERS[scenario.runtime],
        untimed=inquiry.untimed,
        limits=Limits(ticks=from_ms(scenario.end_ms), steps=_STEPS),
        helpers=HELPERS,
    )


def _clients(scenario: Scenario, inquiry: Inquiry) -> list[ClientSpec]:
    """Return the clients; without a script of their own, they wait for no greeting as ours do."""
    specs = client_specs(scenario.clients, inquiry.untimed)
    if scenario.clients.script is not None:
        return specs
    return [
        replace(spec, script=tuple(one for one in spec.script if one.do is not Do.WAIT))
        for spec in specs
    ]


def _inject(stage: Stage, name: str, websocket: WebSocket, scenario: Scenario) -> None:
    """Start what happens to the connection `name` at times of its own."""
    injections = [one for one in scenario.injections if one.client == int(name[1:])]
    injector = Injector(SimulatedDriver(stage, name), injections)
    runtime = TrioRuntime(stage.world, name, stage.server.nursery, False, {}, injector.probe)
    ours = (GUARDS["none"], scenario.shape, scenario.handler, scenario.setup)
    injector.bind(Chat(websocket, runtime, *ours))


def _record(scenario: Scenario, end: End) -> Record:
    """Return what came of a run; a message counts as received when the application gets it."""
    told = tuple(
        Event(event.tick, event.task, "received", event.values)
        if event.kind == "asgi.receive" and event.values["type"] == "websocket.receive"
        else event
        for event in end.events
    )
    outcome = judge(replace(end, events=told))
    return Record(scenario, end.schedule, outcome, digest(end.events), end)


def _settled(scenario: Scenario, inquiry: Inquiry) -> Scenario:
    """Return the scenario with its times settled, if a handler of one's own can meet it."""
    faults = []
    if inquiry.prop == "completes":
        faults.append("property: 'completes' is about our chat turns, not about your handler")
    for index, one in enumerate(scenario.injections):
        if one.at is not None:
            faults.append(
                f"injections.{index}.at: {one.at!r} is a probe of our handler; give the injection "
                "a time_ms to meet yours"
            )
        if one.do == "state-change":
            faults.append(f"injections.{index}.do: your handler has no state machine of ours")
    if faults:
        raise UserError(*faults)
    met = scenario.model_copy(update={"window_ms": 0, "setup": Setup()})
    return only_one(settled_times(met, inquiry))


def only_one(settled: Sequence[Scenario]) -> Scenario:
    """Return the one scenario there is. Raises UserError if listed times make several of it."""
    if len(settled) > 1:
        raise UserError(f"{len(settled)} combinations of listed times: choose one (settings)")
    return settled[0]
