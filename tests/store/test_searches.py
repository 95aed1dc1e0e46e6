"""Searches in a file of results: kept piece by piece, beside sweeps, whatever the file holds."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sim.errors import UserError
from sim.store.results import ResultReader, ResultStore, Wanted
from sim.store.schema import TABLES
from sim.store.searches import SearchStore, classes_in, searches_in

SAID = {"scenario": {"name": "one"}}
ROWS = [(0, "0a" * 12, "time_up", False), (1, "0b" * 12, "need_accept_first", True)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "r.sqlite"


def test_what_came_of_a_piece_comes_back_if_it_is_the_same_piece(path: Path) -> None:
    with closing(SearchStore(path)) as store:
        one, other = store.begin("one", SAID), store.begin("other", SAID)
        assert (store.begin("one", SAID), one != other) == (one, True)
        store.keep(one, 3, "asked", [1, ["é"], None])
        assert store.came_of(one, 3, "asked") == [1, ["é"], None]
        assert store.came_of(one, 3, "asked otherwise") is None
        assert store.came_of(one, 4, "asked") is None
        assert store.came_of(other, 3, "asked") is None
        store.keep(one, 3, "asked otherwise", 2)
        assert store.came_of(one, 3, "asked otherwise") == 2
    with closing(SearchStore(path)) as store:
        assert store.came_of(store.begin("one", SAID), 3, "asked otherwise") == 2
        assert store.came_of(store.begin("one", SAID, anew=True), 3, "asked otherwise") is None


def test_a_class_counts_once_and_says_how_its_runs_end(path: Path) -> None:
    with closing(SearchStore(path)) as store:
        number = store.begin("one", SAID)
        store.add_classes(number, ROWS)
        store.add_classes(number, [*ROWS, (0, "0c" * 12, "time_up", False)])
        store.add_classes(number, [])
        (kept,) = searches_in(path)  # while it is written to
        assert kept.verdict is None
        store.conclude(number, {"says": "racy"})
    (kept,) = searches_in(path)
    assert (kept.said, kept.verdict) == (SAID, {"says": "racy"})
    assert (kept.classes, kept.failing, kept.pieces) == (3, 1, 0)
    assert kept.endings == {"need_accept_first": 1, "time_up": 2}
    assert classes_in(path)[0] == ("one", 0, "0a" * 12, "time_up", False)
    assert len(classes_in(path)) == 3


def test_sweeps_and_searches_share_a_file(path: Path) -> None:
    with closing(ResultStore(path, [Wanted("cell", 2)])) as store:
        store.add([(0, 0, True, False, "time_up", "ab" * 32)])
    with closing(SearchStore(path)) as searches:
        searches.add_classes(searches.begin("one", SAID), ROWS)
    with closing(ResultReader(path)) as reader:
        (sweep,) = reader.sweeps()
        assert len(list(reader.rows(sweep))) == 1
    assert searches_in(path)[0].classes == 2


def second_form(path: Path) -> None:
    """A file as the last version wrote it, with a row."""
    before = TABLES[: TABLES.index("CREATE TABLE searches")]
    with closing(sqlite3.connect(path)) as db:
        db.executescript(before)
        db.execute("INSERT INTO labels VALUES (1, 'time_up')")
        db.execute("INSERT INTO trials VALUES (1, 0, 0, 0, 1, x'ab')")
        db.execute("PRAGMA application_id = 0x77737263")
        db.execute("PRAGMA user_version = 2")
        db.commit()


def test_a_file_of_the_second_form_keeps_its_rows_and_gets_searches(path: Path) -> None:
    second_form(path)
    assert searches_in(path) == []
    assert classes_in(path) == []
    for _ in range(2):
        with closing(SearchStore(path)) as store:
            store.add_classes(store.begin("one", SAID), ROWS)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)
        assert db.execute("SELECT count(*) FROM trials").fetchone() == (1,)
    assert searches_in(path)[0].classes == 2


def test_a_file_of_the_first_form_is_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE plan (key, value)")
        db.execute("CREATE TABLE trials (cell, trial)")
        db.commit()
    with pytest.raises(UserError, match="an older file, which does not say what it is about"):
        SearchStore(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (0,)


@pytest.mark.parametrize("data", [b"no database at all, and long enough to be one" * 30, None])
def test_what_is_no_file_of_results_is_refused(path: Path, data: bytes | None) -> None:
    if data is None:
        path.mkdir()
    else:
        path.write_bytes(data)
    with pytest.raises(UserError, match=r"r\.sqlite: "):
        SearchStore(path)
    with pytest.raises(UserError, match=r"r\.sqlite: "):
        searches_in(path)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE pieces SET came = x'00'",
        "UPDATE pieces SET came = 'text'",
        "UPDATE pieces SET came = 7",
        "UPDATE pieces SET came = substr(came, 1, length(came) - 1)",
        "UPDATE pieces SET came = substr(came, 1, 20) || x'ff' || substr(came, 22)",
        "UPDATE pieces SET number = 1 WHERE number = 0",
        "UPDATE pieces SET asked = 'asked otherwise'",
        "UPDATE searches SET key = 'other'",
    ],
)
def test_a_piece_that_was_damaged_or_moved_is_not_there(path: Path, change: str) -> None:
    with closing(SearchStore(path)) as store:
        number = store.begin("one", SAID)
        store.keep(number, 0, "asked", [1, 2, 3])
        assert store.came_of(number, 0, "asked") == [1, 2, 3]
        store._db.execute(change)
        for asked in ("asked", "asked otherwise"):
            assert store.came_of(number, 0, asked) is None
            assert store.came_of(number, 1, asked) is None


def test_to_forget_a_search_is_to_forget_its_verdict(path: Path) -> None:
    with closing(SearchStore(path)) as store:
        number = store.begin("one", SAID)
        store.conclude(number, {"says": "racy"})
        store.begin("one", SAID, anew=True)
    assert searches_in(path)[0].verdict is None


@pytest.mark.parametrize("said", ["no JSON", "[", '"text"'])
def test_hostile_words_in_a_file_are_told_or_refused(path: Path, said: str) -> None:
    with closing(SearchStore(path)) as store:
        number = store.begin("one", SAID)
        store._db.execute("UPDATE searches SET said = ? WHERE search = ?", (said, number))
    if said == '"text"':
        assert searches_in(path)[0].said == "text"
    else:
        with pytest.raises(UserError, match="not a results file of wsrace"):
            searches_in(path)
