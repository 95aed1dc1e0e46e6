"""The ways to search schedules: a row for each. A new one is its scheduler's file and a row here.

A search is a value that supplies schedulers (`sim.model.schedule.Search`); nothing else knows which
strategies there are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.entropy import seed_for
from sim.model.schedule import Scheduler, Search
from sim.schedulers.bounded import DelayBounded, PreemptionBounded
from sim.schedulers.caching import Caching
from sim.schedulers.dpor import Dpor
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.pct import Pct
from sim.schedulers.tree import Divisible, Seen
from sim.schedulers.uniform import Uniform


@dataclass(frozen=True, slots=True)
class Asked:
    """What a search is to do."""

    bound: int
    """Preemptions, delays, or the depth of the bug."""
    most: int
    """Schedules to draw, for strategies that draw."""
    seed: int
    untimed: bool
    """Whether what the outside world does has no time of its own."""
    batches: bool
    """Whether the runtime steps its tasks in batches, between which alone the outside lands."""
    states: bool
    """Whether worlds that stand alike may be taken for one."""
    timeless: bool
    """Whether also if they do so at different times."""
    horizon: int
    """Choices in a run, as measured; 0 where nobody measured."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to search schedules."""

    name: str
    summary: str
    """What it looks at, in a few words, for `--help`."""
    covers: str
    """What it covers when it comes to its end, with {bound}, {most}, {horizon} and {seed}."""
    search: Callable[[Asked], Search]
    """Returns a fresh search."""
    draws: bool = False
    """Whether schedules are drawn, so that no number of them is complete."""
    reads_steps: bool = False
    """Whether it needs to know what each step did."""
    measures: bool = False
    """Whether it needs to know how many choices a run has."""
    least_bound: int | None = None
    """The smallest bound that makes sense; None if it has none."""
    pieces: Callable[[int, Seen], Divisible] | None = None
    """Returns a search for one piece of it, from the bound and from what others have met; None if
    it is made in one."""


class Sampling:
    """Draws schedules, each from a seed of its own."""

    def __init__(self, name: str, asked: Asked, draw: Callable[[int], Scheduler]) -> None:
        self._name = name
        self._asked = asked
        self._draw = draw
        self._drawn = 0

    def next_scheduler(self) -> Scheduler | None:
        """Return the scheduler of the next schedule, or None when enough were drawn."""
        if self._drawn == self._asked.most:
            return None
        number = self._drawn
        self._drawn += 1
        return self._draw(seed_for(self._asked.seed, self._name, number))

    def finished(self, schedule: object, steps: object = ()) -> bool:
        """Return True: every draw counts."""
        return True


def _pct(asked: Asked) -> Search:
    return Sampling("pct", asked, lambda seed: Pct(seed, asked.bound, max(1, asked.horizon)))


_ROWS = (
    Strategy(
        "dpor",
        "one schedule of each class",
        "every order, one schedule for each class",
        lambda asked: (
            Caching(asked.states, asked.timeless) if asked.batches else Dpor(asked.untimed)
        ),
        reads_steps=True,
        # Also where races could be turned round: between pieces that would need to go back to those
        # that are done. It finds the same classes in up to twice as many runs.
        pieces=lambda bound, seen: Caching(seen=seen),
    ),
    Strategy(
        "exhaustive",
        "all schedules",
        "every schedule",
        lambda _: Exhaustive(),
        pieces=lambda bound, seen: Exhaustive(),
    ),
    Strategy(
        "bounded",
        "all with few preemptions",
        "every schedule with at most {bound} preemptions",
        lambda asked: PreemptionBounded(asked.bound),
        least_bound=0,
        pieces=lambda bound, seen: PreemptionBounded(bound),
    ),
    Strategy(
        "delays",
        "all that pass over few options",
        "every schedule that passes over at most {bound} options",
        lambda asked: DelayBounded(asked.bound),
        least_bound=0,
        pieces=lambda bound, seen: DelayBounded(bound),
    ),
    Strategy(
        "pct",
        "drawn, for bugs of a depth",
        "{most} schedules drawn by PCT, depth {bound}, horizon {horizon}, seed {seed}",
        _pct,
        draws=True,
        measures=True,
        least_bound=1,
    ),
    Strategy(
        "uniform",
        "drawn",
        "{most} schedules drawn uniformly, seed {seed}",
        lambda asked: Sampling("uniform", asked, Uniform),
        draws=True,
    ),
)
STRATEGIES: Mapping[str, Strategy] = {row.name: row for row in _ROWS}
"""The strategies by name, the one that is taken by default first."""
STATES = "states"
APP_STRATEGIES = (STATES, *(name for name in STRATEGIES if name != "dpor"))
"""Those for applications, that first. DPOR is none: a later arrival shifts all that follows it, so
that every step depends on it."""
