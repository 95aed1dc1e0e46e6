"""The verdict of a search, with its bounds in words."""

from dataclasses import dataclass

from sim.exploration.inquiry import Inquiry
from sim.exploration.tally import Tally
from sim.exploration.verdict import Exploration
from sim.runs.subject import Subject

FIRST_ANSWER = "what comes later was not looked at"
"""What is said of a search that has had enough."""


@dataclass(frozen=True, slots=True)
class Came:
    """How far a search came. runs: that were made."""

    runs: int
    done: int
    """Variants that were begun."""
    every: int
    """Variants that there are."""
    ended: bool
    """Whether it came to its end."""
    paused: bool
    """Whether it had enough before."""
    horizon: int = 0
    """Choices in a run, as measured."""
    pruned: int = 0
    """Options beyond the bound."""
    alike: int = 0
    """Runs that were cut because they stood still as others had."""
    later: int = 0
    """How many of them did so later than the others."""


def conclude(subject: Subject, inquiry: Inquiry, tally: Tally, came: Came) -> Exploration:
    """Return what a search came to."""
    bounds = [*tally.bounds(), *subject.limits()]
    if not came.ended and (tally.stopped or not tally.enough):
        why = tally.stopped or (FIRST_ANSWER if came.paused else "")
        cut = f"cut after {came.runs} schedules"
        bounds.insert(0, f"{cut}: {why}" if why else cut)
    if came.pruned:
        bounds.insert(0, f"{came.pruned} options lay beyond the bound")
    complete = came.ended and not bounds and not inquiry.way.draws
    if inquiry.way.reads_steps:
        bounds += subject.caveats()
    if tally.unseen:
        bounds.append(tally.unseen)
    scope = inquiry.scope(came.horizon)
    if came.every > 1:
        share = "all" if came.done == came.every else f"{came.done} of"
        scope += f", {share} {came.every} combinations of those listed"
    if came.alike:
        scope += f"; {came.alike} runs ended where the world stood as in another one"
    if complete and came.later and not tally.met_end:
        scope += f", {came.later} of them later: it holds whenever the run ends"
    whole = not came.ended and came.done == came.every
    upto = tally.reached or None if whole else None
    return tally.exploration(came.runs, complete, scope, "; ".join(bounds), upto)
