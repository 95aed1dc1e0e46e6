"""The command `replay`: a token or a file in, a run in one of several forms out."""

from collections.abc import Callable, Mapping

import click

from sim.kernel.trace import lines as trace_lines
from sim.model.plain import printable
from sim.report.confirmation import confirmation_lines
from sim.report.trace.columns import columns
from sim.report.trace.mermaid import mermaid
from sim.report.trace.perfetto import perfetto
from sim.report.trace.text import short, whole
from sim.runs.own import own_guard_of
from sim.runs.replay import Replayed, is_file, read_file, replayed
from sim.runs.subject import Record

FOR_PEOPLE: Mapping[str, Callable[[Record], str]] = {
    "text": short,
    "all": whole,
    "columns": columns,
}
FOR_PROGRAMS: Mapping[str, Callable[[Record], str]] = {
    "json": lambda record: trace_lines(record.events),
    "mermaid": mermaid,
    "perfetto": perfetto,
}


def run(given: str, guard: str | None, handler: str | None, form: str) -> None:
    """Run a token or a race file again and print it.

    form: a key of FOR_PEOPLE, which are told what was run and what came of it too, or of
    FOR_PROGRAMS, which get nothing else on standard output.
    """
    done = replayed(read_file(given) if is_file(given) else given, guard, handler)
    if form in FOR_PROGRAMS:
        click.echo(FOR_PROGRAMS[form](done.record), nl=False)
        if not done.same_trace:
            click.echo(f"wsrace: {_difference(done)}", err=True)
        return
    scenario = done.record.scenario
    click.echo(
        f"{printable(scenario.name) or 'a scenario'}: {scenario.mode} mode, {scenario.shape} "
        f"shape, {printable(_who(done))}, {scenario.runtime}, {scenario.server}"
    )
    click.echo(FOR_PEOPLE[form](done.record), nl=False)
    click.echo(f"outcome: {printable(done.record.outcome.label)}")
    click.echo(f"digest:  {done.record.digest}{' (as recorded)' * done.same_trace}")
    if not done.same_trace:
        click.echo(_difference(done))


def run_live(given: str, guard: str | None, trials: int) -> bool:
    """Force a run on a real server and print how often it ends the same there.

    Returns whether it never did. Raises UserError if there is no such server, or no way to do it.
    """
    from sim.conformance.force import confirm, forced, stack_for
    from sim.live.serving import serving

    done = replayed(read_file(given) if is_file(given) else given, guard)
    scenario = done.record.scenario
    stack = stack_for(scenario.server)
    placed = forced(done.record, stack)
    own = own_guard_of(guard) if guard else None
    with serving(stack) as server:
        found = confirm(placed, server, trials, own)
    for line in confirmation_lines(scenario, found):
        click.echo(printable(line))
    return found.confirmed == 0


def _who(done: Replayed) -> str:
    """Say which guard or handler was run."""
    label = done.record.subject.label
    return f"guard {label}" if done.recorded.handler is None else f"handler {label}"


def _difference(done: Replayed) -> str:
    recorded, met = done.recorded_digest[:12], done.record.digest[:12]
    return (
        f"the trace differs from the recorded one (digest {recorded}… → {met}…); "
        "choices and outcome are the same: the code was edited since"
    )
