"""Failures by two events in one tick break no expectation, and are told; others do."""

from dataclasses import replace

import pytest

from sim.errors import NoAnswer
from sim.model.results import CellResult
from sim.stats.intervals import rate_interval
from sim.sweep import ties
from sim.sweep.reproduce import Reproduction, Task, reproduce
from sim.sweep.summary import broken_expectations
from sim.sweep.ties import judged


def with_failures(guard: str, runtime: str, count: int = 1) -> Reproduction:
    """Return a sweep in which so many trials of a guard fail, as in one of many thousands."""
    task = Task("server-close", ("sweep.values=[5]",), ("both-states", "catch"), trials=60)
    found = reproduce(task)
    trials = 4800
    low, _ = rate_interval(count, trials)

    def failing(one: CellResult) -> CellResult:
        if (one.cell.guard, one.cell.runtime) != (guard, runtime):
            return one
        return replace(one, failures=count, trials=trials, low=low)

    results = tuple(map(failing, found.summary.results))
    return replace(found, summary=replace(found.summary, results=results))


def test_a_tie_is_told_and_breaks_nothing() -> None:
    """wsrace reproduce server-close --runs 600: "expected none of the trials to fail, 1 did"."""
    found = with_failures("both-states", "asyncio-3.11")
    assert broken_expectations(found.scenarios, found.summary.results)
    broken, (told,) = judged(found)
    assert broken == ()
    assert told == (
        "server-close: both-states on asyncio-3.11: 1 failed as two events fell into one tick of "
        "0.001 ms; of continuous times none would"
    )


def test_a_failure_where_no_tie_fails_is_a_broken_expectation() -> None:
    for guard, runtime in (("catch", "asyncio-3.11"), ("both-states", "asyncio-3.12")):
        (line,), told = judged(with_failures(guard, runtime))
        assert line.startswith(f"server-close: {guard} on {runtime}: expected none")
        assert told == ()


def test_more_failures_than_ties_can_make_are_a_broken_expectation() -> None:
    (line,), told = judged(with_failures("both-states", "asyncio-3.11", 40))
    assert line.endswith("40 of 4800 did")
    assert told == ()


def test_what_cannot_be_computed_excuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(scenario: object) -> None:
        raise NoAnswer("two times are drawn")

    monkeypatch.setattr(ties, "exact_rate", refuses)
    broken, told = judged(with_failures("both-states", "asyncio-3.11"))
    assert (len(broken), told) == (1, ())


def test_where_all_holds_nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ties, "exact_rate", lambda _: pytest.fail("it was asked"))
    assert judged(with_failures("both-states", "asyncio-3.11", 0)) == ((), ())
