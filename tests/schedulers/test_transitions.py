"""Classes of runs: equal exactly for runs that differ by commuting steps; batches; masks."""

from dataclasses import replace

import pytest
import trio
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sim.exploration.inquiry import Inquiry
from sim.kernel.order import Order as Loop
from sim.kernel.series import run_search
from sim.kernel.world import Job, Program, World
from sim.model.record import CLOCK, LOOP, TIME, End, Limits
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.in_order import InOrder
from sim.schedulers.past import READY, class_of
from sim.schedulers.transitions import Footprint, Transition, moves_of, order_of
from sim.schedulers.uniform import Uniform
from tests.helpers.programs import TASKS, Task, program
from tests.helpers.running import run_once

ALL = st.tuples(TASKS, st.sampled_from(Loop), st.booleans(), st.integers(0, 1 << 32))
Drawn = tuple[tuple[Task, ...], Loop, bool, int]


def drawn(case: Drawn) -> tuple[Job, End]:
    tasks, order, untimed, seed = case
    limits = Limits(ticks=20, steps=500)
    job = Job(program(tasks), Fifo(), order=order, untimed=untimed, limits=limits, steps=True)
    return job, run_once(job.program, Uniform(seed), job)


def the_class(end: End, untimed: bool) -> object:
    return class_of(end.trace_steps, end.schedule)


@given(ALL)
@settings(deadline=None, max_examples=60)
def test_the_masks_are_transitive_and_the_direct_ones_say_it_all(case: Drawn) -> None:
    job, end = drawn(case)
    transitions = moves_of(end.trace_steps)
    order = order_of(transitions, end.schedule, job.untimed)
    for masks in (order.before, order.causes):
        for index, mask in enumerate(masks):
            assert mask < 1 << index
            for earlier in range(index):
                if mask >> earlier & 1:
                    assert masks[earlier] & ~mask == 0
    for index, mask in enumerate(order.before):
        assert order.causes[index] & ~mask == 0
        closed = 0
        for earlier in order.direct[index]:
            closed |= order.before[earlier] | 1 << earlier
            assert not any(order.before[one] >> earlier & 1 for one in order.direct[index])
        assert closed == mask
        for earlier in range(index):
            one, two = transitions[earlier], transitions[index]
            if one.process == two.process or one.footprint.depends(two.footprint):
                assert mask >> earlier & 1


@given(ALL)
@settings(deadline=None, max_examples=60)
def test_moves_hold_every_step_once_in_order(case: Drawn) -> None:
    job, end = drawn(case)
    moves = moves_of(end.trace_steps)
    steps: list[object] = [step for one in moves for step in one.steps]
    assert steps == list(end.trace_steps)
    for one in moves:
        if one.process == LOOP:
            assert job.order is not Loop.ANY
            assert one.steps[0].task == LOOP
            assert not any(step.outside or step.task == CLOCK for step in one.steps)
        else:
            assert [step.task for step in one.steps] == [one.process]


def conflict(one: Transition, two: Transition) -> bool:
    """Whether two moves depend on each other through more than the ready queue, and the time."""
    none = {READY, TIME}
    return any(
        first.writes & (second.writes | second.reads) - none
        for first, second in ((one.footprint, two.footprint), (two.footprint, one.footprint))
    )


@given(ALL, st.integers(0, 1 << 16))
@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.filter_too_much])
def test_swapped_neighbours_are_the_same_class_exactly_if_they_are_independent(
    case: Drawn, pick: int
) -> None:
    job, end = drawn(case)
    transitions = moves_of(end.trace_steps)
    places = [
        index
        for index in range(len(transitions) - 1)
        if CLOCK not in (transitions[index].process, transitions[index + 1].process)
        and transitions[index].level >= 0
        and transitions[index + 1].process
        in end.schedule[transitions[index].level].question.options
    ]
    assume(places)
    place = places[pick % len(places)]
    swapped = list(transitions)
    swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
    other = run_once(job.program, InOrder(swapped, end.schedule), job)
    one, two = transitions[place], transitions[place + 1]
    independent = (
        not order_of(transitions, end.schedule, job.untimed).before[place + 1] >> place & 1
    )
    if independent:
        assert the_class(other, job.untimed) == the_class(end, job.untimed)
        assert (other.ending, other.result) == (end.ending, end.result)
    elif (
        conflict(one, two)
        and one.process != two.process
        and len(moves_of(other.trace_steps)) == len(transitions)  # else it splits a batch
    ):
        assert the_class(other, job.untimed) != the_class(end, job.untimed)


@given(ALL)
@settings(deadline=None, max_examples=40)
def test_a_run_is_made_again_from_its_own_order(case: Drawn) -> None:
    job, end = drawn(case)
    transitions = moves_of(end.trace_steps)
    again = run_once(job.program, InOrder(transitions, end.schedule), job)
    assert the_class(again, job.untimed) == the_class(end, job.untimed)
    assert (again.ending, again.result) == (end.ending, end.result)


@given(ALL)
@settings(deadline=None, max_examples=40)
def test_runs_of_one_class_end_alike(case: Drawn) -> None:
    job, _ = drawn(case)
    ends: dict[object, set[object]] = {}
    for seed in range(12):
        end = run_once(job.program, Uniform(seed), job)
        ends.setdefault(the_class(end, job.untimed), set()).add((end.ending, end.result))
    assert {len(found) for found in ends.values()} == {1}


def test_footprints_depend_through_writes_only() -> None:
    def footprint(reads: str, writes: str) -> Footprint:
        made = Footprint()
        made.reads, made.writes = set(reads), set(writes)
        return made

    for one, other, depends in (
        (("x", ""), ("x", ""), False),
        (("x", ""), ("", "x"), True),
        (("", "x"), ("x", ""), True),
        (("", "x"), ("", "x"), True),
        (("", "x"), ("y", "y"), False),
        (("", ""), ("", "x"), False),
    ):
        assert footprint(*one).depends(footprint(*other)) is depends


def two_wakers() -> Program:
    """Each of two from outside lets the loop go on; only one of them writes what it reads."""

    async def run(world: World) -> str:
        state, seen = {"x": 0}, list[int]()
        one, two = trio.Event(), trio.Event()

        async def reads() -> None:
            await two.wait()
            world.read("x")
            seen.append(state["x"])

        async def writes() -> None:
            await world.sleep_until(5)
            world.write("x")
            state["x"] = 1
            one.set()

        async def wakes() -> None:
            await world.sleep_until(5)
            two.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.wait, name="idle")
            nursery.start_soon(reads, name="reads")
            with world.outside():
                nursery.start_soon(writes, name="writes")
                nursery.start_soon(wakes, name="wakes")
        return str(seen)

    return run


@pytest.mark.parametrize(
    ("order", "untimed"),
    [
        (Loop.BATCH, False),
        (Loop.BATCH, True),
        (Loop.FIFO, False),
        (Loop.FIFO, True),
        (Loop.ANY, False),
        (Loop.ANY, True),
    ],
)
def test_a_batch_that_either_of_two_may_start_is_tried_before_each(
    order: Loop, untimed: bool
) -> None:
    job = Job(two_wakers(), Fifo(), order=order, untimed=untimed, steps=True)
    found: list[set[object]] = []
    for search in (Exhaustive(), Inquiry().search(0, job.in_batches)):
        results: set[object] = set()

        def on_end(end: End, results: set[object] = results) -> None:
            results.add(end.result)

        assert run_search(replace(job), search, on_end).complete
        found.append(results)
    assert found[0] == {"[0]", "[1]"}
    assert found[1] == found[0]
