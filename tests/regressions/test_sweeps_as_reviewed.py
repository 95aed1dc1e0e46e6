"""What a review of the store and the workers found, each as a user would have met it."""

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.commands.cli import main
from sim.errors import NoAnswer, UserError
from sim.files.documents import STORE
from sim.store.results import Crash, ResultReader, ResultStore, Wanted
from sim.sweep import engine
from sim.sweep.engine import Left, run_left
from sim.sweep.identity import code as code_here
from sim.sweep.reproduce import Task, reproduce
from sim.workers.cluster import Cluster, open_cluster
from sim.workers.seam import Workers
from tests.sweep.test_engine import PLAN, WANTED, AtOnce, made_up, no_one

ROOT = Path(__file__).parent.parent.parent
SMALL = Task("server-close", ("sweep.values=[10]",), ("pre-fix",), trials=4)


def run(*args: str, cwd: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def sweep(folder: Path, *options: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    asked = ("server-close", "--set", "sweep.values=[10]", "--json", "--out", "out")
    return run("-m", "sim", "reproduce", *asked, *options, cwd=folder, **environ)


def rows_in(path: Path) -> int:
    with closing(ResultReader(path)) as reader:
        return sum(len(list(reader.rows(one))) for one in reader.sweeps())


def test_a_helper_of_a_guard_that_was_edited_makes_other_rows(tmp_path: Path) -> None:
    """Only the guard's own module was in the key: rows of the old helper were taken for new."""
    (tmp_path / "mine.py").write_text("from helper import go\ndef guard(ws):\n    return go(ws)\n")
    for answer, failed in (("True", True), ("False", False)):
        (tmp_path / "helper.py").write_text(f"def go(ws):\n    return {answer}\n")
        done = sweep(tmp_path, "--guard", "mine:guard", "--runs", "20", "--workers", "1")
        assert done.returncode == 0, done.stderr
        assert ('"failures": 0' not in done.stdout) is failed


SCRIPT = """
from sim.sweep.reproduce import Task, reproduce
reproduce(Task("server-close", trials=20), workers=2)
"""


def test_a_script_without_the_usual_guard_is_told_so_and_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = run("script.py", cwd=tmp_path)
    assert done.returncode == 1
    assert 'needs `if __name__ == "__main__":`' in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sets a limit as on Unix")
def test_a_process_that_cannot_be_started_ends_the_sweep(tmp_path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24)); "
        "from sim.commands.cli import main; sys.argv[1:] = sys.argv[1:]; main()"
    )
    asked = ("reproduce", "server-close", "--runs", "5", "--workers", "8", "--json", "--out", "out")
    done = run("-c", code, *asked, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert "Too many open files" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_could_not_be_run_is_tried_again_the_next_time(tmp_path: Path) -> None:
    cells = (Wanted("one", 3),)
    with closing(ResultStore(tmp_path / STORE, cells)) as store:
        store.add([(0, 0, False, False, "x", "aa")])
        store.add_crash(Crash(0, 1, "its process ended"))
        assert store.missing(0) == [range(2, 3)]
    with closing(ResultReader(tmp_path / STORE)) as reader:
        assert reader.crashes(reader.sweeps()[0]) == [Crash(0, 1, "its process ended")]
    with closing(ResultStore(tmp_path / STORE, cells)) as store:
        assert store.crashes() == []
        assert store.missing(0) == [range(1, 3)]


def test_a_row_that_comes_takes_a_crash_back(tmp_path: Path) -> None:
    with closing(ResultStore(tmp_path / STORE, (Wanted("one", 2),))) as store:
        store.add_crash(Crash(0, 1, "its process ended"))
        store.add([(0, 1, False, False, "x", "aa")])
        assert store.crashes() == []


def test_a_machine_that_runs_nothing_is_not_blamed_on_the_trials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "run_batch", made_up)
    with closing(ResultStore(None, WANTED)) as store:
        left = Left(PLAN, 0, [[range(30)]] * len(PLAN))
        with pytest.raises(UserError, match="20 trials in a row could not be run"):
            run_left(left, Workers(AtOnce(lambda batch: True), lambda: 2), store, no_one)


