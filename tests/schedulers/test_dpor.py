"""DPOR against the full search: the same classes, each once, and the same outcomes."""

from collections import Counter

import pytest
import trio
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sim.errors import Divergence
from sim.kernel.order import Order
from sim.kernel.series import Series, run_search
from sim.kernel.world import Job, Program, World
from sim.model.record import End, Limits, silent_wakes
from sim.schedulers.dpor import Dpor
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.transitions import class_of
from tests.helpers import races
from tests.helpers.programs import TASKS, Task, program

FULL = 150
"""Programs with more schedules than that are not searched in full here."""


def searched(
    job: Job, search: Dpor | Exhaustive, most: int = 1_000_000
) -> tuple[Series, Counter[object], set[object]]:
    """Return the series, how often each class was met, and the outcomes."""
    classes: Counter[object] = Counter()
    outcomes: set[object] = set()

    def on_end(end: End) -> None:
        classes[class_of(end.trace_steps, end.schedule, job.untimed)] += 1
        # A deadlock lists who waits in the order of their making, which is no outcome.
        outcomes.add((end.ending, repr(end.result), tuple(sorted(str(end.error).splitlines()))))

    series = run_search(job, search, on_end, most)
    return series, classes, outcomes


def job(run: Program, order: Order = Order.ANY, untimed: bool = False) -> Job:
    limits = Limits(ticks=20, steps=500)
    return Job(run, Fifo(), order=order, untimed=untimed, limits=limits, steps=True, events=False)


def agree(run: Job, full: int = FULL) -> bool:
    """Hold DPOR against the full search; return False if that has more schedules than `full`."""
    series, classes, outcomes = searched(run, Exhaustive(), full)
    if not series.complete:
        return False
    reduced, found, seen = searched(run, Dpor(run.untimed))
    assert reduced.complete
    assert set(found) == set(classes)
    assert set(found.values()) == {1}
    assert seen == outcomes
    return True


@given(TASKS, st.sampled_from(Order), st.booleans())
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.filter_too_much])
def test_generated_programs_have_the_classes_and_outcomes_of_the_full_search(
    tasks: tuple[Task, ...], order: Order, untimed: bool
) -> None:
    """With cancellation, timeouts, locks, events, channels and nested nurseries among them."""
    assume(agree(job(program(tasks), order, untimed)))


@pytest.mark.slow
@given(TASKS, st.sampled_from(Order), st.booleans())
@settings(deadline=None, max_examples=1500, suppress_health_check=[HealthCheck.filter_too_much])
def test_many_generated_programs_have_the_classes_of_the_full_search(
    tasks: tuple[Task, ...], order: Order, untimed: bool
) -> None:
    assume(agree(job(program(tasks), order, untimed), 1000))


REGRESSIONS: dict[str, tuple[tuple[Task, ...], Order, bool]] = {
    "a scope cancelled before it is entered": (
        ((False, (("read", "x"),)), (False, (("cancel", 0),))),
        Order.ANY,
        False,
    ),
    "sleepers forgotten at the first choice of a batch": (
        (
            (False, (("read", "x"),)),
            (False, (("both", (("cancel", 0),), (("cancel", 1),)),)),
        ),
        Order.BATCH,
        False,
    ),
    "a cancellation takes a waiter out of a lock": (
        (
            (False, (("locked", (("turn",),)),)),
            (False, (("locked", (("read", "x"),)),)),
            (False, (("cancel", 0),)),
        ),
        Order.ANY,
        False,
    ),
    "the last step before a deadlock was not watched": (
        ((True, (("wait",),)), (True, (("within", 1, (("read", "x"),)),))),
        Order.ANY,
        True,
    ),
    "a deadline that goes takes the clock's move with it": (
        (
            (False, (("read", "x"),)),
            (True, (("within", 1, (("read", "x"),)), ("turn",))),
        ),
        Order.BATCH,
        True,
    ),
    "time may move before a step that only stands in a scope with a deadline": (
        (
            (False, (("read", "x"),)),
            (True, (("within", 1, (("read", "x"), ("turn",))),)),
        ),
        Order.BATCH,
        True,
    ),
    "an exit from outside may wake the loop": (
        ((False, (("read", "x"),)), (True, (("read", "x"),))),
        Order.BATCH,
        False,
    ),
    "a parent woken by a child that also cancels": (
        (
            (False, (("turn",),)),
            (
                False,
                (
                    ("sleep", 1),
                    ("locked", (("put",),)),
                    ("both", (("put",),), (("cancel", 0),)),
                ),
            ),
        ),
        Order.ANY,
        False,
    ),
}


