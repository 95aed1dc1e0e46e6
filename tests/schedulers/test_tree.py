"""Searches made in pieces, in any order, each knowing only some of what others have met."""

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sim.errors import Divergence
from sim.kernel.order import Order
from sim.kernel.series import run_once, run_plan
from sim.kernel.world import Job
from sim.model.engine import Plan
from sim.model.record import Ending
from sim.schedulers.bounded import DelayBounded, deviation
from sim.schedulers.caching import Caching
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.past import class_of
from sim.schedulers.tree import ROOT, Divisible, Known, Node, Seen
from tests.helpers.programs import TASKS, Task, program
from tests.schedulers.test_dpor import FULL, job, searched

FEW = [HealthCheck.filter_too_much, HealthCheck.data_too_large]


def told(node: Node) -> Node:
    """The node as another process gets it."""
    picks, todo, sleep, *rest = json.loads(json.dumps(node))
    sleepers = tuple((name, tuple(reads), tuple(writes)) for name, reads, writes in sleep)
    return Node(tuple(picks), tuple(todo), sleepers, *rest)


class Pieces:
    """A search made in pieces. What it is to meet again is said to be known some pieces later."""

    def __init__(self, made: Job, draw: Callable[[int], int], step: int | None) -> None:
        self.made = made
        self.draw = draw
        self.step = step
        self.horizon = step
        self.open = [ROOT]
        self.put_off: list[Node] = []
        self.known = Known()
        self.number = 0
        self.classes: list[int] = []
        self.runs = 0

    def search(self, new: Callable[[Seen], Divisible]) -> None:
        while self.open or self.put_off:
            if not self.open:
                assert self.horizon is not None
                assert self.step is not None
                self.horizon = max(min(one.due for one in self.put_off), self.horizon + self.step)
                self.open = [one for one in self.put_off if one.due <= self.horizon]
                self.put_off = [one for one in self.put_off if one.due > self.horizon]
            count = 1 + self.draw(len(self.open) - 1)
            nodes = [self.open.pop(self.draw(len(self.open) - 1)) for _ in range(count)]
            before = self.number - self.draw(min(self.number, 3))
            seen = Seen(self.known, before)
            self.piece(new(seen), [told(one) for one in nodes], 1 + self.draw(5))
            for key, visit in seen.new():
                self.known.add(self.number, key, visit)
            self.number += 1

    def piece(self, search: Divisible, nodes: list[Node], most: int) -> None:
        search.enter(nodes)

        def plan() -> Plan:
            made = self.made if self.horizon is None else self.made.before(self.horizon)
            for _ in range(most):
                scheduler = search.next_scheduler()
                if scheduler is None:
                    return
                end = yield made.under(scheduler)
                self.runs += 1
                if end.ending is Ending.POSTPONED:
                    assert isinstance(search, Caching)
                    search.postpone(end)
                elif search.finished(end.schedule, end.trace_steps):
                    self.classes.append(class_of(end.trace_steps, end.schedule))

        run_plan(plan())
        if isinstance(search, Caching):
            self.put_off += search.put_off
        self.open += search.leave()


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize(("untimed", "step"), [(False, None), (True, None), (True, 2)])
@given(tasks=TASKS, data=st.data())
@settings(deadline=None, max_examples=15, suppress_health_check=FEW)
def test_pieces_in_any_order_find_the_classes_of_the_full_search(
    order: Order, untimed: bool, step: int | None, tasks: tuple[Task, ...], data: st.DataObject
) -> None:
    made = job(program(tasks), order, untimed)
    series, classes, _ = searched(made, Exhaustive(), FULL)
    assume(series.complete)

    def draw(most: int) -> int:
        return data.draw(st.integers(0, most)) if most > 0 else 0

    pieces = Pieces(made, draw, step)
    pieces.search(lambda seen: Caching(seen=seen))
    assert set(pieces.classes) == set(classes)


@pytest.mark.parametrize(
    "new",
    [Exhaustive, lambda: DelayBounded(2), lambda: Exhaustive(deviation, 1)],
    ids=["exhaustive", "delays", "deviations"],
)
@given(tasks=TASKS, data=st.data())
@settings(deadline=None, max_examples=30, suppress_health_check=FEW)
def test_pieces_make_every_schedule_once(
    new: Callable[[], Exhaustive], tasks: tuple[Task, ...], data: st.DataObject
) -> None:
    made = job(program(tasks), Order.FIFO)
    whole = new()
    series, classes, _ = searched(made, whole, FULL)
    assume(series.complete)
    pruned: list[Exhaustive] = []

    def one(_: Seen) -> Exhaustive:
        pruned.append(new())
        return pruned[-1]

    def draw(most: int) -> int:
        return data.draw(st.integers(0, most)) if most > 0 else 0

    pieces = Pieces(made, draw, None)
    pieces.search(one)
    assert pieces.runs == series.runs
    assert sorted(pieces.classes) == sorted(classes.elements())  # type: ignore[type-var]
    assert sum(one.pruned for one in pruned) == whole.pruned


@pytest.mark.parametrize("new", [Caching, Exhaustive])
def test_a_node_that_another_program_left_is_a_divergence(
    new: Callable[[], Caching | Exhaustive],
) -> None:
    def made(name: str) -> Job:
        return job(program(((True, (("write", name),)), (True, (("read", name),)))), Order.FIFO)

    def left(search: Divisible, made: Job) -> list[Node]:
        scheduler = search.next_scheduler()
        assert scheduler is not None
        end = run_once(made.under(scheduler))
        if end.error is not None:
            raise end.error
        search.finished(end.schedule, end.trace_steps)
        return search.leave()

    nodes = left(new(), made("x"))
    assert nodes
    other = new()
    other.enter([nodes[0]._replace(met="0123456789abcdef")])
    with pytest.raises(Divergence, match="does not depend on its choices alone"):
        left(other, made("x"))


def test_what_was_said_by_later_pieces_is_not_known_to_earlier_ones() -> None:
    known = Known()
    known.add(0, b"key", ("t1",))
    known.add(2, b"key", ())
    known.add(2, b"other", ("t1",))
    assert [known.visits(b"key", before) for before in (0, 1, 2, 3)] == [
        [],
        [("t1",)],
        [("t1",)],
        [("t1",), ()],
    ]
    assert known.visits(b"nobody", 9) == []
    seen = Seen(known, 1)
    seen.add(b"key", ("t2",))
    assert seen.visits(b"key") == [("t1",), ("t2",)]
    assert list(seen.new()) == [(b"key", ("t2",))]
