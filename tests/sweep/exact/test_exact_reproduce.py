"""Exact reproductions: the same for every number of workers, and judged against expectations."""

from fractions import Fraction

import pytest

from sim.errors import UserError
from sim.sweep.exact.reproduce import (
    ExactReproduction,
    broken_expectations,
    check_exact,
    exact_reproduce,
)
from sim.sweep.reproduce import Task

SMALL = Task("server-close", ("sweep.values=[0, 5]",), ("pre-fix", "both-states", "catch"))
OWN = "tests.helpers.own_guards"


def rates(found: ExactReproduction) -> dict[tuple[str, str], list[object]]:
    return {
        (line.guard, line.runtime): [one.found.rate for one in line.cells] for line in found.lines
    }


def test_every_guard_has_a_line_under_every_runtime() -> None:
    found = exact_reproduce(SMALL)
    tick = Fraction(1000, 20 << 20)
    assert rates(found) == {
        ("pre-fix", "asyncio-3.11"): [0, 5243 * tick],
        ("both-states", "asyncio-3.11"): [0, tick],
        ("catch", "asyncio-3.11"): [0, 0],
        ("pre-fix", "asyncio-3.12"): [0, 5242 * tick],
        ("both-states", "asyncio-3.12"): [0, 0],
        ("catch", "asyncio-3.12"): [0, 0],
    }
    for line in found.lines:
        assert all(one.closed_form == one.found.rate for one in line.cells)
        assert [one.cell.value for one in line.cells] == [0, 5]
        assert line.runs > 0
    assert found.unanswered == ()


def test_the_number_of_workers_makes_no_difference() -> None:
    assert exact_reproduce(SMALL, workers=2) == exact_reproduce(SMALL)


def test_progress_is_told_line_by_line() -> None:
    told: list[tuple[int, int, str]] = []
    exact_reproduce(SMALL, on_lines=lambda *said: told.append(said))
    assert [done for done, _, _ in told] == [*range(7)]
    assert told[1] == (1, 6, "server-close, pre-fix, asyncio-3.11")


def test_two_events_in_one_tick_do_not_break_an_expectation() -> None:
    assert broken_expectations(exact_reproduce(SMALL)) == ()


def test_a_broken_expectation_names_what_is_exactly_so() -> None:
    task = Task(
        "server-close",
        ("sweep.values=[5]", "expect.pre-fix=all", "expect.catch=some"),
        ("pre-fix", "catch"),
    )
    lines = broken_expectations(exact_reproduce(task))
    assert len(lines) == 4
    assert lines[0] == (
        "server-close: pre-fix on asyncio-3.11: expected all of the trials to fail, exactly some do"
    )
    assert "catch on asyncio-3.11: expected some of the trials to fail, exactly none do" in lines[1]


def test_what_cannot_be_computed_is_refused_with_all_reasons_at_once() -> None:
    settings = ('sweep.runtimes=["trio", "asyncio-3.11"]', "clients.jitter_ms=1")
    with pytest.raises(UserError) as error:
        check_exact(Task("server-close", settings))
    faults = error.value.faults
    assert len(faults) == 2
    assert faults[0].startswith("server-close: runtime trio: the order of steps is drawn there")
    assert faults[1].startswith("server-close: clients.jitter_ms")


def test_a_guard_without_an_answer_leaves_the_others_theirs() -> None:
    guards = ("catch", f"{OWN}:early")
    found = exact_reproduce(Task("server-close", ("sweep.values=[5]",), guards))
    good, bad = found.lines[:2]
    assert good.cells
    assert bad.cells == ()
    assert "the time is read at" in bad.why
    assert [line.guard for line in found.unanswered] == [guards[1]] * 2
    assert broken_expectations(found) == ()


def test_the_default_reproduction_can_be_computed() -> None:
    scenarios, plan = check_exact(Task())
    assert len(scenarios) == 8
    assert len(plan) == 8 * 7 * 2


@pytest.mark.slow
def test_the_default_reproduction_is_as_its_forms_say_and_as_its_scenarios_expect() -> None:
    found = exact_reproduce(Task(), workers=2)
    assert broken_expectations(found) == ()
    assert found.unanswered == ()
    held = [one for line in found.lines for one in line.cells if one.closed_form is not None]
    assert len(held) > 400
    assert all(one.closed_form == one.found.rate for one in held)
