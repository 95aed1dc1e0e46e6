"""What the formats share: what a task is called, and what an event says in a few words."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from sim.model.plain import printable
from sim.model.record import Event, Value

STATES = ("client_state", "application_state", "machine")
"""Kinds of events that say a state."""
NOISE = frozenset({"wire", "asgi.send", "asgi.receive", "log"})
"""Kinds of events that tell once more what others tell."""
PLACES = frozenset({"validated", "final_check", "receiving"})
"""Probes that matter to the race."""
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


def is_noise(event: Event) -> bool:
    """Whether a short telling can do without the event."""
    if event.kind == "probe":
        return event.values.get("at") not in PLACES
    return event.kind in NOISE


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


def windows(events: Iterable[Event]) -> Iterator[tuple[int, int, str]]:
    """Yield every window between validation and the final check, in the order of their ends.

    Each as the indexes of its two events and its connection.
    """
    begun: dict[str, int] = {}
    for index, event in enumerate(events):
        if event.kind != "probe":
            continue
        connection = str(event.values.get("connection", ""))
        if event.values.get("at") == "validated":
            begun[connection] = index
        elif event.values.get("at") == "final_check" and connection in begun:
            yield begun.pop(connection), index, connection
