"""Somebody's own handler as a subject.

The handler gets Starlette's WebSocket and nothing else, and runs on Trio. Of the scenario it meets
the clients, the server, the order of the runtime, the end, and the injections that have a time: it
has none of our probes, no window and no state machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from inspect import isawaitable
from typing import Any, Self

from starlette.websockets import WebSocket

from sim.errors import RefusedOperation, UserError, leaves
from sim.files.recorded import Times
from sim.kernel.lines import OwnCode, code_of, raised_at
from sim.kernel.refuse import ASYNCIO, refusal
from sim.kernel.world import Job, World
from sim.model.client import ClientSpec
from sim.model.outcome import Outcome, class_named
from sim.model.plain import printable
from sim.model.record import End, Ending, Event, Limits
from sim.model.scenario import Scenario, Setup
from sim.model.script import Do
from sim.model.ticks import from_ms
from sim.runs.injections import KINDS
from sim.runs.judge import judge
from sim.runs.own import OwnHandler, may_run_own_code
from sim.runs.scenario import STATES, ScenarioSubject, injector_for
from sim.runs.source import source_of
from sim.runs.specs import client_specs
from sim.runs.stage import Direct, Stage
from sim.runtimes.port import TrioRuntime
from sim.server.observed import CONNECTION, every_websocket_observed
from sim.server.serve import Handler, describe
from sim.sut.chat import Chat
from sim.sut.classify import classify
from sim.sut.guards import GUARDS

MODULO = "modulo instrumentation: the handler may keep state of its own"
_NO_LOOP = "no running event loop"
"""What asyncio's own functions raise where no loop of theirs runs (asyncio/events.py)."""
_STEPS = 20_000
"""More steps than that in one run are taken for a loop that never waits."""


@dataclass(frozen=True, slots=True)
class HandlerSubject(ScenarioSubject):
    """A handler that is not ours, served by the server of a scenario for its clients."""

    own: OwnHandler | None = None

    @property
    def handler(self) -> OwnHandler:
        """The handler."""
        assert self.own is not None, "a handler of somebody's own is what this is about"
        return self.own

    @property
    def label(self) -> str:
        """The handler that was asked about."""
        return self.handler.name

    @property
    def checker(self) -> str:
        """Who looks at states: the handler itself."""
        return "handler"

    @property
    def lanes(self) -> tuple[str, ...]:
        """Both states of the WebSocket: nothing else of it is known."""
        return STATES[:2]

    def modules(self) -> dict[str, str] | None:
        """Return where the module of the handler lies; None if it is to be had only here."""
        file = self.handler.file
        return {self.handler.name.partition(":")[0]: file} if file else None

    @property
    def has_own_code(self) -> bool:
        """Whether somebody's own code runs in it."""
        return True

    def options(self) -> list[str]:
        """Return the option that lets the handler be imported."""
        return ["--handler", self.label]

    def words(self) -> str:
        """Return scenario, handler and runtime."""
        name = self.scenario.name or "a scenario"
        return printable(f"{name}, handler {self.label}, runtime {self.scenario.runtime}")

    def judge(self, end: End) -> Outcome:
        """Return what a run came to; a message counts as received when the application gets it.

        Raises NoAnswer if it says nothing about the handler.
        """
        received = tuple(
            Event(event.tick, event.task, "received", event.values)
            if event.kind == "asgi.receive" and event.values["type"] == "websocket.receive"
            else event
            for event in end.events
        )
        return judge(replace(end, events=received))

    def variants(self, times: Times) -> tuple[Self, ...]:
        """Return the subject once for each combination of its listed times.

        Raises UserError for what a scenario cannot ask of a handler that is not ours.
        """
        faults = []
        for index, injection in enumerate(self.scenario.injections):
            if injection.at is not None:
                faults.append(
                    f"injections.{index}.at: {injection.at!r} is a probe of our handler; give the "
                    "injection a time_ms to meet yours"
                )
            if injection.do == "state-change":
                faults.append(f"injections.{index}.do: your handler has no state machine of ours")
        if faults:
            raise UserError(*faults)
        met = self.scenario.model_copy(update={"window_ms": 0, "setup": Setup()})
        return super(HandlerSubject, replace(self, scenario=met)).variants(times)

    def others(self) -> Iterator[ScenarioSubject]:
        """Yield nothing: a handler has no guards of ours."""
        return iter(())

    def told(self) -> dict[str, Any]:
        """Return what tokens and files keep of it, as plain data."""
        told = super(HandlerSubject, self).told()
        own = self.handler
        return {
            **told,
            "handler": own.name,
            "factory": own.factory,
            "handler_source": source_of(own.name),
        }

    def refuses(self, prop: str) -> str:
        """Return why a property cannot be asked, "" if it can."""
        if prop != "completes":
            return ""
        return "property: 'completes' is about our chat turns, not about your handler"

    def caveats(self) -> list[str]:
        """Return what a complete verdict does not see."""
        return [MODULO]

    def is_check(self, where: str) -> bool:
        """Whether a line reads a state by itself, and not a library for it."""
        return bool(where) and not where.startswith(("sim.", "starlette"))

    def acts_for(self, task: str, handler: str) -> bool:
        """Whether a task is the handler or one that it started; injections are none of these."""
        if not task.startswith(f"{handler}/"):
            return task == handler
        child = task.removeprefix(f"{handler}/").partition("/")[0].partition("#")[0]
        return child.removeprefix("server-") not in (*KINDS, "timer")

    # -- for `Prepared` ------------------------------------------------------------------------

    def direct(self, scenario: Scenario) -> Direct:
        """Return what makes the handler of each run: a factory makes one for each."""
        own, is_own = self.handler, code_of(self.handler.home)

        def make_handler(stage: Stage) -> Handler:
            handler = own.make()

            async def serve(websocket: WebSocket) -> None:
                name = websocket.scope[CONNECTION]
                _inject(stage, name, websocket, scenario)
                try:
                    running = handler(websocket)
                    if not isawaitable(running):
                        stage.world.refuse(_no_handler(own.name, running))
                    await running
                except Exception as error:
                    _note(stage.world, name, error, is_own)
                    raise

            return serve

        return make_handler

    def clients(self) -> list[ClientSpec]:
        """Return the clients; without a script they wait for no greeting as those of ours do."""
        specs = client_specs(self.scenario.clients, self.untimed)
        if self.scenario.clients.script is not None:
            return specs
        return [
            replace(spec, script=tuple(one for one in spec.script if one.do is not Do.WAIT))
            for spec in specs
        ]

    def bounds(self) -> Limits:
        """Return what a run may use up."""
        return Limits(ticks=from_ms(self.scenario.end_ms), steps=_STEPS)

    def complete(self, job: Job) -> Job:
        """Return a job that notes the states of whatever WebSocket the handler makes, and tells its
        own lines from those of libraries.
        """
        program = job.program

        async def observed(world: World) -> None:
            with every_websocket_observed():
                await program(world)

        own = code_of(self.handler.home)
        return replace(job, program=observed, own=own, opaque=may_run_own_code)


