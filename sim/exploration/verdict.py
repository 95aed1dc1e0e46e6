"""What a search came to. Plain frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sim.exploration.inquiry import Inquiry
from sim.model.scenario import Scenario
from sim.model.ticks import seconds
from sim.runs.subject import Record, Subject, scenario_of


class Verdict(StrEnum):
    """The four things that can be said. A search that was cut says neither the first nor the last
    but one.
    """

    RACE_FREE = "race-free"
    RACY = "racy"
    """Some schedules fail."""
    ALWAYS = "fails in every schedule"
    """It is no race: whatever the order, it fails."""
    INCONCLUSIVE = "inconclusive"
    """No answer; the bound says why."""


FAILING = (Verdict.RACY, Verdict.ALWAYS)
"""Verdicts that name a failure. Whoever expects "racy" is answered by either."""


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was found out about one subject."""

    subject: Subject
    inquiry: Inquiry
    verdict: Verdict
    complete: bool
    """Whether nothing was left to try within what the strategy covers, and that is everything."""
    scope: str
    """In words, what was covered."""
    bound: str
    """In words, what was not; "" if nothing."""
    classes: int | None
    """Of schedules that differ only in the order of independent steps; None if the strategy cannot
    tell."""
    schedules: int
    """Runs that were made, those that turned out redundant among them."""
    looked: int
    """Runs, or classes, that were judged."""
    failing: int
    """Those of them that break the property."""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """How many of those judged ended how."""
    deepest: int = 0
    """The most choices in a run."""
    points: int = 0
    """Choices met, in all."""
    silent: tuple[tuple[str, str], ...] = ()
    """Wake-ups without a recorded write: who woke whom."""
    untouched: bool = False
    """Whether in no run application_state left CONNECTED before the handler left its loop."""
    failure: Record | None = None
    """The failing run with the fewest deviations, as it was found."""
    remarks: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """What people should be told although it is no failure: kind -> (in how many runs, a text)."""
    findings: Mapping[str, int] = field(default_factory=dict)
    """What was found out, by the names of `sim.model.findings`: name -> in how many runs."""
    refusal: str = ""
    """What the code under test asked for that no schedule controls, if a run ended by that."""
    upto: int | None = None
    """The tick of virtual time before which every class was looked at, in a search that was cut;
    None if it was not, or if that is not known."""
    stopped: str = ""
    """Why it was stopped from outside, if it was."""
    unstable: str = ""
    """Why runs do not depend on their choices alone, if they do not: then there is no verdict."""

    @property
    def scenario(self) -> Scenario:
        """The scenario, for those who know that there is one."""
        return scenario_of(self.subject)

    @property
    def guard(self) -> str:
        """The guard, or the handler, that was asked about."""
        return self.subject.label

    @property
    def fails(self) -> bool:
        """Whether a failure was found."""
        return self.verdict in FAILING

    def because(self) -> str:
        """Return why there was nothing to guard against, "" if there was or if it fails."""
        if self.verdict is not Verdict.RACE_FREE or not self.untouched:
            return ""
        told = "in no run did application_state leave CONNECTED before the loop ended"
        silence = self.subject.silence()
        return f"{told}: {silence}" if silence else told

    def words(self) -> str:
        """Return the verdict in one line, with its bound."""
        what = "classes" if self.classes is not None else "schedules"
        if self.verdict is Verdict.RACE_FREE:
            said = f"race-free: complete, {self.looked} of {self.looked} {what}"
        elif self.verdict is Verdict.ALWAYS:
            times = "" if self.inquiry.untimed else " at these times"
            said = f"{self.verdict}{times}: complete, all {self.looked} {what} fail: it is no race"
        elif self.verdict is Verdict.RACY:
            so_far = "" if self.complete else " so far"
            every = not self.complete and self.failing == self.looked
            or_not = f", or {Verdict.ALWAYS}" if every else ""
            said = f"racy{or_not}: {self.failing} of {self.looked} {what}{so_far} fail"
        elif self.unstable or (self.refusal and not self.looked):
            return f"inconclusive: {self.unstable or self.refusal}"
        elif not self.looked:
            return f"inconclusive: {self.bound} ({self.scope})"
        elif self.upto:
            said = f"inconclusive: race-free before {seconds(self.upto):.6g} s, every class; cut "
            said += f"beyond, {self.looked} {what} in all without a failure"
        else:
            said = f"inconclusive: {self.looked} {what} without a failure"
        return f"{said} ({self.scope}{'; ' if self.bound else ''}{self.bound})"
