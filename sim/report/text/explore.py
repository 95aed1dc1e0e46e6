"""An exploration: for people as a table and counterexamples, for programs as one document."""

import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from sim import __version__
from sim.exploration.audit import Audit
from sim.exploration.counterexample import Counterexample, list_changes
from sim.exploration.inquiry import Inquiry
from sim.exploration.shrink import deviations
from sim.exploration.verdict import Exploration, Verdict
from sim.files.documents import EXPLORE, VerdictRow
from sim.files.racefile import SUFFIX
from sim.kernel.lines import place_of
from sim.model.findings import FINDINGS
from sim.model.outcome import class_named
from sim.model.plain import printable
from sim.model.ticks import seconds
from sim.runs.handler import HandlerSubject

_STYLES = {
    Verdict.RACE_FREE: "green",
    Verdict.RACY: "red",
    Verdict.ALWAYS: "red",
    Verdict.INCONCLUSIVE: "yellow",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found out about one guard."""

    found: Exploration
    example: Counterexample | None
    audited: Audit | None
    seconds: float


def file_name(guard: str) -> str:
    """Return what the file of a guard's counterexample is called."""
    return "".join(char if char.isalnum() or char in "-_" else "-" for char in guard) + SUFFIX


def tell(answers: Sequence[Answer], folder: Path | None = None) -> Iterator[str | Text | Table]:
    """Yield the verdicts and the counterexamples. folder: where files of these lie, if anywhere."""
    yield verdict_table([VerdictRow.model_validate(_row(one)) for one in answers])
    yield ""
    for answer in answers:
        yield from map(Text, _verdict_lines(answer))
    for answer in answers:
        if answer.example is None:
            continue
        yield ""
        for part in telling(answer.example):
            yield Text(part) if isinstance(part, str) else part
        if folder is not None:
            yield f"  file: {folder / file_name(answer.found.guard)}"
        if answer.example.token:
            again = ["wsrace", "replay", answer.example.token, *answer.found.subject.options()]
            yield f"  {shlex.join(again)}"
        elif folder is None:
            yield "  too long for a token: --out DIR keeps it as a file"


def _verdict_lines(answer: Answer) -> Iterator[str]:
    found = answer.found
    unreal = " (counterfactual)" if found.scenario.counterfactual else ""
    yield f"{printable(found.guard)}{unreal}: {found.words()}"
    yield f"  outcomes: {outcome_words(found)}"
    if found.upto is not None and not found.fails:
        yield "  to go on: --for 10m, or --max-schedules N; to ask for less: --set end_ms=..."
    for name, runs in _findings(found).items():
        finding = FINDINGS[name]
        yield f"  {name} in {runs:,} ({finding.severity}): {finding.definition}"
    for kind, (runs, said) in found.remarks.items():
        about = said or class_named(kind).summary
        yield f"  also: {kind} in {runs:,} of {found.looked:,}: {printable(about)}"
    if found.because():
        yield f"  because: {found.because()}"
    if answer.audited is not None:
        merges = answer.audited.merges
        also = f", {merges} pairs of prefixes that count as one" if merges else ""
        yield f"  audit: {answer.audited.swaps} swaps of independent steps{also}"
        for one in answer.audited.differences[:5]:
            yield f"  audit: {one.words()}"


def _findings(found: Exploration) -> dict[str, int]:
    """Return what was found out about a handler of somebody's own, with in how many runs.

    By the names that findings of applications have, too, failures first.
    """
    if not isinstance(found.subject, HandlerSubject):
        return {}
    return {name: found.findings[name] for name in FINDINGS if name in found.findings}


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
    scenario = {
        k: v for k, v in list_changes(record.scenario).items() if k not in ("name", "guard")
    }
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


def document_of(
    scenario: str,
    inquiry: Inquiry,
    answers: Sequence[Answer],
    source: str,
    settings: Sequence[str] = (),
) -> dict[str, Any]:
    """Return everything as one JSON document. The digest leaves `seconds` out.

    scenario: its name. source, settings: as they were typed.
    """
    rows = [_row(answer) for answer in answers]
    counted = [{key: row[key] for key in row if key != "seconds"} for row in rows]
    text = json.dumps(counted, sort_keys=True)
    return {
        "schema": EXPLORE,
        "wsrace": __version__,
        "seed": inquiry.seed,
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "scenario": scenario,
        "strategy": inquiry.strategy,
        "times": inquiry.times,
        "property": inquiry.prop,
        "source": source,
        "settings": list(settings),
        "bound": inquiry.bound,
        "max_schedules": inquiry.max_schedules,
        "guards": rows,
    }


def _row(answer: Answer) -> dict[str, Any]:
    found, example = answer.found, answer.example
    own = found.subject.handler if isinstance(found.subject, HandlerSubject) else None
    row: dict[str, Any] = {
        "guard": found.guard,
        "handler": own.name if own is not None else None,
        "verdict": str(found.verdict),
        "complete": found.complete,
        "says": found.words(),
        "scope": found.scope,
        "bound": found.bound,
        "classes": found.classes,
        "schedules": found.schedules,
        "every_class_before_s": None if found.upto is None else seconds(found.upto),
        "failing": found.failing,
        "outcomes": dict(sorted(found.outcomes.items())),
        "findings": _findings(found),
        "also": {kind: {"runs": n, "text": text} for kind, (n, text) in found.remarks.items()},
        "because": found.because(),
        "choices": found.points,
        "deepest": found.deepest,
        "counterfactual": found.scenario.counterfactual,
        "seconds": round(answer.seconds, 3),
        "token": (example.token or None) if example is not None else None,
        "run": example.record.digest if example is not None else None,
        "counterexample": example.summary() if example is not None else None,
    }
    if own is not None and own.factory:
        row["factory"] = True
    if answer.audited is not None:
        differences = [one.words() for one in answer.audited.differences]
        row["audit"] = {
            "swaps": answer.audited.swaps,
            "merges": answer.audited.merges,
            "differences": differences,
        }
    return row
