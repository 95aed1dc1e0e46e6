"""Waiters against trio's ParkingLot: the same order of waking, for the same moves."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from sim.kernel.waiters import Waiters
from sim.kernel.world import World
from sim.model.record import Ending
from tests.helpers.running import run_once


class Lot(Protocol):
    def park(self) -> Awaitable[None]: ...

    def one(self) -> None: ...

    def all(self) -> None: ...

    def __bool__(self) -> bool: ...


class Ours(Waiters):
    def one(self) -> None:
        self.wake_one()

    def all(self) -> None:
        self.wake_all()


class Trios:
    def __init__(self) -> None:
        self._lot = trio.lowlevel.ParkingLot()

    async def park(self) -> None:
        await self._lot.park()

    def one(self) -> None:
        self._lot.unpark()

    def all(self) -> None:
        self._lot.unpark_all()

    def __bool__(self) -> bool:
        return bool(self._lot)


LOTS: list[Callable[[], Lot]] = [Ours, Trios]
Move = tuple[str, int]


def played(make: Callable[[], Lot], moves: Sequence[Move]) -> list[str]:
    """Play `moves` on a lot: what each waiter saw, and whether the lot is empty after each move."""

    async def program(world: World) -> list[str]:
        log: list[str] = []
        lot = make()
        scopes: list[trio.CancelScope] = []

        async def wait(number: int, scope: trio.CancelScope) -> None:
            with scope:
                try:
                    await lot.park()
                    log.append(f"{number} woken")
                except trio.Cancelled:
                    log.append(f"{number} cancelled")
                    raise

        async with trio.open_nursery() as nursery:
            for what, number in moves:
                if what == "park":
                    scopes.append(trio.CancelScope())
                    nursery.start_soon(wait, len(scopes) - 1, scopes[-1])
                elif what == "cancel" and scopes:
                    scopes[number % len(scopes)].cancel()
                elif what == "one":
                    lot.one()
                elif what == "all":
                    lot.all()
                elif what == "pause":
                    await trio.sleep(1)
                log.append(f"{what}: {'some' if lot else 'none'}")
            await trio.sleep(1)
            lot.all()
        return log

    end = run_once(program)
    assert end.ending is Ending.COMPLETED, end.error
    assert isinstance(end.result, list)
    return end.result


def told(make: Callable[[], Lot], *moves: str) -> list[str]:
    """Return what the waiters saw, without the moves. A move is a word and perhaps a number."""
    words = [move.split() for move in moves]
    log = played(make, [(word[0], int(word[1]) if word[1:] else 0) for word in words])
    return [line for line in log if ":" not in line]


@pytest.mark.parametrize("make", LOTS)
def test_the_longest_waiting_is_woken_first(make: Callable[[], Lot]) -> None:
    three = ["park"] * 3 + ["pause"]
    assert told(make, *three, "one", "pause", "one", "pause") == ["0 woken", "1 woken", "2 woken"]


@pytest.mark.parametrize("make", LOTS)
def test_waking_one_wakes_only_one(make: Callable[[], Lot]) -> None:
    log = played(make, [("park", 0), ("park", 0), ("pause", 0), ("one", 0), ("pause", 0)])
    assert log[-3:] == ["0 woken", "pause: some", "1 woken"]


@pytest.mark.parametrize("make", LOTS)
def test_waking_all_wakes_each_once_in_waiting_order(make: Callable[[], Lot]) -> None:
    log = played(make, [("park", 0)] * 4 + [("pause", 0), ("all", 0), ("all", 0), ("pause", 0)])
    assert log[-7:] == ["all: none", "all: none", *(f"{n} woken" for n in range(4)), "pause: none"]


@pytest.mark.parametrize("make", LOTS)
def test_waking_nobody_does_nothing_and_is_not_kept(make: Callable[[], Lot]) -> None:
    log = played(make, [("one", 0), ("all", 0), ("park", 0), ("pause", 0)])
    assert log == ["one: none", "all: none", "park: none", "pause: some", "0 woken"]


@pytest.mark.parametrize("make", LOTS)
def test_a_cancelled_waiter_leaves_its_place_to_the_next(make: Callable[[], Lot]) -> None:
    assert told(make, *["park"] * 3, "pause", "cancel 0", "one", "pause") == [
        "0 cancelled",
        "1 woken",
        "2 woken",
    ]


@pytest.mark.parametrize("make", LOTS)
def test_a_waiter_that_was_woken_is_not_cancelled_any_more(make: Callable[[], Lot]) -> None:
    assert told(make, "park", "pause", "one", "cancel 0", "pause") == ["0 woken"]


@pytest.mark.parametrize("make", LOTS)
def test_a_waiter_in_a_cancelled_scope_does_not_stay(make: Callable[[], Lot]) -> None:
    log = played(make, [("park", 0), ("cancel", 0), ("pause", 0)])
    assert log == ["park: none", "cancel: none", "0 cancelled", "pause: none"]


@pytest.mark.parametrize("make", LOTS)
def test_the_last_cancelled_waiter_leaves_the_lot_empty(make: Callable[[], Lot]) -> None:
    log = played(make, [("park", 0), ("pause", 0), ("cancel", 0)])
    assert log == ["park: none", "pause: some", "cancel: none", "0 cancelled"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["park", "park", "pause", "one", "all", "cancel"]), st.integers(0, 6)
        ),
        max_size=30,
    )
)
def test_any_moves_go_as_with_trios_parking_lot(moves: list[Move]) -> None:
    ours, trios = played(Ours, moves), played(Trios, moves)
    assert ours == trios
    outcomes = [line.split()[0] for line in ours if ":" not in line]
    parked = sum(what == "park" for what, _ in moves)
    assert sorted(outcomes, key=int) == [str(number) for number in range(parked)]
