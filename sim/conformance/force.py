"""A run of the model, forced on a real server, and what came of it.

Its events are placed at the same probes (place.py). The placed scenario is played on the model
first: what that predicts for the server that is installed is told beside what is seen.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sim.conformance.matrix import Arrangement
from sim.conformance.measure import blank_cell
from sim.conformance.place import inside_receive, place_events, place_in_scenario
from sim.conformance.predict import predict
from sim.conformance.stacks import NotCovered, setting_of
from sim.errors import NoAnswer, UserError
from sim.live.serving import LiveServer
from sim.live.stacks import Stack, stack_named
from sim.model.scenario import Scenario
from sim.model.ticks import ms
from sim.runs.subject import Record
from sim.sut.guards import Guard

LONGEST_MS = 30_000
"""Runs that take longer of their own time are not made on a real server."""
PATIENCE_MS = 3_000
"""What a real run may take beyond the model's."""


@dataclass(frozen=True, slots=True)
class Forced:
    """A run, placed for a real server.

    scenario: with every event at a probe. wanted: the outcome to confirm. predicted: what the model
    gives for the placed scenario on that server; empty where it has no answer, and `why` says so.
    """

    scenario: Scenario
    wanted: str
    predicted: frozenset[str]
    stack: Stack
    limit_ms: float
    why: str = ""

    @property
    def expected(self) -> bool:
        """Whether the model expects the outcome on that server."""
        return self.wanted in self.predicted


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What came of forcing a run: seen counts the outcomes of so many trials."""

    forced: Forced
    seen: Mapping[str, int]

    @property
    def trials(self) -> int:
        """How many trials there were."""
        return sum(self.seen.values())

    @property
    def confirmed(self) -> int:
        """How many of them ended like the run."""
        return self.seen.get(self.forced.wanted, 0)


def stack_for(server: str) -> Stack:
    """Return the installed stack of a server profile's family.

    Raises UserError if it is not installed.
    """
    return stack_named(server.partition("@")[0])


def force(record: Record, stack: Stack) -> Forced:
    """Place a run for a stack.

    Raises UserError if something in it cannot be placed, or if it takes too long.
    """
    limit_ms = ms(record.end.tick)
    if limit_ms > LONGEST_MS:
        raise UserError(
            f"--live: the run takes {limit_ms / 1000:,.0f} s of its own time; at most "
            f"{LONGEST_MS / 1000:g} s can be waited for on a real server"
        )
    placed = place_events(record)
    tries = [place_in_scenario(record.scenario, one) for one in (placed, inside_receive(placed))]
    wanted = record.outcome.label
    made = [_predicted(one, wanted, stack, limit_ms + PATIENCE_MS) for one in tries]
    return next((one for one in made if one.expected), made[0])


def confirm(
    placed: Forced, server: LiveServer, trials: int, guard: Guard | None = None
) -> Confirmation:
    """Run what was placed so many times on a server that runs."""
    runs = server.run(placed.scenario, trials, guard, placed.limit_ms)
    return Confirmation(placed, Counter(run.outcome.label for run in runs))


def _predicted(scenario: Scenario, wanted: str, stack: Stack, limit_ms: float) -> Forced:
    """Play the placed scenario as the model of the stack would."""
    try:
        where = setting_of(blank_cell(stack, Arrangement("none", "noaccept", "-", "none", False)))
        here = scenario.model_copy(
            update={
                "runtime": where.runtime,
                "server": where.server,
                "starlette": where.starlette,
                "hop": False,
            }
        )
        return Forced(here, wanted, predict(here).classes, stack, limit_ms)
    except (NotCovered, NoAnswer) as error:
        return Forced(scenario, wanted, frozenset(), stack, limit_ms, str(error))
