"""Results made of trials by the sweep's own summary, so that their figures are consistent."""

from collections.abc import Iterable
from typing import NamedTuple

from sim.model.results import Cell
from sim.model.scenario import Scenario
from sim.sweep.cells import Planned
from sim.sweep.summary import Summary, summarise


class Trial(NamedTuple):
    """One trial of a cell at one value of the axis."""

    injection: str
    runtime: str
    guard: str
    trial: int
    failed: bool
    lost: bool = False


def summary(trials: Iterable[Trial], counterfactual: Iterable[str] = ()) -> Summary:
    """Return what trials come to. counterfactual: runtimes and guards that do not exist."""
    unreal = set(counterfactual)
    plan: dict[tuple[str, str, str], Planned] = {}
    rows = []
    for one in trials:
        key = one[:3]
        if key not in plan:
            cell = Cell(
                mode="main",
                shape="report",
                injection=one.injection,
                probe="validated",
                runtime=one.runtime,
                server="uvicorn-websockets@0.35",
                counterfactual=bool(unreal & {one.runtime, one.guard}),
                guard=one.guard,
                axis="window_ms",
                value=5.0,
                unit="ms",
                window_ms=5.0,
            )
            plan[key] = Planned(cell, Scenario(), (one.injection, one.runtime, 5.0))
        index = list(plan).index(key)
        rows.append((index, one.trial, one.failed, one.lost, "label", "digest"))
    return summarise(tuple(plan.values()), rows)
