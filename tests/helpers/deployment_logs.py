"""Logs for the tests of validation: lines at minutes, and the log of a simulated deployment."""

from sim.logs.patterns import BY_NAME
from sim.logs.times import NANOS, write_time
from sim.logs.triage import add, begin_triage
from sim.model.plan import Plan
from sim.validation.deployment import Session, session_again
from sim.validation.timeline import Timeline
from tests.helpers.simulated_logs import START_NS, lines_of

MINUTE_NS = 60 * NANOS


def at(minute: float, name: str) -> str:
    """Return a line with the first text of a pattern, so many minutes after START_NS."""
    when = write_time(START_NS + round(minute * MINUTE_NS))
    return f"{when} [connection_id=c1] {BY_NAME[name].texts[0]}"


def timeline(*lines: str, minutes: float = 5, since: int | None = START_NS) -> Timeline:
    found = Timeline(minutes, since)
    add(begin_triage(also=found.add), "log", ["".join(f"{line}\n" for line in lines).encode()])
    return found


def log_of(plan: Plan, guard: str, sessions: list[Session]) -> str:
    """Return what the handlers of a deployment log, in the order of time."""
    lines: list[str] = []
    for one in sessions:
        began_ns = START_NS + int(one.began_min * MINUTE_NS)
        lines += lines_of(session_again(plan, guard, 0, one).events, began_ns)
    return "".join(f"{line}\n" for line in sorted(lines))
