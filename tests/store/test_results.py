"""Rows survive what interrupts them, and count once."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sim.errors import UserError
from sim.store.results import ResultStore, Stored

ROOT = Path(__file__).parent.parent.parent
ROWS: list[Stored] = [
    (1, 0, True, False, "need_accept_first", "aa"),
    (0, 1, False, True, "guard_break_final", "bb"),
    (0, 0, False, False, "clean_disconnect(1000)", "cc"),
]


def rows_of(path: Path) -> list[Stored]:
    with closing(ResultStore(path, "plan")) as store:
        return list(store.rows())


def test_rows_come_back_in_the_order_of_cell_and_trial(tmp_path: Path) -> None:
    with closing(ResultStore(tmp_path / "r.sqlite", "plan")) as store:
        store.add(ROWS)
        assert list(store.rows()) == sorted(ROWS)


def test_a_row_that_comes_twice_counts_once_and_the_first_stays(tmp_path: Path) -> None:
    with closing(ResultStore(tmp_path / "r.sqlite", "plan")) as store:
        store.add(ROWS)
        store.add([(1, 0, False, False, "another", "dd")])
        assert list(store.rows()) == sorted(ROWS)


def test_a_cell_is_finished_when_all_its_trials_are_there() -> None:
    with closing(ResultStore(None, "plan")) as store:
        store.add(ROWS)
        assert store.finished(2) == {0}
        assert store.finished(1) == {0, 1}
        assert store.finished(3) == set()


def test_rows_are_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "r.sqlite", "plan")
    store.add(ROWS)
    store.close()
    assert rows_of(tmp_path / "r.sqlite") == sorted(ROWS)


def test_another_plan_is_refused_and_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    first = ResultStore(path, "plan")
    first.add(ROWS)
    first.close()
    with pytest.raises(UserError, match="holds the results of another sweep"):
        ResultStore(path, "another plan")
    assert rows_of(path) == sorted(ROWS)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0 and then nothing", b"\xff" * 4096])
def test_a_file_that_is_none_is_one_clear_line_or_begun(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.sqlite"
    path.write_bytes(content)
    if not content:  # an empty file is an empty database
        assert rows_of(path) == []
        return
    with pytest.raises(UserError, match="not a results file of wsrace"):
        ResultStore(path, "plan")


def test_a_file_that_cannot_be_opened_is_one_clear_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere" / "r.sqlite"):
        with pytest.raises(UserError, match="unable to open database file"):
            ResultStore(path, "plan")


WRITER = """
import sys
from contextlib import closing
from pathlib import Path
from sim.store.results import ResultStore
store = ResultStore(Path(sys.argv[1]), "plan")
number = 0
while True:
    store.add([(number, 0, True, False, "x", "y")])
    print(number, flush=True)
    number += 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
def test_no_row_that_was_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 50:
                os.kill(process.pid, signal.SIGKILL)
                break
        acknowledged = int([line, *process.stdout.read().split()][-1])
    kept = {row[0] for row in rows_of(path)}
    assert kept >= set(range(acknowledged + 1))
