"""Who may connect when. No clock: the tests say what time it is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.live.visiting.gate import LONGEST_S, PATIENCE_S, SHORTEST_S, Gate


@given(
    st.floats(0.1, 1000),
    st.lists(st.floats(0, 10), min_size=2, max_size=50).map(sorted),
)
def test_no_two_clients_get_their_turn_closer_than_the_rate_allows(
    rate: float, comes: list[float]
) -> None:
    gate = Gate(rate)
    turns = [now + gate.reserve(now) for now in comes]
    assert all(turn >= now for turn, now in zip(turns, comes, strict=True))
    for one, other in pairwise(turns):
        assert other - one >= 1 / rate - 1e-6


def test_who_comes_when_nobody_does_need_not_wait() -> None:
    gate = Gate(2)
    assert [gate.reserve(now) for now in (0, 0, 7)] == [0, 0.5, 0]


def test_a_pause_doubles_with_each_refusal_up_to_its_longest() -> None:
    gate, now, waited = Gate(1), 0.0, []
    for _ in range(9):
        assert gate.admits(now)
        gate.refuse(now)
        began = now
        while not gate.admits(now):
            now += 0.25
        gate.forget()
        waited.append(now - began)
    assert waited == [SHORTEST_S, 1, 2, 4, 8, 16, LONGEST_S, LONGEST_S, LONGEST_S]
    assert gate.pauses == 9


def test_while_it_pauses_nobody_tries_and_behind_it_one_at_a_time() -> None:
    gate = Gate(1)
    gate.refuse(10)
    assert not gate.admits(10 + SHORTEST_S / 2)
    assert [gate.admits(11), gate.admits(11), gate.admits(12)] == [True, False, False]


def test_a_success_ends_the_pauses_and_the_next_one_begins_small() -> None:
    gate = Gate(1)
    for now in (0, 1, 3):
        gate.refuse(now)
    gate.accept()
    assert gate.admits(3)
    assert gate.admits(3)
    gate.refuse(4)
    assert gate.admits(4 + SHORTEST_S)


def test_refusals_of_clients_that_tried_together_are_one_refusal() -> None:
    gate = Gate(1)
    for _ in range(20):
        gate.refuse(1.0)
    assert gate.pauses == 1
    assert gate.admits(1 + SHORTEST_S)


@pytest.mark.parametrize(("until", "hopeless"), [(PATIENCE_S - 1, False), (PATIENCE_S, True)])
def test_a_server_that_refuses_for_a_minute_is_hopeless(until: float, hopeless: bool) -> None:
    gate = Gate(1)
    gate.refuse(100)
    gate.refuse(100 + until)
    assert gate.is_hopeless(100 + until) is hopeless
    gate.accept()
    assert not gate.is_hopeless(1000)


def test_one_that_nobody_has_refused_is_never_hopeless() -> None:
    assert not Gate(1).is_hopeless(1e9)
