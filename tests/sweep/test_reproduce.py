"""The main job: paired trials, the same result whatever the workers, and nothing lost when cut."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sim.errors import UserError
from sim.files.catalog import names, open_scenario
from sim.model.scenario import Scenario
from sim.report.text.reproduce import document_of
from sim.runs.replay import replay
from sim.store.results import ResultStore
from sim.sweep import identity
from sim.sweep.reproduce import (
    Reproduction,
    Task,
    check_task,
    failing_run,
    reproduce,
    scenarios_of,
)
from sim.sweep.summary import Marks, broken_expectations
from sim.sweep.trials import trial_of
from tests.helpers.processes import heed_interrupts

ROOT = Path(__file__).parent.parent.parent
SHIPPED = [name for name in names() if isinstance(open_scenario(name), Scenario)]
SMALL = Task("server-close", ("sweep.values=[0, 10, 20]",), trials=6)


def found(task: Task = SMALL, **options: Any) -> Reproduction:
    return reproduce(task, workers=options.pop("workers", 1), **options)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_holds_what_it_expects(name: str) -> None:
    settings = ("sweep.values=[1, 20]",) if name == "chat-session" else ()
    result = found(Task(name, settings, trials=8))
    assert broken_expectations(result.scenarios, result.summary.results) == ()
    expected = open_scenario(name)
    assert isinstance(expected, Scenario)
    assert set(expected.expect) == set(expected.sweep.guards)


def test_a_broken_expectation_names_guard_runtime_and_figures() -> None:
    result = found(Task("server-close", ("expect.pre-fix=none", "expect.catch=all"), trials=8))
    lines = broken_expectations(result.scenarios, result.summary.results)
    assert len(lines) == 4
    assert lines[0].startswith("server-close: pre-fix on asyncio-3.11: expected none of the trials")
    assert any("catch on asyncio-3.12: expected all" in line for line in lines)


def test_every_guard_meets_the_same_luck() -> None:
    (scenario,) = scenarios_of(SMALL)
    pre, post = (scenario.model_copy(update={"guard": guard}) for guard in ("pre-fix", "post-fix"))
    for trial in range(20):
        (one, _), (other, _) = (
            trial_of(each, ("server-close", 5.0), 7, trial) for each in (pre, post)
        )
        assert one.injections == other.injections
    assert trial_of(pre, ("x", 5.0), 7, 0)[0] != trial_of(pre, ("x", 5.0), 7, 1)[0]
    assert trial_of(pre, ("x", 5.0), 7, 0)[0] != trial_of(pre, ("x", 5.0), 8, 0)[0]


def test_the_document_is_the_same_for_every_number_of_workers() -> None:
    documents = [json.dumps(document_of(found(workers=workers))) for workers in (1, 2)]
    assert documents[0] == documents[1]


def test_the_document_has_what_is_promised() -> None:
    document = document_of(found())
    assert set(document) == {
        "schema",
        "wsrace",
        "scenario",
        "seed",
        "guards",
        "settings",
        "runs",
        "scenarios",
        "digest",
        "cells",
        "crashes",
        "pairs",
        "tokens",
    }
    assert set(document["cells"][0]) >= {
        "mode",
        "shape",
        "injection",
        "probe",
        "runtime",
        "server",
        "counterfactual",
        "guard",
        "axis",
        "value",
        "unit",
        "window_ms",
        "offset_ms",
        "trials",
        "failures",
        "lost",
        "rate",
        "low",
        "high",
        "outcomes",
    }
    assert set(document["pairs"][0]) == {
        "before",
        "after",
        "mode",
        "shape",
        "injection",
        "runtime",
        "server",
        "axis",
        "value",
        "difference",
        "low",
        "high",
    }
    assert all(cell["trials"] == 6 for cell in document["cells"])
    assert all(sum(cell["outcomes"].values()) == 6 for cell in document["cells"])


def test_another_seed_is_another_digest_and_the_same_seed_the_same() -> None:
    digests = [
        found(Task("server-close", trials=2, seed=seed)).summary.digest for seed in (1, 1, 2)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_the_token_of_a_failing_run_replays_it() -> None:
    result = found()
    assert result.tokens
    for cell, token in result.tokens:
        record = replay(token)
        assert record.outcome.failed
        again = failing_run(result.plan[cell], result.summary.failing[cell], 0)
        assert again.digest == record.digest


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("server-close", ()),
        ("wait-for-hop", ()),
        ("blind-spot", ()),
        ("eaten-disconnect", ()),
        ("eaten-disconnect", ("clients.delay_ms=2",)),
        ("accept-race", ()),
    ],
)
def test_rates_agree_with_the_closed_forms_within_their_intervals(
    name: str, settings: tuple[str, ...]
) -> None:
    """Two ways to one number, at 99.9 %. Guards share their luck: a bad draw counts once."""
    outside, values = set(), set()
    guards = ("pre-fix", "post-fix", "both-states", "catch")
    for one in found(Task(name, settings, guards=guards, trials=30)).summary.results:
        assert one.closed_form is not None
        values.add(one.cell.value)
        expected = one.closed_form
        if abs(one.rate - expected) > 3.3 * (expected * (1 - expected) / one.trials) ** 0.5:
            outside.add(one.cell.value)
    assert len(values) == 8
    assert not outside


def test_without_a_message_loss_of_its_own_a_guard_never_loses_one() -> None:
    for one in found(Task("state-change", trials=10)).summary.results:
        assert one.lost == (one.outcomes.get("guard_break_final", 0))
        assert one.failures == 0


# -- interrupted and gone on with ----------------------------------------------------------------


def test_rows_that_come_twice_count_once(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    first = found(store_at=path)
    again = found(store_at=path)
    assert document_of(again) == document_of(first)


def test_another_sweep_in_the_same_file_comes_to_what_it_comes_to_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    found(store_at=path)
    assert document_of(found(SMALL, store_at=path)) == document_of(found(SMALL))
    with pytest.raises(UserError, match="holds the results of another sweep"):
        found(replace(SMALL, seed=2), store_at=path, must_be_known=True)


def test_a_rerun_with_more_trials_does_only_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    found(SMALL, store_at=path)
    seen: list[tuple[int, int]] = []
    more = replace(SMALL, trials=9)
    again = found(more, store_at=path, on_trials=lambda done, total: seen.append((done, total)))
    assert seen[0][0] * 9 == seen[0][1] * 6
    assert document_of(again) == document_of(found(more))
    assert document_of(found(SMALL, store_at=path)) == document_of(found(SMALL))


def test_what_the_code_or_a_library_changes_is_another_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.sqlite"
    found(SMALL, store_at=path)
    monkeypatch.setattr(identity, "code", lambda: "wsrace of tomorrow")
    seen: list[int] = []
    found(SMALL, store_at=path, on_trials=lambda done, total: seen.append(done))
    assert seen[0] == 0


def test_a_key_depends_on_all_that_a_row_does_and_on_nothing_else() -> None:
    _, (one, *_) = check_task(SMALL)
    key = identity.key_of(one, 1)
    assert len(key) == 64
    assert identity.key_of(one, 2) != key
    assert identity.key_of(replace(one, group=("x", "y", 1.0)), 1) != key
    for update in ({"guard": "catch"}, {"window_ms": 3.0}, {"runtime": "trio"}):
        assert (
            identity.key_of(replace(one, scenario=one.scenario.model_copy(update=update)), 1) != key
        )
    sweep = one.scenario.sweep.model_copy(update={"trials": 99})
    same = one.scenario.model_copy(update={"sweep": sweep, "title": "other words"})
    assert identity.key_of(replace(one, scenario=same), 1) == key


def test_all_that_trials_are_made_by_counts_as_code() -> None:
    """What running a batch imports of ours lies in the layers whose text is in every key."""
    code = "import sim.sweep.trials, sys; print(*(n for n in sys.modules if n.startswith('sim.')))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    layers = {name.partition(".")[0] for name in identity.LAYERS}
    used = {name.split(".")[1] for name in done.stdout.split()}
    assert used <= layers | {"files"}, "tokens and files are of other commands: no row shows them"


def test_a_sweep_of_many_trials_takes_a_byte_for_each() -> None:
    marks = Marks()
    for trial in range(100_000):
        marks.add(0, trial, trial % 3 == 0)
    marks.add(0, 5, True)
    assert len(marks) == 100_000
    assert sys.getsizeof(marks.of(0)) < 101_000
    assert sum(failed for _, _, failed in marks) == 33_335


def test_a_sweep_that_was_cut_comes_to_the_same_end(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"

    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        found(store_at=path, on_trials=stop)
    seen: list[tuple[int, int]] = []
    resumed = found(store_at=path, on_trials=lambda done, total: seen.append((done, total)))
    assert seen[0][0] > 0  # the finished cells were not run again
    assert document_of(resumed) == document_of(found())


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_exits_with_3_keeps_what_is_finished_and_says_how_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "sim", "reproduce", "server-close", "--runs", "100"]
    command += ["--workers", "2", "--out", str(out)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    ) as process:
        _wait_for_rows(out / "results.sqlite")
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 3, errors
    assert "what was finished is kept" in errors
    assert f"to go on: wsrace reproduce server-close --runs 100 --workers 2 --out {out}" in errors
    assert "Traceback" not in errors


def _wait_for_rows(path: Path) -> None:
    for _ in range(6000):
        time.sleep(0.05)
        if path.exists():
            with closing(sqlite3.connect(path)) as db:
                try:
                    if db.execute("SELECT COUNT(*) FROM trials").fetchone()[0]:
                        return
                except sqlite3.Error:
                    continue
    raise AssertionError("no row within five minutes")


# -- what cannot be run --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        (Task("serverclose"), "did you mean 'server-close'"),
        (Task("server-close", ("mode=mian",)), "did you mean 'main'"),
        (Task("server-close", ("sweep.axis=windw_ms",)), "sweep.axis: windw_ms = 0"),
        (Task("server-close", ("sweep.values=[-1]",)), "window_ms = -1"),
        (Task("server-close", guards=("nosuch:guard",)), "cannot import 'nosuch'"),
        (Task("server-close", guards=("pre-fx",)), "unknown guard 'pre-fx'"),
        (Task("server-close", ("sweep.guards=['a:b']",)), "runs only if you name it: --guard a:b"),
    ],
)
def test_what_cannot_be_run_is_one_clear_line(task: Task, fault: str) -> None:
    with pytest.raises(UserError, match=fault.replace("(", r"\(")):
        found(task)


def test_a_store_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    path.write_text("hello, this is not a database, whatever its name says")
    with pytest.raises(UserError, match="not a results file of wsrace"):
        ResultStore(path, [])
