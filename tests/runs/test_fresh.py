"""Another process makes runs again; one that hangs or dies gives a reason, and leaves nothing."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.kernel.series import run_once
from sim.model.scenario import Scenario
from sim.runs import fresh
from sim.runs.fresh import FreshProcess
from sim.runs.handler import HandlerSubject
from sim.runs.own import import_handler
from sim.runs.subject import Record, record
from sim.schedulers.fifo import Fifo

MODULE = """
import os
import pathlib
import sys
import time

if os.environ.get("FRESH_HANGS"):
    pathlib.Path(os.environ["FRESH_HANGS"]).write_text(str(os.getpid()))
    time.sleep(600)


async def greet(websocket):
    await websocket.accept()
    await websocket.close()
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Record]:
    """A run of a handler, and nothing that asks about it left over."""
    (tmp_path / "greets_fresh.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    scenario = Scenario.model_validate({"clients": {"messages": 0}})
    (subject,) = HandlerSubject(scenario, own=import_handler("greets_fresh:greet")).variants(
        "fixed"
    )
    yield record(subject, run_once(subject.job(Fifo())))
    for server in fresh._running:
        server.end()


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as told:
            return told.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def waited_for(path: Path) -> int:
    deadline = time.monotonic() + 30
    while not path.exists() or not path.read_text():
        assert time.monotonic() < deadline, "the fork never began"
        time.sleep(0.01)
    return int(path.read_text())


def test_the_same_run_is_the_same_there(made: Record) -> None:
    (answer,) = FreshProcess([made]).answers()
    assert answer.same(made), answer


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="reads /proc")
def test_a_fork_that_hangs_is_given_up_and_ended(
    made: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = tmp_path / "pid"
    monkeypatch.setenv("FRESH_HANGS", str(noted))
    asked = FreshProcess([made])
    pid = waited_for(noted)
    monkeypatch.setattr(fresh, "PATIENCE_S", 0.05)
    (answer,) = asked.answers()
    assert "took too long" in answer.error
    assert not answer.same(made)
    deadline = time.monotonic() + 30
    while is_alive(pid):
        assert time.monotonic() < deadline, "the fork outlives the process that forked it"
        time.sleep(0.01)


def test_a_process_that_has_ended_is_replaced_by_a_new_one(made: Record) -> None:
    FreshProcess([made]).answers()
    fresh._running[0].end()
    (answer,) = FreshProcess([made]).answers()
    assert answer.same(made), answer


def test_nobody_waits_for_an_answer_that_is_not_wanted(made: Record) -> None:
    FreshProcess([made]).close()
    (answer,) = FreshProcess([made]).answers()
    assert answer.same(made), answer


def test_libraries_are_imported_before_the_forks_and_only_those_that_are_here(made: Record) -> None:
    fresh.warm()
    server = fresh._server()
    assert server._loaded == {name for name in fresh._LIBRARIES if name in sys.modules}
    server.load(["no_such_library"])
    (answer,) = FreshProcess([made]).answers()
    assert answer.same(made)
