"""A run that was replayed, for people: what was run, and what came of it."""

from collections.abc import Iterator

from sim.model.plain import printable
from sim.report.trace.events import description_of
from sim.report.trace.formats import Format
from sim.runs.replay import Replayed
from sim.runs.subject import Record, scenario_or_none


def tell(done: Replayed, form: Format) -> Iterator[str]:
    """Yield the run in a form for people, between what was run and what came of it."""
    record = done.record
    yield printable(heading_of(record))
    yield form.write(record).removesuffix("\n")
    yield f"outcome: {printable(record.outcome.label)}"
    yield f"digest:  {record.digest}{' (as recorded)' * done.same_trace}"
    if not done.same_trace:
        yield difference_of(done)


def heading_of(record: Record) -> str:
    """Return what was run, in one line."""
    scenario = scenario_or_none(record.subject)
    if scenario is None:
        return record.subject.words()
    return f"{scenario.name or 'a scenario'}: {', '.join(description_of(record))}"


def difference_of(done: Replayed) -> str:
    """Return how a trace differs from the recorded one, in one line."""
    recorded, met = done.recorded_digest[:12], done.record.digest[:12]
    return (
        f"the trace differs from the recorded one (digest {recorded}… → {met}…); "
        "choices and outcome are the same: the code was edited since"
    )
