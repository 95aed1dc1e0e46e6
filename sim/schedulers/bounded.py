"""Preemption-bounded and delay-bounded search: the depth-first search with a price list.

Musuvathi, Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded Programs"
(PLDI 2007); Emmi, Qadeer, Rakamaric, "Delay-Bounded Scheduling" (POPL 2011). Most races need very
few deviations, so a small budget finds them early; a race beyond the budget is not found.
"""

from sim.model.schedule import Kind, Question
from sim.schedulers.exhaustive import Exhaustive


def preemption_price(question: Question, option: int) -> int:
    """Charge 1 for stepping another task while the running one could go on; all else is free."""
    preempts = question.kind is Kind.STEP and question.running >= 0
    return int(preempts and option != question.running)


def delay_price(question: Question, option: int) -> int:
    """Charge 1 for each option passed over, going round from the default."""
    if isinstance(question.options, range):
        return int(option != question.default)
    return (option - question.default) % len(question.options)


class PreemptionBounded(Exhaustive):
    """Every schedule with at most `bound` preemptions. Choices other than steps are all tried."""

    def __init__(self, bound: int) -> None:
        super().__init__(preemption_price, bound)


class DelayBounded(Exhaustive):
    """Every schedule with at most `bound` delays: options passed over, of any kind of choice."""

    def __init__(self, bound: int) -> None:
        super().__init__(delay_price, bound)


def deviation(question: Question, option: int) -> int:
    """Charge 1 for every choice that is not the default: a price list for `Exhaustive`."""
    return int(option != question.default)
