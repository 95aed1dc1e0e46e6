"""A reproduction without trials: the exact rate of every cell, and how it changes over the axis."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass

from sim.errors import NoAnswer, UserError
from sim.kernel.series import run_plan
from sim.model.engine import Plan
from sim.model.results import Cell
from sim.model.scenario import Scenario
from sim.stats.closed_forms import exact_form
from sim.stats.masses import Share
from sim.sweep.cells import Planned
from sim.sweep.exact.curve import Curve, Point, curve
from sim.sweep.exact.drawn import drawn_of
from sim.sweep.exact.rate import ExactRate
from sim.sweep.reproduce import Task, check_task
from sim.sweep.summary import contradiction
from sim.workers.pool import open_pool

OnLines = Callable[[int, int, str], None]
"""Called with the lines that are computed, how many there will be, and what is being computed."""


@dataclass(frozen=True, slots=True)
class ExactCell:
    """The rate of one cell."""

    cell: Cell
    found: ExactRate
    closed_form: Share | None
    """The rate by the form that the scenario names, None where there is none."""


@dataclass(frozen=True, slots=True)
class ExactLine:
    """What one guard comes to under one runtime over the axis of one scenario."""

    injection: str
    guard: str
    runtime: str
    cells: tuple[ExactCell, ...] = ()
    """In the order of the sweep's values; none if there is no answer."""
    points: tuple[Point, ...] = ()
    """See `Curve.points`."""
    straight: bool = True
    """See `Curve.straight`."""
    runs: int = 0
    """How many it took."""
    why: str = ""
    """Why there is no answer, "" if there is one."""


@dataclass(frozen=True, slots=True)
class ExactReproduction:
    """The exact rates of a task."""

    task: Task
    scenarios: tuple[Scenario, ...]
    lines: tuple[ExactLine, ...]

    @property
    def unanswered(self) -> tuple[ExactLine, ...]:
        """The lines without an answer."""
        return tuple(line for line in self.lines if line.why)


def exact_reproduce(
    task: Task | None = None,
    workers: int = 1,
    on_lines: OnLines = lambda done, total, what: None,
) -> ExactReproduction:
    """Return the exact rates of a task: no trials, no chance, the same for every seed.

    task: its trials and seed are ignored. workers: processes; with more than one, a script that
    calls this needs `if __name__ == "__main__"`. Raises UserError for a task that cannot be run, or
    a scenario whose rate cannot be computed: see `exact_rate`.
    """
    task = task or Task()
    scenarios, plan = check_exact(task)
    found: dict[int, Curve | str] = {}
    on_lines(0, len(plan), "")
    for index, answer in _computed(plan, workers):
        found[index] = answer
        first = plan[index][0].cell
        on_lines(len(found), len(plan), f"{first.injection}, {first.guard}, {first.runtime}")
    lines = tuple(_line(plan[index], found[index]) for index in range(len(plan)))
    return ExactReproduction(task, scenarios, lines)


def check_exact(task: Task) -> tuple[tuple[Scenario, ...], list[list[Planned]]]:
    """Return the scenarios of a task, and the cells of each line.

    Raises UserError with a line for everything that makes its rates no numbers to be computed.
    """
    scenarios, cells = check_task(task)
    plan = list(_lines_of(cells))
    faults: dict[str, None] = {}
    for planned in cells:
        try:
            drawn_of(planned.scenario)
        except UserError as error:
            name = planned.cell.injection or "(unnamed)"
            faults |= dict.fromkeys(f"{name}: {one}" for one in error.faults)
    if faults:
        raise UserError(*faults)
    return scenarios, plan


def broken_expectations(found: ExactReproduction) -> tuple[str, ...]:
    """Return one line for each guard and runtime whose rate is otherwise than its scenario expects.

    Two events that fall into one tick do not count: of continuous times none ever do.
    """
    scenarios = {one.name: one for one in found.scenarios}
    lines = []
    for line in found.lines:
        rates = [one.found.rate - one.found.at_once for one in line.cells]
        expected = scenarios[line.injection].expected(line.guard, line.runtime)
        how = contradiction(expected, sum(rates), len(rates)) if rates else ""
        if how:
            lines.append(
                f"{line.injection}: {line.guard} on {line.runtime}: expected {expected} of the "
                f"trials to fail, exactly {how} do"
            )
    return tuple(lines)


def _lines_of(cells: Sequence[Planned]) -> Iterator[list[Planned]]:
    """Yield the cells of each line: of one scenario, runtime and guard."""
    found: dict[tuple[str, str, str], list[Planned]] = {}
    for planned in cells:
        one = planned.cell
        found.setdefault((one.injection, one.runtime, one.guard), []).append(planned)
    yield from found.values()


def _computed(plan: Sequence[Sequence[Planned]], workers: int) -> Iterator[tuple[int, Curve | str]]:
    """Yield the curve of each line by its index, as they come, or why there is none."""
    work = [line[0].scenario.model_dump_json(exclude_defaults=True) for line in plan]
    if workers == 1 or len(work) == 1:
        for index, one in enumerate(work):
            yield index, compute(one)
        return
    with open_pool(workers) as pool:
        waiting = {pool.submit(compute, one): index for index, one in enumerate(work)}
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=waiting.__getitem__):
                yield waiting.pop(future), future.result()


def compute(text: str) -> Curve | str:
    """Return the curve of a scenario under its guard and runtime, as JSON; or why there is none."""
    scenario = Scenario.model_validate_json(text)
    found: list[Curve] = []

    def plan() -> Plan:
        found.append((yield from curve(scenario)))

    try:
        run_plan(plan())
    except NoAnswer as error:
        return str(error)
    return found[0]


def _line(planned: Sequence[Planned], found: Curve | str) -> ExactLine:
    first = planned[0].cell
    name = first.injection, first.guard, first.runtime
    if isinstance(found, str):
        return ExactLine(*name, why=found)
    cells = tuple(
        ExactCell(one.cell, rate, exact_form(one.scenario))
        for one, rate in zip(planned, found.rates, strict=True)
    )
    return ExactLine(*name, cells, found.points, found.straight, found.runs)
