"""Scenarios: everything about a run that is not a choice. Frozen data, checked when it is made.

Times are in milliseconds (`_ms`). A time that differs from trial to trial is a `Draw`; `resolve`
replaces it by a number, so that what is stored with a run is always fixed.
"""

from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from sim.errors import UserError
from sim.model.names import GUARDS, Event, Mode, Probe, RuntimeName, Shape, State
from sim.model.profiles import DEFAULT_PROFILE, PROFILES, profile_named
from sim.model.script import parse_script
from sim.model.stacks import counterfactual
from sim.model.times import Draw, NotNegative, Table, Time, draw_number

Hops = Annotated[int, Field(ge=0, le=1000)]
Expected = Literal["none", "some", "all", "race-free", "racy"]
"""How many trials fail in a sweep, or what a search of the schedules comes to."""
Starlette = Literal["installed", "before-0.36"]
"""Whose `send`: the installed Starlette's, or one that does not convert errors."""
NEVER_AWAITED: tuple[Probe, ...] = ("connecting", "receiving", "closing")
"""Probes at which a handler cannot pause."""


def known_guard(name: str) -> str:
    """Return `name` if it can be a guard: one of ours, or somebody's own "module:name".

    Raises ValueError with what is allowed.
    """
    if name not in GUARDS and not (":" in name and all(name.split(":", 1))):
        raise ValueError(f"unknown guard {name!r}; allowed: {', '.join(GUARDS)}, or MODULE:NAME")
    return name


Guard = Annotated[str, AfterValidator(known_guard)]
"""The name of a guard."""


Sends = Annotated[int, Field(ge=0, le=1000)]


class Wait(Table):
    """What the handler awaits at a probe: `hops` turns of the scheduler, then `ms`.

    nth: only at these passings of the probe, counted from 1; by default at every one.
    """

    ms: NotNegative = 0
    hops: Hops = 0
    nth: tuple[Annotated[int, Field(ge=1)], ...] = ()


class Handler(Table):
    """Parameters of the code under test; the defaults are those of the backend of issue #1061.

    receive_timeout_ms: HEARTBEAT_TIMEOUT. on_timeout: a heartbeat, or the loop ends (`hang`).
    poll_ms, poll_step_ms: the original shape's wait for both states. sends: sends per message, null
    for the mode's own (main: the five agent events of a chat turn); of a list the first message
    gets the first number, and so on, the rest the last. work_ms: awaited before each
    send. apart_ms: awaited after a send that went well, if another one follows. until_failed: the
    sends after one that failed are left out. retry_ms: the waits of `safe_send` after a
    RuntimeError; empty: no retry. swallows: what `safe_send` swallows, the disconnects and
    RuntimeErrors that the product's does, or everything. top_reads_machine: whether the check at
    the loop top also asks the state machine.
    """

    receive_timeout_ms: Annotated[float, Field(gt=0)] = 120_000
    on_timeout: Literal["heartbeat", "leave"] = "heartbeat"
    poll_ms: NotNegative = 3000
    poll_step_ms: Annotated[float, Field(gt=0)] = 10
    sends: Sends | Annotated[tuple[Sends, ...], Field(min_length=1)] | None = None
    work_ms: NotNegative = 0
    apart_ms: NotNegative = 0
    until_failed: bool = False
    retry_ms: tuple[NotNegative, ...] = (100, 200, 400)
    swallows: Literal["disconnects", "everything"] = "disconnects"
    top_reads_machine: bool = True


class Setup(Table):
    """What happens before the loop.

    accepts: "never", or "connect-only" (it takes the connect event and does not accept) for a
    handler that goes on without. authentication, manager, services: how each step ends
    and how long it takes. greets: whether the client is told that it may begin. machines: "two" is
    the set-up race of two connection ids; with "ready" the set-up does not touch the machine, which
    is operational from the start.
    """

    accepts: Literal["yes", "never", "connect-only"] = "yes"
    authentication: Literal["ok", "refused", "error"] = "ok"
    authentication_ms: Time = 0
    manager: Literal["ok", "error"] = "ok"
    manager_ms: Time = 0
    services: Literal["ok", "error", "never"] = "ok"
    services_ms: Time = 0
    greets: bool = True
    machines: Literal["one", "two", "ready"] = "one"


