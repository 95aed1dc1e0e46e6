"""Runs side by side: the same moments at the same places, from where it matters on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sim.report.trace.events import labels
from sim.report.trace.walk import Moment

WHOLE = 120
"""Runs of at most so many moments are told from their beginning."""
MOST = 800
"""If there are more moments than these, only those near what matters are told."""
NEAR = 150
"""So many moments before and after each thing that matters."""
BEFORE = 2
"""So many moments stand before the first that matters."""
PERIOD = 8
"""So many moments in a row may be what is repeated."""
OFTEN = 4
"""What is repeated so often is told at its beginning and its end."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The moments of one run that are told. tasks: short names. before: how many at the beginning
    are left out.
    """

    tasks: tuple[str, ...]
    moments: tuple[Moment, ...]
    before: int = 0


@dataclass(frozen=True, slots=True)
class Beside:
    """One or two runs. parting: the first moment in which two differ, None for one."""

    walks: tuple[Walk, ...]
    parting: int | None


def beside(runs: Sequence[Sequence[Moment]], steps: Sequence[int] = ()) -> Beside:
    """Return one run, or two that begin alike, ready to be shown.

    steps: of the first run, which must be told. Up to where they part two runs have the same
    moments, so there the same ones are left out of both.
    """
    folded = [fold(run) for run in runs]
    first = folded[0]
    parts = [_parting(*folded)] if len(folded) > 1 else []
    wanted = [*parts, *(_at_step(first, step) for step in steps)]
    begin = 0
    if max(map(len, folded)) > WHOLE:
        received = [at for at, one in enumerate(first) if one.what.startswith("received")]
        begin = max(0, min([*(received[-1:] or [0]), *wanted]) - BEFORE)
    shown = [run[begin:] for run in folded]
    if max(map(len, shown)) > MOST:
        shown = [_near(run, [at - begin for at in wanted]) for run in shown]
    names = labels(dict.fromkeys(one.task for run in shown for one in run))
    walks = []
    for run in shown:
        named = tuple(replace(one, task=names[one.task]) for one in run)
        walks.append(Walk(tuple(dict.fromkeys(one.task for one in named)), named, begin))
    return Beside(tuple(walks), _parting(*shown) if parts else None)


def fold(moments: Sequence[Moment]) -> list[Moment]:
    """Return moments, those of a poll only at its beginning and its end."""
    keys = [replace(one, step=0, ms=0.0) for one in moments]
    found: list[Moment] = []
    at = 0
    while at < len(moments):
        period, times = _repeated(keys, at)
        block = period * times
        if times < OFTEN:
            found.append(moments[at])
            at += 1
            continue
        found += moments[at : at + period]
        last = at + block - period
        found.append(_gap(moments[last], f"… the same {times - 2:,} times more"))
        found += moments[last : at + block]
        at += block
    return found


def _repeated(keys: Sequence[Moment], at: int) -> tuple[int, int]:
    """Return how many moments from here on are repeated, and how often they stand there."""
    best = (1, 1)
    for period in range(1, PERIOD + 1):
        block, times = keys[at : at + period], 1
        while keys[at + period * times : at + period * (times + 1)] == block:
            times += 1
        if times >= OFTEN and period * times > best[0] * best[1]:
            best = (period, times)
    return best


def _near(moments: Sequence[Moment], wanted: Sequence[int]) -> list[Moment]:
    """Return the moments near the wanted ones and at both ends; what lies between is counted."""
    end = len(moments)
    kept = {
        at
        for place in (0, *wanted, end - 1)
        for at in range(max(0, place - NEAR), min(end, place + NEAR + 1))
    }
    found: list[Moment] = []
    last = -1
    for at in sorted(kept):
        if at > last + 1:
            found.append(_gap(moments[at], f"… {at - last - 1:,} moments are left out"))
        found.append(moments[at])
        last = at
    return found


def _gap(before: Moment, what: str) -> Moment:
    """Return what stands for moments that are not told."""
    return replace(before, what=what, where="", inside="")


def _parting(one: Sequence[Moment], other: Sequence[Moment]) -> int:
    """Return the first moment in which two runs differ; the last one that both have if none."""
    for at, (a, b) in enumerate(zip(one, other, strict=False)):
        if (a.task, a.what, a.where, a.inside) != (b.task, b.what, b.where, b.inside):
            return at
    return max(0, min(len(one), len(other)) - 1)


def _at_step(moments: Sequence[Moment], step: int) -> int:
    return next((at for at, one in enumerate(moments) if one.step >= step), len(moments))
