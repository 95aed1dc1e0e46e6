"""A cell against its prediction: what was predicted, what was seen, and whether that agrees."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sim.conformance.arrange import ENVELOPE, Timing, scenario_of
from sim.conformance.cells import Cell
from sim.conformance.predict import Prediction, predict
from sim.conformance.stacks import NotCovered, Setting, setting_of
from sim.errors import NoAnswer


@dataclass(frozen=True, slots=True)
class Judged:
    """One cell. prediction: None where the model has no answer, and `why` says why not.

    agrees: unmixed, the predicted classes are those that were seen; mixed, those that were seen are
    among the predicted ones. same_loss: how many trials lose a message (never, some, always) is as
    predicted; for a mixed cell, no less than never and no more than predicted.
    """

    cell: Cell
    prediction: Prediction | None
    agrees: bool = False
    same_loss: bool = False
    same_states: bool = False
    why: str = ""


OnCell = Callable[[int], None]
"""Called with the number of cells done."""


def judge_all(cells: Iterable[Cell], on_cell: OnCell | None = None) -> list[Judged]:
    """Judge every cell. Cells that arrange the same thing are simulated once."""
    known: dict[tuple[str, ...], Prediction] = {}
    judged: list[Judged] = []
    for cell in cells:
        judged.append(judge(cell, known))
        if on_cell is not None:
            on_cell(len(judged))
    return judged


def judge(cell: Cell, known: dict[tuple[str, ...], Prediction] | None = None) -> Judged:
    """Return how a cell compares. known: predictions made before, and where to put more."""
    try:
        setting = setting_of(cell)
        prediction = _predicted(cell, setting, {} if known is None else known)
    except (NotCovered, NoAnswer) as error:
        return Judged(cell, None, why=str(error))
    agrees, same_loss = compare(cell, prediction)
    return Judged(cell, prediction, agrees, same_loss, cell.states <= prediction.states)


def compare(cell: Cell, prediction: Prediction) -> tuple[bool, bool]:
    """Return whether outcome classes and message loss are as predicted (see `Judged`)."""
    if cell.mixed:
        return cell.seen <= prediction.classes, prediction.loss in ("some", cell.loss)
    return cell.seen == prediction.classes, prediction.loss == cell.loss


def _predicted(
    cell: Cell, setting: Setting, known: dict[tuple[str, ...], Prediction]
) -> Prediction:
    """Return what the model says: of a cell that varied under asyncio, over the whole envelope."""
    timings = ENVELOPE if cell.mixed and setting.runtime != "trio" else ENVELOPE[:1]
    predictions = [_at(cell, setting, timing, known) for timing in timings]
    all_of_them = predictions[0]
    for one in predictions[1:]:
        all_of_them |= one
    return all_of_them


def _at(
    cell: Cell, setting: Setting, timing: Timing, known: dict[tuple[str, ...], Prediction]
) -> Prediction:
    scenario = scenario_of(cell, setting, timing)
    key = (
        *(setting.runtime, setting.server, setting.starlette),
        *(cell.kind, cell.point, cell.wait, cell.guard, str(cell.queued)),
        repr(timing),
    )
    if key not in known:
        known[key] = predict(scenario)
    return known[key]
