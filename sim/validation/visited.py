"""A plan against a running server: what its clients saw, and what it logged meanwhile."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sim.live.visiting.seen import Seen, Visited
from sim.model.plan import Bound, CriterionName, Phase, Plan
from sim.validation.appended import Appended
from sim.validation.criteria import Judgement, Reason, Validation
from sim.validation.logged import LOGGED
from sim.validation.visits import Cast

OUTSIDE: Final[frozenset[CriterionName]] = frozenset({"events_in_order", "overhead_us"})
"""Criteria that nobody outside can tell: that they stay open is no fault of a run."""
NO_LOG: Final = "clients cannot tell a race from another error: give the server's log, --log FILE"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _tried(seen: Sequence[Seen]) -> int:
    return sum(one.opened or bool(one.refused) for one in seen)


CLIENTS: Final[Mapping[CriterionName, Callable[[Sequence[Seen]], float | None]]] = {
    "connection_success": lambda seen: _share(sum(one.opened for one in seen), _tried(seen)),
    "other_errors": lambda seen: float(sum(one.failed for one in seen)),
    "chat_completion": lambda seen: _share(
        sum(one.answered for one in seen), sum(one.awaited for one in seen)
    ),
    "sessions_with_loss": lambda seen: float(sum(one.lost > 0 for one in seen)),
}
"""What clients tell. An answer that did not come although its client was there for it is a loss; a
connection that the server ended with 1011 or without a close, or refused with 5xx, an error."""
_OF: Final[Mapping[CriterionName, Callable[[Sequence[Seen]], int]]] = {
    "connection_success": _tried,
    "chat_completion": lambda seen: sum(one.awaited for one in seen),
}
_WORST: Final[Mapping[CriterionName, Callable[[float, float], float]]] = {
    "connection_success": min,
    "race_errors": max,
    "other_errors": max,
}
"""Where clients and log both tell, the worse figure counts."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, or None and why it is not known."""

    value: float | None
    why: str = ""


def judged_from_outside(
    plan: Plan, cast: Cast, visited: Visited, log: Appended | None
) -> Validation:
    """Judge every criterion of a plan. log: what the server logged meanwhile, None if none is at
    hand.
    """
    judgements = []
    for phase in plan.phases:
        seen = [one for one in visited.seen if phase.from_min <= one.began_s / 60 < phase.to_min]
        for name, bound in phase.criteria.items():
            found = _figure(name, seen, log.within(phase) if log else None)
            found = _checked(found, name, bound, _gaps(phase, name, seen, visited, log))
            of = _OF.get(name, len)(seen)
            judgements.append(Judgement(phase.name, name, bound, found.value, of, found.why))
    return Validation(plan, "", tuple(judgements), tuple(_reasons(cast, visited)))


def stays_open(found: Validation, visited: Visited, log: Appended | None) -> str:
    """Say why a run in which nothing failed is no go, in one line; "" if it is one."""
    if visited.gave_up:
        return visited.gave_up
    if visited.stopped:
        return "stopped before the end"
    if log is not None and (races := log.unasked_races(found.plan)):
        return f"the log holds race errors where the plan does not ask for them: {races:,}"
    whys = [one.why for one in found.unknown if one.criterion not in OUTSIDE]
    if not whys and all(one.passes is None for one in found.judgements):
        whys = ["the plan asks for nothing that can be seen from outside"]
    return "; ".join(dict.fromkeys(whys))


def in_words(seconds: float) -> str:
    """Return a time in the unit that fits it."""
    return f"{seconds:.3g} s" if seconds < 120 else f"{seconds / 60:.3g} minutes"


def _figure(name: CriterionName, seen: Sequence[Seen], log: Counter[str] | None) -> Figure:
    """Return what clients and log tell."""
    if name in OUTSIDE:
        return Figure(None, "not seen from outside")
    values = [CLIENTS[name](seen)] if name in CLIENTS else []
    if log is not None and name in LOGGED:
        values.append(LOGGED[name](log))
    known = [one for one in values if one is not None]
    if not known:
        nothing = {
            "race_errors": NO_LOG,
            "chat_completion": "no client waited for an answer",
            "connection_success": "no client tried to connect",
        }
        return Figure(None, nothing[name])
    return Figure(_WORST[name](*known) if len(known) > 1 else known[0])


def _checked(found: Figure, name: CriterionName, bound: Bound, gaps: Sequence[str]) -> Figure:
    """Return a figure if it is known in spite of what the run did not cover.

    A count that is too high already becomes no better by what is missing.
    """
    if found.value is None or not gaps:
        return found
    is_count = bound.at_most is not None and name != "connection_success"
    if is_count and name != "chat_completion" and not bound.holds(found.value):
        return found
    return Figure(None, "; ".join(gaps))


def _gaps(
    phase: Phase, name: CriterionName, seen: Sequence[Seen], visited: Visited, log: Appended | None
) -> list[str]:
    """Say what of a phase was not played, or not logged for sure."""
    gaps = []
    if visited.played_s < phase.to_min * 60 - 1e-6:
        whole = in_words(phase.to_min * 60)
        gaps.append(f"played for {in_words(visited.played_s)} of {whole}")
    elif not seen:
        gaps.append("no session began in these minutes")
    if log is not None and name in ("race_errors", "other_errors"):
        gaps += log.problems
    return gaps


def _reasons(cast: Cast, visited: Visited) -> list[Reason]:
    """Say for each kind of visit what went wrong in it."""
    reasons = []
    for part in cast.parts:
        own = [one for one in visited.seen if one.visit == part.visit]
        for what, bad in (
            ("were not let in", Counter(one.refused for one in own if one.refused)),
            ("were ended by an error", Counter(one.ended for one in own if _ended_badly(one))),
        ):
            if bad:
                how = ", ".join(f"{name} {count:,}" for name, count in bad.most_common())
                text = f"{bad.total():,} of {len(own):,} sessions {what}: {how}"
                reasons.append(Reason(f"{part.label}: {text}"))
        if losing := sum(one.lost > 0 for one in own):
            text = f"{losing:,} of {len(own):,} sessions lost an answer"
            reasons.append(Reason(f"{part.label}: {text}"))
    return reasons


def _ended_badly(one: Seen) -> bool:
    return one.opened and one.failed
