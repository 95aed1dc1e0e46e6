"""A failing run made small, with the reason, the nearest passing run, and its token."""

from dataclasses import asdict, dataclass
from typing import Any

from sim.exploration.explain import Explanation, explain
from sim.exploration.inquiry import Inquiry
from sim.exploration.nearest import Parting, group_steps, nearest_passing
from sim.exploration.shrink import Shrinker, deviations
from sim.exploration.verdict import Exploration
from sim.files.racefile import RaceFile
from sim.model.scenario import Scenario
from sim.runs.keep import file_of, token_or_none
from sim.runs.subject import Record


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The smallest failing run that was found.

    record: the run; least: proven that no schedule of its scenario with fewer deviations fails.
    told: a run of the same class in which each task's steps stand together. parting: the nearest
    passing run. token: "" if the run is too long for one.
    """

    record: Record
    least: bool
    told: Record
    explanation: Explanation
    parting: Parting | None
    token: str
    inquiry: Inquiry
    unconfirmed: str = ""
    """Why the run was not made again in a new process, if it was not; see `confirm`."""

    def summary(self) -> dict[str, Any]:
        """Return what is said about the run, as plain values for JSON."""
        why, parting = self.explanation, self.parting
        return {
            "outcome": self.record.outcome.label,
            "scenario": list_changes(self.record.scenario),
            "deviations": deviations(self.record.schedule),
            "least": self.least,
            "choices": len(self.record.schedule),
            "steps": self.record.end.steps,
            "why": why.sentence(),
            "raised": why.raised,
            "findings": [asdict(one) for one in self.record.outcome.findings if one.text],
            "unconfirmed": self.unconfirmed,
            "check": asdict(why.check) if why.check else None,
            "use": asdict(why.use) if why.use else None,
            "writer": asdict(why.writer) if why.writer else None,
            "window": {"hops": why.hops, "ms": why.window_ms},
            "states": list(self.record.subject.lanes),
            "rows": [asdict(row) for row in why.rows],
            "passing": parting
            and {
                "choice": parting.index,
                "failed": parting.failed,
                "passed": parting.passed,
                "outcome": parting.passing.outcome.label,
            },
        }

    def file(self) -> RaceFile:
        """Return the run as a file, with the explanation in it."""
        return file_of(self.record, self.inquiry.prop, self.summary())


def counterexample(found: Exploration) -> Counterexample | None:
    """Make the failure of an exploration small and explain it; None if there was none."""
    if found.failure is None:
        return None
    asked = found.inquiry
    small = Shrinker(asked, found.failure).shrink()
    tellable = small.record.subject.tellable
    return Counterexample(
        record=small.record,
        least=small.least,
        told=group_steps(small.record),
        explanation=explain(small.record),
        parting=nearest_passing(small.record, asked),
        token=token_or_none(small.record, asked.prop) if tellable else "",
        inquiry=asked,
    )


def list_changes(scenario: Scenario) -> dict[str, Any]:
    """Return the keys of a scenario that are not the default and touch a run."""
    return scenario.model_dump(
        mode="json", exclude_defaults=True, exclude={"title", "about", "sweep", "expect"}
    )
