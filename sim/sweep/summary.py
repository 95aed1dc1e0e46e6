"""From rows to results: rates with intervals per cell, paired differences, and one digest."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sim.model.results import Cell, CellResult, PairResult
from sim.model.scenario import Scenario
from sim.stats.closed_forms import closed_form
from sim.stats.intervals import paired_difference, rate_interval
from sim.stats.masses import Share
from sim.store.results import Stored
from sim.sweep.cells import Planned

BEFORE, AFTER = "pre-fix", "post-fix"
ENOUGH = 50
"""With fewer trials than these "some" may turn out as none or all by chance, and is not judged."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a sweep came to.

    digest: SHA-256 over (cell, trial, run digest) of every trial, in order. failing: for each cell
    with failures, the first trial that fails.
    """

    results: tuple[CellResult, ...]
    pairs: tuple[PairResult, ...]
    digest: str
    failing: dict[int, int] = field(default_factory=dict)


def summarise(plan: Sequence[Planned], rows: Iterable[Stored]) -> Summary:
    """Return the results of the cells for which there are rows."""
    by_cell: dict[int, list[Stored]] = {}
    whole = hashlib.sha256()
    for row in rows:
        by_cell.setdefault(row[0], []).append(row)
        whole.update(f"{row[0]} {row[1]} {row[5]}\n".encode())
    results = tuple(_result(plan[cell], found) for cell, found in by_cell.items())
    failing = {
        cell: next(row[1] for row in found if row[2])
        for cell, found in by_cell.items()
        if any(row[2] for row in found)
    }
    return Summary(results, _pairs(plan, by_cell), whole.hexdigest(), failing)


def _result(planned: Planned, rows: Sequence[Stored]) -> CellResult:
    trials, failures = len(rows), sum(row[2] for row in rows)
    low, high = rate_interval(failures, trials)
    return CellResult(
        cell=planned.cell,
        trials=trials,
        failures=failures,
        lost=sum(row[3] for row in rows),
        rate=failures / trials,
        low=low,
        high=high,
        outcomes=dict(sorted(Counter(row[4] for row in rows).items())),
        closed_form=closed_form(planned.scenario),
    )


def _pairs(plan: Sequence[Planned], by_cell: dict[int, list[Stored]]) -> tuple[PairResult, ...]:
    """Compare pre-fix and post-fix on the trials that both have."""
    after = {plan[cell].group: cell for cell in by_cell if plan[cell].cell.guard == AFTER}
    pairs = []
    for cell, rows in by_cell.items():
        other = after.get(plan[cell].group)
        if plan[cell].cell.guard != BEFORE or other is None:
            continue
        fails = {row[1]: row[2] for row in by_cell[other]}
        counts = Counter((row[2], fails[row[1]]) for row in rows if row[1] in fails)
        four = (
            counts[True, True],
            counts[True, False],
            counts[False, True],
            counts[False, False],
        )
        pairs.append(PairResult(BEFORE, AFTER, plan[cell].cell, *paired_difference(*four), four))
    return tuple(pairs)


def over_axis(summary: Summary) -> Summary:
    """Return one cell per scenario, runtime and guard: all trials over the axis together."""
    groups: dict[Cell, list[CellResult]] = {}
    for one in summary.results:
        groups.setdefault(_anywhere(one.cell), []).append(one)
    pairs: dict[Cell, list[PairResult]] = {}
    for pair in summary.pairs:
        pairs.setdefault(_anywhere(pair.cell), []).append(pair)
    return Summary(
        tuple(_together(cell, group) for cell, group in groups.items()),
        tuple(_pair_together(cell, group) for cell, group in pairs.items()),
        summary.digest,
    )


def _anywhere(cell: Cell) -> Cell:
    return replace(cell, value=0.0, window_ms=None, offset_ms=None)


def _together(cell: Cell, group: Sequence[CellResult]) -> CellResult:
    trials, failures = sum(one.trials for one in group), sum(one.failures for one in group)
    outcomes = sum((Counter(one.outcomes) for one in group), Counter[str]())
    low, high = rate_interval(failures, trials)
    lost = sum(one.lost for one in group)
    rate = failures / trials
    return CellResult(cell, trials, failures, lost, rate, low, high, dict(sorted(outcomes.items())))


def _pair_together(cell: Cell, group: Sequence[PairResult]) -> PairResult:
    both, before, after, neither = map(sum, zip(*(pair.counts for pair in group), strict=True))
    counts = (both, before, after, neither)
    return PairResult(BEFORE, AFTER, cell, *paired_difference(*counts), counts)


def broken_expectations(
    scenarios: Sequence[Scenario], results: Sequence[CellResult]
) -> tuple[str, ...]:
    """Return one line for each guard and runtime that fails otherwise than its scenario expects."""
    lines = []
    for scenario in scenarios:
        totals: dict[tuple[str, str], list[int]] = {}
        for result in results:
            if result.cell.injection == scenario.name:
                total = totals.setdefault((result.cell.guard, result.cell.runtime), [0, 0])
                total[0] += result.failures
                total[1] += result.trials
        for (guard, runtime), (failures, trials) in totals.items():
            expected = scenario.expected(guard, runtime)
            judged = expected != "some" or trials >= ENOUGH
            if judged and contradiction(expected, failures, trials):
                lines.append(
                    f"{scenario.name}: {guard} on {runtime}: expected {expected} of the trials to "
                    f"fail, {failures} of {trials} did"
                )
    return tuple(lines)


def contradiction(expected: str | None, failures: Share, trials: int) -> str:
    """Return how many trials fail ("none", "some", "all") if that is not as expected, else "".

    expected: as scenarios say it; a verdict counts as far as it says how often.
    """
    found = "none" if not failures else "all" if failures == trials else "some"
    wanted = "none" if expected == "race-free" else expected
    return "" if wanted in (None, "racy", found) else found
