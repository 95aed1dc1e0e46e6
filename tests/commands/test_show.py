"""The command `show`: what a file of results holds, whole or not, as it is seen and as data."""

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.commands.cli import main
from sim.files.documents import STORE
from sim.report.rows import COLUMNS
from sim.sweep.reproduce import Task, reproduce

TASK = Task("server-close", ("sweep.values=[0, 10]",), ("pre-fix", "catch"), trials=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reproduce(TASK, tmp_path / STORE)
    return tmp_path


def show(*args: object) -> Result:
    return CliRunner().invoke(main, ["show", *map(str, args)])


def cut(folder: Path) -> None:
    with closing(sqlite3.connect(folder / STORE)) as db, db:
        db.execute("DELETE FROM trials WHERE unit > 2 OR trial = 3")


def test_a_whole_sweep_is_shown_with_its_rates(folder: Path) -> None:
    for source in (folder, folder / STORE):
        shown = show(source)
        assert shown.exit_code == 0
        assert (
            "server-close --set sweep.values=[0, 10], seed 0: 32 of 32 trials, whole"
            in shown.output
        )
        assert "Runs that fail, of all trials over the axis" in shown.output
        assert "rows of wsrace " in shown.output


def test_a_sweep_that_was_cut_says_how_far_it_is_and_what_it_says_so_far(folder: Path) -> None:
    cut(folder)
    shown = show(folder)
    assert shown.exit_code == 0
    assert "6 of 32 trials, 18 %, so far:" in shown.output
    document = json.loads(show(folder, "--json").output)
    (sweep,) = document["sweeps"]
    assert (sweep["there"], sweep["wanted"]) == (6, 32)
    assert [cell["trials"] for cell in sweep["cells"]] == [3, 3]


def test_several_sweeps_of_one_file_are_shown_one_after_the_other(folder: Path) -> None:
    reproduce(Task("state-change", guards=("catch",), trials=1), folder / STORE)
    document = json.loads(show(folder, "--json").output)
    assert {one["scenario"] for one in document["sweeps"]} == {"server-close", "state-change"}
    assert show(folder).output.count(" trials, whole") == 2


def test_what_could_not_be_run_is_told(folder: Path) -> None:
    with closing(sqlite3.connect(folder / STORE)) as db, db:
        db.execute("DELETE FROM trials WHERE unit = 1 AND trial = 2")
        db.execute("INSERT INTO crashes VALUES (1, 2, 'its process ended')")
    shown = show(folder).output
    assert "32 of 32 trials, whole" in shown
    assert (
        "could not be run: trial 2 of server-close, pre-fix, asyncio-3.11, window_ms = 0" in shown
    )


def test_every_trial_becomes_a_row_of_csv(folder: Path) -> None:
    out = folder / "rows.csv"
    assert f"32 rows lie in {out}" in show(folder, "--rows", out).output
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 32
    assert {row["guard"] for row in rows} == {"pre-fix", "catch"}
    assert {row["failed"] for row in rows} <= {"0", "1"}
    assert all(len(row["digest"]) == 64 for row in rows)


def test_the_same_rows_become_parquet(folder: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    out = folder / "rows.parquet"
    show(folder, "--rows", out)
    show(folder, "--rows", folder / "rows.csv")
    table = parquet.read_table(out)
    with (folder / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert table.column_names == list(COLUMNS)
    for name in ("trial", "guard", "digest"):
        assert [str(one) for one in table[name].to_pylist()] == [row[name] for row in rows]


def test_pictures_of_what_is_there_are_drawn(folder: Path) -> None:
    shown = show(folder, "--plots", folder / "plots")
    assert "pictures lie in" in shown.output
    assert list((folder / "plots").glob("rate-*.png"))


@pytest.mark.parametrize(
    ("name", "option", "said"),
    [
        ("rows.txt", "--rows", "expected a name that ends with .csv or .parquet"),
        ("no/such/rows.csv", "--rows", "cannot be written"),
    ],
)
def test_what_cannot_be_written_is_one_clear_line(
    folder: Path, name: str, option: str, said: str
) -> None:
    shown = show(folder, option, folder / name)
    assert shown.exit_code == 2
    assert said in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_files_that_are_none_are_one_clear_line(folder: Path) -> None:
    (folder / "text").write_text("hello")
    for source, said in (("text", "not a results file"), ("nothing", "there is no such file")):
        shown = show(folder / source)
        assert shown.exit_code == 2
        assert said in shown.stderr
        assert len(shown.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("said", "[1, 2]", "scenario"),
        ("said", "nonsense", "not a results file of wsrace"),
        ("said", '{"wsrace": "1", "scenario": "x", "seed": 0, "scenarios": []}', "scenarios"),
        ("cells", "[[1, 4]]", "other cells than its scenarios say"),
        ("cells", "7", "not a results file of wsrace"),
    ],
)
def test_what_a_file_says_of_itself_is_checked(
    folder: Path, column: str, value: str, said: str
) -> None:
    with closing(sqlite3.connect(folder / STORE)) as db, db:
        db.execute(f"UPDATE sweeps SET {column} = ?", (value,))
    shown = show(folder)
    assert shown.exit_code == 2, shown.output
    assert said in shown.stderr
    assert "Traceback" not in shown.stderr
