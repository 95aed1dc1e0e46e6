"""The work of a sweep: what is to be done, how it is recorded, and what comes out when it stops."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import workers
from sim.errors import UserError
from sim.model.scenario import Scenario
from sim.schedulers.fifo import Fifo
from sim.schedulers.uniform import Uniform
from sim.store.results import ResultStore
from sim.sweep import engine
from sim.sweep.cells import plan
from sim.sweep.engine import run_units, units
from sim.sweep.trials import Row, Unit, run_unit, trial_of

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
WORK = list(units(PLAN, 7, set()))
SEVEN = [Unit(((number, ""),), ("mine", 0.0), 0, (0, 1)) for number in range(7)]


@pytest.fixture
def store() -> Iterator[ResultStore]:
    with closing(ResultStore(None, "plan")) as one:
        yield one


class Pool(Executor):
    """Runs what is submitted at once, in this process, and remembers how it was used."""

    made: list["Pool"] = []  # noqa: RUF012

    def __init__(self, workers: int, line: object) -> None:
        self.workers = workers
        self.submitted = 0
        self.ended: list[dict[str, bool]] = []
        Pool.made.append(self)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.submitted += 1
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.ended.append({"wait": wait, "cancel_futures": cancel_futures})


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> list[Pool]:
    """Puts a pool and trials of no content in the place of processes and worlds."""
    monkeypatch.setattr(workers, "Pool", Pool)
    monkeypatch.setattr(engine, "run_unit", made_up)
    monkeypatch.setattr(Pool, "made", [])
    return Pool.made


def made_up(unit: Unit) -> list[Row]:
    ((cell, text),) = unit.cells
    if text:
        raise ArithmeticError(text)
    return [Row(cell, trial, False, False, "label", "digest") for trial in unit.trials]


def no_one(_: int) -> None:
    pass


# -- units ---------------------------------------------------------------------------------------


def test_there_is_a_unit_for_each_group_with_all_its_guards_and_trials() -> None:
    assert [tuple(index for index, _ in unit.cells) for unit in WORK] == [
        (0, 1),
        (2, 3),
        (4, 5),
        (6, 7),
    ]
    assert all(unit.trials == (0, 1, 2) and unit.seed == 7 for unit in WORK)
    assert [unit.luck for unit in WORK] == [("mine", 0.0), ("mine", 10.0)] * 2


def test_a_unit_holds_the_scenarios_of_its_cells() -> None:
    for unit in WORK:
        for index, text in unit.cells:
            assert Scenario.model_validate_json(text) == PLAN[index].scenario


@given(done=st.sets(st.integers(0, len(PLAN) - 1)))
def test_units_leave_out_finished_cells_and_keep_groups_together(done: set[int]) -> None:
    work = list(units(PLAN, 7, done))
    left = [index for unit in work for index, _ in unit.cells]
    assert left == [index for index in range(len(PLAN)) if index not in done]
    groups = [{PLAN[index].group for index, _ in unit.cells} for unit in work]
    assert all(len(group) == 1 for group in groups)
    assert len(set().union(*groups)) == len(groups)
    assert all(unit.trials == (0, 1, 2) for unit in work)


def test_each_scenario_has_its_own_number_of_trials() -> None:
    more = SCENARIO.sweep.model_copy(update={"trials": 5})
    other = SCENARIO.model_copy(update={"name": "other", "sweep": more})
    work = list(units(plan([SCENARIO, other]), 0, {0}))
    assert {(unit.luck[0], len(unit.trials)) for unit in work} == {("mine", 3), ("other", 5)}


# -- running them --------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_rows_are_recorded_as_they_come(store: ResultStore, pool: list[Pool], workers: int) -> None:
    counts: list[int] = []
    seen: list[int] = []

    def on_rows(count: int) -> None:
        counts.append(count)
        seen.append(len(list(store.rows())))

    run_units(SEVEN, store, workers, on_rows)
    assert counts == [2] * 7
    assert seen[-1] == 14
    # rows are in the store before anybody is told of them
    assert all(there >= told * 2 for told, there in enumerate(seen, 1))
    assert [one.workers for one in pool] == ([] if workers == 1 else [workers])
    assert all(one.ended == [{"wait": True, "cancel_futures": False}] for one in pool)


def test_a_single_unit_needs_no_processes(store: ResultStore, pool: list[Pool]) -> None:
    run_units(SEVEN[:1], store, 4, no_one)
    assert pool == []
    assert len(list(store.rows())) == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_without_work_nothing_happens(store: ResultStore, pool: list[Pool], workers: int) -> None:
    run_units([], store, workers, lambda count: pytest.fail("nothing was done"))
    assert list(store.rows()) == []
    assert sum(one.submitted for one in pool) == 0


def test_no_more_than_two_units_per_worker_are_on_their_way(
    store: ResultStore, pool: list[Pool]
) -> None:
    ahead: list[int] = []
    told: list[int] = []

    def on_rows(count: int) -> None:
        told.append(count)
        ahead.append(pool[0].submitted - len(told))

    many = [Unit(((number, ""),), ("mine", 0.0), 0, (0,)) for number in range(40)]
    run_units(many, store, 2, on_rows)
    assert len(told) == pool[0].submitted == 40
    assert max(ahead) <= 3  # four, less the one that has just been told of


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_in_a_worker_comes_out_and_ends_the_work(
    store: ResultStore, pool: list[Pool], workers: int
) -> None:
    work = [*SEVEN[:3], Unit(((3, "broken"),), ("mine", 0.0), 0, (0,))]
    work += [Unit(((number, ""),), ("mine", 0.0), 0, (0,)) for number in range(4, 40)]
    with pytest.raises(ArithmeticError, match="broken"):
        run_units(work, store, workers, no_one)
    kept = {row[0] for row in store.rows()}
    assert 3 not in kept
    assert len(kept) < 39
    assert all(one.ended == [{"wait": True, "cancel_futures": True}] for one in pool)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_keyboard_interrupt_goes_on_and_what_was_told_is_recorded(
    store: ResultStore, pool: list[Pool], workers: int
) -> None:
    told: list[int] = []

    def on_rows(count: int) -> None:
        told.append(count)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_units(SEVEN, store, workers, on_rows)
    assert len(list(store.rows())) == sum(told) == 6
    assert all(one.ended == [{"wait": True, "cancel_futures": True}] for one in pool)


def test_a_fault_in_a_real_process_comes_out_with_all_its_lines(store: ResultStore) -> None:
    text = '{"guard": "nosuch_module:guard"}'
    work = [Unit(((number, text),), ("mine", 0.0), 0, (0,)) for number in range(2)]
    with pytest.raises(UserError) as caught:
        run_units(work, store, 2, no_one)
    (line,) = caught.value.faults
    assert "cannot import 'nosuch_module'" in line
    assert list(store.rows()) == []


# -- trials --------------------------------------------------------------------------------------


def all_rows(work: list[Unit]) -> list[Row]:
    return sorted(row for unit in work for row in run_unit(unit))


ROWS = all_rows(WORK)


def test_a_unit_yields_a_row_for_each_cell_and_trial_in_order() -> None:
    for unit in WORK:
        keys = [(row.cell, row.trial) for row in run_unit(unit)]
        assert keys == [(cell, trial) for cell, _ in unit.cells for trial in unit.trials]


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
import json, sys
from sim.sweep.trials import Unit, run_unit
cells, luck, seed, trials = json.loads(sys.argv[1])
unit = Unit(tuple(map(tuple, cells)), tuple(luck), seed, tuple(trials))
print(json.dumps(run_unit(unit)))
"""


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_a_unit_comes_to_the_same_in_another_process_with_other_hashes(hash_seed: str) -> None:
    unit = WORK[-1]  # under any-order: times and choices are drawn
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(unit)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    assert [Row(*row) for row in json.loads(done.stdout)] == run_unit(unit)


def test_trials_differ_so_that_equal_rows_mean_something() -> None:
    assert len({row.digest for row in ROWS}) > len(ROWS) / 2
    assert {row.failed for row in ROWS} == {True, False}


@settings(max_examples=12, deadline=None)
@given(work=st.permutations(WORK))
def test_the_order_of_the_units_does_not_matter(work: list[Unit]) -> None:
    assert all_rows(work) == ROWS


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_neither_does_the_order_within_a_unit_or_how_its_trials_are_split(
    data: st.DataObject,
) -> None:
    unit = data.draw(st.sampled_from(WORK))
    trials = data.draw(st.permutations(unit.trials))
    cells = tuple(data.draw(st.permutations(unit.cells)))
    cut = data.draw(st.integers(0, len(trials)))
    parts = [tuple(trials[:cut]), tuple(trials[cut:])]
    rows = all_rows([unit._replace(cells=cells, trials=part) for part in parts if part])
    assert rows == sorted(run_unit(unit))


def test_a_row_does_not_depend_on_what_ran_before_it_in_the_process() -> None:
    alone = WORK[0]._replace(trials=(2,))
    assert run_unit(alone) == [row for row in run_unit(WORK[0]) if row.trial == 2]
