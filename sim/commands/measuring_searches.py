"""What `wsrace bench` measures of searches: in one, in pieces, and by workers."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sim.commands.measuring import Spent, spent, workers_of
from sim.exploration.inquiry import Inquiry
from sim.exploration.kept import SearchLog
from sim.exploration.search import search_all
from sim.exploration.spread import search_in_pieces
from sim.exploration.there import Elsewhere
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.runs.scenario import ScenarioSubject
from sim.workers.pool import open_pool
from sim.workers.seam import LIMIT_S, Workers

SEARCHED = ("blind-spot", ("guard=catch",))
"""What is searched: the blind spot, under a guard that holds, so that it comes to its end."""
EVERY = Inquiry(times="all")


@dataclass(frozen=True, slots=True)
class SearchRound:
    """One round: the same search, in each of the ways."""

    classes: int
    in_one: Spent
    """Depth first, in this process."""
    here: Spent
    """In pieces, in this process."""
    kept: Spent
    """In pieces, in this process, into a file."""
    one: float
    """By one supervised worker process: wall time in seconds."""
    many: Spent
    """By all of them; the processor time is that of this process alone."""


def search_rounds(count: int, end_ms: int, workers: int) -> Iterator[SearchRound]:
    """Measure so many rounds. end_ms: how far in virtual time is searched. workers: processes."""
    name, settings = SEARCHED
    scenario = open_scenario(name, (*settings, f"end_ms={end_ms}"))
    assert isinstance(scenario, Scenario)
    subject = ScenarioSubject(scenario)
    classes = 0

    def search(workers: Workers | None = None, path: Path | None = None) -> None:
        nonlocal classes
        with ExitStack() as opened:
            log = None
            if path is not None:
                path.unlink(missing_ok=True)
                log = opened.enter_context(closing(SearchLog(path)))
            makers = None if workers is None else Elsewhere(workers)
            (found,) = search_in_pieces([subject], EVERY, nobody, makers=makers, log=log)
        assert found.complete, "figures of another search would say nothing"
        classes = found.looked

    with (
        TemporaryDirectory() as folder,
        open_pool(1, limit_s=LIMIT_S) as single,
        open_pool(workers, limit_s=LIMIT_S) as several,
    ):
        path = Path(folder) / "r.sqlite"
        pools = (single, 1), (several, workers)
        of_one, of_many = (workers_of(pool, number) for pool, number in pools)
        for way in (of_one, of_many):  # processes start, and import
            search(way)
        for _ in range(count):
            times = (
                spent(lambda: search_all([subject], EVERY, nobody)),
                spent(search),
                spent(lambda: search(path=path)),
                spent(lambda: search(of_one)).wall_s,
                spent(lambda: search(of_many)),
            )
            yield SearchRound(classes, *times)


def nobody(*_: object) -> None:
    """Nobody wants to know how far it is."""
