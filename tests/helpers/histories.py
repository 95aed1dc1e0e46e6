"""Classes of schedules counted by single steps, and what each task of a run lived through."""

from collections import defaultdict
from collections.abc import Iterable

from sim.model.record import LOOP, End

Signature = frozenset[tuple[object, ...]]
READY = "(ready)"


def class_by_steps(end: End) -> Signature:
    """Return the class of a run by program order, wakes, spawns and conflicts on what is recorded.

    A step's read or write is told with the number of writes of the same name before it. Equal
    numbers for all of them mean equal orders of every pair that conflicts. The ready queue and the
    loop's batches are left out: which step met which state is what matters here.
    """
    steps: defaultdict[str, int] = defaultdict(int)
    writes: defaultdict[str, int] = defaultdict(int)
    told: set[tuple[object, ...]] = set()
    for step in end.trace_steps:
        if step.task == LOOP:
            continue
        who = (step.task, steps[step.task])
        steps[step.task] += 1
        for access in step.accesses:
            if access.name != READY:
                told.add((*who, access.name, access.write, writes[access.name]))
                writes[access.name] += access.write
        told |= {(*who, "wakes", task) for task in step.woke}
        told |= {(*who, "spawns", task) for task in step.spawned}
    return frozenset(told)


def histories(end: End, untimed: bool) -> dict[str, list[object]]:
    """Return the events of each task in order; without ticks for who has no time of its own."""
    timeless = {step.task for step in end.trace_steps if step.outside} if untimed else set()
    told: defaultdict[str, list[object]] = defaultdict(list)
    for event in end.events:
        tick = None if event.task in timeless else event.tick
        told[event.task].append((tick, event.kind, sorted(event.values.items(), key=str)))
    return dict(told)


def first_difference(ends: Iterable[End], untimed: bool) -> str:
    """Return how two runs of one class differ for some task, "" if none do."""
    seen: dict[Signature, dict[str, list[object]]] = {}
    for end in ends:
        lived = histories(end, untimed)
        before = seen.setdefault(class_by_steps(end), lived)
        for task in {*before, *lived}:
            if before.get(task) != lived.get(task):
                return f"{task}: {before.get(task)} and {lived.get(task)}"
    return ""
