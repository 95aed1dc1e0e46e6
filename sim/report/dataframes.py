"""What was found as pandas frames, for notebooks. pandas is imported here alone, and when needed.

A frame has plain columns and a plain index, so that `set_index([...]).to_xarray()` makes a grid of
it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sim.conformance.judge import Judged
from sim.errors import UserError
from sim.exploration.verdict import Exploration
from sim.live.overhead import Cost
from sim.model.results import CellResult, PairResult
from sim.model.ticks import ms
from sim.report.text.exact import exact_row
from sim.report.text.reproduce import cell_row, pair_row
from sim.runs.subject import Record
from sim.sweep.exact.reproduce import ExactReproduction
from sim.sweep.reproduce import Reproduction
from sim.validation.criteria import Validation
from sim.validation.deployment import Session

if TYPE_CHECKING:
    import pandas

Rows = list[dict[str, Any]]


def frame(found: object) -> "pandas.DataFrame":
    """Return what was found as a frame.

    found: a Reproduction or an ExactReproduction (a row per cell), a Record (a row per event), a
    Validation (a row per criterion), or a sequence of Explorations (a row per guard), Judged cells,
    Sessions, Costs, or the results and pairs of a reproduction's summary.
    Raises UserError for anything else, and if pandas is not installed.
    """
    return _framed(_rows(found))


def _rows(found: object) -> Rows:
    for kind, rows in _SINGLE.items():
        if isinstance(found, kind):
            return rows(found)
    if isinstance(found, Sequence) and not isinstance(found, str | bytes):
        for kind, row in _ROWS.items():
            if all(isinstance(one, kind) for one in found):
                return [row(one) for one in found]
    raise UserError(f"a {type(found).__name__} cannot be made a frame; see help(sim.frame)")


def _cells(found: Reproduction) -> Rows:
    return [cell_row(one) for one in found.summary.results]


def _events(found: Record) -> Rows:
    return [
        {
            "ms": ms(event.tick),
            "task": event.task,
            "kind": event.kind,
            **{str(key): value for key, value in event.values.items()},
        }
        for event in found.events
    ]


def _criteria(found: Validation) -> Rows:
    return [
        {
            "phase": one.phase,
            "criterion": one.criterion,
            "at_least": one.bound.at_least,
            "at_most": one.bound.at_most,
            "figure": one.figure,
            "of": one.of,
            "passes": one.passes,
            "guard": found.guard,
        }
        for one in found.judgements
    ]


def _verdict(found: Exploration) -> dict[str, Any]:
    return {
        "guard": found.guard,
        "runtime": found.scenario.runtime,
        "server": found.scenario.server,
        "verdict": str(found.verdict),
        "complete": found.complete,
        "classes": found.classes,
        "schedules": found.schedules,
        "failing": found.failing,
        "because": found.because(),
        "scope": found.scope,
    }


def _judged(found: Judged) -> dict[str, Any]:
    cell, prediction = found.cell, found.prediction
    return {
        **cell.model_dump(exclude={"outcomes", "detail", "message_lost"}),
        "seen": ", ".join(sorted(cell.seen)),
        "predicted": ", ".join(sorted(prediction.classes)) if prediction is not None else None,
        "agrees": found.agrees,
        "loss_seen": cell.loss,
        "loss_predicted": prediction.loss if prediction is not None else None,
        "why": found.why,
    }


def _exact(found: ExactReproduction) -> Rows:
    rows = [exact_row(one) for line in found.lines for one in line.cells]
    return [{key: row[key] for key in row if key not in ("parts", "outcomes")} for row in rows]


_SINGLE: Mapping[type, Callable[[Any], Rows]] = {
    Reproduction: _cells,
    ExactReproduction: _exact,
    Record: _events,
    Validation: _criteria,
}
_ROWS: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    Exploration: _verdict,
    Judged: _judged,
    Session: asdict,
    CellResult: cell_row,
    PairResult: pair_row,
    Cost: asdict,
}


def _framed(rows: Rows) -> "pandas.DataFrame":
    try:
        import pandas
    except ImportError:
        raise UserError("frames need pandas: pip install 'wsrace[frames]'") from None
    return pandas.DataFrame(rows)
