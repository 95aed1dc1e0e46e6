"""Figures of sessions against the criteria of a plan: pass, fail or not known, and go or no-go."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sim.model.outcome import class_named
from sim.model.plan import Bound, CriterionName, Phase, Plan
from sim.validation.deployment import Session

UNITS: Mapping[CriterionName, str] = {
    "connection_success": "of sessions",
    "race_errors": "sessions",
    "other_errors": "sessions",
    "chat_completion": "of chat turns",
    "events_in_order": "of chat turns",
    "sessions_with_loss": "sessions",
    "overhead_us": "us per message",
}
SHARES: frozenset[CriterionName] = frozenset(
    {"connection_success", "chat_completion", "events_in_order"}
)
"""Criteria that are shares; the others are counts or times."""


@dataclass(frozen=True, slots=True)
class Overhead:
    """What a guard costs per message, in microseconds; between low and high, with 95 %."""

    us: float
    low: float
    high: float

    @property
    def is_nothing(self) -> bool:
        """Whether it cannot be told from nothing."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Judgement:
    """One criterion of one phase. figure: None if it is not known. of: how many sessions or turns
    stand behind it. why: why the figure is not known, "" if that is plain. passes: None then.
    """

    phase: str
    criterion: CriterionName
    bound: Bound
    figure: float | None
    of: int
    why: str = ""
    below: float | None = None
    """The figure cannot be told from nothing; it is at most this."""

    @property
    def passes(self) -> bool | None:
        """Whether the figure is good enough."""
        return None if self.figure is None else self.bound.holds(self.figure)


@dataclass(frozen=True, slots=True)
class Reason:
    """What goes wrong in one kind of session. first: the first session of those; None where the
    figures come from somewhere else.
    """

    text: str
    first: Session | None = None


@dataclass(frozen=True, slots=True)
class Validation:
    """What a plan comes to. reasons: what goes wrong, for each kind of session."""

    plan: Plan
    guard: str
    judgements: tuple[Judgement, ...]
    reasons: tuple[Reason, ...] = ()

    @property
    def go(self) -> bool:
        """Whether nothing that is known fails."""
        return all(one.passes is not False for one in self.judgements)

    @property
    def unknown(self) -> tuple[Judgement, ...]:
        """The criteria whose figures are not known."""
        return tuple(one for one in self.judgements if one.passes is None)


def validated(
    plan: Plan, guard: str, sessions: Sequence[Session], overhead: Overhead | None
) -> Validation:
    """Judge every criterion of a plan on the sessions of a deployment.

    overhead: what the guard costs per message, measured; None if it was not.
    """
    judgements = [
        judged(phase, name, bound, sessions, overhead)
        for phase in plan.phases
        for name, bound in phase.criteria.items()
    ]
    return Validation(plan, guard, tuple(judgements), tuple(_reasons(plan, sessions)))


def judged(
    phase: Phase,
    name: CriterionName,
    bound: Bound,
    sessions: Sequence[Session],
    overhead: Overhead | None,
) -> Judgement:
    """Judge one criterion on the sessions that begin in its phase."""
    within = [one for one in sessions if phase.from_min <= one.began_min < phase.to_min]
    if name == "overhead_us":
        return judged_overhead(phase, bound, overhead)
    figure, of = FIGURES[name](within)
    return Judgement(phase.name, name, bound, figure, of)


def judged_overhead(phase: Phase, bound: Bound, overhead: Overhead | None) -> Judgement:
    """Judge what the guard costs; what was measured too roughly for the bound is not known."""
    if overhead is None:
        return Judgement(phase.name, "overhead_us", bound, None, 1)
    figure: float | None = overhead.us
    why = ""
    if bound.holds(overhead.low) != bound.holds(overhead.high):
        figure, why = None, f"it lies between {overhead.low:.3f} and {overhead.high:.3f} us"
    below = max(-overhead.low, overhead.high) if overhead.is_nothing else None
    return Judgement(phase.name, "overhead_us", bound, figure, 1, why, below)


def _share(part: int, whole: int) -> tuple[float | None, int]:
    return (part / whole if whole else None), whole


def _opened(sessions: Sequence[Session]) -> tuple[float | None, int]:
    return _share(sum(one.opened for one in sessions), len(sessions))


def _races(sessions: Sequence[Session]) -> tuple[float | None, int]:
    return float(sum(one.failed and is_race(one.label) for one in sessions)), len(sessions)


def _others(sessions: Sequence[Session]) -> tuple[float | None, int]:
    return float(sum(one.failed and not is_race(one.label) for one in sessions)), len(sessions)


def _complete(sessions: Sequence[Session]) -> tuple[float | None, int]:
    return _share(sum(one.complete for one in sessions), sum(one.turns for one in sessions))


def _ordered(sessions: Sequence[Session]) -> tuple[float | None, int]:
    turns = sum(one.turns for one in sessions)
    return _share(turns - sum(one.disordered for one in sessions), turns)


def _losing(sessions: Sequence[Session]) -> tuple[float | None, int]:
    return float(sum(one.lost > 0 for one in sessions)), len(sessions)


FIGURES: Mapping[CriterionName, Callable[[Sequence[Session]], tuple[float | None, int]]] = {
    "connection_success": _opened,
    "race_errors": _races,
    "other_errors": _others,
    "chat_completion": _complete,
    "events_in_order": _ordered,
    "sessions_with_loss": _losing,
}
"""How each figure is counted; `overhead_us` is measured apart."""


def is_race(label: str) -> bool:
    """Whether an outcome is this race. What `catch` swallowed is none."""
    return class_named(label).race


def _reasons(plan: Plan, sessions: Sequence[Session]) -> list[Reason]:
    """Say for each kind of session with failures or losses what came of it."""
    reasons = []
    for number, visit in enumerate(plan.visits):
        own = [one for one in sessions if one.visit == number]
        failed = [one for one in own if one.failed]
        losing = [one for one in own if one.lost]
        name = visit.label or visit.scenario
        if failed:
            labels = Counter(one.label for one in failed).most_common()
            what = ", ".join(f"{label} {count:,}" for label, count in labels)
            text = f"{len(failed):,} of {len(own):,} sessions fail: {what}"
            reasons.append(Reason(f"{name} ({visit.scenario}): {text}", failed[0]))
        if losing:
            text = f"{len(losing):,} of {len(own):,} sessions lose a message"
            reasons.append(Reason(f"{name} ({visit.scenario}): {text}", losing[0]))
    return reasons
