"""Happens-before: each rule by an example, and the whole by reordering real runs."""

from collections.abc import Sequence

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.kernel.series import run_search
from sim.kernel.world import Job, World
from sim.model.record import CLOCK, Access, Step
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.uniform import Uniform
from tests.helpers.happens_before import causes, conflict, races
from tests.helpers.running import run_once


def steps_of(program: object, seed: int | None = None) -> tuple[Step, ...]:
    scheduler = Fifo() if seed is None else Uniform(seed)
    end = run_once(program, scheduler, Job(program, scheduler, steps=True))  # type: ignore[arg-type]
    assert end.error is None
    return end.trace_steps


def first_of(steps: Sequence[Step], task: str, at: int = 0) -> int:
    return [index for index, step in enumerate(steps) if step.task == task][at]


def before(steps: Sequence[Step], one: int, other: int) -> bool:
    return bool(causes(steps)[other] >> one & 1)


async def two_writers(world: World) -> None:
    async def write() -> None:
        world.write("x")
        await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, name="a")
        nursery.start_soon(write, name="b")


def test_a_spawn_comes_before_the_child_and_the_last_child_before_the_join() -> None:
    steps = steps_of(two_writers)
    main, a, b = (first_of(steps, task) for task in ("main", "a", "b"))
    assert before(steps, main, a)
    assert before(steps, main, b)
    assert not before(steps, a, b)
    join = first_of(steps, "main", -1)
    for child in ("a", "b"):
        assert before(steps, first_of(steps, child, -1), join)


def test_writers_of_one_name_race_unless_one_wakes_the_other() -> None:
    async def handing_over(world: World) -> None:
        turn = trio.Event()

        async def first() -> None:
            world.write("x")
            turn.set()

        async def second() -> None:
            await turn.wait()
            world.write("x")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(second, name="b")
            nursery.start_soon(first, name="a")

    racing, ordered = steps_of(two_writers), steps_of(handing_over)
    assert [{racing[i].task, racing[j].task} for i, j in races(racing)] == [{"a", "b"}]
    writers = [i for i, step in enumerate(ordered) if Access("x", True) in step.accesses]
    assert len(writers) == 2
    assert tuple(writers) not in races(ordered)


def test_a_cancellation_comes_before_what_it_interrupts() -> None:
    async def program(world: World) -> None:
        scope = trio.CancelScope()

        async def victim() -> None:
            with scope:
                await trio.sleep_forever()

        async def killer() -> None:
            await trio.lowlevel.checkpoint()
            scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(victim, name="victim")
            nursery.start_soon(killer, name="killer")

    steps = steps_of(program)
    cancel = first_of(steps, "killer", -1)
    assert "victim" in steps[cancel].woke
    assert before(steps, cancel, first_of(steps, "victim", -1))
    written = {access.name for access in steps[cancel].accesses if access.write}
    assert written & {access.name for access in steps[first_of(steps, "victim", -1)].accesses}


def test_the_clock_comes_after_all_that_was_and_before_all_that_comes() -> None:
    async def program(world: World) -> None:
        async def sleeper() -> None:
            await trio.sleep(1)
            world.write("x")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(sleeper, name="a")
            nursery.start_soon(sleeper, name="b")

    steps = steps_of(program)
    clock = first_of(steps, CLOCK)
    assert set(steps[clock].woke) == {"a", "b"}
    masks = causes(steps)
    assert masks[clock] == (1 << clock) - 1
    assert all(mask >> clock & 1 for mask in masks[clock + 1 :])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("r", "r", False), ("r", "w", True), ("w", "r", True), ("w", "w", True)],
)
def test_reads_commute_and_writes_do_not(one: str, other: str, expected: bool) -> None:
    def step(mode: str, name: str) -> Step:
        return Step("t", 0, -1, (), (Access(name, mode == "w"),))

    assert conflict(step(one, "x"), step(other, "x")) is expected
    assert not conflict(step(one, "x"), step(other, "y"))


PROGRAMS = st.lists(
    st.lists(st.tuples(st.sampled_from("rw"), st.sampled_from("xy")), min_size=1, max_size=3),
    min_size=2,
    max_size=3,
)


@given(tasks=PROGRAMS)
@settings(max_examples=40, deadline=None)
def test_runs_with_the_same_order_of_conflicts_have_the_same_result(
    tasks: list[list[tuple[str, str]]],
) -> None:
    """What partial-order reduction rests on: the order of racing pairs decides the run."""

    async def program(world: World) -> str:
        values = {"x": "", "y": ""}
        seen: dict[str, str] = {}

        async def act(name: str, accesses: list[tuple[str, str]]) -> None:
            for mode, variable in accesses:
                if mode == "w":
                    world.write(variable)
                    values[variable] += name
                else:
                    world.read(variable)
                    seen[name] = seen.get(name, "") + values[variable] + "."
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            for number, accesses in enumerate(tasks):
                nursery.start_soon(act, f"t{number}", accesses, name=f"t{number}")
        return repr((values, sorted(seen.items())))

    results: dict[tuple[tuple[str, int, str, int], ...], object] = {}

    def check(end: object) -> None:
        steps = end.trace_steps  # type: ignore[attr-defined]
        nth: dict[str, int] = {}
        names = []
        for step in steps:
            nth[step.task] = nth.get(step.task, 0) + 1
            names.append((step.task, nth[step.task]))
        key = tuple(sorted((*names[i], *names[j]) for i, j in races(steps)))
        assert results.setdefault(key, end.result) == end.result  # type: ignore[attr-defined]

    run_search(Job(program, Fifo(), steps=True, events=False), Exhaustive(), check, max_runs=150)
    assert results


@given(seed=st.integers(0, 99))
@settings(deadline=None)
def test_what_had_to_come_before_never_contains_what_came_after(seed: int) -> None:
    for index, mask in enumerate(causes(steps_of(two_writers, seed))):
        assert mask < 1 << index


def test_regression_a_task_called_clock_is_not_the_kernels_clock() -> None:
    """Its steps counted as barriers, and every race with it was lost."""

    async def program(world: World) -> None:
        async def write() -> None:
            world.write("x")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, name="clock")
            nursery.start_soon(write, name="other")

    assert len(races(steps_of(program))) == 1
