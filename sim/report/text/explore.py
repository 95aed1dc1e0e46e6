"""An exploration for people: a table with a row per guard, and counterexamples in words."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from sim.exploration.counterexample import Counterexample, changed
from sim.exploration.shrink import deviations
from sim.exploration.verdict import Exploration, Verdict
from sim.files.documents import VerdictRow
from sim.kernel.lines import place_of
from sim.model.plain import printable

_STYLES = {
    Verdict.RACE_FREE: "green",
    Verdict.RACY: "red",
    Verdict.ALWAYS: "red",
    Verdict.INCONCLUSIVE: "yellow",
}


def verdict_table(found: Sequence[VerdictRow]) -> Table:
    """Return one row per guard: verdict, what was looked at, how much fails, how long it took."""
    title = "complete: nothing was left to try" if all(one.complete for one in found) else None
    table = Table(title=title, box=None)
    table.add_column("handler" if any(one.handler for one in found) else "guard")
    table.add_column("verdict")
    for name in ("classes", "schedules", "failing", "choices", "deepest", "seconds"):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(
            Text(printable(one.guard)),
            Text(one.verdict, style=_STYLES[Verdict(one.verdict)]),
            "-" if one.classes is None else f"{one.classes:,}",
            f"{one.schedules:,}",
            f"{one.failing:,}",
            f"{one.points:,}",
            str(one.deepest),
            f"{one.seconds:.1f}",
        )
    return table


def outcome_words(found: Exploration) -> str:
    """Return how the runs that were looked at ended, the most frequent first."""
    rows = sorted(found.outcomes.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{printable(label)} {count:,}" for label, count in rows)


def telling(found: Counterexample) -> Iterator[str | Table]:
    """Yield a counterexample as lines and one table."""
    record, why = found.record, found.explanation
    scenario = {k: v for k, v in changed(record.scenario).items() if k not in ("name", "guard")}
    proven = "no schedule with fewer fails" if found.least else "fewer were not ruled out"
    yield (
        f"{printable(record.subject.label)}: {record.outcome.label} in {record.end.steps} steps, "
        f"{deviations(record.schedule)} of {len(record.schedule)} choices not the default "
        f"({proven})"
    )
    yield f"  scenario: {printable(str(scenario))}"
    yield f"  why: {printable(why.sentence(place_of))}"
    if why.check is not None and why.use is not None:
        turns = "1 turn" if why.hops == 1 else f"{why.hops} turns"
        yield f"  from check to use: {turns} of the loop, {why.window_ms:g} ms"
    if why.rows:
        yield _rows(found)
    parting = found.parting
    if parting is not None:
        yield (
            f"  nearest run that passes ({parting.passing.outcome.label}): at choice "
            f"{parting.index} it lets {_short(parting.passed)} go first, not "
            f"{_short(parting.failed)}"
        )


def _rows(found: Counterexample) -> Table:
    table = Table(box=None, padding=(0, 1))
    for name in ("ms", "role", "task", "line", "what", *found.record.subject.lanes):
        table.add_column(name, justify="right" if name == "ms" else "left")
    for row in found.explanation.rows:
        states = [
            Text(after if before == after else f"{before} > {after}")
            for before, after in zip(row.before, row.after, strict=True)
        ]
        plain = (row.role, _short(row.task), row.where, printable(row.what))
        table.add_row(f"{row.ms:.3f}", *(Text(text) for text in plain), *states)
    return table


def _short(task: str) -> str:
    """Return the last part of a task's path: who it is among those around it."""
    return task.rpartition("/")[2]
