"""Which steps of a run had to come before which: what any reordering must respect.

A step comes before another if the same task took it earlier, if it created or woke the other's
task, if it was the end of a child for whose end the other's task was woken, or if the clock lies
between them: time moves only when nothing else can, so a step of the clock comes after everything
before it and before everything after it. A cancellation wakes whom it reaches, so it needs no rule.

Reads and writes are not in this order: two steps that conflict and are not ordered by it are a
race, and it is their order that an exploration has to turn round. (Flanagan, Godefroid, "Dynamic
Partial-Order Reduction for Model Checking Software", POPL 2005.)
"""

from collections.abc import Sequence

from sim.model.record import CLOCK, Step


def causes(steps: Sequence[Step]) -> tuple[int, ...]:
    """Return for each step a bit mask: bit i is set if step i had to come before it."""
    masks: list[int] = []
    pending: dict[str, int] = {}  # what the next step of a task comes after
    ended: dict[str, int] = {}  # the ends of children, until their parent is woken by the last one
    barrier = 0
    for index, step in enumerate(steps):
        before = pending.pop(step.task, 0) | barrier
        if step.task == CLOCK:
            before = (1 << index) - 1
        masks.append(before)
        through = before | 1 << index
        if step.task == CLOCK:
            barrier = through
        for task in (step.task, *step.spawned, *step.woke):
            pending[task] = pending.get(task, 0) | through
        if step.joined:
            ended[step.nursery] = ended.get(step.nursery, 0) | through
            if step.joined in step.woke:
                pending[step.joined] |= ended.pop(step.nursery)
    return tuple(masks)


def conflict(one: Step, other: Step) -> bool:
    """Whether both touch one piece of shared state and at least one of them writes it."""
    written = {access.name for access in one.accesses if access.write}
    touched = {access.name for access in one.accesses}
    return any(
        access.name in touched if access.write else access.name in written
        for access in other.accesses
    )


def races(steps: Sequence[Step]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of steps that conflict although neither had to come before the other."""
    masks = causes(steps)
    return tuple(
        (first, second)
        for second, mask in enumerate(masks)
        for first in range(second)
        if not mask >> first & 1 and conflict(steps[first], steps[second])
    )
