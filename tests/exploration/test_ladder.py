"""The questions that an application is asked, and when there is an answer."""

from collections.abc import Callable
from dataclasses import replace
from math import inf

import pytest

from sim.aio.session import ready
from sim.errors import UserError
from sim.exploration.case import CaseFound, CaseSearch
from sim.exploration.ladder import Climbed, Ladder
from sim.exploration.way import EVERY_STATE, Way
from sim.hosting.routes import paths_for
from sim.model.app import Bounds
from sim.model.scriptreader import parse
from sim.runs.app import AppSubject
from sim.runs.subject import Record
from tests.helpers.applications import subject

SCRIPTS = ("send:hi, close", "sleep:30000, close", "send:hi, drop")


def climb(
    target: str,
    *clients: str,
    path: str = "",
    alone: bool = True,
    seconds_left: Callable[[], float] = lambda: inf,
    way: Way = EVERY_STATE,
) -> Climbed:
    scripts = [replace(parse(one), path=path) for one in clients or SCRIPTS]
    one = subject(target, f"{path} {SCRIPTS[0]}".strip())
    app = one.application.loaded(one.case)
    one.application.shared.clear()
    ladder = Ladder(
        one,
        scripts,
        lambda some: paths_for(app, some, target),
        alone,
        (),
        way,
    )
    return ladder.climb(lambda record: None, lambda rung, case: None, seconds_left)


def test_one_connection_is_enough_where_none_shares_anything() -> None:
    climbed = climb("plain:careful")
    assert [rung.clients for rung in climbed.rungs][:2] == [1, 1]
    assert {rung.clients for rung in climbed.rungs} == {1}
    assert all(rung.complete for rung in climbed.rungs)
    assert climbed.shared == ()
    assert not climbed.fails


def test_two_are_asked_about_where_connections_share_state() -> None:
    climbed = climb("rooms:app", "send:hi, close", path="/room/{name}")
    assert climbed.shared
    assert climbed.rungs[-1].clients == 2
    assert climbed.failing is not None
    assert {one.kind for one in climbed.failing.failing.popitem()[1].outcome.findings} & {
        "bystander",
        "escape",
    }


def test_two_are_asked_about_where_an_object_cannot_be_looked_into() -> None:
    climbed = climb("hides:app", "send:hi, close", path="/has")
    assert climbed.shared == ("objects of builtins.range_iterator, into which nobody can look",)
    assert climbed.rungs[-1].clients == 2
    assert climbed.verdict == "race-free"


def test_the_simplest_case_that_fails_is_the_answer_and_others_are_asked_for_other_causes() -> None:
    climbed = climb("guarded:app", path="/ws")
    assert climbed.failing is climbed.cases[0]
    assert climbed.cases[0].complete
    assert [rung.words for rung in climbed.rungs][:2] == [
        "one connection",
        "one connection, the process late once",
    ]


def test_what_says_nothing_after_a_failure_takes_nothing_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    search = CaseSearch.run

    def refuses_lateness(self: CaseSearch, time_is_up: Callable[[], bool]) -> CaseFound:
        found = search(self, time_is_up)
        if found.subject.case.bounds.late:
            found.no_answer = "it asked the resolver"
        return found

    monkeypatch.setattr(CaseSearch, "run", refuses_lateness)
    climbed = climb("guarded:app", path="/ws")
    assert (climbed.no_answer, climbed.verdict) == ("", "racy")
    assert [len(rung.cases) for rung in climbed.rungs] == [3, 0]
    assert climb("plain:careful").no_answer == "it asked the resolver"


def test_what_needs_a_late_process_is_found_by_the_next_question() -> None:
    climbed = climb("guarded:app", "silent", path="/closes")
    assert not climbed.rungs[0].cases[0].fails
    assert climbed.rungs[1].words == "one connection, the process late once"
    assert climbed.failing is not None or climbed.rungs[1].complete


def test_several_clients_that_were_given_are_one_case() -> None:
    climbed = climb(
        "rooms:app", "send:hi, close", "send:hi, close", path="/room/{name}", alone=False
    )
    assert [rung.clients for rung in climbed.rungs] == [2, 2]
    assert climbed.rungs[0].words == "2 connections, from when all are open"


def test_a_rung_that_ran_out_of_time_is_not_complete() -> None:
    asked = iter(range(3, -100, -1))
    climbed = climb("plain:careful", seconds_left=lambda: next(asked))
    assert not climbed.rungs[-1].complete


