"""A counterexample beside the nearest run that passes."""

from sim.exploration.inquiry import Inquiry
from sim.playing import Record, play
from sim.report.html.cases import SAFE, Asked, Case, Guarded, case, nearest
from sim.schedulers.fifo import Fifo
from sim.schedulers.uniform import Uniform
from tests.exploration.scenes import CLOSE, scene
from tests.report.html.made import hop, in_place, page, timed


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
    assert "parts at choice" in case(failing, "close").apart


def test_where_neither_order_nor_time_helps_another_guard_stands_beside_it() -> None:
    """An injection in place, at once: only a guard can do something about it."""
    record = in_place()
    other = nearest(record, Asked())
    assert isinstance(other, Guarded)
    assert other.guard in SAFE
    found = case(record, "in place")
    assert found.runs[1].role == f"the same run with {other.guard}"
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