class Clients(Table):
    """The clients, all alike. A script, where there is one, replaces what the other keys say.

    count: how many. every_ms: between the starts of two. messages: how many each sends, one every
    `pause_ms`. end: what it does then. code: of its close. delay_ms, jitter_ms: of the links.
    down_ms: the delay of what goes to the client, where it differs from delay_ms; it may stand for
    the time in which a client answers.
    """

    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    every_ms: NotNegative = 0
    messages: Annotated[int, Field(ge=0, le=100_000)] = 2
    pause_ms: NotNegative = 50
    end: Literal["close", "abort", "eof", "silent"] = "close"
    code: Annotated[int, Field(ge=1000, le=4999)] = 1000
    delay_ms: NotNegative = 1
    down_ms: NotNegative | None = None
    jitter_ms: NotNegative = 0
    script: tuple[Any, ...] | None = None

    @field_validator("script")
    @classmethod
    def _script(cls, rows: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        if rows is not None:
            try:
                parse_script(rows)
            except UserError as error:
                raise ValueError("; ".join(error.faults)) from None
        return rows


LATER = '{"type": "chat", "later": true}'


class Injection(Table):
    """One event from outside the handler's own code, placed at a probe or at a time.

    do: what happens. at: the probe, the `nth` time the handler passes it; delay_ms and hops after
    that. time_ms: instead of a probe, the virtual time. placed: "inline" happens within the
    handler's own step as far as it can (a client's bytes are in the socket, a task of the server is
    runnable); "armed" starts a task whose order is a choice. queued: the client sends one more
    message just before. text: of a client-message. code: of a close. to: the states that a
    state-change passes through, one every `each_ms`. client: which connection, counted from 1.
    """

    do: Event
    at: Probe | None = None
    nth: Annotated[int, Field(ge=1)] = 1
    delay_ms: Time = 0
    hops: Hops | Draw = 0
    time_ms: Time | None = None
    placed: Literal["inline", "armed"] = "armed"
    queued: bool = False
    text: Annotated[str, Field(max_length=100_000)] = LATER
    code: Annotated[int, Field(ge=1000, le=4999)] | None = None
    to: Annotated[tuple[State, ...], Field(min_length=1)] = ("closing",)
    each_ms: NotNegative = 0
    client: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _placed_once(self) -> Self:
        if (self.at is None) == (self.time_ms is None):
            raise ValueError("an injection has either a probe (at) or a time (time_ms)")
        if self.placed == "inline" and (self.delay_ms or self.time_ms is not None):
            raise ValueError("an inline injection happens at its probe: no delay_ms, no time_ms")
        return self


class Sweep(Table):
    """What `reproduce` varies: the key `axis` takes each of `values`, in `unit`.

    closed_form: the failure rate that can be computed beforehand, by name (sim/stats).
    """

    axis: str = "window_ms"
    values: Annotated[tuple[float | int, ...], Field(min_length=1)] = (5,)
    unit: str = "ms"
    trials: Annotated[int, Field(ge=1)] = 100
    guards: tuple[Guard, ...] = GUARDS
    runtimes: tuple[RuntimeName, ...] = ("asyncio-3.11", "asyncio-3.12")
    closed_form: str | None = None
    horizon_ms: NotNegative | None = None

    @model_validator(mode="after")
    def _once(self) -> Self:
        for name in ("values", "guards", "runtimes"):
            held: tuple[object, ...] = getattr(self, name)
            twice = [one for one, count in Counter(held).items() if count > 1]
            if twice:
                raise ValueError(f"{name}: {twice[0]} stands there twice")
        return self


class Scenario(Table):
    """One run but for its choices.

    window_ms, window_hops: what the handler awaits between validation and receive. pauses: the same
    at other probes, in milliseconds or as a `Wait`. starlette: "before-0.36" leaves an OSError of
    `send` as it is (sim/server/older.py). hop: whether any-order has wait_for's task. end_ms: the
    run is over then, whatever still waits.
    sweep: for `reproduce`. expect: per guard, or per guard and runtime, how many trials of a sweep
    fail, or the verdict of `explore`. Neither touches a run.
    """

    name: str = ""
    title: str = ""
    about: str = ""
    mode: Mode = "main"
    shape: Shape = "report"
    guard: Guard = "pre-fix"
    runtime: RuntimeName = "asyncio-3.11"
    server: str = DEFAULT_PROFILE
    window_ms: Time = 0
    window_hops: Hops = 0
    hop: bool = False
    pauses: dict[Probe, NotNegative | Wait] = Field(default_factory=dict)
    starlette: Starlette = "installed"
    end_ms: Annotated[float, Field(gt=0)] = 660_000
    handler: Handler = Handler()
    setup: Setup = Setup()
    clients: Clients = Clients()
    injections: tuple[Injection, ...] = ()
    sweep: Sweep = Sweep()
    expect: dict[Guard, Expected | dict[RuntimeName, Expected]] = Field(default_factory=dict)

    @field_validator("server")
    @classmethod
    def _server(cls, name: str) -> str:
        try:
            return profile_named(name).name
        except UserError:
            raise ValueError(f"unknown server profile; allowed: {', '.join(PROFILES)}") from None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for number, injection in enumerate(self.injections):
            if injection.client > self.clients.count:
                raise ValueError(
                    f"injections.{number}.client: there are only {self.clients.count} clients, "
                    f"got {injection.client}"
                )
        for probe in NEVER_AWAITED:
            if probe in self.pauses:
                raise ValueError(f"pauses.{probe}: the handler passes this probe without an await")
        paused = {"validated", "final_check"} & set(self.pauses)
        if not self.has_window and (self.window_ms or self.window_hops or paused):
            raise ValueError(
                f"window_ms: mode {self.mode} has no await between validation and receive in the "
                "original shape; window_ms, window_hops and pauses there must be 0"
            )
        return self

    @property
    def has_window(self) -> bool:
        """Whether the handler awaits anything between validation and receive."""
        return self.shape == "report" or self.mode in ("main", "factory")

    @property
    def counterfactual(self) -> bool:
        """Whether something that does not exist is simulated: a pair, or post-fix in legacy."""
        unfixed = self.mode == "legacy" and self.guard == "post-fix"
        return unfixed or counterfactual(self.runtime, self.server)

    def expected(self, guard: str, runtime: str) -> str | None:
        """Return what is expected of a guard under a runtime, None if nothing is."""
        wanted = self.expect.get(guard)
        if isinstance(wanted, dict):
            return next((one for name, one in wanted.items() if name == runtime), None)
        return wanted

    def resolve(self, *key: str | int) -> "Scenario":
        """Return the scenario with every draw replaced by the number that `key` draws."""
        injections = tuple(
            injection.model_copy(
                update={
                    "delay_ms": draw_number(injection.delay_ms, *key, index, "delay"),
                    "hops": int(draw_number(injection.hops, *key, index, "hops")),
                    "time_ms": None
                    if injection.time_ms is None
                    else draw_number(injection.time_ms, *key, index, "time"),
                }
            )
            for index, injection in enumerate(self.injections)
        )
        setup = self.setup
        times = {
            name: draw_number(getattr(setup, name), *key, name)
            for name in ("authentication_ms", "manager_ms", "services_ms")
        }
        return self.model_copy(
            update={
                "injections": injections,
                "setup": setup.model_copy(update=times),
                "window_ms": draw_number(self.window_ms, *key, "window"),
            }
        )


class Entry(Table):
    """One scenario of a batch: its name, what the result calls it, and the keys it overrides."""

    scenario: str
    label: str | None = None
    set: dict[str, Any] = Field(default_factory=dict)


class Batch(Table):
    """A list of scenarios that `reproduce` runs together; `sweep` overrides keys of theirs."""

    name: str = ""
    title: str = ""
    about: str = ""
    include: Annotated[tuple[Entry, ...], Field(min_length=1)]
    sweep: dict[str, Any] = Field(default_factory=dict)
