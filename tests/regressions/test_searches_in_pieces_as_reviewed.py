"""What a reader found in searches that are made in pieces, before anybody else did."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.websockets import WebSocket

from sim.commands.cli import main
from sim.errors import Divergence
from sim.exploration.inquiry import Inquiry
from sim.exploration.judged import cost_of
from sim.exploration.kept import SearchLog
from sim.exploration.pieces import Came, Failing, Piece, Site
from sim.exploration.spread import search_in_pieces
from sim.exploration.told import key_of, subject_of, told_of
from sim.exploration.verdict import Exploration, Verdict
from sim.files.catalog import open_scenario
from sim.kernel.series import run_once
from sim.model.record import Ending
from sim.model.scenario import Scenario
from sim.model.schedule import picks
from sim.runs.own import own_guard_of
from sim.runs.scenario import ScenarioSubject
from sim.runs.subject import Subject
from sim.schedulers.caching import Caching
from sim.schedulers.fifo import Fifo
from sim.store.searches import SearchStore
from sim.workers.seam import OtherCodeError
from tests.helpers.own_guards import both

EVERY = Inquiry(times="all")
LAX = {"lax": False}
"""What a guard looks at that is no part of any key: an environment, a file."""


def fickle(ws: WebSocket) -> bool:
    return LAX["lax"] or both(ws)


def subject(guard: str = "both-no-hop") -> ScenarioSubject:
    opened = open_scenario("server-close", ("end_ms=600", "window_ms=10"))
    assert isinstance(opened, Scenario)
    scenario = Scenario.model_validate({**opened.model_dump(exclude_unset=True), "guard": guard})
    return ScenarioSubject(scenario, guard=own_guard_of(guard))


OWN = f"{__name__}:fickle"


def searched(asked: Subject, log: SearchLog | None = None, **more: Any) -> Exploration:
    inquiry = replace(EVERY, **more)
    (found,) = search_in_pieces([asked], inquiry, lambda *_: None, log=log)
    return found


def test_a_worker_with_another_version_of_a_guard_says_so() -> None:
    """It had imported the guard before it was edited, and said race-free of the new one."""
    told = told_of(subject(OWN), EVERY)
    assert told is not None
    assert list(told["own"]) == [__name__]
    subject_of(told)
    told["own"][__name__] = "0" * 64
    with pytest.raises(OtherCodeError, match=r"another version of .*: restart the workers"):
        subject_of(told)


def altered(monkeypatch: pytest.MonkeyPatch, change: Callable[[Came], Came]) -> None:
    make = Site.make

    def otherwise(self: Site, piece: Piece, *args: Any) -> Came | None:
        came = make(self, piece, *args)
        return None if came is None else change(came)

    monkeypatch.setattr(Site, "make", otherwise)


def test_a_failure_that_does_not_happen_here_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Racy was said with a counterexample that passes."""
    racy = searched(subject("pre-fix"))
    assert racy.verdict is Verdict.RACY
    monkeypatch.setattr(Site, "again", lambda *_: None)
    found = searched(subject("pre-fix"))
    assert (found.verdict, found.complete, found.failure) == (Verdict.INCONCLUSIVE, False, None)
    assert "a run that failed where it was made" in found.words()


def test_failures_without_a_run_are_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(came: Came) -> Came:
        return came._replace(judged=tuple(one._replace(fails=True) for one in came.judged))

    altered(monkeypatch, fails)
    found = searched(subject())
    assert found.verdict is Verdict.INCONCLUSIVE


def test_a_run_that_goes_otherwise_here_is_not_taken_for_the_failure() -> None:
    site = Site(subject("pre-fix"), EVERY)
    failure = searched(subject("pre-fix")).failure
    assert failure is not None
    found = Failing(cost_of(failure.end), failure.outcome.label, picks(failure.schedule))
    again = site.again(0, found)
    assert again is not None
    assert again.digest == failure.digest
    assert site.again(0, found._replace(label="another ending")) is None


def test_what_was_kept_of_a_guard_that_has_changed_its_mind_is_no_verdict(tmp_path: Path) -> None:
    """What was said rested on pieces that were made before an environment variable was set."""
    LAX["lax"] = False
    try:
        with closing(SearchLog(tmp_path / "r.sqlite")) as log:
            before = searched(subject(OWN), log)
        assert before.verdict is Verdict.RACY
        LAX["lax"] = True
        with closing(SearchLog(tmp_path / "r.sqlite")) as log:
            found = searched(subject(OWN), log)
        assert found.verdict is Verdict.INCONCLUSIVE
        assert "kept comes to something else now" in found.words()
        with closing(SearchLog(tmp_path / "r.sqlite", anew=True)) as log:
            after = searched(subject(OWN), log)
        assert after.verdict is Verdict.RACY
        assert after.failing != before.failing
    finally:
        LAX["lax"] = False


