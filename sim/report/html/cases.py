"""A counterexample as a page shows it: the failing run beside the nearest one that passes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sim.exploration.explain import Explanation, explain, with_lines
from sim.exploration.inquiry import Inquiry
from sim.exploration.nearest import Parting, nearest_passing
from sim.exploration.shift import Shift, nearest_in_time
from sim.exploration.shrink import Lenient
from sim.playing import Record, job_for, record
from sim.report.html.lanes import Lanes, lanes
from sim.report.html.sources import Snippet, snippets
from sim.report.html.walk import LANE_NAMES, Walk, walk
from sim.report.pictures import connection_of
from sim.run import run_once
from sim.rungs import Rung
from sim.sut.guards import Guard

SAFE = ("both-states", "both-no-hop", "catch", "raw")
"""Guards that a failing run is compared with, the most like it first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a run was made, which its repetition must know. guard: somebody's own, if it is."""

    inquiry: Inquiry = field(default_factory=Inquiry)
    rung: Rung = Rung.ASGI
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Guarded:
    """The same choices with another guard, which passes."""

    passing: Record
    guard: str


Other = Parting | Shift | Guarded


@dataclass(frozen=True, slots=True)
class Shown:
    """One run. role: which of the two it is. failed: whether it breaks the property."""

    role: str
    outcome: str
    digest: str
    failed: bool
    walk: Walk
    lanes: Lanes


@dataclass(frozen=True, slots=True)
class Case:
    """One section of a page.

    about: scenario, guard and so on, in one line. why: the reason, for a failing run. apart: what
    the passing run does otherwise. parting: the moment from which on. token: replays the run, ""
    if there is none. sources: lines around each place that the runs name.
    """

    title: str
    about: str
    why: str
    apart: str
    runs: tuple[Shown, ...]
    parting: int | None
    token: str
    sources: Mapping[str, Snippet]
    states: tuple[str, ...] = LANE_NAMES

    @property
    def length(self) -> int:
        """How many moments the longer of the two runs has."""
        return max(len(run.walk.moments) for run in self.runs)

    @property
    def begin(self) -> int:
        """The moment to show first: the last but few before the runs part, or the window."""
        first = self.runs[0].walk.moments
        inside = next((at for at, one in enumerate(first) if one.window), 0)
        return self.parting if self.parting is not None else inside


def case(found: Record, title: str, token: str = "", asked: Asked | None = None) -> Case:
    """Return what a page shows of a run; for one that fails, with the reason and a passing one.

    asked: how the run was made. Raises what a repetition raises if it goes otherwise.
    """
    asked = asked or Asked()
    failed = asked.inquiry.fails(found.outcome)
    connection = connection_of(found)
    why: Explanation | None = None
    other: Other | None = None
    if failed:
        why = explain(found, asked.rung, asked.guard, asked.inquiry.untimed)
        other = nearest(found, asked)
    record = why.record if why is not None else _with_lines(found, asked)
    first = walk(record, connection)
    walks = [("failing run" if failed else "run", record, first)]
    if other is not None:
        theirs = replace(asked, guard=None) if isinstance(other, Guarded) else asked
        passing = _with_lines(other.passing, theirs)
        role = "nearest passing run"
        if isinstance(other, Guarded):
            role = f"the same run with {other.guard}"
        walks.append((role, passing, walk(passing, connection, first.before)))
    parting = _parting([one for *_, one in walks])
    shown = tuple(
        Shown(
            role, run.outcome.label, run.digest, asked.inquiry.fails(run.outcome), told,
            lanes(told, parting),
        )
        for role, run, told in walks
    )  # fmt: skip
    wheres = (place for *_, told in walks for place in _places(told))
    return Case(
        title=title,
        about=_about(found),
        why=why.sentence() if why is not None else "",
        apart=_apart(other) if failed else "",
        runs=shown,
        parting=parting,
        token=token,
        sources=snippets(wheres),
    )


def nearest(found: Record, asked: Asked) -> Other | None:
    """Return the nearest run that passes: another schedule, else another time, else another guard.

    None if none of them passes.
    """
    given = (asked.inquiry, asked.rung, asked.guard)
    return (
        nearest_passing(found, *given) or nearest_in_time(found, *given) or _guarded(found, asked)
    )


def _guarded(found: Record, asked: Asked) -> Guarded | None:
    """Return the same run under the first of our other guards that passes."""
    picks = [choice.picked for choice in found.schedule]
    for guard in SAFE:
        scenario = found.scenario.model_copy(update={"guard": guard})
        job = job_for(scenario, Lenient(picks), asked.rung, None, asked.inquiry.untimed)
        passing = record(scenario, run_once(job.program, job.scheduler, job))
        if not asked.inquiry.fails(passing.outcome):
            return Guarded(passing, guard)
    return None


def _with_lines(found: Record, asked: Asked) -> Record:
    return with_lines(found, asked.rung, asked.guard, asked.inquiry.untimed)


def _about(found: Record) -> str:
    scenario = found.scenario
    unreal = ["counterfactual"] if scenario.counterfactual else []
    parts = [
        scenario.name, f"{scenario.mode} mode", f"{scenario.shape} shape",
        f"guard {scenario.guard}", scenario.runtime, scenario.server, *unreal,
    ]  # fmt: skip
    return ", ".join(filter(None, parts))


def _apart(other: Other | None) -> str:
    nothing = "No schedule and no time of the injection that was tried near this run passes"
    if other is None:
        return f"{nothing}."
    if isinstance(other, Guarded):
        return f"{nothing}. Beside it stands the same run with the guard {other.guard}."
    if isinstance(other, Shift):
        moved = other.passed_ms - other.failed_ms
        way = "later" if moved > 0 else "earlier"
        return (
            f"The nearest run that passes: its {other.what} comes {abs(moved):.3f} ms {way}, "
            f"{other.passed_ms:.3f} ms instead of {other.failed_ms:.3f} ms."
        )
    return (
        f"The nearest run that passes parts at choice {other.index}: it lets {other.passed} go "
        f"first, not {other.failed}."
    )


def _parting(walks: list[Walk]) -> int | None:
    """Return the first moment in which two walks differ, None if there is one walk only."""
    if len(walks) < 2:
        return None
    pairs = zip(walks[0].moments, walks[1].moments, strict=False)
    for index, (one, other) in enumerate(pairs):
        if (one.task, one.what, one.where) != (other.task, other.what, other.where):
            return index
    return min(len(walks[0].moments), len(walks[1].moments)) - 1


def _places(walk: Walk) -> Iterable[str]:
    for one in walk.moments:
        yield one.where
        yield one.handler
