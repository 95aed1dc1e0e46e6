"""The command `reproduce --exact`: what it writes, prints and refuses, and its exit statuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.commands.cli import main
from sim.files.documents import COMPUTED, EXACT, REPRODUCE, REPRODUCED, STORE

TWO = ("--guard", "pre-fix", "--guard", "catch", "--set", "sweep.values=[5]", "--workers", "1")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wsrace(*words: str) -> Result:
    return CliRunner().invoke(main, ["reproduce", *words])


def test_rates_are_told_written_and_drawn_without_a_trial(here: Path) -> None:
    done = wsrace("server-close", "--exact", *TWO)
    assert done.exit_code == 0, done.output
    assert "25.001" in done.stdout
    folder = here / "wsrace-server-close"
    assert sorted(path.name for path in folder.iterdir()) == [
        "exact-server-close.png", "exact-server-close.svg", COMPUTED,
    ]  # fmt: skip
    assert json.loads((folder / COMPUTED).read_text())["schema"] == EXACT


def test_with_runs_trials_are_made_as_well(here: Path) -> None:
    done = wsrace("server-close", "--exact", "--runs", "3", *TWO)
    assert done.exit_code == 0, done.output
    folder = here / "wsrace-server-close"
    there = {path.name for path in folder.iterdir()}
    assert {COMPUTED, REPRODUCED, STORE, "exact-server-close.png", "rate-server-close.png"} <= there
    assert "of all trials over the axis" in done.stdout
    assert "in per cent, exactly" in done.stdout


@pytest.mark.parametrize("runs", [(), ("--runs", "2")])
def test_json_alone_is_one_document_and_writes_nothing(here: Path, runs: tuple[str, ...]) -> None:
    done = wsrace("server-close", "--exact", "--json", *runs, *TWO)
    document = json.loads(done.stdout)
    assert document["schema"] == EXACT
    assert document.get("trials", {}).get("schema") == (REPRODUCE if runs else None)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("runs", [(), ("--runs", "2")])
def test_what_cannot_be_computed_is_refused_before_anything_is_written(
    here: Path, runs: tuple[str, ...]
) -> None:
    done = wsrace("two-message-close", "--exact", *runs)
    assert done.exit_code == 2
    assert done.stderr.startswith("wsrace: two-message-close: runtime any-order: the order of")
    assert list(here.iterdir()) == []


def test_there_is_nothing_to_go_on_with_without_trials(here: Path) -> None:
    done = wsrace("server-close", "--exact", "--resume", *TWO)
    assert done.exit_code == 2
    assert "--resume: --exact makes no trials" in done.stderr
    assert list(here.iterdir()) == []


def test_no_answer_is_no_pass(here: Path) -> None:
    guard = "tests.helpers.own_guards:early"
    done = wsrace("server-close", "--exact", "--guard", guard, "--set", "sweep.values=[5]")
    assert done.exit_code == 3
    assert f"wsrace: no answer for server-close, {guard} on asyncio-3.11" in done.stderr


def test_a_broken_expectation_is_told_and_is_status_one(here: Path) -> None:
    done = wsrace("server-close", "--exact", "--set", "expect.pre-fix=none", *TWO)
    assert done.exit_code == 1
    assert (
        "pre-fix on asyncio-3.11: expected none of the trials to fail, exactly some" in done.stderr
    )
