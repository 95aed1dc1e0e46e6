"""A plan against the log of a real deployment: what a log tells, and what it leaves open."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from sim.model.plan import Bound, CriterionName, Phase, Plan
from sim.validation.criteria import Judgement, Overhead, Validation, judged_overhead
from sim.validation.timeline import Timeline

LATE_MIN: Final = 1.0
"""So long after a phase's beginning its first line may come: nobody need connect at once."""


def _opened(counts: Counter[str]) -> float | None:
    of = sessions_in(counts)
    return counts["opened"] / of if of else None


LOGGED: Final[Mapping[CriterionName, Callable[[Counter[str]], float | None]]] = {
    "connection_success": _opened,
    "race_errors": lambda counts: float(counts["race"]),
    "other_errors": lambda counts: float(counts["other"]),
}
"""What can be counted in a log. Whether a turn was complete or in order, and whether a message was
lost, no line says: the handlers log a turn that went well, and nothing where one begins.
"""


def sessions_in(counts: Counter[str]) -> int:
    """Return how many set-ups are told of: those that went well and those that failed."""
    return counts["opened"] + counts["failed set-up"]


def judged_by_log(
    plan: Plan, guard: str, timeline: Timeline, overhead: Overhead | None
) -> Validation:
    """Judge every criterion of a plan on what a log holds.

    overhead: what the guard costs per message, measured; None if it was not.
    """
    judgements = []
    for phase in plan.phases:
        counts, gap = timeline.between(phase.from_min, phase.to_min), _gap(timeline, phase)
        for name, bound in phase.criteria.items():
            if name == "overhead_us":
                judgements.append(judged_overhead(phase, bound, overhead))
                continue
            figure, why = None, "no line of a log says it"
            if name in LOGGED:
                figure, why = _known(name, bound, counts, timeline.timeless, gap)
            judgements.append(Judgement(phase.name, name, bound, figure, sessions_in(counts), why))
    return Validation(plan, guard, tuple(judgements))


def has_answer(found: Validation) -> bool:
    """Whether anything is known from the log itself."""
    return any(one.criterion in LOGGED and one.passes is not None for one in found.judgements)


def _known(
    name: CriterionName, bound: Bound, counts: Counter[str], timeless: Counter[str], gap: str
) -> tuple[float | None, str]:
    """Return the figure, or None and why it is not known.

    gap: what of the phase the log does not cover. timeless: may belong to any phase or to none.
    """
    count = LOGGED[name]
    figure = count(counts)
    counted = name != "connection_success" and bound.at_most is not None
    if counted and figure is not None and not bound.holds(figure):
        return figure, ""  # too many already: more of the log makes it no better
    if gap:
        return None, gap
    if figure is None:
        return None, "the log tells of no set-up in these minutes"
    if counted and (unknown := counts["unknown"] + timeless["unknown"]):
        errors = "1 error" if unknown == 1 else f"{unknown:,} errors"
        return None, f"{errors} not known here, see wsrace logs (--ignore-unknown)"
    for sorts in ({"opened"}, {"race", "other", "failed set-up"}):
        more = count(counts + Counter({sort: timeless[sort] for sort in sorts}))
        if more is not None and bound.holds(more) != bound.holds(figure):
            return None, "lines without a time may belong to it"
    return figure, ""


def _gap(timeline: Timeline, phase: Phase) -> str:
    """Say which part of a phase the log does not cover, "" if none."""
    if timeline.first is None or timeline.last is None:
        return "no line has a time"
    first, last = timeline.minute(timeline.first), timeline.minute(timeline.last)
    if last < 0:
        return "the log ends before minute 0"
    if last < phase.to_min:
        return f"the log ends at minute {timeline.shown(timeline.last)} of {phase.to_min:,g}"
    if first > phase.from_min + LATE_MIN:
        begins = timeline.shown(timeline.first)
        return f"the log begins at minute {begins}, the phase at {phase.from_min:,g}"
    if not timeline.between(phase.from_min, phase.to_min):
        return "no known line lies in these minutes"
    return ""
