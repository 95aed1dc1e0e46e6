"""A simulated deployment: clients that come, chat, drop and come again, for hours of virtual time.

Connections share nothing but the server's loop, and under a first-in-first-out order what another
connection does changes no order within one. So each session is a run of its own, which begins when
the one before has ended and its client has been away; this is what makes hours affordable.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from sim.entropy import SPAN, draws, seed_for
from sim.errors import UserError
from sim.files.catalog import expand
from sim.kernel.series import run_all
from sim.model.engine import Job
from sim.model.outcome import Outcome
from sim.model.plan import Plan
from sim.model.record import End
from sim.model.scenario import Batch, Entry, Scenario
from sim.model.ticks import ms
from sim.model.times import draw_number
from sim.runs.own import own_guard_of
from sim.runs.play import play
from sim.runs.scenario import ScenarioSubject
from sim.runs.subject import Record
from sim.schedulers.fifo import Fifo
from sim.sut.guards import Guard
from sim.workers.pool import open_pool

_MINUTE = 60_000
OnClients = Callable[[int, int], None]
"""Called with the clients that are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Session:
    """One session. began_min: minutes since the deployment. visit: which kind, from 0. opened: the
    client was told that it may begin. label: how it ended. failed, lost, turns, complete: as in an
    Outcome. disordered: turns whose events came out of order. ms: how long it took.
    """

    client: int
    number: int
    began_min: float
    visit: int
    opened: bool
    label: str
    failed: bool
    lost: int
    turns: int
    complete: int
    disordered: int
    ms: float


def scenarios_of(plan: Plan, guard: str) -> tuple[Scenario, ...]:
    """Return the scenario of each visit. Raises UserError with one line for every fault."""
    _require_scenarios(plan)
    entries = tuple(
        Entry(scenario=one.scenario, label=one.label, set=one.set) for one in plan.visits
    )
    where = plan.deployment
    settings = (f"guard={guard}", f"runtime={where.runtime}", f'server="{where.server}"')
    return expand(Batch(name=plan.name, include=entries), settings)


def _require_scenarios(plan: Plan) -> None:
    """Raise UserError with one line for each visit that only says what a client does."""
    faults = [
        f"{plan.name or 'plan'}: visits.{number}: it has a client and no scenario: it can be "
        "played against a server (--url), and not simulated"
        for number, visit in enumerate(plan.visits)
        if not visit.scenario
    ]
    if faults:
        raise UserError(*faults)


def deploy(
    plan: Plan,
    guard: str,
    seed: int = 0,
    workers: int = 1,
    on_clients: OnClients = lambda done, total: None,
) -> list[Session]:
    """Return every session that begins before the plan's last minute, by client and number.

    guard: instead of the plan's own; somebody's own is imported, so a person has to have named it.
    workers: processes; the sessions are the same for any number. Raises UserError.
    """
    scenarios_of(plan, guard)  # its faults come before any work
    total = plan.deployment.clients
    if workers == 1:
        told = _told(range(total), on_clients)
        return [one for client in told for one in _client(plan, guard, seed, [client])]
    sessions: list[Session] = []
    with open_pool(workers) as pool:
        parts = [list(range(first, min(first + 5, total))) for first in range(0, total, 5)]
        futures = [pool.submit(_client, plan, guard, seed, part) for part in parts]
        done = 0
        for part, future in zip(parts, futures, strict=True):
            sessions += future.result()
            done += len(part)
            on_clients(done, total)
    return sessions


def session_again(plan: Plan, guard: str, seed: int, session: Session) -> Record:
    """Return the run of one session, made again. Raises UserError."""
    own = own_guard_of(guard)
    scenario = scenarios_of(plan, guard)[session.visit]
    return play(scenario.resolve(_key(seed, session.client, session.number)), guard=own)


def _key(seed: int, client: int, number: int) -> int:
    """Return the luck of one session: the same for every guard."""
    return seed_for(seed, "session", client, number)


def _told(clients: Sequence[int], on_clients: OnClients) -> Iterator[int]:
    for done, client in enumerate(clients):
        on_clients(done, len(clients))
        yield client
    on_clients(len(clients), len(clients))


def _client(plan: Plan, guard: str, seed: int, clients: Sequence[int]) -> list[Session]:
    """Run the sessions of some clients, one after the other, in one `trio.run`."""
    own = own_guard_of(guard)
    cast = [_Visit(scenario, own) for scenario in scenarios_of(plan, guard)]
    chain = _Chain(plan, cast, seed, clients)
    run_all(chain.jobs(), chain.ended)
    return chain.sessions


class _Visit:
    """A kind of session, prepared once."""

    def __init__(self, scenario: Scenario, guard: Guard | None) -> None:
        self.scenario = scenario
        self.subject = ScenarioSubject(scenario, guard=guard)
        self.prepared = self.subject.prepare()


class _Chain:
    """The sessions of some clients: each begins when the one before is over."""

    def __init__(
        self, plan: Plan, cast: Sequence[_Visit], seed: int, clients: Sequence[int]
    ) -> None:
        self._plan = plan
        self._cast = cast
        self._seed = seed
        self._clients = clients
        self._weights = list(accumulate(visit.weight for visit in plan.visits))
        self._now_ms = 0.0
        self._running: tuple[int, int, int]
        self.sessions: list[Session] = []

    def jobs(self) -> Iterator[Job]:
        """Yield the sessions' worlds; `ended` is called before the next one is asked for."""
        deployment, end_ms = self._plan.deployment, self._plan.minutes * _MINUTE
        for client in self._clients:
            unit = next(draws("arrival", self._seed, client)) / SPAN
            self._now_ms = deployment.ramp_ms * unit
            number = 0
            while self._now_ms < end_ms:
                visit = self._drawn(client, number)
                resolved = self._cast[visit].scenario.resolve(_key(self._seed, client, number))
                self._running = client, number, visit
                yield self._cast[visit].prepared.job(resolved, Fifo())
                self._now_ms += draw_number(deployment.away_ms, self._seed, "away", client, number)
                number += 1

    def ended(self, end: End) -> None:
        """Take note of the session that has just run."""
        client, number, visit = self._running
        outcome = self._cast[visit].subject.judge(end)
        took_ms = ms(end.tick)
        self.sessions.append(
            _session(client, number, visit, self._now_ms / _MINUTE, took_ms, outcome, end)
        )
        self._now_ms += took_ms

    def _drawn(self, client: int, number: int) -> int:
        """Return which kind of session this one is."""
        unit = next(draws("visit", self._seed, client, number)) / SPAN
        at = unit * self._weights[-1]
        return next((i for i, upto in enumerate(self._weights) if at < upto), 0)


def _session(
    client: int, number: int, visit: int, began_min: float, ms: float, outcome: Outcome, end: End
) -> Session:
    return Session(
        client=client,
        number=number,
        began_min=began_min,
        visit=visit,
        opened=any(event.kind == "client.got" for event in end.events),
        label=outcome.label,
        failed=outcome.failed,
        lost=outcome.lost,
        turns=outcome.turns,
        complete=outcome.complete,
        disordered=sum(one.kind == "events_out_of_order" for one in outcome.findings),
        ms=ms,
    )
