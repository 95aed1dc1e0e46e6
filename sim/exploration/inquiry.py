"""What is asked of a search."""

from dataclasses import dataclass
from typing import get_args

from sim.errors import UserError
from sim.files.recorded import Times
from sim.model.outcome import Outcome
from sim.model.properties import PROPERTIES
from sim.model.schedule import Search
from sim.schedulers.strategies import STRATEGIES, Asked, Strategy
from sim.schedulers.tree import Divisible, Seen

TIMES: tuple[Times, ...] = get_args(Times)
SAMPLES = 1000
"""Schedules that a sampling search draws unless told otherwise."""
MOST = 200_000
"""Schedules after which any other search gives up unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is asked. Raises UserError for values that are not allowed."""

    strategy: str = "dpor"
    """A key of `sim.schedulers.strategies.STRATEGIES`."""
    times: Times = "fixed"
    """"fixed" keeps the scenario's times; with "all" clients and injections act at any moment."""
    prop: str = "no-error"
    """The property that must hold in every run, a key of `sim.model.properties`."""
    bound: int = 2
    """Preemptions, delays, or the depth of the bug, for strategies that have a bound."""
    max_schedules: int | None = None
    """Give up after so many; None for SAMPLES or MOST."""
    enough: int | None = None
    """After so many schedules what lies further in virtual time is not begun; None for no such
    end. What is begun is brought to its end, so that the answer has a bound that means something.
    """
    at_least: int = 0
    """The tick up to which it looks in any case, however many schedules that takes."""
    seed: int = 0
    """Of what is drawn."""
    first: bool = False
    """Whether to stop at the first failure."""
    count: bool = True
    """Whether every class counts. Else worlds that stand alike, whatever led there, are gone on
    with once, and a search stops when it is known that some runs fail and some do not."""

    def __post_init__(self) -> None:
        faults = [
            f"{name}: {value!r} is unknown; allowed: {', '.join(allowed)}"
            for name, value, allowed in (
                ("strategy", self.strategy, STRATEGIES),
                ("times", self.times, TIMES),
                ("property", self.prop, PROPERTIES),
            )
            if value not in allowed
        ]
        least = STRATEGIES[self.strategy].least_bound if self.strategy in STRATEGIES else None
        if self.bound < (least or 0):
            faults.append(f"bound: {self.bound} is too small")
        if self.max_schedules is not None and self.max_schedules < 1:
            faults.append(f"max_schedules: must be at least 1, not {self.max_schedules}")
        if faults:
            raise UserError(*faults)

    @property
    def way(self) -> Strategy:
        """The strategy."""
        return STRATEGIES[self.strategy]

    @property
    def untimed(self) -> bool:
        """Whether arrivals and injections have no time of their own."""
        return self.times == "all"

    @property
    def most(self) -> int:
        """How many schedules to look at, at most."""
        return self.max_schedules or (SAMPLES if self.way.draws else MOST)

    def fails(self, outcome: Outcome) -> bool:
        """Whether a run breaks the property."""
        return PROPERTIES[self.prop].breaks(outcome)

    def search(self, horizon: int, batches: bool) -> Search:
        """Return a fresh search.

        horizon: choices in a run, for a strategy that measures them. batches: whether the runtime
        steps its tasks in batches.
        """
        return self.way.search(
            Asked(
                bound=self.bound,
                most=self.most,
                seed=self.seed,
                untimed=self.untimed,
                batches=batches,
                states=self.first or not self.count,
                timeless=PROPERTIES[self.prop].timeless,
                horizon=horizon,
            )
        )

    @property
    def is_divisible(self) -> bool:
        """Whether it may be asked in pieces, in any processes.

        Not where worlds that stand alike are taken for one: their names hold in one process alone.
        """
        return self.way.pieces is not None and not (
            self.way.reads_steps and (self.first or not self.count)
        )

    def piece(self, seen: Seen) -> Divisible:
        """Return a search for one piece. seen: what others have met."""
        assert self.way.pieces is not None, "it is divisible"
        return self.way.pieces(self.bound, seen)

    def scope(self, horizon: int) -> str:
        """Return in words what the search covers when it comes to its end."""
        times = "every arrival and injection time" if self.untimed else "the scenario's times"
        what = self.way.covers.format(
            bound=self.bound, most=self.most, horizon=horizon, seed=self.seed
        )
        return f"{what}; {times}"
