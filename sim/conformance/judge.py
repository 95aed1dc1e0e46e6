"""A cell against its prediction: what was predicted, what was seen, and whether that agrees."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sim.conformance.arrange import ENVELOPE, Timing, scenario_of
from sim.conformance.cells import Cell
from sim.conformance.elsewhere import Foretold, predict_elsewhere
from sim.conformance.predict import Prediction, predict
from sim.conformance.stacks import NotCovered, Setting, setting_of
from sim.errors import NoAnswer
from sim.model.scenario import Scenario
from sim.workers.seam import Workers


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


Known = dict[tuple[str, ...], Foretold]
"""Predictions that were made, by what they depend on; or why there is none."""


def judge_all(
    cells: Iterable[Cell], on_cell: OnCell | None = None, workers: Workers | None = None
) -> list[Judged]:
    """Judge every cell. Cells that arrange the same thing are simulated once.

    workers: who simulate them; None for this process.
    """
    asked = list(cells)
    known: Known = {}
    if workers is not None:
        wanted = dict(one for cell in asked for one in _wanted(cell))
        share = len(asked) / max(len(wanted), 1)

        def tell(done: int) -> None:
            if on_cell is not None:
                on_cell(int(done * share))

        foretold = predict_elsewhere(list(wanted.values()), workers, tell)
        known = dict(zip(wanted, foretold, strict=True))
    judged: list[Judged] = []
    for cell in asked:
        judged.append(judge(cell, known))
        if on_cell is not None and (workers is None or len(judged) == len(asked)):
            on_cell(len(judged))
    return judged


def _wanted(cell: Cell) -> Iterator[tuple[tuple[str, ...], Scenario]]:
    """Yield what has to be simulated for a cell, by what it depends on."""
    try:
        setting = setting_of(cell)
        for timing in _timings(cell, setting):
            yield _key(cell, setting, timing), scenario_of(cell, setting, timing)
    except (NotCovered, NoAnswer):
        return  # whoever judges it says so


def judge(cell: Cell, known: Known | None = None) -> Judged:
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


def _timings(cell: Cell, setting: Setting) -> Sequence[Timing]:
    """Return when things may happen: in a cell that varied under asyncio, the whole envelope."""
    return ENVELOPE if cell.mixed and setting.runtime != "trio" else ENVELOPE[:1]


def _predicted(cell: Cell, setting: Setting, known: Known) -> Prediction:
    """Return what the model says."""
    predictions = [_at(cell, setting, timing, known) for timing in _timings(cell, setting)]
    all_of_them = predictions[0]
    for one in predictions[1:]:
        all_of_them |= one
    return all_of_them


def _at(cell: Cell, setting: Setting, timing: Timing, known: Known) -> Prediction:
    key = _key(cell, setting, timing)
    found = known.get(key)
    if found is None:
        found = known[key] = predict(scenario_of(cell, setting, timing))
    if isinstance(found, NoAnswer):
        raise found
    return found


def _key(cell: Cell, setting: Setting, timing: Timing) -> tuple[str, ...]:
    """Return what a prediction depends on."""
    return (
        *(setting.runtime, setting.server, setting.starlette),
        *(cell.kind, cell.point, cell.wait, cell.guard, str(cell.queued)),
        repr(timing),
    )
