"""Searches in pieces come to the same, whoever makes the pieces and whoever is done first."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.websockets import WebSocket

from sim.exploration import there
from sim.exploration.inquiry import Inquiry
from sim.exploration.kept import SearchLog
from sim.exploration.pieces import Came, Piece, Site
from sim.exploration.search import search_all
from sim.exploration.spread import Makers, search_in_pieces
from sim.exploration.tally import SoFar
from sim.exploration.there import Elsewhere, make_piece
from sim.exploration.told import code, key_of, subject_of, told_of
from sim.exploration.verdict import Exploration, Verdict
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.runs.handler import HandlerSubject
from sim.runs.own import own_handler
from sim.runs.scenario import ScenarioSubject
from sim.runs.subject import Subject
from sim.store.searches import SearchStore, classes_in, searches_in
from sim.workers.pool import WorkerLost
from sim.workers.seam import OtherCodeError, Workers, local

EVERY = Inquiry(times="all")


def subject(name: str, *settings: str) -> ScenarioSubject:
    opened = open_scenario(name, settings)
    assert isinstance(opened, Scenario)
    return ScenarioSubject(opened)


CLOSE = subject("server-close", "end_ms=1000")


def nobody(subject: Subject, so_far: SoFar) -> None:
    """Nobody wants to know."""


def searched(
    asked: Subject,
    inquiry: Inquiry = EVERY,
    makers: Makers | None = None,
    log: SearchLog | None = None,
) -> Exploration:
    (found,) = search_in_pieces([asked], inquiry, nobody, makers=makers, log=log)
    return found


def said(found: Exploration) -> Any:
    """All that it says, and its counterexample."""
    failing = found.failure and (found.failure.digest, found.failure.schedule)
    return found.words(), found.outcomes, found.findings, found.points, found.deepest, failing


class Shuffled(Executor):
    """Does what waits for it in any order, so many at a time, and loses some of it."""

    def __init__(self, seed: int, at_once: int, loses: Callable[[int], bool] = lambda _: False):
        self._chance = random.Random(seed)
        self._at_once = at_once
        self._loses = loses
        self._waiting: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []
        self._changed = threading.Condition()
        self._over = False
        self.done = 0
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        with self._changed:
            self._waiting.append((future, fn, args))
            self._changed.notify()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._over)
                if self._over:
                    return
                if len(self._waiting) < self._at_once:
                    self._changed.wait(0.02)  # perhaps more comes
                picked = self._waiting.pop(self._chance.randrange(len(self._waiting)))
            future, fn, args = picked
            self.done += 1
            try:
                if self._loses(self.done):
                    raise WorkerLost("its process ended")
                future.set_result(fn(*args))
            except Exception as error:
                future.set_exception(error)


@pytest.fixture(autouse=True)
def fresh_worker() -> Iterator[None]:
    there._searches.clear()
    yield
    there._searches.clear()


@pytest.mark.parametrize(
    "settings",
    [
        ("server-close", "end_ms=1000"),
        ("server-close", "end_ms=300", "runtime=trio"),
        ("server-close", "end_ms=300", "runtime=any-order"),
        ("wait-for-hop", "end_ms=500"),
        ("blind-spot", "end_ms=100", "guard=catch"),
    ],
    ids=" ".join,
)
def test_pieces_find_the_classes_of_the_search_in_one(settings: tuple[str, ...]) -> None:
    asked = subject(*settings)
    (whole,) = search_all([asked], EVERY, nobody)
    found = searched(asked)
    assert whole.complete
    assert (found.verdict, found.complete, found.looked) == (whole.verdict, True, whole.looked)
    assert (found.outcomes, found.findings) == (whole.outcomes, whole.findings)
    assert (found.deepest, found.silent) == (whole.deepest, whole.silent)
    if whole.failure is not None:
        assert found.failure is not None
        assert found.failure.end.steps == whole.failure.end.steps


@pytest.mark.parametrize("strategy", ["exhaustive", "bounded", "delays"])
def test_other_ways_to_search_make_the_same_schedules(strategy: str) -> None:
    asked = subject("server-close", "end_ms=1", "runtime=trio")
    inquiry = Inquiry(strategy=strategy, times="all", bound=4)
    (whole,) = search_all([asked], inquiry, nobody)
    found = searched(asked, inquiry)
    assert whole.schedules > 20
    assert (found.schedules, found.outcomes) == (whole.schedules, whole.outcomes)
    assert found.words() == whole.words()


@pytest.mark.parametrize("most", [None, 150])
@pytest.mark.parametrize("workers", [1, 3])
def test_whoever_is_done_first_it_comes_to_the_same(workers: int, most: int | None) -> None:
    """The figures of a search that was cut, too."""
    inquiry = Inquiry(times="all", max_schedules=most)
    alone = said(searched(CLOSE, inquiry))
    for seed in range(3):
        there._searches.clear()
        with Shuffled(seed, workers) as executor:
            makers = Elsewhere(Workers(executor, lambda: workers))
            assert said(searched(CLOSE, inquiry, makers)) == alone
        assert executor.done >= 10


def test_processes_come_to_the_same_as_this_one() -> None:
    alone = said(searched(CLOSE))
    with local(2) as workers:
        assert workers is not None
        assert said(searched(CLOSE, makers=Elsewhere(workers))) == alone


def test_the_first_failure_is_enough_if_that_is_all_that_is_wanted() -> None:
    inquiry = Inquiry(strategy="exhaustive", times="all", first=True)
    found = searched(CLOSE, inquiry)
    assert found.verdict is Verdict.RACY
    assert found.schedules < 100


def test_no_more_schedules_are_made_than_were_asked_for() -> None:
    for most in (1, 15, 16, 17, 100):
        assert searched(CLOSE, Inquiry(times="all", max_schedules=most)).schedules == most


def test_a_worker_that_comes_late_asks_for_what_it_lacks() -> None:
    """And a search that it knew and has forgotten begins for it from the beginning."""
    alone = said(searched(CLOSE))

    def forgets(number: int) -> bool:
        if number % 5 == 0:
            there._searches.clear()
        return False

    with Shuffled(0, 1, forgets) as executor:
        makers = Elsewhere(Workers(executor, lambda: 0))  # it is told the last four alone
        assert said(searched(CLOSE, makers=makers)) == alone


def test_a_piece_that_loses_its_worker_each_time_leaves_no_all_clear() -> None:
    asked = subject("server-close", "end_ms=1000", "guard=catch")
    assert searched(asked).verdict is Verdict.RACE_FREE
    with Shuffled(0, 1, lambda number: number == 7) as executor:
        found = searched(asked, makers=Elsewhere(Workers(executor, lambda: 1)))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "the process that looked at a part of it was lost each time: its process ended" in (
        found.words()
    )


def test_what_was_kept_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted after any piece, gone on with, it comes to the same classes and verdict."""
    alone, made = said(searched(CLOSE)), list[int]()
    make = Site.make

    def counted(self: Site, piece: Piece, *args: Any) -> Came | None:
        made.append(piece.number)
        if len(made) % 6 == 0:
            raise KeyboardInterrupt
        return make(self, piece, *args)

    monkeypatch.setattr(Site, "make", counted)
    attempts = 0
    while True:
        with closing(SearchLog(tmp_path / "r.sqlite")) as log:
            found = searched(CLOSE, log=log)
        if found.complete:
            break
        assert "stopped by hand" in found.words()
        attempts += 1
    assert attempts > 2
    assert said(found) == alone
    assert len(made) == len(set(made)) + attempts  # each interrupted one was begun twice
    (kept,) = searches_in(tmp_path / "r.sqlite")
    assert (kept.classes, kept.failing) == (found.looked, found.failing)
    assert kept.endings == found.outcomes
    assert len(classes_in(tmp_path / "r.sqlite")) == found.looked
    made.clear()
    with closing(SearchLog(tmp_path / "r.sqlite")) as log:
        assert said(searched(CLOSE, log=log)) == alone
        assert log.found == kept.pieces
    assert made == []
    monkeypatch.setattr(Site, "make", make)
    with closing(SearchLog(tmp_path / "r.sqlite", anew=True)) as log:
        assert said(searched(CLOSE, log=log)) == alone
        assert log.found == 0


