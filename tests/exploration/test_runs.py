"""How far in virtual time the runs of a search go."""

from sim.exploration.inquiry import Inquiry
from sim.exploration.search import search
from sim.exploration.verdict import Verdict
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.model.ticks import PER_SECOND
from sim.runs.scenario import ScenarioSubject


def catch(*settings: str) -> ScenarioSubject:
    scenario = open_scenario("eaten-disconnect", ("guard=catch", *settings))
    assert isinstance(scenario, Scenario)
    return ScenarioSubject(scenario)


def test_a_search_that_has_had_enough_begins_nothing_further_in_time() -> None:
    found = search(catch(), Inquiry(times="all", count=False, enough=20))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.upto is not None
    assert found.upto >= PER_SECOND
    assert f"cut after {found.schedules} schedules: what comes later" in found.bound


def test_what_is_begun_is_brought_to_its_end_so_that_more_is_only_further() -> None:
    asked = [Inquiry(times="all", count=False, enough=number) for number in (1, 20, 200)]
    reached = [search(catch(), one).upto for one in asked]
    assert all(tick is not None for tick in reached)
    assert reached == sorted(reached, key=lambda tick: tick or 0)
    assert reached[0] != reached[-1]


def test_where_all_is_looked_at_before_it_is_enough_the_search_is_complete() -> None:
    subject = catch("end_ms=900")
    found = search(subject, Inquiry(times="all", count=False, enough=100_000))
    assert found.verdict is Verdict.RACE_FREE
    assert found.stopped == ""


def test_one_listed_time_that_has_had_enough_leaves_the_others_their_turn() -> None:
    """Each of the two turns is looked at until it is enough of it."""
    settings = ("injections.0.hops={list=[0, 3]}", "window_hops=4")
    found = search(catch(*settings), Inquiry(times="all", count=False, enough=20))
    assert "all 2 combinations of those listed" in found.scope
    assert found.schedules > 2 * 20
    assert found.upto is not None
