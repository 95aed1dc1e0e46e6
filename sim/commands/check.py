"""The command `check`: an application of somebody's own under every schedule within bounds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sim.commands.terminal import Bar, make_folder, refuse_folder, show
from sim.exploration.asked import BOUNDS, CASE, Asked
from sim.exploration.case import CaseFound
from sim.exploration.check import check_app
from sim.exploration.ladder import Rung
from sim.files.documents import CHECKED
from sim.files.outside import write_whole
from sim.model.plain import printable
from sim.report.text.check import document_of, status_of, tell
from sim.runs.keep import file_of, write_file
from sim.runs.subject import Record

__all__ = ["BOUNDS", "CASE", "Asked", "run"]


def run(asked: Asked, out: Path | None, as_json: bool, stopwatch: Callable[[], float]) -> int:
    """Do what was asked. Return the exit status: 0 race-free, 1 a failure, 3 no answer."""
    if out is not None:
        refuse_folder(out)
    with Bar("looking") as bar:
        checked = check_app(
            asked,
            stopwatch,
            lambda made: _say_failure(bar, made),
            lambda rung, case: _say_case(bar, rung, case),
        )
    document = document_of(checked)
    if as_json:
        click.echo(json.dumps(document, sort_keys=True))
    else:
        show(tell(checked))
    if out is not None:  # last: what was found is told, even where it cannot be written
        make_folder(out)
        _keep(out, document, [one.record for one in checked.failures])
    return status_of(checked.climbed)


def _keep(folder: Path, document: dict[str, Any], smallest: list[Record]) -> None:
    for number, made in enumerate(smallest, 1):
        write_file(folder / f"failure-{number}.race.json", file_of(made))
    write_whole(folder / CHECKED, json.dumps(document, sort_keys=True) + "\n", "--out")


def _say_failure(bar: Bar, made: Record) -> None:
    finding = next(one for one in made.outcome.findings if one.failure)
    where = f" ({finding.where})" if finding.where else ""
    bar.say_once(printable(f"fails: {finding.kind}: {finding.text}{where}"), finding.kind)


def _say_case(bar: Bar, rung: Rung, case: CaseFound) -> None:
    clients = " | ".join(one.typed for one in case.subject.case.clients)
    bar.tell(note=printable(f"{rung.words}: {clients}: {case.schedules} schedules"))
