"""A counterexample beside the nearest run that passes."""

import re

import pytest

from sim.exploration.inquiry import Inquiry
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.report.html.cases import Case, case
from sim.report.html.rivals import Guarded, rival, told
from sim.runs.play import play
from sim.runs.subject import Record
from sim.schedulers.fifo import Fifo
from sim.schedulers.uniform import Uniform
from sim.sut.guards import GUARDS
from tests.helpers.made_reports import hop, page, timed, unmoved
from tests.helpers.scenes import CLOSE, scene


def differing(found: Case) -> int:
    """The first moment in which the two runs differ, found by looking."""
    one, other = (run.walk.moments for run in found.runs)
    return next(
        n for n in range(len(one)) if (one[n].task, one[n].what) != (other[n].task, other[n].what)
    )


def test_a_failing_run_stands_beside_a_passing_one_and_says_why_and_where_they_part() -> None:
    found = case(timed(), "timed")
    failing, passing = found.runs
    assert failing.failed
    assert not passing.failed
    assert failing.role == "failing run"
    assert "guard read client_state" in found.why
    assert "its server-close comes" in found.apart
    assert found.parting == differing(found)
    assert found.begin == found.parting


def test_another_schedule_is_nearer_than_another_time() -> None:
    failing = next(
        one
        for one in (play(scene(CLOSE), Uniform(n)) for n in range(50))
        if Inquiry().fails(one.outcome)
    )
    assert "at choice" in case(failing, "close").apart


def test_where_neither_order_nor_time_helps_another_guard_stands_beside_it() -> None:
    record = unmoved()
    other = rival(record, Inquiry())
    assert isinstance(other, Guarded)
    assert GUARDS[other.guard].robust
    found = case(record, "in place")
    assert found.runs[1].role == f"the same run with {other.guard}"
    assert found.apart.startswith("No passing run was found among other schedules; beside it")
    assert not found.runs[1].failed


def test_a_run_that_passes_is_shown_alone() -> None:
    healthy: Record = play(scene(CLOSE, injections=[]), Fifo())
    found = case(healthy, "healthy")
    assert len(found.runs) == 1
    assert (found.why, found.apart, found.parting) == ("", "", None)
    assert found.runs[0].role == "run"


def test_every_line_that_a_moment_names_can_be_shown() -> None:
    found = case(hop(), "hop")
    wheres = {one.where for run in found.runs for one in run.walk.moments if one.where}
    assert wheres <= set(found.sources)
    assert any(where.startswith("starlette.websockets:") for where in wheres)


def test_the_same_run_gives_the_same_page_twice() -> None:
    assert page(case(hop(), "a")) == page(case(hop(), "a"))


def test_what_was_not_tried_is_not_claimed() -> None:
    """With free times, and without an injection, no other moment is tried."""
    free = play(timed().scenario, untimed=True)
    assert "moments" not in told(None, free)
    assert "moments" not in told(None, play(scene(CLOSE, injections=[]), Fifo()))
    assert "moments" in told(None, timed())


def test_the_explanation_can_be_found_among_the_moments() -> None:
    found = case(timed(), "timed")
    places = {one.where for one in found.runs[0].walk.moments}
    named = re.findall(r"\(([\w.]+:\d+)\)", found.why)
    assert len(named) == 3
    assert set(named) <= places


def test_turns_are_tried_where_no_time_helps() -> None:
    """The close comes in place, 0 turns after the check; some turns later it is met."""
    opened = open_scenario(
        "wait-for-hop", ("injections.0.hops=0", "window_hops=1", "runtime=asyncio-3.12")
    )
    assert isinstance(opened, Scenario)
    record = play(opened, Fifo())
    assert Inquiry().fails(record.outcome)
    found = case(record, "turns")
    assert re.search(
        r"server-close comes \d turns? later, \d turns? instead of 0 turns", found.apart
    )


@pytest.mark.parametrize("messages", [1, 6])
@pytest.mark.parametrize("name", ["server-close", "blind-spot", "eaten-disconnect"])
def test_drawn_failing_runs_are_shown_whole_enough_and_part_where_they_differ(
    name: str, messages: int
) -> None:
    settings = ("runtime=any-order", "window_ms=5", f"clients.messages={messages}")
    opened = open_scenario(name, settings)
    assert isinstance(opened, Scenario)
    asked = Inquiry()
    runs = (play(opened.resolve(seed), Uniform(seed)) for seed in range(20))
    failing = [run for run in runs if asked.fails(run.outcome)][:2]
    assert failing
    for run in failing:
        found = case(run, name)
        one, other = (shown.walk.moments for shown in found.runs)
        at = found.parting
        assert at is not None
        alike = [(a.task, a.what, a.where) for a in one[:at]]
        assert alike == [(b.task, b.what, b.where) for b in other[:at]]
        assert at == differing(found) or at == min(len(one), len(other)) - 1
        assert not found.runs[1].failed
        named = set(re.findall(r"\(([\w.]+:\d+)\)", found.why))
        assert named <= {moment.where for moment in one}
