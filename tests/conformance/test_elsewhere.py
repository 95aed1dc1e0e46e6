"""Predictions that workers make are those that this process makes."""

import json
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from sim.conformance.elsewhere import predict_all, predict_elsewhere
from sim.conformance.judge import judge_all
from sim.conformance.predict import Prediction
from sim.conformance.score import digest_of
from sim.errors import NoAnswer
from sim.model.scenario import Scenario
from sim.workers.pool import WorkerLost
from sim.workers.seam import OtherCodeError, Workers, local
from tests.helpers.arranged import STACKS, cell

CELLS = [
    cell(stack, kind=kind, point=point)
    for stack in STACKS
    for kind in ("server_close", "client_rst", "none")
    for point in ("top", "procN")
]


class AtOnce(Executor):
    """Does what it is asked at once, or loses it."""

    def __init__(self, loses: bool = False) -> None:
        self.loses = loses
        self.asked = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self.asked += 1
        if self.loses:
            future.set_exception(WorkerLost("its process ended"))
        else:
            future.set_result(fn(*args))
        return future


def test_cells_are_judged_the_same_whoever_simulates_them() -> None:
    told: list[int] = []
    alone = judge_all(CELLS)
    assert sum(one.prediction is not None for one in alone) > len(CELLS) // 2
    with local(2) as workers:
        there = judge_all(CELLS, told.append, workers)
    assert digest_of(there) == digest_of(alone)
    assert there == alone
    assert told == sorted(told)
    assert told[-1] == len(CELLS)


def test_scenarios_are_sent_together_and_come_back_in_order() -> None:
    executor = AtOnce()
    scenarios = [Scenario(end_ms=1 + number) for number in range(40)]
    done: list[int] = []
    found = predict_elsewhere(scenarios, Workers(executor, lambda: 2), done.append)
    assert executor.asked == 3
    assert done[-1] == 40
    for scenario, one in zip(scenarios, found, strict=True):
        assert isinstance(one, Prediction)
        assert all(run.subject.scenario == scenario for run in one.runs.values())


def test_what_loses_its_worker_has_no_answer() -> None:
    workers = Workers(AtOnce(loses=True), lambda: 2)
    (one,) = predict_elsewhere([Scenario(end_ms=1)], workers, lambda done: None)
    assert isinstance(one, NoAnswer)
    assert str(one) == "its process was lost each time: its process ended"
    judged = judge_all(CELLS[:2], None, workers)
    assert [one.prediction for one in judged] == [None, None]
    assert all("lost each time" in one.why for one in judged)


def test_a_process_with_other_code_predicts_nothing() -> None:
    with pytest.raises(OtherCodeError, match="here is wsrace of another day"):
        predict_all(json.dumps(["wsrace of another day", []]))