def test_state_that_cannot_be_put_back_is_no_answer() -> None:
    found = CaseSearch(subject("hides:app", "/takes silent"), lambda _: None).run()
    assert "run again in the same order, it went otherwise" in found.no_answer
    assert "keeps state where it cannot be put back" in found.no_answer
    assert not found.complete


def test_a_refusal_is_no_answer_and_ends_the_search() -> None:
    found = CaseSearch(subject("plain:odd", "/thread silent"), lambda _: None).run()
    assert "opened a database" in found.no_answer
    assert not found.complete
    assert not found.fails


@pytest.mark.parametrize("way", ["states", "exhaustive"])
def test_a_case_counts_endings_and_keeps_the_simplest_run_of_each_that_fails(way: str) -> None:
    one = subject("guarded:app", "/ws send:hi, close")
    told: list[Record] = []
    found = CaseSearch(one, told.append, Way(way)).run()
    (label,) = found.failing
    assert label.startswith("escape (WebSocketDisconnected: WebSocket is not connected.")
    assert set(found.endings) == {label, "returned"}
    assert len(told) == 1
    assert found.complete
    assert not found.always
    assert sum(choice.deviates for choice in found.failing[label].schedule) == 0
    assert (found.states > 0) is (way == "states")


def test_a_case_that_says_nothing_is_no_answer_though_it_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its failures may come of what makes it say nothing, state that is kept for example."""
    search = CaseSearch.run

    def unstable(self: CaseSearch, time_is_up: Callable[[], bool]) -> CaseFound:
        found = search(self, time_is_up)
        found.no_answer = "it went otherwise"
        return found

    monkeypatch.setattr(CaseSearch, "run", unstable)
    climbed = climb("guarded:app", path="/ws")
    assert climbed.verdict == "inconclusive"
    assert climbed.no_answer == "it went otherwise"


@pytest.mark.parametrize("asked", [1, 6])
@pytest.mark.parametrize(
    "one",
    [
        subject("guarded:app", "/ws send:a, close"),
        subject("rooms:app", *["/room/{name} send:a, close"] * 2, bounds=Bounds(start="open")),
        subject("plain:ticker", "send:a, drop"),
    ],
    ids=lambda one: one.label,
)
def test_a_search_that_was_cut_again_and_again_finds_what_one_finds_that_was_not(
    one: AppSubject, asked: int
) -> None:
    """What was cut at new ground is gone on with from there, and nothing behind it is lost."""
    whole = CaseSearch(one, lambda _: None).run()
    search = CaseSearch(one, lambda _: None)
    with ready():
        while not search.is_over:
            left = iter([False] * asked)
            search.run(lambda left=left: next(left, True))  # type: ignore[misc]
    found = search.found
    assert found.complete
    assert (found.endings, found.states) == (whole.endings, whole.states)


def test_every_case_of_a_question_has_its_share_before_one_of_them_has_more() -> None:
    """Else the first one that does not end would be all that is looked at."""
    clock = iter(range(10**6))
    order: list[str] = []
    ladder_case = CaseSearch.run

    with pytest.MonkeyPatch.context() as patch:

        def run(self: CaseSearch, time_is_up: Callable[[], bool]) -> CaseFound:
            found = ladder_case(self, time_is_up)
            order.append(found.subject.case.clients[0].steps[-1].typed())
            return found

        patch.setattr(CaseSearch, "run", run)
        climbed = climb(
            "rooms:app",
            "send:a, send:b, rst",
            "send:a, close",
            "send:a, send:b, drop",
            path="/news",
            way=Way("exhaustive"),
            seconds_left=lambda: (1000 - next(clock)) / 10,
        )
    assert order[:4] == ["rst", "close", "drop", "rst"]
    assert len(climbed.rungs[0].cases) == 3


@pytest.mark.parametrize("way", ["pct", "uniform", "bounded", "delays"])
def test_what_looks_at_some_schedules_finds_failures_and_proves_nothing(way: str) -> None:
    racy = subject("guarded:app", "/ws send:hi, close")
    found = CaseSearch(racy, lambda _: None, Way(way, most=40)).run()
    assert found.fails
    clean = climb("plain:careful", "send:hi, close", way=Way(way, most=40))
    assert (clean.verdict, clean.fails) == ("inconclusive", False)
    assert way in clean.way.words()


def test_so_many_runs_as_are_asked_for_are_made_of_each_case() -> None:
    one = subject("rooms:app", "/news send:a, send:b, rst")
    assert CaseSearch(one, lambda _: None, Way(most=7)).run().runs == 7
    with pytest.raises(UserError, match=r"strategy 'pcd': allowed: states, .*did you mean 'pct'"):
        Way("pcd")
