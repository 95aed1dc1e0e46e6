"""A reproduction: for people as a table and sentences, for programs as one document."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from sim.files.documents import REPRODUCE
from sim.model.plain import joined, printable
from sim.model.results import CellResult, PairResult
from sim.report.plots.looks import percent, plain
from sim.sweep.reproduce import Reproduction, said_of
from sim.sweep.summary import AFTER, BEFORE, Summary, over_axis

UNREAL = "\n(counterfactual)"
TITLE = "Runs that fail, of all trials over the axis (95 % interval)"
WIDE = 140
"""Columns of a terminal that the table with a column per guard needs."""
_PAIR_KEYS = ("mode", "shape", "injection", "runtime", "server", "axis", "value")


def tell(found: Reproduction, width: int) -> Iterator[str | Text | Table]:
    """Yield the table of rates, and what it says. width: the columns of the terminal."""
    yield rates_table(found.summary) if width >= WIDE else narrow_table(found.summary)
    yield ""
    if any(one.cell.runtime in ("trio", "any-order") for one in found.summary.results):
        yield Text("Under trio and any-order the order is drawn: a rate is no probability.\n")
    yield from map(Text, sentences(found.summary))


def tell_run(found: Reproduction) -> Iterator[str]:
    """Yield the digest of all trials, and the command that replays a run that fails."""
    yield f"digest of all trials: {found.summary.digest}"
    if found.tokens:
        cell, token = found.tokens[0]
        one = found.plan[cell].cell
        what = f"{one.injection or '(unnamed)'}, {one.guard}, {one.runtime}"
        yield f"one failing run ({printable(what)}):"
        yield f"wsrace replay {token}"


def document_of(found: Reproduction) -> dict[str, Any]:
    """Return everything as one JSON document: the same for every number of workers."""
    task = found.task
    return {
        "schema": REPRODUCE,
        **said_of(task, found.scenarios),
        "digest": found.summary.digest,
        "cells": [cell_row(result) for result in found.summary.results],
        "pairs": [pair_row(pair) for pair in found.summary.pairs],
        "tokens": [{"cell": cell, "token": token} for cell, token in found.tokens],
        "crashes": [one._asdict() for one in found.crashes],
    }


def cell_row(result: CellResult) -> dict[str, Any]:
    """Return a cell and what came of it as one flat row."""
    fields = asdict(result)
    return {**fields.pop("cell"), **fields}


def pair_row(pair: PairResult) -> dict[str, Any]:
    """Return a pair of guards as one flat row, with the cell that both share."""
    fields = asdict(pair)
    cell = fields.pop("cell")
    del fields["counts"]
    return {**{key: cell[key] for key in _PAIR_KEYS}, **fields}


# -- the table -------------------------------------------------------------------------------------


def rates_table(summary: Summary) -> Table:
    """Return injection x runtime against guard: failures / trials and the interval of the rate.

    The last column is the change from pre-fix to post-fix in percentage points, if there are pairs.
    What is counterfactual says so: a row if all of it is, else the guards that are.
    """
    whole = over_axis(summary)
    guards = list(dict.fromkeys(one.cell.guard for one in whole.results))
    changes = {(pair.cell.injection, pair.cell.runtime): pair for pair in whole.pairs}
    table = Table(title=TITLE, box=None)
    for name in ("injection", "runtime"):
        table.add_column(name)
    for guard in guards:
        table.add_column(Text(plain(guard)), justify="right")
    if changes:
        table.add_column(f"{BEFORE} > {AFTER}", justify="right")
    last = None
    for (injection, runtime), group in _rows(whole.results).items():
        found = {one.cell.guard: one for one in group}
        unreal = [one.cell.counterfactual for one in group]
        note = UNREAL if all(unreal) else ""
        cells = [rate(found.get(guard), any(unreal) and not note) for guard in guards]
        if changes:
            cells.append(change(changes.get((injection, runtime))))
        name = "" if injection == last else plain(injection) or "(unnamed)"
        table.add_row(Text(name), Text(plain(runtime) + note), *cells)
        last = injection
    return table


def narrow_table(summary: Summary) -> Table:
    """Return the same figures with a row per injection and guard and a column per runtime."""
    whole = over_axis(summary)
    runtimes = list(dict.fromkeys(one.cell.runtime for one in whole.results))
    changes = {(pair.cell.injection, pair.cell.runtime): pair for pair in whole.pairs}
    table = Table(title=TITLE, box=None)
    table.add_column("injection")
    table.add_column("guard")
    for runtime in runtimes:
        table.add_column(Text(plain(runtime)), justify="right")
    rows: dict[str, dict[str, dict[str, CellResult]]] = {}
    for one in whole.results:
        guards = rows.setdefault(one.cell.injection, {})
        guards.setdefault(one.cell.guard, {})[one.cell.runtime] = one
    for injection, guards in rows.items():
        name = plain(injection) or "(unnamed)"
        for guard, found in guards.items():
            cells = [_in_one_line(rate(found.get(runtime), True)) for runtime in runtimes]
            table.add_row(Text(name), Text(plain(guard)), *cells)
            name = ""
        if any(key[0] == injection for key in changes):
            cells = [_in_one_line(change(changes.get((injection, one)))) for one in runtimes]
            table.add_row("", f"{BEFORE} > {AFTER}", *cells)
    return table


def _in_one_line(text: str) -> str:
    return text.replace("every trial", "all").replace(" to ", "..").replace("\n", "  ")


def _rows(results: Iterable[CellResult]) -> dict[tuple[str, str], list[CellResult]]:
    rows: dict[tuple[str, str], list[CellResult]] = {}
    for one in results:
        rows.setdefault((one.cell.injection, one.cell.runtime), []).append(one)
    return rows


def rate(one: CellResult | None, noted: bool = False) -> str:
    """Return a rate and its interval; `noted`: and whether it is counterfactual."""
    if one is None:
        return "-"
    note = UNREAL if noted and one.cell.counterfactual else ""
    return f"{one.failures}/{one.trials}\n{100 * one.low:.1f}-{100 * one.high:.1f} %{note}"


def change(pair: PairResult | None) -> str:
    """Return the change of a rate in percentage points, and its interval."""
    if pair is None:
        return "-"
    if not pair.counts[1] and not pair.counts[2]:
        return "same in\nevery trial"
    return f"{100 * pair.difference:+.1f}\n{100 * pair.low:+.1f} to {100 * pair.high:+.1f}"


# -- three sentences derived from the figures ------------------------------------------------------


def sentences(summary: Summary) -> tuple[str, str, str]:
    """Return three sentences: how often runs fail, what the fix changes, which guards hold."""
    results = summary.results
    return (_how_often(results), _what_changes(summary), _which_hold(results))


def _how_often(results: Sequence[CellResult]) -> str:
    before = [one for one in results if one.cell.guard == BEFORE]
    told = before or results
    failures, trials = _totals(told)
    verb = "fails" if failures < 2 else "fail"
    who = f"With {BEFORE}" if before else "In all,"
    said = f"{who} {f'{failures:,}' if failures else 'none'} of {trials:,} runs {verb}"
    unreal = sum(one.trials for one in told if one.cell.counterfactual)
    if unreal:
        share = f"all {trials:,}" if unreal == trials else f"{unreal:,} of the {trials:,}"
        said += f" ({share} are counterfactual)"
    if not failures or not before:
        return f"{said}."
    rates = {name: _totals(group) for name, group in _by(_injection, before).items()}
    some = [f"{name} ({percent(part / whole)} %)" for name, (part, whole) in rates.items() if part]
    never = [name for name, (part, _) in rates.items() if not part]
    return f"{said}: in {joined(some)}{f', never in {joined(never)}' if never else ''}."


def _what_changes(summary: Summary) -> str:
    if not summary.pairs:
        return f"There is no pair of {BEFORE} and {AFTER} to compare."
    groups = _by(_injection, summary.results)
    moved = {
        plain(pair.cell.injection) or "(unnamed)"
        for pair in summary.pairs
        if pair.difference or pair.counts[1] or pair.counts[2]
    }
    differ: list[str] = []
    same: list[str] = []
    never: list[str] = []
    for name, group in groups.items():
        guards = [[one for one in group if one.cell.guard == guard] for guard in (BEFORE, AFTER)]
        if not all(guards):
            continue
        (before, _), (after, _) = map(_totals, guards)
        lost = [sum(one.lost for one in part) for part in guards]
        if name in moved or before != after or lost[0] != lost[1]:
            differ.append(f"{name} ({_change(name in moved, before, after, lost[1] - lost[0])})")
        else:
            (same if before else never).append(name)
    parts = [f"The published fix makes a difference in {joined(differ)}"] if differ else []
    parts += [f"the same trials fail with it and without it in {joined(same)}"] if same else []
    parts += [f"nothing fails either way in {joined(never)}"] if never else []
    said = "; ".join(parts)
    return f"{said}." if differ else f"The published fix changes nothing: {said}."


def _change(moved: bool, before: int, after: int, lost: int) -> str:
    """Return the difference in one scenario: in its failures, and in the messages it loses."""
    if before != after:
        fails = f"{before:,} to {after:,} failures"
    elif moved:
        word = "failure" if before == 1 else "failures"
        fails = f"{before:,} {word} as before, but in other trials"
    else:
        fails = "the same trials fail" if before else "nothing fails either way"
    if not lost:
        return fails
    runs = f"{abs(lost):,} {'more' if lost > 0 else 'fewer'}"
    verb = "run loses" if abs(lost) == 1 else "runs lose"
    return f"{fails}{', but' if lost > 0 else ', and'} {runs} {verb} a message"


def _which_hold(results: Sequence[CellResult]) -> str:
    failures, trials = _totals(results)
    if not failures:
        return f"None of {trials:,} runs fails, whatever the guard."
    never: list[str] = []
    fail: dict[str, list[str]] = {}
    for guard, group in _by(_guard, results).items():
        if not any(one.failures for one in group):
            never.append(f"{guard} (0 of {_totals(group)[1]:,})")
        elif guard not in (BEFORE, AFTER, NO_GUARD):
            fail.setdefault(joined(_where(group)), []).append(guard)
    hold = f"Never failing: {joined(never)}" if never else "No guard that was tried holds"
    rest = [
        f"{joined(guards)} {'fails' if len(guards) == 1 else 'fail'} in {places}"
        for places, guards in fail.items()
    ]
    return "; ".join([hold, *rest]) + "."


def _where(group: Sequence[CellResult]) -> list[str]:
    """Return the scenarios with failures, and the runtimes unless all that were tried have some."""
    places = []
    for name, tried in _by(_injection, group).items():
        runtimes = dict.fromkeys(one.cell.runtime for one in tried)
        failing = dict.fromkeys(one.cell.runtime for one in tried if one.failures)
        if failing:
            only = f" (only on {joined(failing)})" if len(failing) < len(runtimes) else ""
            places.append(f"{name}{only}")
    return places


NO_GUARD = '"none"'
"""The name of no guard at all, in quotation marks: "never failing: none" would be misread."""


def _guard(one: CellResult) -> str:
    return NO_GUARD if one.cell.guard == "none" else plain(one.cell.guard)


def _injection(one: CellResult) -> str:
    return plain(one.cell.injection) or "(unnamed)"


def _totals(results: Iterable[CellResult]) -> tuple[int, int]:
    found = list(results)
    return sum(one.failures for one in found), sum(one.trials for one in found)


def _by(
    key: Callable[[CellResult], str], results: Iterable[CellResult]
) -> dict[str, list[CellResult]]:
    groups: dict[str, list[CellResult]] = {}
    for one in results:
        groups.setdefault(key(one), []).append(one)
    return groups
