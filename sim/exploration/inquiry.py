"""What is asked of a search, and the searches that can answer it."""

from dataclasses import dataclass
from typing import Literal, get_args

from sim.entropy import seed_for
from sim.errors import UserError
from sim.model.outcome import Outcome
from sim.model.schedule import Scheduler, Search
from sim.schedulers.bounded import DelayBounded, PreemptionBounded
from sim.schedulers.dpor import Dpor
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.pct import Pct
from sim.schedulers.uniform import Uniform

Strategy = Literal["dpor", "exhaustive", "bounded", "delays", "pct", "uniform"]
Times = Literal["fixed", "all"]
Property = Literal["no-error", "no-loss", "completes"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
TIMES: tuple[Times, ...] = get_args(Times)
PROPERTIES: tuple[Property, ...] = get_args(Property)
SAMPLES = 1000
"""Schedules that a sampling search draws unless told otherwise."""
MOST = 200_000
"""Schedules after which any other search gives up unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is asked.

    strategy: dpor (one schedule of each class), exhaustive (all schedules), bounded (all with at
    most `bound` preemptions), delays (all with at most `bound` options passed over), pct (drawn,
    for bugs of depth `bound`), uniform (drawn). times: "fixed" keeps the scenario's times; with
    "all" clients and injections act at any moment. prop: the property that must hold in every run.
    max_schedules: give up after so many; None for SAMPLES or MOST. first: stop at the first
    failure. seed: of what is drawn.
    Raises UserError for values that are not allowed.
    """

    strategy: Strategy = "dpor"
    times: Times = "fixed"
    prop: Property = "no-error"
    bound: int = 2
    max_schedules: int | None = None
    seed: int = 0
    first: bool = False

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
        if self.bound < (1 if self.strategy == "pct" else 0):
            faults.append(f"bound: {self.bound} is too small")
        if self.max_schedules is not None and self.max_schedules < 1:
            faults.append(f"max_schedules: must be at least 1, not {self.max_schedules}")
        if faults:
            raise UserError(*faults)

    @property
    def untimed(self) -> bool:
        """Whether arrivals and injections have no time of their own."""
        return self.times == "all"

    @property
    def samples(self) -> bool:
        """Whether schedules are drawn, so that no number of them is complete."""
        return self.strategy in ("pct", "uniform")

    @property
    def most(self) -> int:
        """How many schedules to look at, at most."""
        return self.max_schedules or (SAMPLES if self.samples else MOST)

    def fails(self, outcome: Outcome) -> bool:
        """Whether a run breaks the property."""
        if self.prop == "no-loss":
            return outcome.lost > 0
        if self.prop == "completes":
            return outcome.failed or outcome.complete < outcome.turns
        return outcome.failed

    def search(self, horizon: int) -> Search:
        """Return a fresh search. horizon: choices in a run, as measured; PCT needs it."""
        if self.strategy == "dpor":
            return Dpor(self.untimed)
        if self.strategy == "exhaustive":
            return Exhaustive()
        if self.strategy == "bounded":
            return PreemptionBounded(self.bound)
        if self.strategy == "delays":
            return DelayBounded(self.bound)
        return Sampling(self, horizon)

    def scope(self, horizon: int) -> str:
        """Return in words what the search covers when it comes to its end."""
        times = "every arrival and injection time" if self.untimed else "the scenario's times"
        what = {
            "dpor": "every order, one schedule for each class",
            "exhaustive": "every schedule",
            "bounded": f"every schedule with at most {self.bound} preemptions",
            "delays": f"every schedule that passes over at most {self.bound} options",
            "pct": (
                f"{self.most} schedules drawn by PCT, depth {self.bound}, horizon {horizon}, "
                f"seed {self.seed}"
            ),
            "uniform": f"{self.most} schedules drawn uniformly, seed {self.seed}",
        }
        return f"{what[self.strategy]}; {times}"


class Sampling:
    """Draws schedules, each from a seed of its own."""

    def __init__(self, inquiry: Inquiry, horizon: int) -> None:
        self._inquiry = inquiry
        self._horizon = max(1, horizon)
        self._drawn = 0

    def next_scheduler(self) -> Scheduler | None:
        """Return the scheduler of the next schedule, or None when enough were drawn."""
        if self._drawn == self._inquiry.most:
            return None
        number = self._drawn
        self._drawn += 1
        seed = seed_for(self._inquiry.seed, self._inquiry.strategy, number)
        if self._inquiry.strategy == "pct":
            return Pct(seed, self._inquiry.bound, self._horizon)
        return Uniform(seed)

    def finished(self, schedule: object, steps: object = ()) -> bool:
        """Return True: every draw counts."""
        return True