@pytest.mark.parametrize("what", REGRESSIONS)
def test_regression(what: str) -> None:
    tasks, order, untimed = REGRESSIONS[what]
    assert agree(job(program(tasks), order, untimed))


GUARD_RACES = {
    races.Race("pre-fix", abort=True): (110, 18),
    races.Race("post-fix", abort=True): (110, 18),
    races.Race("both-states", abort=True): (110, 18),
    races.Race("both-states", hop=True, abort=True): (352, 18),
    races.Race("both-states", server_close=True): (17, 4),
    races.Race("both-states", hop=True, server_close=True): (50, 6),
}


@pytest.mark.parametrize("race", GUARD_RACES, ids=str)
def test_the_guard_races_reduce_to_their_classes(race: races.Race) -> None:
    schedules, classes = GUARD_RACES[race]
    full, found, outcomes = searched(job(races.program(race)), Exhaustive())
    reduced, once, seen = searched(job(races.program(race)), Dpor())
    assert (full.runs, len(found), reduced.runs) == (schedules, classes, classes)
    assert set(once) == set(found)
    assert seen == outcomes


def adders(tasks: int, rounds: int) -> Program:
    """Read, await, write on one variable, with no await between two rounds."""

    async def run(world: World) -> int:
        value = 0

        async def add() -> None:
            nonlocal value
            for _ in range(rounds):
                world.read("value")
                before = value
                await trio.lowlevel.checkpoint()
                world.write("value")
                value = before + 1

        async with trio.open_nursery() as nursery:
            for number in range(tasks):
                nursery.start_soon(add, name=f"t{number}")
        return value

    return run


@pytest.mark.parametrize(
    ("tasks", "rounds", "classes"), [(2, 1, 4), (2, 2, 14), (2, 3, 50), (3, 1, 36), (3, 2, 762)]
)
def test_adders_have_exactly_these_classes(tasks: int, rounds: int, classes: int) -> None:
    series, found, _ = searched(job(adders(tasks, rounds)), Dpor())
    assert (series.runs, len(found)) == (classes, classes)


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("untimed", [False, True])
def test_no_run_of_a_guard_race_wakes_without_a_recorded_write(order: Order, untimed: bool) -> None:
    silent: set[tuple[str, str]] = set()

    def on_end(end: End) -> None:
        silent.update(silent_wakes(end.trace_steps))

    race = races.Race("both-states", hop=True, abort=True, server_close=True, rounds=1)
    run_search(job(races.program(race), order, untimed), Dpor(untimed), on_end, 300)
    assert not silent


def test_state_that_nobody_notes_is_what_dpor_cannot_see_and_the_full_search_can() -> None:
    async def run(world: World) -> str:
        seen = ""

        async def act(name: str) -> None:
            nonlocal seen
            await trio.lowlevel.checkpoint()
            seen += name

        async with trio.open_nursery() as nursery:
            nursery.start_soon(act, "a", name="a")
            nursery.start_soon(act, "b", name="b")
        return seen

    assert len(searched(job(run), Exhaustive())[2]) == 2
    assert len(searched(job(run), Dpor())[2]) == 1


def test_a_job_that_goes_its_own_way_is_a_divergence() -> None:
    runs = 0

    async def run(world: World) -> None:
        nonlocal runs
        runs += 1
        async with trio.open_nursery() as nursery:
            for number in range(2 + runs % 2):
                nursery.start_soon(trio.lowlevel.checkpoint, name=f"{number}")
                world.write("x")

    async def racing(world: World) -> None:
        await run(world)

    class Twice(Dpor):
        def _advance(self) -> bool:
            return self._depth > 0

    with pytest.raises(Divergence):
        run_search(job(racing), Twice(), lambda end: None, 5)
