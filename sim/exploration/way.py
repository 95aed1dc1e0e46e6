"""Ways to search the schedules of an application."""

from collections.abc import Callable
from dataclasses import dataclass

from sim.errors import UserError
from sim.model.plain import near
from sim.model.schedule import Search
from sim.schedulers.pruned import Pruned
from sim.schedulers.strategies import APP_STRATEGIES, STATES, STRATEGIES, Asked

_NO_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Way:
    """How schedules are searched. Raises UserError for a way that is none."""

    name: str = STATES
    most: int = _NO_LIMIT
    """Runs for each case, at most."""
    seed: int = 0
    """Where chance begins, if schedules are drawn."""

    def __post_init__(self) -> None:
        if self.name not in APP_STRATEGIES:
            allowed = ", ".join(APP_STRATEGIES) + near(self.name, APP_STRATEGIES)
            raise UserError(f"strategy {self.name!r}: allowed: {allowed}")

    @property
    def is_whole(self) -> bool:
        """Whether a search that came to its end has looked at every schedule within the bounds."""
        return self.name in (STATES, "exhaustive")

    def search(self, stop: Callable[[], bool], horizon: int) -> Search:
        """Return a fresh search.

        stop: tells whether enough was looked at. horizon: choices in the usual run.
        """
        if self.name == STATES:
            return Pruned(stop)
        strategy = STRATEGIES[self.name]
        asked = Asked(
            bound=3 if strategy.draws else 2,
            most=self.most,
            seed=self.seed,
            untimed=False,
            batches=True,
            states=False,
            timeless=False,
            horizon=max(1, horizon),
        )
        return strategy.search(asked)

    def words(self) -> str:
        """Return what it looks at, for people; "" for what looks at everything."""
        if self.is_whole:
            return ""
        return f"schedules by {self.name}" + (f", seed {self.seed}" if self.draws else "")

    @property
    def draws(self) -> bool:
        """Whether chance says which schedules are looked at."""
        return self.name != STATES and STRATEGIES[self.name].draws


EVERY_STATE = Way()
"""What is done unless somebody says otherwise."""
