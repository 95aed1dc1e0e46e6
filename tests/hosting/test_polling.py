"""Applications that poll: states that differ only in the time are one, and nothing is lost."""

from dataclasses import replace

import pytest

from sim.exploration.case import CaseSearch
from sim.exploration.way import Way
from sim.hosting.application import Application
from sim.hosting.target import load
from sim.model.app import Bounds, ServerName
from sim.runs.app import AppSubject
from sim.runs.subject import Record
from tests.helpers.applications import FOLDER, endings, kinds, subject, usual

SHORT = Bounds(latency_ms=25, until_ms=120, gone_ms=100, stall_ms=20)
PATHS = {
    "/for-ever": False,
    "/counts": False,
    "/monotonic": True,
    "/of-the-loop": True,
    "/of-anyio": True,
    "/if-late": True,
    "/deadline": False,
    "/two-clocks": False,
    "/meets": False,
}
"""Whether the application itself looks at a clock."""


def fresh(path: str, client: str, bounds: Bounds) -> AppSubject:
    """Return a subject whose application was never run: it has read no clock yet."""
    one = subject("polling:app", f"{path} {client}", bounds=bounds)
    application = Application(load("polling:app", str(FOLDER), False))
    return AppSubject(one.case, application, one.paths, one.severities)


def nothing(record: Record) -> None:
    pass


QUICK = [("send:a, close", 0), ("drop", 1)]
SLOW = [("send:a, close", 1), ("send:a, silent", 0), ("send:a, silent", 1), ("drop", 0)]


@pytest.mark.parametrize(
    ("client", "late"), [*QUICK, *(pytest.param(*one, marks=pytest.mark.slow) for one in SLOW)]
)
@pytest.mark.parametrize("path", PATHS)
def test_endings_are_those_of_the_full_search(path: str, client: str, late: int) -> None:
    one = fresh(path, client, replace(SHORT, late=late))
    by_states = CaseSearch(one, nothing).run()
    whole = CaseSearch(one, nothing, Way("exhaustive")).run()
    assert (by_states.complete, whole.complete) == (True, True)
    assert set(by_states.endings) == set(whole.endings)
    assert by_states.schedules <= whole.schedules


@pytest.mark.parametrize("path", PATHS)
def test_whether_it_looks_at_a_clock_itself_is_noticed(path: str) -> None:
    one = fresh(path, "send:a, silent", SHORT)
    endings(one)
    assert one.application.reads_clock is PATHS[path]


def test_a_search_begins_again_when_a_clock_is_read_for_the_first_time() -> None:
    """Who looks at the clock only when a message is late does not in the usual run."""
    one = fresh("/if-late", "send:a, close", SHORT)
    usual(one)
    before = one.application.reads_clock
    first = CaseSearch(one, nothing).run()
    assert (before, one.application.reads_clock) == (False, True)
    second = CaseSearch(one, nothing).run()
    assert (first.endings, first.schedules) == (second.endings, second.schedules)
    assert first.runs > second.runs


POLLED: tuple[ServerName, ...] = ("websockets-sansio", "wsproto")


@pytest.mark.parametrize("server", POLLED)
@pytest.mark.parametrize(
    ("path", "ending"), [("/timeout", "escaped-disconnect"), ("/short", "returned")]
)
def test_a_message_under_way_for_a_hundred_polls_is_no_hundred_states(
    path: str, ending: str, server: ServerName
) -> None:
    one = subject("reported:app", f"{path} send:a, close", server=server)
    found, search = endings(one)
    assert kinds(tuple(found)) == {ending}
    assert getattr(search, "states", 0) < 60


def test_an_idle_client_of_a_loop_that_polls_costs_one_run() -> None:
    found, search = endings(subject("reported:app", "/timeout silent"))
    assert found == {"waiting": 1}
    assert getattr(search, "states", 9) <= 2


def test_a_reset_that_is_overdue_has_come() -> None:
    """A push into a connection that was reset notices after as long as bytes may take."""
    one = subject("polling:app", "/meets send:a, close", bounds=Bounds(latency_ms=100))
    found, _ = endings(one)
    assert "outlives" not in kinds(tuple(found))
    assert "escaped-disconnect" in kinds(tuple(found))
