"""What a search came to. Plain frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sim.exploration.inquiry import Inquiry
from sim.model.profiles import profile_named
from sim.model.scenario import Scenario
from sim.model.switches import OnSend
from sim.runs.play import Record


class Verdict(StrEnum):
    """The three things that can be said. A search that was cut never says race-free."""

    RACE_FREE = "race-free"
    RACY = "racy"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was found out about one scenario.

    complete: nothing was left to try within what the strategy covers, and that is everything.
    scope: in words, what was covered; bound: what was not, "" if nothing. classes: of schedules
    that differ only in the order of independent steps, None if the strategy cannot tell. schedules:
    runs that were made, those that turned out redundant among them; looked: runs (or classes) that
    were judged, failing: those of them that break the property. outcomes: how many of those judged
    ended how. deepest: the most choices in a run. points: choices met, in all. silent: wake-ups
    without a recorded write. untouched: in no run did application_state leave CONNECTED before the
    handler left its loop. failure: the failing run with the fewest deviations, as it was found.
    """

    scenario: Scenario
    inquiry: Inquiry
    verdict: Verdict
    complete: bool
    scope: str
    bound: str
    classes: int | None
    schedules: int
    looked: int
    failing: int
    outcomes: Mapping[str, int] = field(default_factory=dict)
    deepest: int = 0
    points: int = 0
    silent: tuple[tuple[str, str], ...] = ()
    untouched: bool = False
    failure: Record | None = None

    @property
    def guard(self) -> str:
        """The guard that was asked about."""
        return self.scenario.guard

    def because(self) -> str:
        """Return why there was nothing to guard against, "" if there was or if it fails."""
        if self.verdict is not Verdict.RACE_FREE or not self.untouched:
            return ""
        told = "in no run did application_state leave CONNECTED before the loop ended"
        if profile_named(self.scenario.server).send_closed is OnSend.SILENT:
            told += f": a send of {self.scenario.server} returns silently when the client has gone"
        return told

    def words(self) -> str:
        """Return the verdict in one line, with its bound."""
        what = "classes" if self.classes is not None else "schedules"
        if self.verdict is Verdict.RACE_FREE:
            said = f"race-free: complete, {self.looked} of {self.looked} {what}"
        elif self.verdict is Verdict.RACY:
            so_far = "" if self.complete else " so far"
            said = f"racy: {self.failing} of {self.looked} {what}{so_far} fail"
        else:
            said = f"inconclusive: {self.looked} {what} without a failure"
        return f"{said} ({self.scope}{'; ' if self.bound else ''}{self.bound})"
