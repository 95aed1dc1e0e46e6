"""A failing run made small, with the reason, the nearest passing run, and its token."""

from dataclasses import asdict, dataclass
from typing import Any

from sim.errors import UserError
from sim.exploration.explain import STATES, Explanation, explain
from sim.exploration.inquiry import Inquiry
from sim.exploration.nearest import Parting, nearest_passing, together
from sim.exploration.shrink import Shrinker, deviations
from sim.exploration.verdict import Exploration
from sim.files.racefile import RaceFile
from sim.model.scenario import Scenario
from sim.runs.play import Record
from sim.runs.replay import file_of, token_of
from sim.runs.stage import Rung
from sim.sut.guards import Guard


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
    rung: Rung

    def summary(self) -> dict[str, Any]:
        """Return what is said about the run, as plain values for JSON."""
        why, parting = self.explanation, self.parting
        return {
            "outcome": self.record.outcome.label,
            "scenario": changed(self.record.scenario),
            "deviations": deviations(self.record.schedule),
            "least": self.least,
            "choices": len(self.record.schedule),
            "steps": self.record.end.steps,
            "why": why.sentence(),
            "check": asdict(why.check) if why.check else None,
            "use": asdict(why.use) if why.use else None,
            "writer": asdict(why.writer) if why.writer else None,
            "window": {"hops": why.hops, "ms": why.window_ms},
            "states": list(STATES),
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
        asked = self.inquiry
        return file_of(self.record, self.rung, asked.times, asked.prop, self.summary())


def counterexample(
    found: Exploration, rung: Rung = Rung.ASGI, guard: Guard | None = None
) -> Counterexample | None:
    """Make the failure of an exploration small and explain it; None if there was none.

    guard: somebody's own, as it was given to `explore`.
    """
    if found.failure is None:
        return None
    asked = found.inquiry
    small = Shrinker(asked, found.failure, rung, guard).shrink()
    return Counterexample(
        record=small.record,
        least=small.least,
        told=together(small.record, asked.untimed, rung, guard),
        explanation=explain(small.record, rung, guard, asked.untimed),
        parting=nearest_passing(small.record, asked, rung, guard),
        token=_token(small.record, rung, asked),
        inquiry=asked,
        rung=rung,
    )


def _token(found: Record, rung: Rung, asked: Inquiry) -> str:
    try:
        return token_of(found, rung, asked.times, asked.prop)
    except UserError:
        return ""


def changed(scenario: Scenario) -> dict[str, Any]:
    """Return the keys of a scenario that are not the default and touch a run."""
    return scenario.model_dump(
        mode="json", exclude_defaults=True, exclude={"title", "about", "sweep", "expect"}
    )
