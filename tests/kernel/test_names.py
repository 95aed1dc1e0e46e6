"""Task names are paths of spawning: the same in every run of one program."""

from collections.abc import Callable

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from sim.kernel.names import MAIN, Known
from sim.kernel.series import run_search
from sim.kernel.world import Job, Program, World
from sim.model.record import LOOP
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.uniform import Uniform
from tests.helpers.running import NOBODY, run_once


def test_children_of_main_stand_alone_and_others_follow_their_spawner() -> None:
    assert Known(MAIN, False, NOBODY).child_path("server") == "server"
    assert Known("server", False, NOBODY).child_path("handler") == "server/handler"
    assert Known("server/handler#2", True, NOBODY).child_path("x") == "server/handler#2/x"


def test_the_second_child_of_a_name_is_numbered_two() -> None:
    known = Known("s", False, NOBODY)
    assert [known.child_path(name) for name in "abaab"] == ["s/a", "s/b", "s/a#2", "s/a#3", "s/b#2"]


def test_only_the_last_part_of_a_dotted_name_counts() -> None:
    known = Known(MAIN, False, NOBODY)
    names = ["pkg.mod.leaf", "other.leaf", "outer.<locals>.leaf", "leaf"]
    assert [known.child_path(name) for name in names] == ["leaf", "leaf#2", "leaf#3", "leaf#4"]


@given(st.lists(st.sampled_from(["a", "b", "x.a", "x.y.c"]), max_size=20))
def test_the_children_of_one_task_have_different_names(names: list[str]) -> None:
    known = Known("t", False, NOBODY)
    paths = [known.child_path(name) for name in names]
    assert len(set(paths)) == len(paths)


def named(start: Callable[[trio.Nursery, Callable[[], object]], object]) -> Program:
    """Return a program in which `start` spawns leaves; each says its name."""

    async def program(world: World) -> None:
        async def leaf() -> None:
            world.event("here")

        async with trio.open_nursery() as nursery:
            start(nursery, leaf)

    return program


def heard(program: Program, seed: int | None = None) -> list[str]:
    end = run_once(program, Fifo() if seed is None else Uniform(seed))
    assert end.error is None
    return [event.task for event in end.events if event.kind == "here"]


def test_a_task_without_a_name_is_called_after_its_function() -> None:
    assert heard(named(lambda nursery, leaf: nursery.start_soon(leaf))) == ["leaf"]  # type: ignore[arg-type]


async def crossing(world: World) -> None:
    """A task that starts another in the nursery of a third: the spawner names it."""

    async def leaf() -> None:
        world.event("here")

    async def starter(nursery: trio.Nursery) -> None:
        nursery.start_soon(leaf)
        await trio.lowlevel.checkpoint()
        nursery.start_soon(leaf)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(starter, nursery, name="one")
        nursery.start_soon(starter, nursery, name="two")


def test_the_spawner_names_a_task_not_the_owner_of_the_nursery() -> None:
    assert sorted(heard(crossing)) == ["one/leaf", "one/leaf#2", "two/leaf", "two/leaf#2"]


@given(st.integers(0, 1 << 64))
def test_names_do_not_depend_on_the_schedule(seed: int) -> None:
    assert sorted(heard(crossing, seed)) == sorted(heard(crossing))


def test_a_number_is_not_given_again_after_its_task_has_ended() -> None:
    async def program(world: World) -> None:
        async def leaf() -> None:
            world.event("here")

        for _ in range(3):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(leaf)

    assert heard(program) == ["leaf", "leaf#2", "leaf#3"]


def test_the_program_itself_is_main() -> None:
    async def program(world: World) -> str:
        return world.task

    assert run_once(program).result == MAIN


def orders(*names: str) -> set[object]:
    """Return every order in which one step of each child and of main may come."""

    async def program(world: World) -> str:
        log: list[str] = []

        async def say(what: str) -> None:
            log.append(what)

        async with trio.open_nursery() as nursery:
            for number, name in enumerate(names):
                nursery.start_soon(say, str(number), name=name)
            await trio.lowlevel.checkpoint()
            log.append("m")
        return "".join(log)

    seen: set[object] = set()
    job = Job(program, Fifo())
    assert run_search(job, Exhaustive(), lambda end: seen.add(end.result)).complete
    return seen


def test_a_child_and_its_spawner_may_step_in_either_order() -> None:
    assert orders("a") == {"m0", "0m"}


def test_a_child_called_main_may_step_before_or_after_the_main_task() -> None:
    assert orders("main") == {"m0", "0m"}


def test_a_name_that_looks_numbered_is_still_a_name_of_its_own() -> None:
    assert len(orders("a#2", "a", "a")) == len(orders("a", "b", "c"))


@pytest.mark.parametrize("name", ["a/b", "a#2", "#", "/"])
def test_a_name_holds_none_of_the_marks_of_a_path(name: str) -> None:
    assert not {"/", "#"} & set(Known(MAIN, False, NOBODY).child_path(name))


def test_regression_a_task_called_like_the_loop_is_not_the_loop() -> None:
    """DPOR would have taken its steps for the start of a batch."""
    assert Known(MAIN, False, NOBODY).child_path(LOOP) == f"{LOOP}#2"