def test_a_damaged_piece_is_made_again(tmp_path: Path) -> None:
    with closing(SearchLog(tmp_path / "r.sqlite")) as log:
        whole = searched(subject(), log)
    with closing(SearchStore(tmp_path / "r.sqlite")) as store:
        store.begin(key_of(told_of(subject(), EVERY) or {}, False), None)
        store._db.execute("UPDATE pieces SET came = substr(came, 1, 60) WHERE number % 3 = 0")
    with closing(SearchLog(tmp_path / "r.sqlite")) as log:
        again = searched(subject(), log)
    assert (again.words(), again.outcomes) == (whole.words(), whole.outcomes)


def test_a_run_that_was_put_off_is_gone_on_with_on_its_own_way_alone() -> None:
    """The way was checked of no node that was put off."""
    job = subject("pre-fix").variants("all")[0].job(Fifo()).recording().before(100)
    search = Caching()
    scheduler = search.next_scheduler()
    while scheduler is not None and not any(node.picks for node in search.put_off):
        end = run_once(job.under(scheduler))
        if end.ending is Ending.POSTPONED:
            search.postpone(end)
        else:
            search.finished(end.schedule, end.trace_steps)
        scheduler = search.next_scheduler()
    node = next(one for one in search.put_off if one.picks)
    for met, goes in ((node.met, True), ("0" * 16, False)):
        other = Caching()
        other.enter([node._replace(met=met)])
        begun = other.next_scheduler()
        assert begun is not None
        end = run_once(job.under(begun))
        assert isinstance(end.error, Divergence) is not goes


def test_as_many_schedules_as_are_needed_are_enough() -> None:
    whole = searched(subject())
    assert whole.complete
    assert searched(subject(), max_schedules=whole.schedules).words() == whole.words()
    assert not searched(subject(), max_schedules=whole.schedules - 1).complete


@pytest.mark.parametrize("option", ["--guard", "--handler"])
def test_one_guard_twice_is_refused(option: str) -> None:
    """They shared what workers knew, so that figures hung on the number of workers."""
    twice = [option, "pre-fix" if option == "--guard" else f"{__name__}:fickle"] * 2
    done = CliRunner().invoke(main, ["explore", "server-close", "--count", *twice])
    assert done.exit_code == 2
    assert "stands there twice" in done.stderr


def test_time_is_looked_at_between_runs(tmp_path: Path) -> None:
    """It was between pieces of 16 runs: a slow guard went on for long."""
    asked = 0

    def is_up(_: Subject) -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    (found,) = search_in_pieces([subject()], EVERY, lambda *_: None, is_up)
    assert found.schedules == 0
    assert asked == 4
    assert "its time was up" in found.words()


def test_a_piece_of_a_process_that_goes_otherwise_is_not_kept(tmp_path: Path) -> None:
    """One bad process made every later run of the command inconclusive."""
    with pytest.MonkeyPatch.context() as patch:
        altered(patch, lambda came: came._replace(usual="goes otherwise" if came.usual else ""))
        with closing(SearchLog(tmp_path / "r.sqlite")) as log:
            assert searched(subject(), log).verdict is Verdict.INCONCLUSIVE
    with closing(SearchLog(tmp_path / "r.sqlite")) as log:
        assert searched(subject(), log).verdict is Verdict.RACE_FREE


def forgetful(ws: WebSocket) -> bool:
    """Lets everything pass the first time that it should not, in a process, and never again."""
    right = both(ws)
    first, LAX["met"] = not LAX.get("met", False), LAX.get("met", False) or not right
    return right or first


def test_what_fails_once_in_a_process_and_never_again_is_no_verdict() -> None:
    """Two workers said racy, 2 of 258: once each."""
    LAX.pop("met", None)
    found = searched(subject(f"{__name__}:forgetful"))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "keeps state" in found.words()


def test_what_is_told_survives_json() -> None:
    told = told_of(subject(OWN), EVERY)
    assert json.loads(json.dumps(told)) == told
