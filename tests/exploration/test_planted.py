"""Planted bugs, each found within a stated number of schedules by the strategy meant for it."""

from collections.abc import Callable, Mapping

import pytest
import trio

from sim.exploration.inquiry import Inquiry
from sim.exploration.search import explore
from sim.exploration.verdict import Verdict
from sim.kernel.series import run_search
from sim.kernel.world import Job, Program, World
from sim.model.names import State
from sim.model.record import End, Ending
from sim.model.schedule import Search
from sim.schedulers.bounded import DelayBounded, PreemptionBounded
from sim.schedulers.dpor import Dpor
from sim.schedulers.fifo import Fifo
from sim.sut import state_machine
from tests.helpers.verdicts import server_close

DEFAULT = "uvicorn-websockets@0.35"


def schedules_until(run: Program, search: Search, bad: Callable[[End], bool], most: int) -> int:
    """Return how many schedules were needed to see a bad end, most + 1 if none was seen."""
    found = 0
    job = Job(run, Fifo(), steps=isinstance(search, Dpor), events=False)

    def on_end(end: End) -> bool:
        nonlocal found
        found += 1
        return bad(end)

    series = run_search(job, search, on_end, most)
    return series.runs if not series.complete and series.runs < most else most + 1


def wrong_result(end: End) -> bool:
    return end.result is False


async def two_preemptions(world: World) -> bool:
    """Goes wrong only if each of two tasks is interrupted in the middle by the other."""
    seen = {"first": False, "second": False, "inside": False, "wrong": False}

    async def one() -> None:
        world.write("first")
        seen["first"] = True
        await trio.lowlevel.checkpoint()
        world.read("second")
        inside = seen["second"]
        await trio.lowlevel.checkpoint()
        world.write("inside")
        seen["inside"] = inside

    async def two() -> None:
        world.read("first")
        if seen["first"]:
            world.write("second")
            seen["second"] = True
            await trio.lowlevel.checkpoint()
            world.read("inside")
            if seen["inside"]:
                seen["wrong"] = True
            world.write("second")
            seen["second"] = False

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, name="one")
        nursery.start_soon(two, name="two")
    return not seen["wrong"]


async def lost_wakeup(world: World) -> None:
    """Looks at a flag, gives up its turn, and only then begins to wait."""
    flag = [False]
    news = trio.Condition()

    async def waiter() -> None:
        world.read("flag")
        if not flag[0]:
            await trio.lowlevel.checkpoint()
            async with news:
                await news.wait()

    async def setter() -> None:
        world.write("flag")
        flag[0] = True
        async with news:
            news.notify_all()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiter, name="waiter")
        nursery.start_soon(setter, name="setter")


def test_a_guard_that_reads_the_wrong_state_is_found_in_two_schedules() -> None:
    scenario = server_close("post-fix", "asyncio-3.12", DEFAULT, 1, "report")
    found = explore(scenario, Inquiry(first=True))
    assert found.fails
    assert found.schedules <= 2


def test_a_check_one_hop_early_is_found_in_a_dozen_classes() -> None:
    """Of 22 in all eight combinations of times; the runs that were cut short come on top."""
    scenario = server_close("both-states", "asyncio-3.11", DEFAULT, 1, "report")
    found = explore(scenario, Inquiry(first=True))
    assert found.fails
    assert found.looked <= 12
    assert found.schedules <= 24


@pytest.mark.parametrize("strategy", ["pct", "uniform"])
def test_sampling_finds_the_wrong_state_in_any_order_in_ten_schedules(strategy: str) -> None:
    scenario = server_close("post-fix", "any-order", DEFAULT, 1, "report")
    data = scenario.model_dump(exclude_unset=True)
    data["injections"] = ({"do": "server-close", "at": "received"},)
    asked = Inquiry(strategy=strategy, max_schedules=10)
    found = explore(type(scenario).model_validate(data), asked)
    assert found.fails


@pytest.mark.parametrize("search", [Dpor(), PreemptionBounded(1), DelayBounded(1)])
def test_a_lost_wake_up_is_found_in_ten_schedules(search: Search) -> None:
    def hangs(end: End) -> bool:
        return end.ending is Ending.DEADLOCK

    assert schedules_until(lost_wakeup, search, hangs, 10) <= 10


def test_a_missing_transition_is_found_in_one_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    table: Mapping[State, tuple[State, ...]] = {
        **state_machine.TRANSITIONS,
        "services_ready": ("degraded", "failed", "closed"),
    }
    scenario = server_close("catch", "asyncio-3.12", DEFAULT, 1, "report")
    assert explore(scenario).verdict is Verdict.RACE_FREE
    monkeypatch.setattr(state_machine, "TRANSITIONS", table)
    found = explore(scenario, Inquiry(first=True))
    assert found.fails
    assert found.schedules == 1
    assert set(found.outcomes) == {"never_ready"}


def test_a_violation_that_needs_two_preemptions_is_found_with_two_and_not_with_one() -> None:
    assert schedules_until(two_preemptions, PreemptionBounded(1), wrong_result, 1000) == 1001
    assert schedules_until(two_preemptions, PreemptionBounded(2), wrong_result, 30) <= 30


def test_dpor_finds_it_too_in_twenty_schedules() -> None:
    assert schedules_until(two_preemptions, Dpor(), wrong_result, 20) <= 20


def test_a_canary_that_must_fail_does() -> None:
    """Whoever breaks the searches so that they find nothing will hear of it here."""
    scenario = server_close("pre-fix", "asyncio-3.11", DEFAULT, 1, "report")
    with pytest.raises(AssertionError):
        assert explore(scenario).verdict is Verdict.RACE_FREE
