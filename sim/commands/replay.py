"""The command `replay`: a token or a file in, a run in one of several forms out."""

import click

from sim.commands.terminal import show
from sim.model.plain import printable
from sim.report.text.conform import confirmation_lines
from sim.report.text.replay import difference_of, tell
from sim.report.trace.formats import FORMATS
from sim.runs.keep import is_file, read_file
from sim.runs.own import own_guard_of
from sim.runs.replay import Allowed, replayed


def run(given: str, allowed: Allowed, form: str) -> None:
    """Run a token or a race file again and print it. form: a key of FORMATS."""
    done = replayed(read_file(given) if is_file(given) else given, allowed)
    if FORMATS[form].for_people:
        show(tell(done, FORMATS[form]))
        return
    click.echo(FORMATS[form].write(done.record), nl=False)
    if not done.same_trace:
        click.echo(f"wsrace: {difference_of(done)}", err=True)


def run_live(given: str, guard: str | None, trials: int) -> bool:
    """Force a run on a real server and print how often it ends the same there.

    Returns whether it never did. Raises UserError if there is no such server, or no way to do it.
    """
    from sim.conformance.force import confirm, force, stack_for
    from sim.live.serving import serving

    done = replayed(read_file(given) if is_file(given) else given, Allowed(guard))
    scenario = done.record.scenario
    stack = stack_for(scenario.server)
    placed = force(done.record, stack)
    own = own_guard_of(guard) if guard else None
    with serving(stack) as server:
        found = confirm(placed, server, trials, own)
    for line in confirmation_lines(scenario, found):
        click.echo(printable(line))
    return found.confirmed == 0
