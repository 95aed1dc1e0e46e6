"""From rows to results: rates with intervals per cell, paired differences, and one digest."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
    marks: "Marks" = field(default_factory=lambda: Marks())


class Marks:
    """Which trials of which cells failed, a byte each: a sweep of millions fits into memory.

    Iterating yields (cell, trial, failed) of every trial, in order.
    """

    def __init__(self) -> None:
        self._cells: dict[int, bytearray] = {}
        self._count = 0

    def add(self, cell: int, trial: int, failed: bool) -> None:
        """Take note of a trial."""
        known = self._cells.setdefault(cell, bytearray())
        if len(known) <= trial:
            known.extend(bytes(trial + 1 - len(known)))
        self._count += not known[trial]
        known[trial] = _FAILED if failed else _PASSED

    def of(self, cell: int) -> bytes:
        """Return a byte for each trial of a cell: 0 where there is none."""
        return bytes(self._cells.get(cell, b""))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[int, int, bool]]:
        for cell in sorted(self._cells):
            for trial, mark in enumerate(self._cells[cell]):
                if mark:
                    yield cell, trial, mark == _FAILED


_PASSED, _FAILED = 1, 2


@dataclass(slots=True)
class _Counts:
    """What the rows of one cell come to, as far as they have been read."""

    failures: int = 0
    lost: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    first: int | None = None
    """The first trial that fails."""


def summarise(plan: Sequence[Planned], rows: Iterable[Stored]) -> Summary:
    """Return the results of the cells for which there are rows, which are read once."""
    by_cell: dict[int, _Counts] = {}
    marks = Marks()
    whole = hashlib.sha256()
    for cell, trial, failed, lost, label, digest in rows:
        counts = by_cell.setdefault(cell, _Counts())
        counts.failures += failed
        counts.lost += lost
        counts.outcomes[label] += 1
        if failed and counts.first is None:
            counts.first = trial
        marks.add(cell, trial, failed)
        whole.update(f"{cell} {trial} {digest}\n".encode())
    results = tuple(_result(plan[cell], found) for cell, found in by_cell.items())
    failing = {cell: found.first for cell, found in by_cell.items() if found.first is not None}
    pairs = _pairs(plan, list(by_cell), marks)
    return Summary(results, pairs, whole.hexdigest(), failing, marks)


def _result(planned: Planned, counts: _Counts) -> CellResult:
    trials = counts.outcomes.total()
    low, high = rate_interval(counts.failures, trials)
    return CellResult(
        cell=planned.cell,
        trials=trials,
        failures=counts.failures,
        lost=counts.lost,
        rate=counts.failures / trials,
        low=low,
        high=high,
        outcomes=dict(sorted(counts.outcomes.items())),
        closed_form=closed_form(planned.scenario),
    )


def _pairs(plan: Sequence[Planned], cells: Sequence[int], marks: Marks) -> tuple[PairResult, ...]:
    """Compare pre-fix and post-fix on the trials that both have."""
    after = {plan[cell].group: cell for cell in cells if plan[cell].cell.guard == AFTER}
    pairs = []
    for cell in cells:
        other = after.get(plan[cell].group)
        if plan[cell].cell.guard != BEFORE or other is None:
            continue
        counts = Counter(zip(marks.of(cell), marks.of(other), strict=False))
        four = (
            counts[_FAILED, _FAILED],
            counts[_FAILED, _PASSED],
            counts[_PASSED, _FAILED],
            counts[_PASSED, _PASSED],
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
