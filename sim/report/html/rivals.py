"""The passing run that stands beside a failing one, and what was tried to find it."""

from dataclasses import dataclass

from sim.exploration.inquiry import Inquiry
from sim.exploration.nearest import Parting, nearest_passing
from sim.exploration.shift import Shift, nearest_in_time
from sim.kernel.series import run_once
from sim.runs.subject import Record, record_or_none
from sim.schedulers.replay import Lenient


@dataclass(frozen=True, slots=True)
class Guarded:
    """The same choices with another guard, which passes."""

    passing: Record
    guard: str


Rival = Parting | Shift | Guarded


def rival(failing: Record, inquiry: Inquiry) -> Rival | None:
    """Return a passing run near a failing one: another schedule, else another moment of an
    injection, else another guard. None if nothing that was tried passes.
    """
    found = nearest_passing(failing, inquiry) or nearest_in_time(failing, inquiry)
    return found or _guarded(failing, inquiry)


def _guarded(failing: Record, inquiry: Inquiry) -> Guarded | None:
    """Return the same run under the first of our other guards that passes."""
    picks = [choice.picked for choice in failing.schedule]
    for subject in failing.subject.others():
        passing = record_or_none(subject, run_once(subject.job(Lenient(picks))))
        if passing is not None and not inquiry.fails(passing.outcome):
            return Guarded(passing, subject.label)
    return None


def role(found: Rival) -> str:
    """Return what the passing run is, beside the failing one."""
    if isinstance(found, Guarded):
        return f"the same run with {found.guard}"
    return "nearest passing run that was found"


def told(found: Rival | None, failing: Record) -> str:
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
    if next(iter(failing.subject.moments()), None) is not None:
        tried.append("other moments of its injections")
    if found is None and next(iter(failing.subject.others()), None) is not None:
        tried.append("other guards")
    vain = f"No passing run was found among {' and '.join(tried)}"
    if found is None:
        return f"{vain}."
    return f"{vain}; beside it stands the same run with the guard {found.guard}."


def _amount(value: float, found: Shift) -> str:
    if found.unit == "ms":
        return f"{value:.3f} ms"
    return "1 turn" if value == 1 else f"{value:g} turns"
