"""The orders that a runtime leaves open, without Trio."""

import pytest

from sim.kernel.order import Candidates, Order
from sim.model.record import LOOP
from sim.model.schedule import Kind


def test_any_order_offers_every_ready_task() -> None:
    candidates = Candidates(Order.ANY)
    assert candidates.narrow(["a", "b"], ["c"]) == (Kind.STEP, ["a", "b", "c"])


@pytest.mark.parametrize(("order", "options"), [(Order.BATCH, ["a", "b"]), (Order.FIFO, ["a"])])
def test_what_becomes_ready_meanwhile_waits_for_the_next_batch(
    order: Order, options: list[str]
) -> None:
    candidates = Candidates(order)
    assert candidates.narrow(["a", "b"], []) == (Kind.STEP, options)
    candidates.stepped("a")
    assert candidates.narrow(["b", "new", "a"], []) == (Kind.STEP, ["b"])
    candidates.stepped("b")
    assert candidates.between_batches
    assert candidates.narrow(["new", "a"], [])[1][0] == "new"


def test_the_outside_lands_only_between_batches() -> None:
    candidates = Candidates(Order.FIFO)
    assert candidates.narrow(["a", "b"], ["client"]) == (Kind.ARRIVAL, ["client", LOOP])
    assert candidates.start(["a", "b"]) == ["a"]
    candidates.stepped("a")
    assert candidates.narrow(["b", "a"], ["client"]) == (Kind.STEP, ["b"])
    candidates.stepped("b")
    assert candidates.narrow(["a"], ["client"]) == (Kind.ARRIVAL, ["client", LOOP])


def test_the_outside_alone_acts_without_the_loop() -> None:
    assert Candidates(Order.FIFO).narrow([], ["x", "y"]) == (Kind.ARRIVAL, ["x", "y"])


def test_a_task_that_vanished_from_the_batch_is_not_offered() -> None:
    candidates = Candidates(Order.BATCH)
    candidates.narrow(["a", "b", "c"], [])
    candidates.stepped("a")
    assert candidates.narrow(["c"], []) == (Kind.STEP, ["c"])
