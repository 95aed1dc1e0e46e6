"""The command `replay`: a token or a file in, a run in one of several forms out."""

import os
from time import monotonic

import click

from sim.commands.terminal import BROKEN, DONE, STOPPED, Bar, show
from sim.errors import UserError
from sim.files.racefile import SUFFIX
from sim.files.recorded import Recorded
from sim.files.token import decode
from sim.model.plain import printable
from sim.report.text.conform import confirmation_lines
from sim.report.text.replay import difference_of, tell
from sim.report.trace.formats import FORMATS
from sim.runs.keep import is_file, read_file
from sim.runs.own import own_guard_of
from sim.runs.replay import Allowed, replayed


def run(given: str, allowed: Allowed, form: str) -> None:
    """Run a token or a race file again and print it. form: a key of FORMATS."""
    done = replayed(_read(given), allowed)
    if FORMATS[form].for_people:
        show(tell(done, FORMATS[form]))
        return
    click.echo(FORMATS[form].write(done.record), nl=False)
    if not done.same_trace:
        click.echo(f"wsrace: {difference_of(done)}", err=True)


def _read(given: str) -> Recorded:
    """Return what a token or a race file says. Raises UserError for anything else."""
    if os.path.isdir(given):
        inside = sorted(one for one in os.listdir(given) if one.endswith(SUFFIX))
        hint = f"; {os.path.join(given, inside[0])} is a run in it" if inside else ""
        raise UserError(f"run: {given}: is a folder{hint}")
    return read_file(given) if is_file(given) else decode(given)


def run_live(given: str, allowed: Allowed, trials: int) -> int:
    """Execute a run on a real server and print how often it goes the same there.

    Returns the exit status: 0 if it did, 1 if it never did, 3 if that cannot be said. Raises
    UserError if there is no such server, or no way to do it.
    """
    recorded = _read(given)
    if recorded.app is not None:
        return _run_app_live(recorded, allowed, trials)
    if allowed.app is not None:
        raise UserError("replay: --app: this run is not one of an application")
    return BROKEN if _force_live(recorded, allowed.guard, trials) else DONE


def _run_app_live(recorded: Recorded, allowed: Allowed, trials: int) -> int:
    """Lead the real kernel through the turns of an application's run."""
    from sim.live.steered.attempt import execute
    from sim.report.text.check import server_words
    from sim.report.text.executed import executed_lines
    from sim.runs.app import AppSubject

    done = replayed(recorded, allowed)
    subject = done.record.subject
    assert isinstance(subject, AppSubject), "what was recorded of an application is one"
    with Bar("executing") as bar:
        found = execute(
            done.record,
            trials,
            monotonic,
            on_attempt=lambda made: bar.tell(note=f"{made} of {trials}"),
        )
    app = subject.application.loaded(subject.case)
    for line in (
        f"{subject.words()}: {done.record.outcome.label}",
        server_words(subject.case, app),
        *executed_lines(found),
    ):
        click.echo(printable(line))
    if found.confirmed:
        return DONE
    return BROKEN if found.different else STOPPED


def _force_live(recorded: Recorded, guard: str | None, trials: int) -> bool:
    """Force a run of a scenario on a real server. Return whether it never ends the same there."""
    from sim.conformance.force import confirm, force, stack_for
    from sim.live.serving import serving

    done = replayed(recorded, Allowed(guard))
    scenario = done.record.scenario
    stack = stack_for(scenario.server)
    placed = force(done.record, stack)
    own = own_guard_of(guard) if guard else None
    with serving(stack) as server:
        found = confirm(placed, server, trials, own)
    for line in confirmation_lines(scenario, found):
        click.echo(printable(line))
    return found.confirmed == 0