def _inject(stage: Stage, name: str, websocket: WebSocket, scenario: Scenario) -> None:
    """Start what happens to the connection `name` at times of its own."""
    injector = injector_for(stage, name, scenario)
    runtime = TrioRuntime(stage.world, name, stage.server.nursery, False, {}, injector.probe)
    ours = (GUARDS["none"], scenario.shape, scenario.handler, scenario.setup)
    injector.bind(Chat(websocket, runtime, *ours))


def _note(world: World, name: str, error: Exception, is_own: OwnCode) -> None:
    """Record what left the handler of the connection `name`: each member of a group for itself.

    A group is a failure iff one of its members is, and is called by the first of them in the order
    of raising, in which a nursery gathers them.
    """
    group = isinstance(error, BaseExceptionGroup)
    members = leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    for member in members:
        if isinstance(member, RuntimeError) and str(member) == _NO_LOOP:
            where = raised_at(member, is_own)
            world.abort(Ending.REFUSED, refusal(ASYNCIO, world.task, where))
    labels = [classify(member) for member in members]
    failing = [index for index, label in enumerate(labels) if class_named(label).failure]
    first = failing[0] if failing else 0
    label = labels[first]
    if group:
        for member, kind in zip(members, labels, strict=True):
            where = raised_at(member, is_own)
            world.event(
                "raised.member", connection=name, outcome=kind, text=describe(member), where=where
            )
        if not failing:
            codes = ",".join(kind.partition("(")[2].rstrip(")") for kind in labels)
            label = f"disconnect_group({codes})"
    where = raised_at(members[first], is_own)
    kind = "raised" if failing else "left"
    world.event(kind, connection=name, outcome=label, text=describe(members[first]), where=where)


def _no_handler(name: str, made: object) -> RefusedOperation:
    """Return the error for something that is no handler: a run of it says nothing."""
    return RefusedOperation(
        f"handler {name}: called with a WebSocket it returned {type(made).__name__}, which cannot "
        "be awaited; expected an async function (or ask for it as a factory of one)"
    )
