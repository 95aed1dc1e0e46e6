"""Exact rates: for people a table per scenario, for programs one document."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from rich.table import Table
from rich.text import Text

from sim import __version__
from sim.files.documents import EXACT
from sim.model.plain import joined, printable
from sim.model.scenario import Scenario
from sim.model.times import Draw
from sim.report.plots.looks import axis_label, plain
from sim.runs.times import drawn_times
from sim.stats.masses import Share
from sim.sweep.exact.rate import ExactRate
from sim.sweep.exact.reproduce import ExactCell, ExactLine, ExactReproduction

TITLE = "Runs that fail, in per cent, exactly"


def tell(found: ExactReproduction) -> Iterator[str | Text | Table]:
    """Yield a table per scenario, and what has to be said about it."""
    yield Text(TITLE)
    for scenario in found.scenarios:
        lines = [line for line in found.lines if line.injection == scenario.name and line.cells]
        if lines:
            yield ""
            yield Text(f"{plain(scenario.name, 60) or '(unnamed)'}: {what_is_drawn(scenario)}")
            yield rates_table(lines)
            yield from map(Text, _notes(lines))
    yield ""
    yield from map(Text, map(unanswered, found.unanswered))
    runs = sum(line.runs for line in found.lines)
    yield Text(f"{runs:,} runs; nothing is sampled, so no seed and no interval.")


def unanswered(line: ExactLine) -> str:
    """Return why a line has no answer."""
    return printable(f"no answer for {line.injection}, {line.guard} on {line.runtime}: {line.why}")


def what_is_drawn(scenario: Scenario) -> str:
    """Return what is drawn in a scenario, and how."""
    for key, draw in drawn_times(scenario).items():
        return f"{key} {_distribution(draw)}"
    return "nothing is drawn"


def _distribution(draw: Draw) -> str:
    name, value = next(iter(draw.model_dump(exclude_unset=True).items()))
    if name == "uniform":
        return f"uniform from {value[0]:g} to {value[1]:g}"
    if name == "exponential":
        return f"exponential with mean {value:g}"
    if name == "normal":
        return f"normal with mean {value[0]:g} and deviation {value[1]:g}, none below 0"
    if name == "grid":
        return f"one of {value[2]:,} from {value[0]:g} to {value[1]:g}"
    return f"one of {len(value)} values"


def rates_table(lines: Sequence[ExactLine]) -> Table:
    """Return the rates of one scenario: a row per runtime and guards that do not differ."""
    axis = lines[0].cells[0].cell
    table = Table(box=None, title=None)
    table.add_column("guard")
    table.add_column("runtime")
    for one in lines[0].cells:
        table.add_column(f"{one.cell.value:g}", justify="right", no_wrap=True)
    table.caption = axis_label(axis.axis, axis.unit)
    table.caption_justify = "right"
    for group in alike(lines):
        row = [per_cent(one.found) for one in group[0].cells]
        guards = ", ".join(plain(line.guard, 40) for line in group)
        unreal = " (counterfactual)" if any(c.cell.counterfactual for c in group[0].cells) else ""
        table.add_row(Text(guards), Text(plain(group[0].runtime) + unreal), *row)
    return table


def alike(lines: Sequence[ExactLine]) -> list[list[ExactLine]]:
    """Return the lines of each runtime in groups that have the same rates everywhere."""
    groups: dict[object, list[ExactLine]] = {}
    for line in lines:
        rates = tuple((one.found.rate, one.found.at_once) for one in line.cells)
        groups.setdefault((line.runtime, rates, line.points), []).append(line)
    return list(groups.values())


def per_cent(found: ExactRate) -> str:
    """Return a rate in per cent with three decimals; only exactly none is 0, only all 100."""
    if found.rate in (0, 1):
        return f"{100 * float(found.rate):g}"
    text = f"{100 * float(found.rate):.3f}"
    return {"0.000": "<0.001", "100.000": ">99.999"}.get(text, text)


def _notes(lines: Sequence[ExactLine]) -> Iterator[str]:
    """Say where only a coincidence fails, and where the rates bend between the sweep's values."""
    meets = [group for group in alike(lines) if any(_only_at_once(one) for one in group[0].cells)]
    for group in meets:
        guards = joined([plain(line.guard, 40) for line in group])
        yield (
            f"{guards} on {group[0].runtime}: where the rate is a few thousandths, a run fails as "
            "two events fall into one tick of 0.001 ms; of continuous times none would."
        )
    axis = {one.cell.value for one in lines[0].cells}
    unit = lines[0].cells[0].cell.unit.partition(" ")[0]
    for group in alike(lines):
        points = [one.value for one in group[0].points if not _is_one_of(one.value, axis)]
        bends = [f"{value:.3f}" for value in points]
        if bends and group[0].straight:
            guards = joined([plain(line.guard, 40) for line in group])
            yield f"{guards} on {group[0].runtime}: bends at {joined(bends)} {unit} as well."


