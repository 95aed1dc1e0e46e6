"""The passing run that stands beside a failing one, and what was tried to find it."""

from dataclasses import dataclass, field

from sim.exploration.inquiry import Inquiry
from sim.exploration.nearest import Parting, nearest_passing
from sim.exploration.shift import Shift, nearest_in_time
from sim.exploration.shrink import Lenient
from sim.kernel.series import run_once
from sim.runs.play import Record, job_for, record
from sim.runs.stage import Rung
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


Rival = Parting | Shift | Guarded


def rival(failing: Record, asked: Asked) -> Rival | None:
    """Return a passing run near a failing one: another schedule, else another moment of an
    injection, else another guard. None if nothing that was tried passes.
    """
    given = (asked.inquiry, asked.rung, asked.guard)
    found = nearest_passing(failing, *given) or nearest_in_time(failing, *given)
    return found or _guarded(failing, asked)


def _guarded(failing: Record, asked: Asked) -> Guarded | None:
    """Return the same run under the first of our other guards that passes."""
    picks = [choice.picked for choice in failing.schedule]
    for guard in SAFE:
        if guard == failing.scenario.guard:
            continue
        scenario = failing.scenario.model_copy(update={"guard": guard})
        job = job_for(scenario, Lenient(picks), asked.rung, None, asked.inquiry.untimed)
        passing = record(scenario, run_once(job))
        if not asked.inquiry.fails(passing.outcome):
            return Guarded(passing, guard)
    return None


def role(found: Rival) -> str:
    """Return what the passing run is, beside the failing one."""
    if isinstance(found, Guarded):
        return f"the same run with {found.guard}"
    return "nearest passing run that was found"


def told(found: Rival | None, failing: Record, asked: Asked) -> str:
    """Say what the passing run does otherwise, and what was tried in vain."""
    if isinstance(found, Parting):
        return (
            f"Beside it stands the nearest passing run that was found: at choice {found.index} it "
            f"lets {found.passed} go first, not {found.failed}."
        )
    if isinstance(found, Shift):
        moved = found.passed - found.failed
        way = "later" if moved > 0 else "earlier"
        return (
            f"Beside it stands the nearest passing run that was found: its {found.what} comes "
            f"{_amount(abs(moved), found)} {way}, {_amount(found.passed, found)} instead of "
            f"{_amount(found.failed, found)}."
        )
    tried = ["other schedules"]
    if failing.scenario.injections and not asked.inquiry.untimed:
        tried.append("other moments of its injections")
    if found is None:
        tried.append("other guards")
    vain = f"No passing run was found among {' and '.join(tried)}"
    if found is None:
        return f"{vain}."
    return f"{vain}; beside it stands the same run with the guard {found.guard}."


def _amount(value: float, found: Shift) -> str:
    if found.unit == "ms":
        return f"{value:.3f} ms"
    return "1 turn" if value == 1 else f"{value:g} turns"
