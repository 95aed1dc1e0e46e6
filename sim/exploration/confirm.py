"""Counterexamples are made once more in a new process before anybody is told of them."""

from collections.abc import Sequence
from dataclasses import replace

from sim.exploration.counterexample import Counterexample
from sim.exploration.stability import went_otherwise
from sim.exploration.verdict import Exploration, Verdict
from sim.runs.fresh import FreshProcess


def confirm(
    found: Sequence[tuple[Exploration, Counterexample | None]],
) -> list[tuple[Exploration, Counterexample | None]]:
    """Return verdicts and counterexamples as they may be told.

    All runs are made in one process. Where one of them goes otherwise there, what was found depends
    on more than its choices, and there is no verdict. One that cannot be made there is told with
    the reason.
    """
    asked = [one for _, one in found if one is not None and _is_reachable(one)]
    answers = iter(FreshProcess([one.record for one in asked]).answers() if asked else ())
    told: list[tuple[Exploration, Counterexample | None]] = []
    for exploration, example in found:
        if example is None:
            told.append((exploration, None))
            continue
        answer = next(answers) if _is_reachable(example) else None
        if answer is None:
            why = f"no other process can import {exploration.subject.label}"
            told.append((exploration, replace(example, unconfirmed=why)))
        elif answer.error:
            told.append((exploration, replace(example, unconfirmed=answer.error)))
        elif answer.same(example.record):
            told.append((exploration, example))
        else:
            why = went_otherwise(example.record, answer)
            unstable = replace(
                exploration,
                verdict=Verdict.INCONCLUSIVE,
                unstable=why,
                failure=None,
                complete=False,
            )
            told.append((unstable, None))
    return told


def _is_reachable(example: Counterexample) -> bool:
    return example.record.subject.modules() is not None
