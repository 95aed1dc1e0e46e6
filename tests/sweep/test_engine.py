"""The work of a sweep: what is to be done, how it is recorded, and what comes out when it stops."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import Executor, Future
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import UserError
from sim.model.scenario import Scenario
from sim.schedulers.fifo import Fifo
from sim.schedulers.uniform import Uniform
from sim.store.results import Crash, ResultStore, Wanted
from sim.sweep import engine
from sim.sweep.batches import asked_of, run_batch
from sim.sweep.cells import plan
from sim.sweep.engine import Left, local, run_left
from sim.sweep.trials import Batch, Row, run_trials, trial_of
from sim.workers.pool import WorkerLost
from sim.workers.seam import OtherCodeError, Workers

ROOT = Path(__file__).parent.parent.parent
SCENARIO = Scenario.model_validate(
    {
        "name": "mine",
        "clients": {"messages": 1, "pause_ms": 200},
        "injections": [
            {
                "do": "server-close",
                "at": "validated",
                "nth": 2,
                "delay_ms": {"uniform": [0, 20]},
            }
        ],
        "sweep": {
            "values": [0, 10],
            "trials": 3,
            "guards": ["pre-fix", "catch"],
            "runtimes": ["asyncio-3.11", "any-order"],
        },
    }
)
PLAN = plan([SCENARIO])
WANTED = [Wanted(f"cell {number}", one.scenario.sweep.trials) for number, one in enumerate(PLAN)]


def left(missing: Sequence[Sequence[range]] | None = None) -> Left:
    return Left(PLAN, 7, [[range(3)]] * len(PLAN) if missing is None else missing)


def batches(one: Left, seconds: float | None = None) -> list[Batch]:
    found = []
    while (batch := one.next()) is not None:
        found.append(batch)
        if seconds is not None:
            one.learn(batch, seconds * batch.size)
    return found


WORK = batches(left())


@pytest.fixture
def store() -> Iterator[ResultStore]:
    with closing(ResultStore(None, WANTED)) as one:
        yield one


class AtOnce(Executor):
    """Runs what is submitted at once, in this process. loses: batches that lose their worker."""

    def __init__(self, loses: Callable[[Batch], bool] = lambda batch: False) -> None:
        self.asked: list[Batch] = []
        self._loses = loses

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        batch = Batch(*json.loads(args[0])[1])
        self.asked.append(batch)
        future: Future[Any] = Future()
        try:
            if self._loses(batch):
                raise WorkerLost("its process ended, with exit code -9")
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def made_up(asked: str) -> str:
    """Return rows of no content, as `run_batch` does."""
    batch = Batch(*json.loads(asked)[1])
    if batch.scenario == "broken":
        raise ArithmeticError("broken")
    rows = [Row(batch.cell, trial, False, False, "label", "aa") for trial in batch.trials]
    return json.dumps([rows, 0.001])


@pytest.fixture
def made_up_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "run_batch", made_up)


def no_one(_: int) -> None:
    pass


def keys(store: ResultStore) -> list[tuple[int, int]]:
    return [row[:2] for row in store.rows()]


ALL = [(cell, trial) for cell in range(len(PLAN)) for trial in range(3)]


# -- batches ---------------------------------------------------------------------------------------


def test_batches_hold_each_missing_trial_once_in_order() -> None:
    missing = [[range(3)], [], [range(1), range(2, 3)], *[[]] * (len(PLAN) - 3)]
    found = batches(left(missing))
    assert [(one.cell, trial) for one in found for trial in one.trials] == [
        *((0, trial) for trial in range(3)),
        (2, 0),
        (2, 2),
    ]
    assert left(missing).count == 5


def test_a_batch_holds_the_scenario_of_its_cell_and_the_luck_that_its_group_shares() -> None:
    for batch in WORK:
        assert Scenario.model_validate_json(batch.scenario) == PLAN[batch.cell].scenario
        assert batch.seed == 7
    assert [one.luck for one in WORK[:4]] == [("mine", 0.0)] * 2 + [("mine", 10.0)] * 2


@pytest.mark.parametrize(("takes_s", "size"), [(0.01, 5), (0.0001, 500), (0.2, 1), (0.0, 10_000)])
def test_a_batch_is_as_large_as_its_time_allows_once_that_is_known(
    takes_s: float, size: int
) -> None:
    found = batches(Left(PLAN[:1], 7, [[range(30_000)]]), takes_s)
    assert found[0].size == 4
    assert {one.size for one in found[1:-1]} == {size}
    assert sum(one.size for one in found) == 30_000


def test_what_was_learned_of_one_guard_says_nothing_of_another() -> None:
    one = Left(PLAN[:2], 7, [[range(1000)]] * 2)
    sizes = [(batch.cell, batch.size) for batch in batches(one, 0.001)]
    assert sizes[0] == (0, 4)
    assert next(size for cell, size in sizes if cell == 1) == 4


# -- running them ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("made_up_trials")
@pytest.mark.parametrize("workers", [None, 1, 2, 5])
def test_rows_are_in_the_store_before_anybody_is_told(
    store: ResultStore, workers: int | None
) -> None:
    told = 0

    def on_rows(count: int) -> None:
        nonlocal told
        told += count
        assert len(keys(store)) == told

    there = None if workers is None else Workers(AtOnce(), lambda: workers)
    run_left(left(), there, store, on_rows)
    assert told == len(ALL)
    assert keys(store) == ALL


@pytest.mark.usefixtures("made_up_trials")
def test_no_more_than_two_batches_per_worker_are_on_their_way(store: ResultStore) -> None:
    executor, told = AtOnce(), 0

    def on_rows(count: int) -> None:
        nonlocal told
        told += count
        assert sum(one.size for one in executor.asked) - told <= 2 * 2 * 3

    run_left(left(), Workers(executor, lambda: 2), store, on_rows)
    assert told == len(ALL)


@pytest.mark.parametrize("workers", [None, 2])
def test_what_a_trial_raises_comes_out_and_what_was_recorded_stays(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch, workers: int | None
) -> None:
    def breaks(asked: str) -> str:
        if Batch(*json.loads(asked)[1]).cell == 5:
            raise ArithmeticError("broken")
        return made_up(asked)

    monkeypatch.setattr(engine, "run_batch", breaks)
    there = None if workers is None else Workers(AtOnce(), lambda: 2)
    with pytest.raises(ArithmeticError, match="broken"):
        run_left(left(), there, store, no_one)
    assert (0, 0) in keys(store)
    assert (5, 0) not in keys(store)


def test_a_fault_in_a_real_process_comes_out_with_all_its_lines(store: ResultStore) -> None:
    broken = SCENARIO.model_copy(update={"guard": "nosuch_module:guard"})
    one = replace(PLAN[0], scenario=broken)
    with pytest.raises(UserError) as caught, local(2, 100) as workers:
        run_left(Left([one] * 8, 7, [[range(3)]] * 8), workers, store, no_one)
    (line,) = caught.value.faults
    assert "cannot import 'nosuch_module'" in line
    assert keys(store) == []


def test_a_single_worker_and_a_handful_of_trials_need_no_processes() -> None:
    with local(1, 1000) as one, local(4, 5) as few, local(2, 1000) as two:
        assert one is None
        assert few is None
        assert two is not None
        assert two.count() == 2


# -- workers that are lost -------------------------------------------------------------------------


@pytest.mark.usefixtures("made_up_trials")
def test_of_a_batch_that_loses_its_worker_each_trial_is_run_alone(store: ResultStore) -> None:
    executor = AtOnce(lambda batch: batch.cell == 3 and batch.size > 1)
    run_left(left(), Workers(executor, lambda: 2), store, no_one)
    assert keys(store) == ALL
    assert [one.size for one in executor.asked if one.cell == 3] == [3, 1, 1, 1]
    assert store.crashes() == []


@pytest.mark.usefixtures("made_up_trials")
def test_a_trial_that_loses_its_worker_alone_is_recorded_as_a_crash_and_no_other(
    store: ResultStore,
) -> None:
    told: list[int] = []
    executor = AtOnce(lambda batch: batch.cell == 3 and 1 in batch.trials)
    run_left(left(), Workers(executor, lambda: 2), store, told.append)
    assert keys(store) == [one for one in ALL if one != (3, 1)]
    assert store.crashes() == [Crash(3, 1, "its process ended, with exit code -9")]
    assert sum(told) == len(ALL)
    assert store.missing(3) == []


# -- interrupts ------------------------------------------------------------------------------------


class OneByOne(Executor):
    """Does what was submitted when somebody waits for it: the first of it runs already."""

    def __init__(self) -> None:
        self.begun: list[tuple[Future[Any], str]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if len(self.begun) < 2:
            future.set_running_or_notify_cancel()
        self.begun.append((future, args[0]))
        return future

    def finish(self) -> None:
        for future, asked in self.begun:
            if future.running():
                future.set_result(made_up(asked))


def test_on_the_first_interrupt_what_runs_is_finished_and_kept(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor, waits = OneByOne(), []

    def interrupted(pending: Any, *args: Any) -> Any:
        waits.append(len(pending))
        if len(waits) == 1:
            raise KeyboardInterrupt
        executor.finish()
        return real(pending, *args)

    real = futures.wait
    monkeypatch.setattr(engine, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_left(left(), Workers(executor, lambda: 3), store, no_one)
    assert waits == [6, 2]
    assert keys(store) == ALL[:6]


def test_on_the_second_interrupt_workers_are_stopped(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[bool] = []

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "wait", interrupted)
    there = Workers(OneByOne(), lambda: 3, kill=lambda: killed.append(True))
    with pytest.raises(KeyboardInterrupt):
        run_left(left(), there, store, no_one)
    assert killed == [True]
    assert keys(store) == []


def test_what_each_worker_is_at_is_told_in_words(store: ResultStore) -> None:
    told: list[str] = []
    with local(2, 1000) as workers:
        run_left(left(), workers, store, no_one, told.extend)
    assert keys(store) == ALL
    words = r"process \d+: (waits|mine, (pre-fix|catch), [\w.-]+, trials \d+ to \d+)"
    assert told
    assert all(re.fullmatch(words, one) for one in told), told


# -- trials --------------------------------------------------------------------------------------


def all_rows(work: list[Batch]) -> list[Row]:
    return sorted(row for batch in work for row in run_trials(batch))


ROWS = all_rows(WORK)


def test_a_batch_yields_a_row_for_each_trial_in_order() -> None:
    for batch in WORK:
        found = [(row.cell, row.trial) for row in run_trials(batch)]
        assert found == [(batch.cell, trial) for trial in batch.trials]


def test_a_trial_is_the_same_for_the_same_arguments_and_another_for_others() -> None:
    def told(seed: int = 1, trial: int = 2, luck: tuple[str, float] = ("x", 5.0)) -> str:
        return trial_of(SCENARIO, luck, seed, trial)[0].model_dump_json()

    assert told() == told()
    assert (
        len({told(), told(seed=3), told(trial=4), told(luck=("y", 5.0)), told(luck=("x", 6.0))})
        == 5
    )


def test_the_order_is_the_runtimes_or_drawn() -> None:
    def scheduler(runtime: str) -> object:
        one = SCENARIO.model_copy(update={"runtime": runtime})
        return trial_of(one, ("x", 0.0), 0, 0)[1]

    assert isinstance(scheduler("asyncio-3.11"), Fifo)
    assert isinstance(scheduler("asyncio-3.12"), Fifo)
    assert isinstance(scheduler("trio"), Uniform)
    assert isinstance(scheduler("any-order"), Uniform)


CODE = """
import sys
from sim.sweep.batches import run_batch
print(run_batch(sys.argv[1]))
"""


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_a_batch_comes_to_the_same_in_another_process_with_other_hashes(hash_seed: str) -> None:
    batch = WORK[-1]  # under any-order: times and choices are drawn
    done = subprocess.run(
        [sys.executable, "-c", CODE, asked_of(batch)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    assert [Row(*row) for row in json.loads(done.stdout)[0]] == run_trials(batch)


def test_a_process_with_other_code_runs_nothing() -> None:
    theirs = json.dumps(["wsrace of another day", WORK[0], ""])
    with pytest.raises(OtherCodeError, match="here is wsrace of another day"):
        run_batch(theirs)


def test_trials_differ_so_that_equal_rows_mean_something() -> None:
    assert len({row.digest for row in ROWS}) > len(ROWS) / 2
    assert {row.failed for row in ROWS} == {True, False}


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_neither_the_order_of_batches_matters_nor_how_they_are_cut(data: st.DataObject) -> None:
    pieces = []
    for batch in data.draw(st.permutations(WORK)):
        cut = data.draw(st.integers(0, batch.size))
        halves = (batch._replace(size=cut), batch._replace(first=cut, size=batch.size - cut))
        pieces += [one for one in halves if one.size]
    assert all_rows(pieces) == ROWS


def test_a_row_does_not_depend_on_what_ran_before_it_in_the_process() -> None:
    alone = WORK[0]._replace(first=2, size=1)
    assert run_trials(alone) == [row for row in run_trials(WORK[0]) if row.trial == 2]


def test_a_process_with_another_version_of_a_guard_runs_nothing() -> None:
    """A worker that lives on keeps what it has imported, though the file was edited."""
    guard = "tests.helpers.own_guards:both"
    text = json.dumps({**json.loads(WORK[0].scenario), "guard": guard})
    code, batch, version = json.loads(asked_of(WORK[0]._replace(scenario=text)))
    assert len(version) == 64
    assert run_batch(json.dumps([code, batch, version]))
    with pytest.raises(OtherCodeError, match="another version of a guard: restart it"):
        run_batch(json.dumps([code, batch, "0" * 64]))
