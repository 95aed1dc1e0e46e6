"""What a sweep finds: one row per cell, one row per pair of guards. Plain frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of what a sweep varies.

    injection: the scenario's name. axis, value, unit: what the x axis of a plot shows. window_ms:
    the scripted await between validation and receive, None where there is no window. offset_ms: the
    fixed delay of the injection after its probe, None where it is drawn per trial.
    """

    mode: str
    shape: str
    injection: str
    probe: str
    runtime: str
    server: str
    counterfactual: bool
    guard: str
    axis: str
    value: float
    unit: str
    window_ms: float | None = None
    offset_ms: float | None = None


@dataclass(frozen=True, slots=True)
class CellResult:
    """What came of the trials of one cell.

    failures, lost: trials that fail, that lose a message. rate: failures / trials, with its 95 %
    interval (low, high). outcomes: how many trials had which outcome class. closed_form: the rate
    that can be computed beforehand, None where there is none.
    """

    cell: Cell
    trials: int
    failures: int
    lost: int
    rate: float
    low: float
    high: float
    outcomes: Mapping[str, int] = field(default_factory=dict)
    closed_form: float | None = None


@dataclass(frozen=True, slots=True)
class PairResult:
    """The paired difference of failure rates, after minus before, with its 95 % interval.

    cell: the cell of `before`. counts: trials in which both fail, only before, only after, neither.
    """

    before: str
    after: str
    cell: Cell
    difference: float
    low: float
    high: float
    counts: tuple[int, int, int, int] = (0, 0, 0, 0)
