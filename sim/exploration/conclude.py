"""The verdict of a search, with its bounds in words."""

from dataclasses import dataclass

from sim.exploration.inquiry import Inquiry
from sim.exploration.tally import Tally
from sim.exploration.verdict import Exploration
from sim.runs.subject import Subject

FIRST_ANSWER = "what comes later was not looked at"
"""What is said of a search that has had enough."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a search extent. runs: that were made."""

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


def conclude(subject: Subject, inquiry: Inquiry, tally: Tally, extent: Extent) -> Exploration:
    """Return what a search came to."""
    bounds = [*tally.bounds(), *subject.limits()]
    if not extent.ended and (tally.stopped or not tally.enough):
        why = tally.stopped or (FIRST_ANSWER if extent.paused else "")
        cut = f"cut after {extent.runs} schedules"
        bounds.insert(0, f"{cut}: {why}" if why else cut)
    if extent.pruned:
        bounds.insert(0, f"{extent.pruned} options lay beyond the bound")
    complete = extent.ended and not bounds and not inquiry.way.draws
    if inquiry.way.reads_steps:
        bounds += subject.caveats()
    if tally.unseen:
        bounds.append(tally.unseen)
    scope = inquiry.scope(extent.horizon)
    if extent.every > 1:
        share = "all" if extent.done == extent.every else f"{extent.done} of"
        scope += f", {share} {extent.every} combinations of those listed"
    if extent.alike:
        scope += f"; {extent.alike} runs ended where the world stood as in another one"
    if complete and extent.later and not tally.met_end:
        scope += f", {extent.later} of them later: it holds whenever the run ends"
    whole = not extent.ended and extent.done == extent.every
    upto = tally.reached or None if whole else None
    return tally.exploration(extent.runs, complete, scope, "; ".join(bounds), upto)