def _only_at_once(one: ExactCell) -> bool:
    return 0 < one.found.rate == one.found.at_once


def _is_one_of(value: float, values: set[float]) -> bool:
    """Whether a value, which is a whole tick, is that of one of these."""
    return any(abs(value - one) < 0.001 for one in values)


def told_rate(found: ExactRate) -> Table:
    """Return what one rate is made of: a row per range of what is drawn."""
    table = Table(title=f"fails in exactly {per_cent(found)} % of the runs")
    table.add_column(Text(f"{found.key or 'nothing is drawn'} ({found.unit})"), justify="right")
    table.add_column("share (%)", justify="right")
    table.add_column("outcome")
    table.add_column("fails")
    for part in found.parts:
        last = "on" if part.last is None else f"to {part.last:g}"
        share = f"{100 * float(part.share):.3f}"
        fails = "yes" if part.failed else "no"
        table.add_row(f"{part.first:g} {last}", share, Text(plain(part.label, 80)), fails)
    return table


# -- for programs ----------------------------------------------------------------------------------


def document_of(found: ExactReproduction) -> dict[str, Any]:
    """Return everything as one JSON document: the same for every number of workers."""
    return {
        "schema": EXACT,
        "wsrace": __version__,
        "scenario": found.task.name,
        "guards": list(found.task.guards),
        "settings": list(found.task.settings),
        "scenarios": [
            one.model_dump(mode="json", exclude_defaults=True) for one in found.scenarios
        ],
        "cells": [exact_row(one) for line in found.lines for one in line.cells],
        "curves": [
            {
                **_names(line),
                "points": [{"value": one.value, **_share("rate", one.rate)} for one in line.points],
            }
            for line in found.lines
            if line.points
        ],
        "no_answer": [{**_names(line), "because": line.why} for line in found.unanswered],
        "runs": sum(line.runs for line in found.lines),
    }


def exact_row(one: ExactCell) -> dict[str, Any]:
    """Return a cell and its rate as one row, with the values of what is drawn by outcome."""
    found = one.found
    return {
        **asdict(one.cell),
        **_share("rate", found.rate),
        **_share("at_once", found.at_once),
        **_share("closed_form", one.closed_form),
        "outcomes": {label: float(share) for label, share in found.outcomes.items()},
        "drawn": found.key,
        "drawn_unit": found.unit,
        "parts": [
            {
                "first": part.first,
                "last": part.last,
                **_share("share", part.share),
                "failed": part.failed,
                "outcome": part.label,
                "at_once": part.at_once,
            }
            for part in found.parts
        ],
    }


def _names(line: ExactLine) -> dict[str, str]:
    return {"injection": line.injection, "guard": line.guard, "runtime": line.runtime}


def _share(name: str, share: Share | None) -> dict[str, float | str | None]:
    """Return a share as a number, and as a fraction where it is one."""
    if share is None:
        return {name: None}
    exact = {f"{name}_fraction": str(share)} if isinstance(share, Fraction) else {}
    return {name: float(share), **exact}
