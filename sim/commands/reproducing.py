"""From the log to a test: `wsrace logs FILE --reproduce OUT`."""

import shlex
from collections.abc import Callable, Sequence
from typing import Final

import click

from sim.commands.logs import Reproduce
from sim.commands.terminal import Bar
from sim.exploration.asked import Asked
from sim.exploration.from_log import Met, Wanted, meet, wanted_of
from sim.files.outside import write_whole
from sim.logs.counting import Counts
from sim.model.plain import printable
from sim.report.text.from_log import Written, write_of_app, write_of_ours

SECONDS: Final = 3.0
"""So long each question is put to an application."""


def write_tests(
    request: Reproduce, logs: Sequence[str], counts: Counts, stopwatch: Callable[[], float]
) -> None:
    """Write tests of what a log tells, and say on stderr what was written.

    logs: names of the files. Raises UserError for an application that cannot be asked.
    """
    wanted = wanted_of(counts)
    if not wanted:
        _say("nothing to reproduce: no record tells of a mechanism")
        return
    if request.app:
        met = _met(request, wanted, stopwatch)
        written = write_of_app(request.app, logs, wanted, met, request.app_dir)
    else:
        written = write_of_ours(logs, wanted)
    _tell(request, written)


def _met(request: Reproduce, wanted: Sequence[Wanted], stopwatch: Callable[[], float]) -> list[Met]:
    """Return runs of the application that do what the log tells of.

    What gave no answer is said: nothing is known of the runs that it would have come to.
    """
    silent: dict[str, None] = {}
    asked = Asked(
        request.app,
        path=request.path,
        clients=request.clients,
        app_dir=request.app_dir or ".",
    )
    with Bar("asking the application") as bar:

        def tell(question: Asked, why: str) -> None:
            clients = " | ".join(question.clients) or "clients that are made up"
            bar.tell(note=printable(f"{question.case.get('server', '')} {clients} {why}".strip()))
            if why:
                silent[why] = None

        met = list(meet(wanted, asked, SECONDS, stopwatch, tell))
    for why in silent:
        _say(f"no answer from {request.app}: {why}")
    return met


def _tell(request: Reproduce, written: Written) -> None:
    for line in written.left:
        _say(f"not reproduced: {line}")
    if not written.text:
        _say(f"nothing was written to {request.out}")
        return
    write_whole(request.out, written.text, "--reproduce")
    _say(f"written: {request.out}; run it: pytest {shlex.quote(str(request.out))}")


def _say(text: str) -> None:
    click.echo(printable(f"wsrace: {text}"), err=True)
