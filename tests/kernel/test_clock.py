"""The virtual clock by itself: when it moves, where to, and when it must not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.kernel.clock import VirtualClock
from sim.model.ticks import from_seconds, seconds


class Keeper:
    """A time keeper that notes what the clock does."""

    def __init__(
        self, now: int = 0, timer: int | None = None, idle: bool = False, silent: bool = True
    ) -> None:
        self.now = now
        self.timer = timer
        self.idle = idle
        self.silent = silent
        self.jumps: list[int] = []
        self.silences = 0

    def idle_waiters(self) -> bool:
        return self.idle

    def tick(self) -> int:
        return self.now

    def jump(self, tick: int) -> None:
        self.jumps.append(tick)
        self.now = tick

    def next_timer(self) -> int | None:
        return self.timer

    def silence(self) -> bool:
        self.silences += 1
        return self.silent


@given(st.integers(0, 1 << 52))
def test_the_time_in_seconds_is_exactly_the_tick(tick: int) -> None:
    assert from_seconds(VirtualClock(Keeper(now=tick)).current_time()) == tick


@pytest.mark.parametrize(
    ("deadline", "timer", "expected"),
    [
        (8, None, [8]),
        (8, 9, [8]),
        (8, 8, [8]),
        (9, 8, [8]),
        (None, 8, [8]),
        (5, None, []),
        (4, 9, []),
    ],
)
def test_it_jumps_once_to_the_nearest_and_never_back(
    deadline: int | None, timer: int | None, expected: list[int]
) -> None:
    keeper = Keeper(now=5, timer=timer)
    until = math.inf if deadline is None else seconds(deadline)
    assert VirtualClock(keeper).deadline_to_sleep_time(until) == 0
    assert keeper.jumps == expected
    assert keeper.silences == 0


def test_a_deadline_between_two_ticks_is_the_later_one() -> None:
    keeper = Keeper()
    VirtualClock(keeper).deadline_to_sleep_time(seconds(3) + 1e-9)
    assert keeper.jumps == [4]


@pytest.mark.parametrize("deadline", [seconds(8), math.inf])
def test_idle_waiters_come_before_any_jump_and_any_silence(deadline: float) -> None:
    keeper = Keeper(timer=3, idle=True)
    assert VirtualClock(keeper).deadline_to_sleep_time(deadline) > 1000
    assert (keeper.jumps, keeper.silences) == ([], 0)


@pytest.mark.parametrize("done", [True, False])
def test_without_timer_and_deadline_it_tells_the_keeper_and_waits_if_nothing_was_done(
    done: bool,
) -> None:
    keeper = Keeper(silent=done)
    wait = VirtualClock(keeper).deadline_to_sleep_time(math.inf)
    assert (wait == 0) is done
    assert (keeper.jumps, keeper.silences) == ([], 1)


@given(
    st.integers(0, 100),
    st.none() | st.integers(0, 200),
    st.none() | st.integers(0, 200),
)
def test_time_never_goes_back(now: int, timer: int | None, deadline: int | None) -> None:
    keeper = Keeper(now=now, timer=timer)
    due = [tick for tick in (timer, deadline) if tick is not None]
    VirtualClock(keeper).deadline_to_sleep_time(math.inf if deadline is None else seconds(deadline))
    assert keeper.now == max(now, min(due, default=now))