def test_pieces_that_are_cut_off_otherwise_are_not_taken(tmp_path: Path) -> None:
    """A search that was to end after so many schedules has other last pieces."""
    for most in (100, 150, None):
        inquiry = Inquiry(times="all", max_schedules=most)
        with closing(SearchLog(tmp_path / "r.sqlite")) as log:
            assert said(searched(CLOSE, inquiry, log=log)) == said(searched(CLOSE, inquiry))


def test_what_cannot_be_a_piece_is_made_again(tmp_path: Path) -> None:
    with closing(SearchLog(tmp_path / "r.sqlite")) as log:
        alone = said(searched(CLOSE, log=log))
    key = key_of(told_of(CLOSE, EVERY) or {}, False)
    with closing(SearchStore(tmp_path / "r.sqlite")) as store:
        number = store.begin(key, None)
        store._db.execute("UPDATE pieces SET number = number + 1000 WHERE number = 3")
        (asked,) = store._db.execute("SELECT asked FROM pieces WHERE number = 1").fetchone()
        store.keep(number, 1, asked, [1, [["no"]], 3])
    with closing(SearchLog(tmp_path / "r.sqlite")) as log:
        assert said(searched(CLOSE, log=log)) == alone


def test_a_handler_that_keeps_state_from_run_to_run_has_no_verdict() -> None:
    seen: list[str] = []

    async def grows(websocket: WebSocket) -> None:
        await websocket.accept()
        seen.append("again")
        if len(seen) > 40:
            await websocket.send_text("more")
        await websocket.receive_text()

    scenario = Scenario.model_validate({"end_ms": 500, "clients": {"messages": 2}})
    asked = HandlerSubject(scenario, own=own_handler(grows))
    assert told_of(asked, EVERY) is None
    found = searched(asked)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "keeps state" in found.words()


def test_what_is_told_is_all_that_is_needed() -> None:
    told = told_of(CLOSE, EVERY)
    assert told is not None
    asked, inquiry = subject_of(json.loads(json.dumps(told)))
    assert asked == CLOSE
    assert said(searched(asked, inquiry)) == said(searched(CLOSE))
    other = told_of(subject("server-close", "end_ms=1001"), EVERY)
    assert other is not None
    assert key_of(told, False) != key_of(other, False)


def test_a_process_with_other_code_makes_no_piece() -> None:
    with pytest.raises(OtherCodeError, match="here is wsrace of another day"):
        make_piece(json.dumps(["wsrace of another day", "", {}, [], 0, []]))
    assert code().startswith("wsrace ")


def test_several_guards_take_turns_by_how_far_they_are() -> None:
    asked = [subject("server-close", "end_ms=1000", f"guard={one}") for one in ("catch", "none")]
    found = search_in_pieces(asked, EVERY, nobody)
    assert [said(one) for one in found] == [said(searched(one)) for one in asked]


def test_time_that_is_up_ends_it_honestly() -> None:
    asked = 0

    def is_up(_: Subject) -> bool:
        nonlocal asked
        asked += 1
        return asked > 4 + 40

    catch = subject("server-close", "end_ms=1000", "guard=catch")
    (found,) = search_in_pieces([catch], EVERY, nobody, is_up)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "its time was up" in found.words()
    assert 0 < found.schedules <= 40
