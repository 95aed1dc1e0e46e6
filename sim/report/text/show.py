"""Files of results: how far their sweeps are, and what they say so far."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from sim.model.plain import printable
from sim.report.text.reproduce import WIDE, cell_row, narrow_table, rates_table, sentences
from sim.report.text.searches import row_of, tell_searches
from sim.store.searches import KeptSearch
from sim.sweep.kept import KeptSweep

SHOWN = "wsrace.show.1"


def tell(
    sweeps: Sequence[KeptSweep], searches: Sequence[KeptSearch], source: str, width: int
) -> Iterator[str | Text | Table]:
    """Yield each sweep and each search of a file. width: the columns of the terminal."""
    if not sweeps and not searches:
        yield f"{source}: no sweep was begun in it, and no search"
    for number, one in enumerate(sweeps):
        if number:
            yield ""
        yield Text(printable(_heading(one)), style="bold")
        if one.found.summary.results:
            summary = one.found.summary
            yield rates_table(summary) if width >= WIDE else narrow_table(summary)
            yield ""
            yield from map(Text, sentences(summary))
        for crash in one.found.crashes:
            yield Text(printable(f"could not be run: {_crash(one, crash.cell, crash.trial)}"))
        yield Text(printable(f"rows of {one.asked.code}"), style="dim")
    if sweeps and searches:
        yield ""
    yield from tell_searches(searches)


def _heading(one: KeptSweep) -> str:
    task = one.found.task
    settings = "".join(f" --set {setting}" for setting in task.settings)
    percent = min(99, 100 * one.there // max(one.wanted, 1))
    so_far = "whole" if one.there >= one.wanted else f"{percent} %, so far:"
    count = f"{one.there:,} of {one.wanted:,} trials, {so_far}"
    return f"{task.name}{settings}, seed {task.seed}: {count}"


def _crash(one: KeptSweep, cell: int, trial: int) -> str:
    found = one.found.plan[cell].cell
    return (
        f"trial {trial} of {found.injection}, {found.guard}, {found.runtime}, "
        f"{found.axis} = {found.value:g}"
    )


def document_of(sweeps: Sequence[KeptSweep], searches: Sequence[KeptSearch]) -> dict[str, Any]:
    """Return the same as plain data."""
    return {
        "schema": SHOWN,
        "sweeps": [
            {
                "scenario": one.asked.scenario,
                "settings": list(one.asked.settings),
                "guards": list(one.asked.guards),
                "seed": one.asked.seed,
                "code": one.asked.code,
                "wanted": one.wanted,
                "there": one.there,
                "digest": one.found.summary.digest,
                "cells": [cell_row(result) for result in one.found.summary.results],
                "crashes": [crash._asdict() for crash in one.found.crashes],
            }
            for one in sweeps
        ],
        "searches": [row_of(one) for one in searches],
    }
