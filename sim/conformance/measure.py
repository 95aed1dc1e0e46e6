"""Measures cells on the real servers that are installed: the same columns as in recorded cells."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.conformance.arrange import EXACT, KINDS, scenario_of
from sim.conformance.cells import Cell, read_cells
from sim.conformance.matrix import NAMED, Arrangement, arrangements
from sim.conformance.predict import predict, states_at_end
from sim.conformance.stacks import NotCovered
from sim.errors import NoAnswer, UserError
from sim.live.serving import LiveServer, serving
from sim.live.stacks import Stack, find_installed, none_installed, stack_named
from sim.live.trial import LiveRun
from sim.model.plain import fault

OPEN = 30
"""Trials of a cell that is predicted to vary: of two even outcomes one stays away in 2^-29."""
SHOWN = 20
"""Trials of the arrangements that have a name."""
OnBreakdown = Callable[[str], None]
"""Called with one line for each error that ended a server."""
OnCell = Callable[[str, int, int], None]
"""Called with the stack that is measured, how many cells are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured. stacks: by name, () for all that are installed. kinds: () for all. trials:
    per cell. kept: cells that were measured before. out: where each cell is added when it is done.
    """

    stacks: tuple[Stack, ...]
    kinds: tuple[str, ...]
    trials: int
    kept: tuple[Cell, ...] = ()
    out: Path | None = None


def plan_measuring(
    stacks: Sequence[str], kinds: Sequence[str], trials: int, out: Path | None = None
) -> Plan:
    """Return what is to be measured. Raises UserError with one line for every fault."""
    faults: list[str] = []
    found: list[Stack] = []
    for name in dict.fromkeys(stacks):
        try:
            found.append(stack_named(name))
        except UserError as error:
            faults += [f"--{line}" for line in error.faults]
    allowed = (*KINDS, "none")
    for kind in kinds:
        if kind not in allowed:
            faults.append(f"--kind: {kind!r} is unknown; allowed: {', '.join(allowed)}")
    if faults:
        raise UserError(*map(fault, faults))
    chosen = tuple(found) if stacks else find_installed()
    if not chosen:
        raise none_installed()
    return Plan(chosen, tuple(kinds), trials, _kept(out), out)


def measure(
    plan: Plan, on_cell: OnCell | None = None, on_breakdown: OnBreakdown | None = None
) -> Iterator[Cell]:
    """Yield the cells of a plan, those that were kept first. Each stack is served for its own time.

    on_breakdown: told of each error that ended a server; its trial was made again. Raises UserError
    if a cell cannot be kept.
    """
    for stack in plan.stacks:
        todo = [one for one in arrangements(stack.row) if not plan.kinds or one.kind in plan.kinds]
        kept = {_key(cell): cell for cell in plan.kept}
        left = [one for one in todo if (_stack_key(stack), one) not in kept]
        yield from (kept[_stack_key(stack), one] for one in todo if one not in left)
        done = len(todo) - len(left)
        if not left:
            continue
        with serving(stack) as server:
            for arrangement in left:
                cell = measure_cell(
                    server, arrangement, trials_for(stack, arrangement, plan.trials)
                )
                _keep(plan.out, cell)
                done += 1
                if on_cell is not None:
                    on_cell(stack.name, done, len(todo))
                yield cell
            if on_breakdown is not None:
                for line in server.breakdowns:
                    on_breakdown(f"{stack.name}: {line}")


def trials_for(stack: Stack, arrangement: Arrangement, trials: int) -> int:
    """Return how often to try: more often where the order is open, or where one is to be shown."""
    if arrangement in NAMED:
        return max(trials, SHOWN)
    if stack.runtime != "trio":
        return trials
    try:
        predicted = predict(scenario_of(blank_cell(stack, arrangement)))
    except (NotCovered, NoAnswer):
        return trials
    is_open = len(predicted.classes) > 1 or predicted.loss == "some"
    return max(trials, OPEN) if is_open else trials


def measure_cell(server: LiveServer, arrangement: Arrangement, trials: int) -> Cell:
    """Return the cell of one arrangement on a server that runs, from so many trials."""
    blank = blank_cell(server.stack, arrangement)
    runs = server.run(scenario_of(blank, timing=EXACT), trials)
    outcomes = Counter(run.outcome.label for run in runs)
    return blank.model_copy(
        update={
            "n": trials,
            "outcomes": dict(sorted(outcomes.items())),
            "message_lost": sum(run.outcome.lost > 0 for run in runs),
            "detail": _detail(runs),
        }
    )


def blank_cell(stack: Stack, arrangement: Arrangement) -> Cell:
    """Return a cell that nobody has measured: its columns without an outcome."""
    return Cell(
        python=stack.python,
        starlette=stack.starlette,
        stack=stack.name,
        server=stack.server,
        lib=stack.lib,
        runtime="trio" if stack.runtime == "trio" else "asyncio",
        outcomes={"unmeasured": 0},
        **arrangement._asdict(),
    )


def _detail(runs: Sequence[LiveRun]) -> tuple[tuple[str | int, ...], ...]:
    rows = Counter((run.outcome.label, _text(run), *states_at_end(run.events)) for run in runs)
    return tuple((*row, count) for row, count in sorted(rows.items()))


def _text(run: LiveRun) -> str:
    return next((one.text for one in run.outcome.findings if one.text), "")


def _stack_key(stack: Stack) -> tuple[str, ...]:
    return (stack.name, stack.server, stack.lib, stack.python, stack.starlette)


def _key(cell: Cell) -> tuple[tuple[str, ...], Arrangement]:
    stack = (cell.stack, cell.server, cell.lib, cell.python, cell.starlette)
    return stack, Arrangement(cell.kind, cell.point, cell.wait, cell.guard, cell.queued)


def _kept(out: Path | None) -> tuple[Cell, ...]:
    """Return what was measured before. A last line that was cut off is not among it."""
    if out is None or not out.exists() or out.stat().st_size == 0:
        return ()
    return read_cells(out).cells


def _keep(out: Path | None, cell: Cell) -> None:
    if out is None:
        return
    line = json.dumps(cell.model_dump(mode="json"), sort_keys=True)
    try:
        cut = _cut(out)
        with out.open("a", encoding="utf-8") as file:
            file.write(("\n" if cut else "") + line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(fault(f"--out: {out}: cannot be written: {error.strerror}")) from None


def _cut(out: Path) -> bool:
    """Whether the last line of a file has no end: whoever wrote it was stopped there."""
    if not out.exists() or out.stat().st_size == 0:
        return False
    with out.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"
