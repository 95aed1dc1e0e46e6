"""The audit finds state that nobody noted, and nothing where all of it is."""

from typing import Any

import pytest
import trio

from sim.exploration.audit import audit
from sim.kernel.order import Order
from sim.kernel.world import Job, World
from sim.model.record import End
from sim.model.scenario import Scenario
from sim.schedulers.fifo import Fifo
from tests.helpers.running import job_for, record_of
from tests.helpers.scenes import BLIND, CLOSE, scene


def program(noted: bool) -> Any:
    async def run(world: World) -> str:
        seen: list[str] = []

        async def task() -> None:
            await trio.lowlevel.checkpoint()
            if noted:
                world.write("seen")
            seen.append(world.task)

        async with trio.open_nursery() as nursery:
            for name in "abcd":
                nursery.start_soon(task, name=name)
        return "".join(seen)

    return run


def result(end: End) -> str:
    return str(end.result)


@pytest.mark.parametrize("order", [Order.ANY, Order.BATCH])
def test_a_list_that_tasks_share_without_a_note_is_found(order: Order) -> None:
    found = audit(Job(program(noted=False), Fifo(), order=order), result, runs=60)
    assert found.differences
    one = found.differences[0]
    assert one.before != one.after
    assert {one.first, one.second} <= set("abcd")
    if order is Order.BATCH:  # within a batch nothing is swapped, but prefixes count as one
        assert (found.swaps, found.merges > 0, one.merge) == (0, True, True)
        assert one.words() == (
            f"prefixes that end with {one.first} and with {one.second} were taken for one, but "
            f"went on to {one.before!r} and {one.after!r}: some state is not noted"
        )
        return
    assert found.swaps > 0
    assert one.words() == (
        f"{one.first} and {one.second} were taken to commute, but swapping them turned "
        f"{one.before!r} into {one.after!r}: some state between them is not noted"
    )


def test_the_same_list_with_notes_is_not() -> None:
    found = audit(Job(program(noted=True), Fifo()), result, runs=40)
    assert found.swaps > 0
    assert found.differences == ()


def test_the_same_seed_draws_the_same_audit() -> None:
    job = Job(program(noted=False), Fifo())
    assert audit(job, result, 3, 20) == audit(job, result, 3, 20)
    assert audit(job, result, 3, 20) != audit(job, result, 4, 20)


@pytest.mark.parametrize("untimed", [False, True])
@pytest.mark.parametrize("runtime", ["any-order", "asyncio-3.11", "trio"])
@pytest.mark.parametrize("base", [CLOSE, BLIND])
def test_nothing_is_hidden_in_our_own_scenarios(
    base: dict[str, Any], runtime: str, untimed: bool
) -> None:
    scenario: Scenario = scene(base, runtime=runtime, hop=True)

    def judge(end: End) -> str:
        return record_of(scenario, end).outcome.label

    found = audit(job_for(scenario, Fifo(), untimed=untimed), judge, runs=25, untimed=untimed)
    assert found.differences == ()
    assert found.swaps > 0 or runtime != "any-order"