def test_anew_and_resume_are_refused_together_and_nothing_is_forgotten(tmp_path: Path) -> None:
    assert sweep(tmp_path, "--runs", "2").returncode == 0
    before = rows_in(tmp_path / "out" / STORE)
    done = sweep(tmp_path, "--runs", "2", "--anew", "--resume")
    assert done.returncode == 2
    assert "--resume, --anew" in done.stderr
    assert rows_in(tmp_path / "out" / STORE) == before > 0


def test_where_no_worker_is_nothing_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed (the extra dask)")
    monkeypatch.setattr("sim.workers.cluster._CONNECTS_S", 1)
    reproduce(SMALL, tmp_path / STORE)
    with pytest.raises(UserError, match="--dask"):
        reproduce(
            SMALL,
            tmp_path / STORE,
            open_workers=lambda: open_cluster(Cluster("tcp://127.0.0.1:9"), code_here),
            anew=True,
        )
    assert rows_in(tmp_path / STORE) == 8


def test_anew_forgets_its_own_rows_and_no_others(tmp_path: Path) -> None:
    other = Task("state-change", (), ("catch",), trials=1)
    reproduce(SMALL, tmp_path / STORE)
    reproduce(other, tmp_path / STORE)
    both = rows_in(tmp_path / STORE)
    seen: list[int] = []
    reproduce(SMALL, tmp_path / STORE, on_trials=lambda done, total: seen.append(done), anew=True)
    assert seen[0] == 0
    assert rows_in(tmp_path / STORE) == both


def test_a_search_whose_process_is_lost_is_no_answer(tmp_path: Path) -> None:
    """It was status 1, which says that the guard fails."""
    (tmp_path / "mine.py").write_text(
        "import multiprocessing, os\n"
        "def guard(ws):\n"
        "    if multiprocessing.parent_process() is not None:\n"
        "        os._exit(9)\n"
        "    return True\n"
    )
    guards = ("--guard", "mine:guard", "--guard", "catch", "--workers", "2", "--for", "1s")
    done = run("-m", "sim", "explore", "server-close", *guards, cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "no answer: its process ended, with exit code 9" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trials SET trial = -1 WHERE trial = 1",
        "UPDATE sweeps SET cells = replace(cells, '4]', '1000000000000]')",
        "UPDATE sweeps SET cells = replace(cells, '4]', '\"x\"]')",
        "UPDATE labels SET text = x'ff00' WHERE label = 1",
        "INSERT INTO crashes VALUES (1, 1, x'ff')",
    ],
)
def test_numbers_of_a_file_are_not_believed(tmp_path: Path, change: str) -> None:
    reproduce(SMALL, tmp_path / STORE)
    with closing(sqlite3.connect(tmp_path / STORE)) as db, db:
        db.execute(change)
    for options in ((), ("--json",)):
        shown = CliRunner().invoke(main, ["show", str(tmp_path), *options])
        assert shown.exit_code in (0, 2), shown.exception
        assert shown.exception is None or isinstance(shown.exception, SystemExit)


def test_several_may_open_a_new_file_at_the_same_moment(tmp_path: Path) -> None:
    """Switching to write-ahead logging is the one thing for which SQLite does not wait."""
    with ThreadPoolExecutor(6) as pool:
        for number in range(25):
            path = tmp_path / f"{number}.sqlite"
            opened = [pool.submit(ResultStore, path, [Wanted("one", 1)]) for _ in range(6)]
            assert all(one.exception(timeout=60) is None for one in opened)


@pytest.mark.parametrize(
    "setting",
    ["sweep.values=[5, 5.0]", "sweep.guards=['catch', 'catch']", "sweep.runtimes=['trio','trio']"],
)
def test_what_stands_twice_in_a_sweep_is_a_fault(setting: str) -> None:
    """Its plots raised ValueError: two results for one place."""
    with pytest.raises(UserError, match=r"stands there twice"):
        reproduce(Task("server-close", (setting,), trials=1))


def test_rows_that_another_process_takes_away_are_missed_and_no_rate_is_told(
    tmp_path: Path,
) -> None:
    """Rates would have been of the trials that were left."""

    def forget(done: int, total: int) -> None:
        if done == total:
            with closing(sqlite3.connect(tmp_path / STORE)) as db, db:
                db.execute("DELETE FROM trials WHERE trial = 1")

    with pytest.raises(NoAnswer, match="2 trials are not there any more"):
        reproduce(SMALL, tmp_path / STORE, on_trials=forget)
