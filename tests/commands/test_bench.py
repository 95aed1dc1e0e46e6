"""The command `bench`: what it tells is there and adds up; how fast anything is, no test says."""

import json

import pytest
from click.testing import CliRunner

from sim.commands import bench, measuring
from sim.commands.bench import Measured
from sim.commands.cli import main
from sim.store.results import ResultStore, Stored
from sim.sweep.engine import Left
from sim.sweep.trials import run_trials


@pytest.fixture(scope="module")
def measured() -> Measured:
    return bench._measured(2, 1, 2, lambda done, what: None, end_ms=50)


def test_everything_is_measured_and_nothing_is_zero(measured: Measured) -> None:
    document = bench._document(measured)
    assert json.loads(json.dumps(document)) == document
    assert document.pop("schema") == "wsrace.bench.1"
    growth = document.pop("growth")
    assert set(growth) == {"clients", "messages of each", "window (ms)", "trials of a batch"}
    assert all(ms > 0 for by in growth.values() for ms in by.values())
    assert all(float(figure) > 0 for figure in document.values())


def test_it_is_told_as_a_table(measured: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_measured", lambda *_: measured)
    told = CliRunner().invoke(main, ["bench", "--rounds", "1", "--runs", "2", "--workers", "2"])
    assert told.exit_code == 0
    for words in (
        "a bare trio.run",
        "by a supervised worker",
        "by 2 of them",
        "bytes of a trial",
        "in pieces",
    ):
        assert words in told.stdout
    assert "medians of 1 rounds of" in told.stdout


def test_what_is_measured_are_the_default_scenarios_one_cell_of_each() -> None:
    cells = measuring.default_cells(7)
    names = [one.cell.injection for one in cells]
    assert len(set(names)) == len(names) > 5
    assert {one.cell.guard for one in cells} == {"pre-fix"}


def test_all_ways_run_the_same_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = measuring.default_cells(3)[:2]
    left = Left(cells, 0, [[range(3)]] * 2)
    expected = []
    while (batch := left.next()) is not None:
        expected += [tuple(row) for row in run_trials(batch)]
    found: list[Stored] = []
    monkeypatch.setattr(ResultStore, "add", lambda self, rows: found.extend(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "run_trials", lambda batch: found.extend(run_trials(batch)))
        measuring.bare(cells, 3)
    assert [tuple(row) for row in found] == expected
