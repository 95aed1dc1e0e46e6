"""What all forms of a run share: names of tasks and states, words for events, the windows."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from sim.model.events import BEGIN, FINAL, RECEIVING
from sim.model.plain import printable
from sim.model.record import Event, Value
from sim.runs.subject import Record

STATE_NAMES = {"machine": "state machine"}
"""What people call states whose own names say too little."""
_SUBJECTS = frozenset({"outcome", "text", "what"})
"""Keys of values that need no name."""
_LONGEST = 100


def folded(task: str) -> str:
    """Return the task as which `task` is told.

    The reader of a connection is the task that it reads for, and the receives of one handler, a new
    task each under Python 3.11, are one task: two of them never live at once.
    """
    return re.sub(r"(/wait_for)#\d+$", r"\1", task.removesuffix("/_reader_task"))


def labels(tasks: Iterable[str]) -> dict[str, str]:
    """Return a short name for every task, in the order in which they are given first.

    It is the end of its path, as much of it as no other task shares. A client says that it is one.
    """
    paths = {task: task.split("/") for task in tasks}
    ends = Counter("/".join(parts[at:]) for parts in paths.values() for at in range(len(parts)))
    found: dict[str, str] = {}
    for task, parts in paths.items():
        all_ends = ["/".join(parts[at:]) for at in reversed(range(len(parts)))]
        name = next((end for end in all_ends if ends[end] == 1), task)
        found[task] = printable(f"client {name}" if re.fullmatch(r"c\d+", task) else name)
    return found


def told(event: Event) -> str:
    """Return what happened in one line of printable text."""
    values = {key: value for key, value in event.values.items() if key != "connection"}
    alone = len(values) == 1
    parts = [_part(key, value, alone or key in _SUBJECTS) for key, value in values.items()]
    return " ".join(filter(None, [printable(event.kind), *parts]))


def _part(key: str, value: Value, is_subject: bool) -> str:
    """Return a value with its key; of what is said anyway only the one, of what is so neither."""
    if isinstance(value, bool):
        return "" if value else f"not {printable(key)}"
    text = printable(str(value))
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
    return text if is_subject else f"{printable(key)}={text}"


class Window(NamedTuple):
    """A stretch between validation and receive: its connection, and where its probes stand.

    begin, final, receiving: indexes of events; None for what the run does not reach.
    """

    connection: str
    begin: int
    final: int | None = None
    receiving: int | None = None


def windows(events: Iterable[Event]) -> list[Window]:
    """Return the windows of every connection, in the order in which they begin."""
    found: list[Window] = []
    last: dict[str, int] = {}
    for index, event in enumerate(events):
        if event.kind != "probe":
            continue
        connection, at = str(event.values.get("connection", "")), event.values.get("at")
        if at == BEGIN:
            last[connection] = len(found)
            found.append(Window(connection, index))
        elif connection in last:
            one = found[last[connection]]
            if at == FINAL and one.final is None:
                found[last[connection]] = one._replace(final=index)
            elif at == RECEIVING and one.receiving is None:
                found[last[connection]] = one._replace(receiving=index)
    return found


def state_names(record: Record) -> dict[str, str]:
    """Return the states that a connection has in a run: kind of event -> what people call it."""
    return {kind: STATE_NAMES.get(kind, kind) for kind in record.subject.lanes}


def description_of(record: Record) -> list[str]:
    """Return what was run: of ours mode, shape and guard, else the handler; then what it ran on."""
    subject, scenario = record.subject, record.scenario
    built = [f"{scenario.mode} mode", f"{scenario.shape} shape"]
    who = f"{subject.checker} {subject.label}"
    ours = built if subject.checker == "guard" else []
    return [*ours, who, scenario.runtime, scenario.server]


def connection_of(record: Record) -> str:
    """Return the connection that fails, or the first one."""
    failing = (one.connection for one in record.outcome.findings if one.failure)
    return next(filter(None, failing), "c1")
