"""The questions that an application is asked, and when there is an answer."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sim.exploration.case import CaseFound, CaseSearch
from sim.exploration.ladder import Climbed, Ladder
from sim.hosting.routes import paths_for
from sim.model.appscript import parse
from sim.runs.subject import Record
from tests.helpers.applications import subject

SCRIPTS = ("send:hi, close", "sleep:30000, close", "send:hi, drop")


def climb(
    target: str,
    *clients: str,
    path: str = "",
    alone: bool = True,
    time_is_up: Callable[[], bool] = lambda: False,
) -> Climbed:
    scripts = [replace(parse(one), path=path) for one in clients or SCRIPTS]
    one = subject(target, f"{path} {SCRIPTS[0]}".strip())
    app = one.application.loaded(one.case)
    one.application.shared.clear()
    ladder = Ladder(
        one,
        scripts,
        lambda some: paths_for(app, tuple(script.path for script in some), target),
        alone,
        (),
    )
    return ladder.climb(lambda record: None, lambda rung, case: None, time_is_up)


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

    def refuses_lateness(self: CaseSearch) -> CaseFound:
        found = search(self)
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
    asked = iter(range(100))
    climbed = climb("plain:careful", time_is_up=lambda: next(asked) > 3)
    assert not climbed.rungs[-1].complete


def test_state_that_cannot_be_put_back_is_no_answer() -> None:
    found = CaseSearch(subject("hides:app", "/takes silent"), lambda _: None, lambda: False).run()
    assert "run again in the same order, it went otherwise" in found.no_answer
    assert "keeps state where it cannot be put back" in found.no_answer
    assert not found.complete


def test_a_refusal_is_no_answer_and_ends_the_search() -> None:
    found = CaseSearch(subject("plain:odd", "/thread silent"), lambda _: None, lambda: False).run()
    assert "opened a database" in found.no_answer
    assert not found.complete
    assert not found.fails


@pytest.mark.parametrize("states", [True, False])
def test_a_case_counts_endings_and_keeps_the_simplest_run_of_each_that_fails(states: bool) -> None:
    one = subject("guarded:app", "/ws send:hi, close")
    told: list[Record] = []
    found = CaseSearch(one, told.append, lambda: False, states).run()
    (label,) = found.failing
    assert label.startswith("escape (WebSocketDisconnected: WebSocket is not connected.")
    assert set(found.endings) == {label, "returned"}
    assert len(told) == 1
    assert found.complete
    assert not found.always
    assert sum(choice.deviates for choice in found.failing[label].schedule) == 0
    assert (found.states > 0) is states


def test_a_case_that_says_nothing_is_no_answer_though_it_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its failures may come of what makes it say nothing, state that is kept for example."""
    search = CaseSearch.run

    def unstable(self: CaseSearch) -> CaseFound:
        found = search(self)
        found.no_answer = "it went otherwise"
        return found

    monkeypatch.setattr(CaseSearch, "run", unstable)
    climbed = climb("guarded:app", path="/ws")
    assert climbed.verdict == "inconclusive"
    assert climbed.no_answer == "it went otherwise"
