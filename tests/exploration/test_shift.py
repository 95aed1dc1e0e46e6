"""The nearest passing run in time."""

from dataclasses import replace

import pytest

from sim.exploration.inquiry import Inquiry
from sim.exploration.shift import FINEST_MS, nearest_in_time
from sim.model.scenario import Scenario
from sim.playing import Record, play
from sim.schedulers.fifo import Fifo
from tests.exploration.scenes import CLOSE, scene
from tests.report.html.made import in_place, timed


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
    assert (found.what, found.failed_ms) == ("server-close", 2.0)
    assert found.passed_ms == pytest.approx(5.0, abs=2 * FINEST_MS)
    assert not asked.fails(found.passing.outcome)
    assert not asked.fails(at(found.passed_ms).outcome)
    assert asked.fails(at(found.passed_ms - 2 * FINEST_MS).outcome)


def test_the_passing_run_is_that_of_its_time() -> None:
    found = nearest_in_time(timed(), Inquiry())
    assert found is not None
    assert found.passing.digest == at(found.passed_ms).digest


def test_there_is_none_without_an_injection_or_where_times_are_free() -> None:
    assert nearest_in_time(play(scene(CLOSE, injections=[]), Fifo()), Inquiry()) is None
    assert nearest_in_time(timed(), replace(Inquiry(), times="all")) is None


def test_there_is_none_where_every_time_fails() -> None:
    """In place, the close comes within the handler's own turn: no time is too late."""
    assert Inquiry().fails(in_place().outcome)
    assert nearest_in_time(in_place(), Inquiry()) is None
