"""Judges a run from its trace and end, apart from the running.

A failure ends by an exception other than a disconnect, never becomes ready, or deadlocks (DESIGN,
What counts). Everything else is a finding: a lost message, an agent event that is missing, a guard
that left.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sim.model.outcome import Finding, Outcome
from sim.model.record import End, Ending, Event
from sim.sut.modes.common import AGENT_EVENTS

FAILURES = (
    "need_accept_first",
    "receive_after_disconnect",
    "send_after_close",
    "concurrent_recv",
    "oserror_leaked",
    "other:",
    "never_ready",
    "manager_failed",
    "services_failed",
    "deadlock",
)
"""Outcome classes that are failures, by how they begin."""


@dataclass(slots=True)
class _Connection:
    """What the trace says of one connection."""

    outcome: str = ""
    text: str = ""
    began: bool = False
    cancelled: bool = False
    sent: int = 0
    received: int = 0
    turns: list[list[str]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)

    def note(self, event: Event) -> None:
        kind, values = event.kind, event.values
        if kind in ("left", "raised"):
            self.outcome = str(values["outcome"])
            self.text = str(values.get("text", ""))
        elif kind == "client.sent":
            self.sent += 1
        elif kind == "received":
            self.received += 1
            self.turns.append([])
        elif kind == "sent" and self.turns and values["ok"]:
            self.turns[-1].append(str(values["what"]))
        elif kind in ("client_state", "application_state"):
            self.began = True
            self.states[kind] = str(values["state"])
        elif kind == "malformed" and self.turns:
            self.turns.pop()
        elif kind == "app.raised" and not self.outcome:
            self.outcome = f"other:{str(values['error']).partition(':')[0]}"
            self.text = str(values["error"])
        elif kind == "app.cancelled":
            self.cancelled = True


def judge(end: End, agent_events: bool = False) -> Outcome:
    """Return what a run came to.

    agent_events: whether each message should have been answered by the five events of a chat turn.
    """
    connections: dict[str, _Connection] = {}
    for event in end.events:
        name = event.values.get("connection")
        if isinstance(name, str):
            connections.setdefault(name, _Connection()).note(event)
    findings = [
        finding
        for name, connection in connections.items()
        for finding in _findings(name, connection, end, agent_events)
    ]
    if end.ending is Ending.DEADLOCK and not any(f.kind == "deadlock" for f in findings):
        findings.append(Finding("client_stranded", text=str(end.error)))
    elif end.ending not in (Ending.COMPLETED, Ending.DEADLOCK, Ending.TIME_LIMIT):
        findings.append(Finding(f"other:{end.ending}", failure=True, text=str(end.error)))
    turns = [turn for connection in connections.values() for turn in connection.turns]
    return Outcome(
        classes=tuple(_class(connection, end) for connection in connections.values()),
        findings=tuple(findings),
        lost=sum(max(0, one.sent - one.received) for one in connections.values()),
        turns=len(turns),
        complete=sum(_complete(turn) for turn in turns),
        time_up=end.ending is Ending.TIME_LIMIT,
        states=tuple(
            (one.states.get("client_state", ""), one.states.get("application_state", ""))
            for one in connections.values()
        ),
    )


def _class(connection: _Connection, end: End) -> str:
    """Return the outcome class of one connection."""
    if connection.outcome:
        return connection.outcome
    if connection.cancelled:
        return "cancelled"
    if not connection.began:
        return "no_request"
    if end.ending is Ending.DEADLOCK:
        return "deadlock"
    return "time_up" if end.ending is Ending.TIME_LIMIT else "returned"


def _findings(
    name: str, connection: _Connection, end: End, agent_events: bool
) -> Iterator[Finding]:
    kind = _class(connection, end)
    yield Finding(kind, kind.startswith(FAILURES), name, connection.text)
    lost = connection.sent - connection.received
    if lost > 0:
        yield Finding("message_lost", connection=name, text=f"{lost} of {connection.sent}")
    for turn in connection.turns if agent_events else ():
        events = [what for what in turn if what in AGENT_EVENTS]
        if events != sorted(events, key=AGENT_EVENTS.index):
            yield Finding("events_out_of_order", connection=name, text=", ".join(events))
        elif not _complete(turn):
            missing = [what for what in AGENT_EVENTS if what not in events]
            yield Finding("events_missing", connection=name, text=", ".join(missing))


def _complete(turn: list[str]) -> bool:
    return tuple(what for what in turn if what in AGENT_EVENTS) == AGENT_EVENTS
