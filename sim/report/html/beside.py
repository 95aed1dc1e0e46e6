"""Runs side by side: the same moments at the same places, from where it matters on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sim.report.formats.telling import labels
from sim.report.html.walk import Moment

WHOLE = 120
"""Runs of at most so many moments are told from their beginning."""
MOST = 800
"""So many moments of a run are told at most; if there are more, those in the middle are not."""
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


def beside(runs: Sequence[Sequence[Moment]], step: int | None = None) -> Beside:
    """Return one run, or two that begin alike, ready to be shown.

    step: of the first run, from which on it must be told. Up to where they part two runs have the
    same moments, so both are cut at the same one.
    """
    folded = [fold(run) for run in runs]
    first = folded[0]
    parting = _parting(*folded) if len(folded) > 1 else None
    begin = 0
    if max(map(len, folded)) > WHOLE:
        received = [at for at, one in enumerate(first) if one.what.startswith("received")]
        wanted = received[-1:] or [0]
        wanted += [parting] if parting is not None else []
        wanted += [_at_step(first, step)] if step is not None else []
        begin = max(0, min(wanted) - BEFORE)
    shown = [_shortened(run[begin:]) for run in folded]
    names = labels(dict.fromkeys(one.task for run in shown for one in run))
    walks = []
    for run in shown:
        named = tuple(replace(one, task=names[one.task]) for one in run)
        walks.append(Walk(tuple(dict.fromkeys(one.task for one in named)), named, begin))
    return Beside(tuple(walks), None if parting is None else parting - begin)


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


def _shortened(moments: Sequence[Moment]) -> list[Moment]:
    """Return moments without those in the middle if there are too many."""
    if len(moments) <= MOST:
        return list(moments)
    head, tail = moments[: MOST // 2], moments[len(moments) - MOST // 2 :]
    return [*head, _gap(tail[0], f"… {len(moments) - MOST:,} moments are left out"), *tail]


def _gap(before: Moment, what: str) -> Moment:
    """Return what stands for moments that are not told."""
    return replace(before, what=what, where="")


def _parting(one: Sequence[Moment], other: Sequence[Moment]) -> int:
    """Return the first moment in which two runs differ; the last one that both have if none."""
    for at, (a, b) in enumerate(zip(one, other, strict=False)):
        if (a.task, a.what, a.where) != (b.task, b.what, b.where):
            return at
    return max(0, min(len(one), len(other)) - 1)


def _at_step(moments: Sequence[Moment], step: int) -> int:
    return next((at for at, one in enumerate(moments) if one.step >= step), len(moments))
