"""Groups of guards: in turns, side by side, and stopped by hand."""

import os
import signal
import threading
from functools import partial
from itertools import count

import pytest

from sim.commands.searching import News, Search, search_group, search_side_by_side
from sim.exploration.inquiry import Inquiry
from sim.exploration.verdict import Verdict
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.report.text.explore import Answer
from sim.runs.scenario import ScenarioSubject
from sim.runs.subject import Subject

ENDLESS = Search(Inquiry(times="all", count=False), audit=False, seconds=None)
SHORT = Search(Inquiry(times="all", count=False, max_schedules=60), audit=False, seconds=None)


def subjects(*guards: str) -> list[Subject]:
    scenario = open_scenario("server-close")
    assert isinstance(scenario, Scenario)
    return [ScenarioSubject(scenario.model_copy(update={"guard": guard})) for guard in guards]


def group(guards: tuple[str, ...], asked: Search) -> tuple[list[Subject], Search]:
    return subjects(*guards), asked


def broken(asked: Search) -> tuple[list[Subject], Search]:
    raise ValueError("no such group")


def told(answers: list[Answer]) -> list[tuple[object, ...]]:
    """What does not depend on how fast a machine is."""
    return [
        (
            one.found.guard,
            one.found.verdict,
            one.found.schedules,
            one.found.outcomes,
            one.example and one.example.record.digest,
        )
        for one in answers
    ]


def test_side_by_side_every_guard_gets_the_answer_that_it_gets_in_turn() -> None:
    news: list[News] = []
    groups = [partial(group, guards, SHORT) for guards in (("pre-fix", "catch"), ("both-states",))]
    answers = search_side_by_side(groups, news.append)
    alone = search_group(
        subjects("pre-fix", "catch", "both-states"), SHORT, lambda: 0.0, lambda _: None
    )
    assert told(answers) == told(alone)
    assert {one.label for one in news if one.done} == {"pre-fix", "catch", "both-states"}
    assert any(one.so_far is not None and one.so_far.failing for one in news)


def test_what_goes_wrong_in_a_process_is_raised_here() -> None:
    with pytest.raises(ValueError, match="no such group"):
        search_side_by_side([partial(broken, SHORT)], lambda _: None)


def test_ctrl_c_stops_all_processes_and_keeps_what_they_found() -> None:
    """The interrupt comes when both have told that they are at work."""
    seen: set[str] = set()

    def stop(news: News) -> None:
        if news.label not in seen and len(seen) < 2:
            seen.add(news.label)
            if len(seen) == 2:
                os.kill(os.getpid(), signal.SIGINT)

    assert threading.current_thread() is threading.main_thread()
    groups = [partial(group, (guard,), ENDLESS) for guard in ("catch", "raw")]
    answers = search_side_by_side(groups, stop)
    assert [one.found.guard for one in answers] == ["catch", "raw"]
    for one in answers:
        assert one.found.verdict is Verdict.INCONCLUSIVE
        assert one.found.stopped == "stopped by hand"
        assert one.found.looked > 0


def test_the_time_for_all_is_that_of_each_group() -> None:
    asked = Search(ENDLESS.inquiry, audit=False, seconds=50.0)
    ticks = count()
    (answer,) = search_group(subjects("catch"), asked, lambda: float(next(ticks)), lambda _: None)
    assert answer.found.stopped == "its time was up"
    assert 0 < answer.found.schedules < 60
