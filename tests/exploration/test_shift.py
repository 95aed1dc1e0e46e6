"""The nearest passing run in time."""

from dataclasses import replace

import pytest

from sim.exploration.inquiry import Inquiry
from sim.exploration.shift import FINEST_MS, _nearest_time, _nearest_turn, nearest_in_time
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.runs.play import play
from sim.runs.subject import Record
from sim.schedulers.fifo import Fifo
from tests.helpers.made_reports import timed
from tests.helpers.scenes import CLOSE, scene


def at(ms: float) -> Record:
    scenario = timed().scenario
    moved = scenario.injections[0].model_copy(update={"delay_ms": ms})
    data = {**scenario.model_dump(), "injections": (moved,)}
    return play(Scenario.model_validate(data), Fifo())


def test_the_border_is_where_the_window_ends_and_the_time_before_it_still_fails() -> None:
    """The close comes within the window of 5 ms after validation, or it comes too late to bite."""
    asked = Inquiry()
    found = nearest_in_time(timed(), asked)
    assert found is not None
    assert (found.what, found.failed) == ("server-close", 2.0)
    assert found.passed == pytest.approx(5.0, abs=2 * FINEST_MS)
    assert not asked.fails(found.passing.outcome)
    assert not asked.fails(at(found.passed).outcome)
    assert asked.fails(at(found.passed - 2 * FINEST_MS).outcome)


def test_the_passing_run_is_that_of_its_time() -> None:
    found = nearest_in_time(timed(), Inquiry())
    assert found is not None
    assert found.passing.digest == at(found.passed).digest


def test_there_is_none_without_an_injection_or_where_times_are_free() -> None:
    assert nearest_in_time(play(scene(CLOSE, injections=[]), Fifo()), Inquiry()) is None
    assert nearest_in_time(timed(), replace(Inquiry(), times="all")) is None


def test_turns_are_tried_where_every_time_fails() -> None:
    """Placed in the handler's own step, the close comes before any time moves."""
    opened = open_scenario(
        "wait-for-hop", ("injections.0.hops=0", "window_hops=1", "runtime=asyncio-3.12")
    )
    assert isinstance(opened, Scenario)
    failing = play(opened, Fifo())
    asked = Inquiry()
    assert asked.fails(failing.outcome)
    found = nearest_in_time(failing, asked)
    assert found is not None
    assert (found.unit, found.failed) == ("turns", 0)
    first = opened.injections[0]
    for hops in range(int(found.passed) + 1):
        moved = first.model_copy(update={"hops": hops})
        run = play(opened.model_copy(update={"injections": (moved,)}), Fifo())
        assert asked.fails(run.outcome) == (hops < found.passed)


def test_the_nearer_of_two_sides_is_taken() -> None:
    """Both sides pass at the same step, and the border before the failing time is nearer."""

    def passes(value: float) -> Record | None:
        return timed() if value <= 9.7 or value >= 10.5 else None

    found = _nearest_time(10.0, passes)
    assert found is not None
    assert found[0] == pytest.approx(9.7, abs=2 * FINEST_MS)


def test_there_is_none_where_every_moment_fails() -> None:
    assert _nearest_time(10.0, lambda value: None) is None
    assert _nearest_turn(1, lambda value: None) is None
