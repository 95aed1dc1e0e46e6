"""The state of a world that stands still: equal for what goes on alike, unknown if it is unseen."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from random import Random
from typing import Any

import pytest
import trio

from sim.kernel.session import Session
from sim.kernel.state import Numbers, state_of
from sim.kernel.world import Job, Program, World
from sim.model.engine import Plan
from sim.model.record import Ending
from sim.model.ticks import PER_SECOND
from sim.schedulers.fifo import Fifo

SESSION = Session()
"""States are compared within one kernel."""


class Looks:
    """Takes defaults, and keeps the states in which time moves."""

    compares_states = True

    def __init__(self) -> None:
        self.states: list[bytes] = []

    def choose(self, question: Any) -> int:
        default: int = question.default
        return default

    def stand(self, state: bytes, tick: int) -> None:
        self.states.append(state)


def states(program: Program, standing: object = ()) -> list[bytes]:
    looks = Looks()
    job = Job(program, Fifo(), steps=True, standing=lambda trace: standing)

    def plan() -> Plan:
        end = yield job.under(looks)
        assert end.ending is Ending.COMPLETED

    SESSION.run(plan())
    return looks.states


def holding(make: Callable[[], Any], turns: int = 0) -> Program:
    """Return a program that holds what `make` returns while it waits."""

    async def run(world: World) -> object:
        for _ in range(turns):
            await trio.lowlevel.checkpoint()
        held = make()
        await world.sleep_until(7)
        return held

    return run


@dataclass
class Thing:
    value: object


class Slotted:
    __slots__ = ("one", "two")

    def __init__(self, one: object) -> None:
        self.one = one


class Text(str):
    """A text of a class of its own, with attributes."""


class Cycle:
    def __init__(self) -> None:
        self.me = self


async def number(value: int) -> int:
    return value


VALUES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "numbers": (lambda: 1, lambda: 2),
    "types of numbers": (lambda: 1, lambda: True),
    "texts": (lambda: "a", lambda: "b"),
    "texts of a class of their own": (lambda: Text("a"), lambda: Text("b")),
    "lists": (lambda: [1, [2]], lambda: [1, [3]]),
    "lengths": (lambda: [1], lambda: [1, 1]),
    "sets": (lambda: {"a", "b"}, lambda: {"a", "c"}),
    "dicts": (lambda: {"a": 1}, lambda: {"a": 2}),
    "attributes": (lambda: Thing(1), lambda: Thing(2)),
    "slots": (lambda: Slotted(1), lambda: Slotted(2)),
    "partials": (lambda: trio.Event(), lambda: set_event()),
    "iterators": (lambda: iter([1, 2]), lambda: advanced()),
    "sharing": (lambda: twice([1]), lambda: [[1], [1]]),
    "closures": (lambda: closure(1), lambda: closure(2)),
    "exceptions": (lambda: ValueError("a"), lambda: ValueError("b")),
}


def set_event() -> trio.Event:
    event = trio.Event()
    event.set()
    return event


def advanced() -> Any:
    made = iter([1, 2])
    next(made)
    return made


def twice(thing: object) -> list[object]:
    return [thing, thing]


def closure(value: int) -> Callable[[], int]:
    return lambda: value


@pytest.mark.parametrize("what", VALUES)
def test_states_are_equal_exactly_for_equal_contents(what: str) -> None:
    one, other = VALUES[what]
    assert len(states(holding(one))) == 1
    assert states(holding(one)) == states(holding(one))
    assert states(holding(one)) != states(holding(other))


TURNS = [0]
"""How long a run wanders; module-level, so that no frame holds it."""


async def wander(world: World) -> None:
    for _ in range(TURNS[0]):
        world.event("turn")
        await trio.lowlevel.checkpoint()


def test_what_led_there_is_no_part_of_a_state() -> None:
    async def run(world: World) -> None:
        await wander(world)
        await world.sleep_until(7)

    found = []
    for TURNS[0] in (0, 1, 5):
        found.append(states(run))
    assert found[0] == found[1] == found[2]


def test_what_of_the_trace_still_counts_is() -> None:
    code = holding(lambda: 1)
    assert states(code, "ready") == states(code, "ready")
    assert states(code, "ready") != states(code, "never ready")


def test_a_cycle_has_an_end() -> None:
    assert states(holding(Cycle)) == states(holding(Cycle))


def test_the_time_is_part_of_the_state() -> None:
    async def late(world: World) -> None:
        await world.sleep_until(3)
        await world.sleep_until(7)

    first, second = states(late)
    assert first != second


@pytest.mark.parametrize(
    "make",
    [
        lambda: map(str, [1]),
        lambda: memoryview,
        lambda: {Thing, Slotted},
        object,
        lambda: {1: {2}},
        lambda: Random(1),  # it keeps its state where nobody can look
        lambda: BytesIO(b"a"),
    ],
)
def test_what_can_be_seen_is_known(make: Callable[[], Any]) -> None:
    known = make() is memoryview or type(make()) in (object, dict)
    assert bool(states(holding(make))) is known


def test_a_coroutine_that_has_not_begun_counts_by_what_it_holds() -> None:
    def states_with(value: int) -> list[bytes]:
        made = number(value)
        try:
            return states(holding(lambda: made))
        finally:
            made.close()

    assert states_with(1) == states_with(1)
    assert states_with(1) != states_with(2)


def test_other_tasks_count_by_where_they_stand() -> None:
    def program(first: int, second: int) -> Program:
        async def waits(world: World, tick: int) -> None:
            await world.sleep_until(tick)

        async def run(world: World) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(waits, world, first, name="a")
                nursery.start_soon(waits, world, second, name="b")

        return run

    assert states(program(5, 9)) == states(program(5, 9))
    assert states(program(5, 9))[0] != states(program(5, 8))[0]
    assert states(program(5, 9))[0] != states(program(9, 5))[0]


def test_a_world_without_tasks_has_a_state() -> None:
    world = World(replace(Job(holding(int), Fifo())))
    numbers: Numbers = {}
    one, again, other = (state_of(world, {}, standing, numbers) for standing in (1, 1, 2))
    assert one == again != other


# -- times to come count from now ------------------------------------------------------------------


LATER = [1 << 20]
"""How many ticks pass before; module-level, so that no frame holds it."""


async def let_pass(world: World) -> None:
    await world.sleep_until(LATER[0])


def waiting(what: str, ahead: int) -> Program:
    """Return a program that waits for what is due so many ticks ahead, after a while."""

    async def run(world: World) -> None:
        await let_pass(world)
        if what == "timer":
            await world.sleep_until(world.tick + ahead)
            return
        with trio.move_on_after(ahead / PER_SECOND):
            await trio.sleep_forever()

    return run


@pytest.mark.parametrize("what", ["timer", "deadline"])
def test_what_is_to_come_counts_from_now_wherever_it_is_kept(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = states(waiting(what, 7 << 20))[-1]
    monkeypatch.setattr("tests.kernel.test_state.LATER", [3 << 20])
    assert states(waiting(what, 7 << 20))[-1] == soon
    assert states(waiting(what, 8 << 20))[-1] != soon


def test_a_number_that_is_no_time_to_come_stays_what_it_is() -> None:
    assert states(holding(lambda: 6)) != states(holding(lambda: 5))
    assert states(holding(lambda: 7.0)) != states(holding(lambda: 7))  # 7 is when it wakes
