"""What has to be seen before anybody is told: failures made small, and run again elsewhere.

A few runs, spread over all that were made, are made again in a new process while the failures are
made small here; then those, too.
"""

import re

from sim.exploration.inquiry import Inquiry
from sim.exploration.ladder import Climbed
from sim.exploration.shrink import Shrinker
from sim.runs.fresh import Answer, FreshProcess
from sim.runs.subject import Record

_MOST = 6
"""So many failing runs are made small, at most."""
_RUNS, _OTHERS_RUNS = 500, 100
"""Runs that each step of that may take: for failures of the simplest case, and for others."""
_AGAIN = 20
"""So many runs, spread over all cases, are made again in a new process, at most."""


def confirmed(climbed: Climbed) -> list[Record]:
    """Return a small run for each failure; note that there is no answer if one goes otherwise.

    Those of the first case that fails come first.
    """
    if climbed.no_answer or not climbed.cases:
        return []
    every = [made for case in climbed.cases for made in case.kept]
    spread = every[:: len(every) // _AGAIN + 1]
    elsewhere = FreshProcess(spread)
    smallest = _smallest(climbed)
    fails = climbed.fails
    for records, process in ((spread, elsewhere), (smallest, FreshProcess(smallest))):
        for made, answer in zip(records, process.answers(), strict=True):
            climbed.no_answer = climbed.no_answer or _differs(made, answer, fails)
            if not answer.same(made):
                climbed.aside = (
                    "in a new process runs end alike, but with other bytes on the way: "
                    f"{_NATIVE}, and tokens are made again with another digest"
                )
    return smallest if not climbed.no_answer else []


def _smallest(climbed: Climbed) -> list[Record]:
    """Return a small run for each failure, those of the first case that fails first.

    What fails in a case by nothing else than a simpler case did, is not told again.
    """
    inquiry = Inquiry(strategy="exhaustive")
    found: list[Record] = []
    known: set[object] = set()
    for case in sorted(climbed.cases, key=lambda case: case.kept_from_before):
        new = [one for one in case.failing.values() if not _causes(one) <= known]
        runs = _OTHERS_RUNS if found else _RUNS
        made = [Shrinker(inquiry, one, runs).shrink().record for one in new[: _MOST - len(found)]]
        made.sort(key=lambda one: (sum(choice.deviates for choice in one.schedule), one.end.steps))
        for one in made:
            if not _causes(one) <= known:
                known |= _causes(one)
                found.append(one)
    return found


def _causes(made: Record) -> frozenset[object]:
    """Return what a run fails by: kinds, lines, and what tells failures of one kind apart."""
    failures = (one for one in made.outcome.findings if one.failure)
    return frozenset((one.kind, one.where, _unnamed(one.cause)) for one in failures)


def _unnamed(cause: str) -> str:
    """Return a cause without the clients' names: the same may happen to any of them."""
    return re.sub(r"\bc\d+\b", "c", cause)


def _differs(made: Record, answer: Answer, fails: bool) -> str:
    """Return why a run in a new process says nothing, "" if it went as here.

    That a failure is one rests on how its own run ends there; that there is none, on all of it.
    """
    if answer.error:
        return f"its runs cannot be made in a new process: {answer.error}"
    if answer.outcome != made.outcome.label:
        return (
            "a run goes otherwise in a new process, in which none went before it: "
            f"{answer.outcome} instead of {made.outcome.label}"
        )
    if not fails and not answer.same(made):
        return f"a run goes otherwise in a new process, though it ends alike: {_NATIVE}"
    return ""


_NATIVE = "something draws chance in native code"
