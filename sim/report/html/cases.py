"""A counterexample as a page shows it: the failing run beside one that passes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sim.exploration.explain import Explanation, explain, with_lines
from sim.exploration.inquiry import Inquiry
from sim.report.html.beside import Walk, beside
from sim.report.html.lanes import Lanes, lanes
from sim.report.html.rivals import rival, role, told
from sim.report.html.sources import Snippet, snippets
from sim.report.trace.events import connection_of, description_of
from sim.report.trace.walk import lane_names, moments_of
from sim.runs.subject import Record


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
    the passing run does otherwise. parting: the moment from which on. again: the command that
    replays the run, "" if there is none. sources: lines around each place that the runs name.
    states: those that the moments have.
    """

    title: str
    about: str
    why: str
    apart: str
    runs: tuple[Shown, ...]
    parting: int | None
    again: str
    sources: Mapping[str, Snippet]
    states: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    """Further lines of the reason, for an application."""

    @property
    def length(self) -> int:
        """How many moments the longer of the two runs has."""
        return max(len(run.walk.moments) for run in self.runs)

    @property
    def begin(self) -> int:
        """The moment to show first: where the runs part, or the window, or the beginning."""
        first = self.runs[0].walk.moments
        inside = next((at for at, one in enumerate(first) if one.window), 0)
        return self.parting if self.parting is not None else inside


def case(found: Record, title: str, again: str = "", inquiry: Inquiry | None = None) -> Case:
    """Return what a page shows of a run; for one that fails, with the reason and a passing one.

    again: the command that replays it. inquiry: what it was asked for. Raises what a repetition
    raises if it goes otherwise.
    """
    inquiry = inquiry or Inquiry()
    if not inquiry.fails(found.outcome):
        return _put(title, found, again, [("run", with_lines(found))], inquiry)
    why = explain(found)
    runs = [("failing run", why.record)]
    other = rival(found, inquiry)
    if other is not None:
        runs.append((role(other), with_lines(other.passing)))
    shown = _put(title, found, again, runs, inquiry, _steps(why))
    return replace(shown, why=why.sentence().rstrip("."), apart=told(other, found))


def _put(
    title: str,
    found: Record,
    again: str,
    runs: list[tuple[str, Record]],
    inquiry: Inquiry,
    steps: Sequence[int] = (),
) -> Case:
    """Return a case of one or two runs. steps: of the first, which must be told."""
    connection, states = connection_of(found), lane_names(found)
    told_runs = beside([moments_of(run, connection) for _, run in runs], steps)
    shown = tuple(
        Shown(
            name,
            run.outcome.label,
            run.digest,
            inquiry.fails(run.outcome),
            walk,
            lanes(walk, states, told_runs.parting),
        )
        for (name, run), walk in zip(runs, told_runs.walks, strict=True)
    )
    places = (place for walk in told_runs.walks for place in _places(walk))
    sources = snippets(places)
    return Case(title, _about(found), "", "", shown, told_runs.parting, again, sources, states)


def _steps(why: Explanation) -> list[int]:
    """Return the steps that the explanation names."""
    return [one.step for one in (why.check, why.writer, why.use) if one is not None]


def _about(found: Record) -> str:
    unreal = "counterfactual" if found.scenario.counterfactual else ""
    return ", ".join(filter(None, [found.scenario.name, *description_of(found), unreal]))


def _places(walk: Walk) -> Iterable[str]:
    for one in walk.moments:
        yield one.where
        yield one.handler
