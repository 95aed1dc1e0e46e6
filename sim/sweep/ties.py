"""Failures that come of time being counted in ticks: of continuous times nobody would meet them.

Two events that are drawn to one tick of 0.001 ms may fall into one turn of the loop. A sweep of
many thousands of trials meets that now and then, where its scenario rightly says that none fail.
"""

from dataclasses import replace

from sim.errors import NoAnswer, UserError
from sim.model.results import CellResult
from sim.sweep.exact.rate import exact_rate
from sim.sweep.reproduce import Reproduction
from sim.sweep.summary import broken_expectations


def judged(found: Reproduction) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the expectations that a reproduction breaks, and what is told instead of some.

    A line each. Failures by ties alone break nothing: the exact rates say whether it is that.
    """
    every = broken_expectations(found.scenarios, found.summary.results)
    if not every:
        return (), ()
    ties = [one for one in _unexpected(found) if _is_tie(found, one)]
    if not ties:
        return every, ()
    tied = {one.cell for one in ties}
    without = [
        replace(one, failures=0) if one.cell in tied else one for one in found.summary.results
    ]
    counts: dict[tuple[str, str, str], int] = {}
    for one in ties:
        name = (one.cell.injection, one.cell.guard, one.cell.runtime)
        counts[name] = counts.get(name, 0) + one.failures
    told = tuple(
        f"{injection}: {guard} on {runtime}: {failures} failed as two events fell into one tick of "
        "0.001 ms; of continuous times none would"
        for (injection, guard, runtime), failures in counts.items()
    )
    return broken_expectations(found.scenarios, without), told


def _unexpected(found: Reproduction) -> list[CellResult]:
    """Return the cells with failures where none are expected."""
    scenarios = {one.name: one for one in found.scenarios}
    return [
        one
        for one in found.summary.results
        if one.failures
        and scenarios[one.cell.injection].expected(one.cell.guard, one.cell.runtime) == "none"
    ]


def _is_tie(found: Reproduction, result: CellResult) -> bool:
    """Whether a cell can fail by ties alone, and about so often, as far as that can be computed."""
    (planned,) = (one for one in found.plan if one.cell == result.cell)
    if ":" in planned.scenario.guard:
        return False  # somebody's own code may hang on more than the order of its times
    try:
        exact = exact_rate(planned.scenario)
    except (NoAnswer, UserError):
        return False
    return 0 < exact.rate == exact.at_once and result.low <= exact.rate
