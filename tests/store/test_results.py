"""Rows survive what interrupts them, count once, and belong to exactly what they depend on."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import UserError
from sim.store.results import Crash, ResultReader, ResultStore, Stored, Wanted

ROOT = Path(__file__).parent.parent.parent
CELLS = (Wanted("one", 3), Wanted("two", 3))
ROWS: list[Stored] = [
    (1, 0, True, False, "need_accept_first", "aa"),
    (0, 1, False, True, "guard_break_final", "bb"),
    (0, 0, False, False, "clean_disconnect(1000)", "cc"),
]
LOST = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")


def rows_of(path: Path, cells: tuple[Wanted, ...] = CELLS) -> list[Stored]:
    with closing(ResultStore(path, cells)) as store:
        return list(store.rows())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "r.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[ResultStore]:
    with closing(ResultStore(path, CELLS)) as one:
        yield one


def test_rows_come_back_in_the_order_of_cell_and_trial(store: ResultStore) -> None:
    store.add(ROWS)
    assert list(store.rows()) == sorted(ROWS)


def test_a_row_that_comes_twice_counts_once_and_the_first_stays(store: ResultStore) -> None:
    store.add(ROWS)
    store.add([(1, 0, False, False, "another", "dd")])
    assert list(store.rows()) == sorted(ROWS)


def test_what_is_missing_is_told_in_runs(store: ResultStore) -> None:
    assert store.missing(0) == [range(3)]
    store.add(ROWS)
    assert store.missing(0) == [range(2, 3)]
    assert store.missing(1) == [range(1, 3)]
    store.add([(1, 2, False, False, "x", "dd")])
    assert store.missing(1) == [range(1, 2)]
    store.add_crash(Crash(1, 1, "its process ended"))
    assert store.missing(1) == []


@given(there=st.sets(st.integers(0, 30)), asked=st.integers(1, 25))
def test_what_is_missing_and_what_is_there_are_all_trials(there: set[int], asked: int) -> None:
    with closing(ResultStore(None, [Wanted("one", asked)])) as store:
        store.add((0, trial, False, False, "x", "aa") for trial in there)
        missing = [trial for one in store.missing(0) for trial in one]
        rows = [row[1] for row in store.rows()]
    assert sorted(missing + rows) == list(range(asked))


def test_rows_are_there_when_the_file_is_opened_again(path: Path) -> None:
    with closing(ResultStore(path, CELLS)) as store:
        store.add(ROWS)
        store.add_crash(Crash(1, 2, "why"))
    with closing(ResultReader(path)) as reader:
        assert reader.crashes(reader.sweeps()[0]) == [Crash(1, 2, "why")]
    assert rows_of(path) == sorted(ROWS)


def test_sweeps_share_what_is_the_same_in_both_and_nothing_else(path: Path) -> None:
    """A rerun with another order, more cells or fewer trials does only what is missing."""
    with closing(ResultStore(path, CELLS)) as store:
        store.add(ROWS)
    other = (Wanted("two", 3), Wanted("three", 3), Wanted("one", 1))
    with closing(ResultStore(path, other)) as store:
        assert [row[:2] for row in store.rows()] == [(0, 0), (2, 0)]
        assert store.missing(1) == [range(3)]
        store.add([(1, 0, False, False, "new", "ee")])
    assert rows_of(path) == sorted(ROWS)
    with closing(ResultReader(path)) as reader:
        assert len(reader.sweeps()) == 2


def test_with_resume_a_file_about_other_cells_is_refused_and_stays_as_it_is(path: Path) -> None:
    with closing(ResultStore(path, CELLS)) as store:
        store.add(ROWS)
    with pytest.raises(UserError, match="holds the results of another sweep"):
        ResultStore(path, [Wanted("three", 3)], must_be_known=True)
    with closing(ResultReader(path)) as reader:
        assert len(reader.sweeps()) == 1
    ResultStore(path, [Wanted("three", 3), Wanted("one", 7)], must_be_known=True).close()


def test_two_write_to_one_file_and_one_reads_it_meanwhile(path: Path, store: ResultStore) -> None:
    with closing(ResultStore(path, CELLS)) as other, closing(ResultReader(path)) as reader:
        for trial in range(3):
            store.add([(0, trial, False, False, "x", "aa")])
            other.add([(0, trial, True, False, "y", "bb"), (1, trial, True, False, "y", "bb")])
            (sweep,) = reader.sweeps()
            assert len(list(reader.rows(sweep))) == 2 * (trial + 1)
    assert [row[4] for row in store.rows()] == ["x", "x", "x", "y", "y", "y"]


def test_a_reader_writes_nothing_and_reads_where_nothing_can_be_written(path: Path) -> None:
    with closing(ResultStore(path, CELLS, said={"what": "asked"})) as store:
        store.add(ROWS)
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        with closing(ResultReader(path)) as reader:
            (sweep,) = reader.sweeps()
            assert sweep.said == {"what": "asked"}
            assert list(reader.rows(sweep)) == sorted(ROWS)
    finally:
        path.parent.chmod(0o700)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


# -- files that are none, or others ----------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0 and then nothing", b"\xff" * 4096])
def test_a_file_that_is_none_is_one_clear_line_or_begun(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    if not content:  # an empty file is an empty database
        assert rows_of(path) == []
        return
    for opened in (lambda: ResultStore(path, CELLS), lambda: ResultReader(path)):
        with pytest.raises(UserError, match="not a results file of wsrace") as raised:
            opened()
        assert str(path) in str(raised.value)
    assert path.read_bytes() == content


def test_an_empty_file_is_nothing_to_read(path: Path) -> None:
    path.write_bytes(b"")
    with pytest.raises(UserError, match="it is empty"):
        ResultReader(path)


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE trials (theirs)")
        db.commit()
    before = path.read_bytes()
    for opened in (lambda: ResultStore(path, CELLS), lambda: ResultReader(path)):
        with pytest.raises(UserError, match="another program's database"):
            opened()
    assert path.read_bytes() == before


def test_a_file_of_a_newer_form_is_refused_with_its_number(path: Path) -> None:
    ResultStore(path, CELLS).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9")
    for opened in (lambda: ResultStore(path, CELLS), lambda: ResultReader(path)):
        with pytest.raises(UserError, match="a newer wsrace, in form 9; this one knows up to 3"):
            opened()


def test_a_file_that_cannot_be_opened_is_one_clear_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere" / "r.sqlite"):
        with pytest.raises(UserError, match="unable to open database file"):
            ResultStore(path, CELLS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_file_that_is_read_only_is_one_clear_line(path: Path) -> None:
    ResultStore(path, CELLS).close()
    path.chmod(0o400)
    with pytest.raises(UserError, match="readonly database"):
        ResultStore(path, CELLS)


def test_a_file_that_becomes_read_only_is_one_clear_line(store: ResultStore) -> None:
    store.add(ROWS)
    store._db.execute("PRAGMA query_only = ON")
    with pytest.raises(UserError, match="readonly database; what was recorded before is kept"):
        store.add([(0, 2, False, False, "x", "aa")])
    assert list(store.rows()) == sorted(ROWS)


# -- the first form --------------------------------------------------------------------------------

FIRST = """
CREATE TABLE plan (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE trials (
    cell INTEGER NOT NULL, trial INTEGER NOT NULL, failed INTEGER NOT NULL, lost INTEGER NOT NULL,
    label TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (cell, trial)
) WITHOUT ROWID;
INSERT INTO plan VALUES ('plan', 'its name');
"""


def first_form(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(FIRST)
        db.executemany("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?)", ROWS)


def test_a_file_of_the_first_form_is_gone_on_with_in_the_second(path: Path) -> None:
    first_form(path)
    with closing(ResultStore(path, CELLS, older="its name", must_be_known=True)) as store:
        assert list(store.rows()) == sorted(ROWS)
        assert store.missing(0) == [range(2, 3)]
    assert rows_of(path) == sorted(ROWS)


def test_a_file_of_the_first_form_about_another_sweep_is_refused_and_stays(path: Path) -> None:
    first_form(path)
    with pytest.raises(UserError, match="an older file that holds another sweep"):
        ResultStore(path, CELLS, older="another name")
    with closing(ResultReader(path)) as reader:
        assert reader.form == 1
        assert reader.sweeps() == []
        assert reader.older_rows("its name") == sorted(ROWS)
        with pytest.raises(UserError, match="another sweep"):
            reader.older_rows("another name")


def test_an_upgrade_that_fails_leaves_the_first_form(path: Path) -> None:
    first_form(path)
    with pytest.raises(IndexError):
        ResultStore(path, CELLS[:1], older="its name")  # it has more cells than that
    with closing(ResultReader(path)) as reader:
        assert reader.older_rows("its name") == sorted(ROWS)


# -- what interrupts -------------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from sim.store.results import ResultStore, Wanted
store = ResultStore(Path(sys.argv[1]), [Wanted("one", 1_000_000)])
trial = 0
while True:
    store.add([(0, trial, True, False, "x", "aa")])
    print(trial, flush=True)
    trial += 1
"""


@LOST
def test_no_row_that_was_acknowledged_is_lost_when_the_process_is_killed(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 50:
                os.kill(process.pid, signal.SIGKILL)
                break
        acknowledged = int([line, *process.stdout.read().split()][-1])
    kept = {row[1] for row in rows_of(path, (Wanted("one", 1_000_000),))}
    assert kept >= set(range(acknowledged + 1))


def test_a_disk_that_is_full_is_one_clear_line_and_what_was_recorded_stays(path: Path) -> None:
    """SQLite's own limit on pages stands for the disk; a small tmpfs is a test of its own."""
    with closing(ResultStore(path, (Wanted("one", 100_000),))) as store:
        store.add((0, trial, False, False, "x", "aa" * 32) for trial in range(1000))
        store._db.execute("PRAGMA max_page_count = 40")
        with pytest.raises(UserError, match="full; what was recorded before is kept"):
            store.add((0, trial, False, False, "x", "aa" * 32) for trial in range(1000, 90_000))
        assert len(list(store.rows())) == 1000
    assert len(rows_of(path, (Wanted("one", 100_000),))) == 1000
