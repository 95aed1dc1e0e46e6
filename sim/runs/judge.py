"""Judges a run from its trace and end, apart from the running.

A failure ends by an exception other than a disconnect, never becomes ready, or deadlocks.
Everything else is a finding: a lost message, an agent event that is missing, a guard that left.
Which is which stands in one table, `sim.model.outcome.CLASSES`.

A run that ended for another reason (a limit, something that the world refuses, a fault of ours)
says nothing about the handler: there is no outcome, so that nobody can count it as a pass or a
failure.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sim.errors import NoAnswer, words_of
from sim.model.outcome import Finding, Outcome, class_named
from sim.model.record import End, Ending, Event, Waiting
from sim.sut.modes.common import AGENT_EVENTS


@dataclass(slots=True)
class _Connection:
    """What the trace says of one connection."""

    outcome: str = ""
    text: str = ""
    where: str = ""
    began: bool = False
    cancelled: bool = False
    over: bool = False
    sent: int = 0
    received: int = 0
    turns: list[list[str]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def note(self, event: Event) -> None:
        kind, values = event.kind, event.values
        if kind in ("left", "raised"):
            self.outcome = str(values["outcome"])
            self.text = str(values.get("text", ""))
            self.where = str(values.get("where", ""))
        elif kind == "client.sent":
            self.sent += 1
        elif kind == "received":
            self.received += 1
            self.turns.append([])
        elif kind == "sent" and self.turns and values["ok"] and values["what"] in AGENT_EVENTS:
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
        elif kind == "client.over":
            self.over = True
        elif kind in _TELLING:
            found = _TELLING[kind](event)
            if kind == "receivers":  # told each time that one more waits: the last tells the most
                self.findings = [one for one in self.findings if one.kind != found.kind]
            self.findings.append(found)


def _member(event: Event) -> Finding:
    """Return what one exception of a group is."""
    values = event.values
    kind = str(values["outcome"])
    failure = class_named(kind).failure
    text, where = str(values["text"]), str(values["where"])
    return Finding(kind, failure, str(values["connection"]), text, where)


def _met(event: Event) -> Finding:
    """Return what an injecting task met, which is no fault of the handler's."""
    text = f"the injection itself met {event.values['error']}"
    return Finding("injection_met", connection=str(event.values["connection"]), text=text)


def _receivers(event: Event) -> Finding:
    text = f"{event.values['waiting']} tasks waited at once: which gets the next message is luck"
    return Finding("several_receivers", connection=str(event.values["connection"]), text=text)


_TELLING = {"raised.member": _member, "swallowed": _met, "receivers": _receivers}


def _connections(events: Iterable[Event]) -> dict[str, _Connection]:
    """Return what a trace says of each connection."""
    connections: dict[str, _Connection] = {}
    for event in events:
        name = event.values.get("connection")
        if isinstance(name, str):
            connections.setdefault(name, _Connection()).note(event)
    return connections


def standing(events: Iterable[Event]) -> object:
    """Return what of a trace so far may still count when the run is judged.

    Runs of which that is equal, and which go on alike, come to the same.
    """
    return [(name, repr(one)) for name, one in _connections(events).items()]


def judge(end: End, agent_events: bool = False) -> Outcome:
    """Return what a run came to.

    agent_events: whether each message should have been answered by the five events of a chat turn.
    Raises NoAnswer if the run ended in a way that says nothing about the handler.
    """
    if not end.ending.judged:
        raise NoAnswer(f"{end.ending}: {words_of(end.error)}")
    connections = _connections((*end.events, *end.remarks))
    classes = {name: _class(name, one, end) for name, one in connections.items()}
    findings = [
        finding
        for name, connection in connections.items()
        for finding in _findings(name, classes[name], connection, end, agent_events)
    ]
    if end.ending is Ending.DEADLOCK and not {"deadlock", "waiting"} & {f.kind for f in findings}:
        findings.append(Finding("client_stranded", text=str(end.error)))
    turns = [turn for connection in connections.values() for turn in connection.turns]
    return Outcome(
        classes=tuple(classes.values()),
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


def _class(name: str, connection: _Connection, end: End) -> str:
    """Return the outcome class of one connection.

    Where nothing can ever happen again a handler that goes on is deadlocked, unless its client
    lives, is connected and has nothing more to say: an idle client is nobody's fault.
    """
    if connection.outcome:
        return connection.outcome
    if connection.cancelled:
        return "cancelled"
    if not connection.began:
        return "no_request"
    if end.ending is Ending.DEADLOCK:
        rests = any(one.task == name and not one.what for one in end.outside)
        return "waiting" if rests and not connection.over else "deadlock"
    return "time_up" if end.ending is Ending.TIME_LIMIT else "returned"


def _findings(
    name: str, kind: str, connection: _Connection, end: End, agent_events: bool
) -> Iterator[Finding]:
    text = _waits(name, end) if kind in ("deadlock", "waiting") else connection.text
    told = connection.findings
    if not any(finding.failure and finding.kind == kind for finding in told):
        yield Finding(kind, class_named(kind).failure, name, text, connection.where)
    yield from told
    lost = connection.sent - connection.received
    if lost > 0:
        yield Finding("message_lost", connection=name, text=f"{lost} of {connection.sent}")
    for turn in connection.turns if agent_events else ():
        if turn != sorted(turn, key=AGENT_EVENTS.index):
            yield Finding("events_out_of_order", connection=name, text=", ".join(turn))
        elif not _complete(turn):
            missing = [what for what in AGENT_EVENTS if what not in turn]
            yield Finding("events_missing", connection=name, text=", ".join(missing))


def _waits(name: str, end: End) -> str:
    """Say what both sides of a connection wait for."""
    handler = f"handler:{name}"
    mine = [one for one in end.waiting if handler in one.task.split("/")]
    waits = [f"{_short(one, handler)} waits at {one.where or one.what}" for one in mine]
    client = next((one for one in end.outside if one.task == name), Waiting(name, "nothing: gone"))
    waits.append(f"the client waits for {client.what or 'nothing in particular'}")
    return "; ".join(waits)


def _short(waiting: Waiting, handler: str) -> str:
    """Return the path of a task from its handler on."""
    return waiting.task[waiting.task.index(handler) :]


def _complete(turn: list[str]) -> bool:
    return tuple(turn) == AGENT_EVENTS
