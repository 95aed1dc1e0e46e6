"""Counts over judged cells: agreement, message loss, mixed cells, states at the end."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sim.conformance.cells import Cell
from sim.conformance.judge import Judged

EXEMPT_KIND = "server_shutdown_full"
"""The one kind that the model need not answer."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over some cells.

    unmixed: cells with one outcome class, of which `agreed` agree; a cell without an answer counts,
    unless its kind is exempt. mixed: cells with several, `inside` of them within the predicted set,
    whose classes number `predicted` in all. losing: cells that lose a message; foretold: cells
    predicted to lose one; both_lose: cells of both kinds with the same frequency. states, states_
    agreed: covered cells whose states at the end are known, and those that agree.
    """

    cells: int = 0
    covered: int = 0
    unmixed: int = 0
    agreed: int = 0
    mixed: int = 0
    inside: int = 0
    predicted: int = 0
    losing: int = 0
    foretold: int = 0
    both_lose: int = 0
    states: int = 0
    states_agreed: int = 0

    @property
    def share(self) -> float | None:
        """Agreed of all unmixed cells; None where there are none."""
        return self.agreed / self.unmixed if self.unmixed else None

    @property
    def mean_size(self) -> float | None:
        """Predicted classes per mixed cell that has an answer."""
        return self.predicted / self.mixed if self.mixed else None

    @property
    def recall(self) -> float | None:
        """Of the cells that lose a message, the share that was foretold."""
        return self.both_lose / self.losing if self.losing else None

    @property
    def precision(self) -> float | None:
        """Of the cells that were foretold to lose a message, the share that does."""
        return self.both_lose / self.foretold if self.foretold else None


def tally(judged: Iterable[Judged]) -> Tally:
    """Count over some cells."""
    count: Counter[str] = Counter()
    for one in judged:
        count.update(_counted(one))
    return Tally(**count)


def _counted(one: Judged) -> dict[str, int]:
    cell, prediction = one.cell, one.prediction
    answered = prediction is not None
    counts = cell.kind != EXEMPT_KIND or answered
    row = {"cells": 1, "covered": int(answered)}
    if counts and cell.mixed:
        size = len(prediction.classes) if prediction is not None else 0
        row |= {"mixed": 1, "inside": int(one.agrees), "predicted": size}
    elif counts:
        row |= {"unmixed": 1, "agreed": int(one.agrees)}
    if counts:
        foretold = prediction is not None and prediction.loss != "never"
        loses = cell.loss != "never"
        row |= {
            "losing": int(loses),
            "foretold": int(foretold),
            "both_lose": int(loses and foretold and one.same_loss),
        }
    if answered and cell.states:
        row |= {"states": 1, "states_agreed": int(one.same_states)}
    return row


def stack_of(cell: Cell) -> str:
    """Return the stack of a cell in words."""
    lib = f" ({cell.lib})" if cell.lib else ""
    return (
        f"{cell.stack}: {cell.server}{lib}, Python {cell.python}, Starlette {cell.starlette}, "
        f"{cell.runtime}"
    )


def stacks(judged: Iterable[Judged]) -> dict[str, list[Judged]]:
    """Return the cells by stack, in the order of first appearance."""
    groups: dict[str, list[Judged]] = {}
    for one in judged:
        groups.setdefault(stack_of(one.cell), []).append(one)
    return groups


def by_kind(judged: Iterable[Judged]) -> dict[str, list[Judged]]:
    """Return the cells by kind, in the order of first appearance."""
    groups: dict[str, list[Judged]] = {}
    for one in judged:
        groups.setdefault(one.cell.kind, []).append(one)
    return groups


def not_covered(judged: Iterable[Judged]) -> dict[str, int]:
    """Return why cells have no answer, with how many they are."""
    reasons: Counter[str] = Counter(one.why for one in judged if one.prediction is None)
    return dict(sorted(reasons.items(), key=lambda row: (-row[1], row[0])))


def digest_of(judged: Iterable[Judged]) -> str:
    """Return the sha256 over (cell, outcome class, digest of its run)."""
    found = hashlib.sha256()
    for one in judged:
        runs = one.prediction.runs if one.prediction is not None else {}
        for name in sorted(runs):
            row = (stack_of(one.cell), one.cell.label, name, runs[name].digest)
            found.update(("\0".join(row) + "\n").encode())
    return found.hexdigest()
