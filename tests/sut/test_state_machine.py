"""The application's state machine keeps to the backend's table, written out here again."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model.names import State
from sim.sut.state_machine import StateMachine

STATES: tuple[State, ...] = get_args(State)
TABLE = """
connecting: accepted failed closed
accepted: authenticated failed closed
authenticated: services_ready degraded failed closed
services_ready: processing_ready degraded failed closed
processing_ready: processing idle degraded closing failed closed
processing: idle processing_ready degraded closing failed closed
idle: processing processing_ready degraded closing failed closed
degraded: processing_ready processing idle reconnecting closing failed closed
reconnecting: services_ready processing_ready degraded failed closed
closing: closed
closed:
failed: connecting
"""
ALLOWED = {
    before: after.split() for before, after in (row.split(":") for row in TABLE.split("\n") if row)
}
PATHS: dict[State, tuple[State, ...]] = {
    "connecting": (),
    "accepted": ("accepted",),
    "authenticated": ("accepted", "authenticated"),
    "services_ready": ("accepted", "authenticated", "services_ready"),
    "processing_ready": ("accepted", "authenticated", "services_ready", "processing_ready"),
    "closed": ("closed",),
    "failed": ("failed",),
    "degraded": ("accepted", "authenticated", "degraded"),
    "processing": ("accepted", "authenticated", "degraded", "processing"),
    "idle": ("accepted", "authenticated", "degraded", "idle"),
    "reconnecting": ("accepted", "authenticated", "degraded", "reconnecting"),
    "closing": ("accepted", "authenticated", "degraded", "closing"),
}


class Watched:
    """A machine with what it noted and logged."""

    def __init__(self, *path: State) -> None:
        self.notes: list[bool] = []
        self.logs: list[tuple[str, str]] = []
        self.machine = StateMachine("c1", self.notes.append, self._log)
        for state in path:
            assert self.machine.transition(state)

    def _log(self, level: str, text: str) -> None:
        self.logs.append((level, text))

    @property
    def state(self) -> str:
        return self.machine.state

    @property
    def refused(self) -> int:
        """How many transitions were refused, by the log."""
        return sum(level == "warning" for level, _ in self.logs)

    def refuse(self, times: int) -> None:
        """Ask for the state that it is in, which no row of the table allows."""
        for _ in range(times):
            assert not self.machine.transition(self.machine.state)


def test_the_table_here_names_every_state_once() -> None:
    assert set(ALLOWED) == set(STATES) == set(PATHS)
    assert {name for after in ALLOWED.values() for name in after} == set(STATES)


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_a_transition_is_allowed_exactly_if_the_table_lists_it(before: State, after: State) -> None:
    watched = Watched(*PATHS[before])
    machine = watched.machine
    assert machine.state == before
    allowed = after in ALLOWED[before]
    assert machine.transition(after) is allowed
    assert machine.state == (after if allowed else before)
    assert watched.refused == (0 if allowed else 1)


def test_a_machine_begins_connecting() -> None:
    assert Watched().machine.state == "connecting"


@pytest.mark.parametrize("state", STATES)
def test_the_operational_states_are_those_four(state: State) -> None:
    operational = state in ("processing_ready", "processing", "idle", "degraded")
    assert Watched(*PATHS[state]).machine.operational is operational


def test_a_refusal_is_logged_with_connection_and_both_states() -> None:
    watched = Watched()
    watched.machine.transition("services_ready")
    ((level, text),) = watched.logs
    assert level == "warning"
    assert all(part in text for part in ("c1", "connecting", "services_ready"))


def test_every_refusal_is_logged() -> None:
    watched = Watched()
    watched.refuse(7)
    assert watched.refused == len(watched.logs) == 7


@pytest.mark.parametrize("refusals", [5, 6, 9])
@pytest.mark.parametrize("after", ["accepted", "closed"])
def test_after_five_refusals_in_a_row_the_next_valid_transition_fails(
    refusals: int, after: State
) -> None:
    watched = Watched()
    watched.refuse(refusals)
    assert watched.state == "connecting"
    assert not watched.machine.transition(after)
    assert watched.state == "failed"
    assert watched.logs[-1][0] == "error"


def test_four_refusals_force_nothing() -> None:
    watched = Watched()
    watched.refuse(4)
    assert watched.machine.transition("accepted")
    assert watched.machine.state == "accepted"


def test_a_valid_transition_in_between_begins_a_new_row_of_refusals() -> None:
    watched = Watched()
    for state in PATHS["services_ready"]:
        watched.refuse(4)
        assert watched.machine.transition(state)
    assert watched.refused == 12


def test_a_forced_failure_begins_a_new_row_of_refusals() -> None:
    watched = Watched()
    watched.refuse(5)
    watched.machine.transition("accepted")
    assert watched.machine.transition("connecting")
    assert watched.machine.transition("accepted")


def test_reads_and_writes_are_noted_as_such() -> None:
    watched = Watched()
    assert watched.notes == []
    assert watched.machine.state == "connecting"
    assert not watched.machine.operational
    assert watched.notes == [False, False]
    watched.machine.transition("accepted")
    watched.machine.transition("idle")  # refused: it still looked, and would have written
    assert watched.notes == [False, False, True, True]


@given(st.lists(st.sampled_from(STATES), max_size=40))
def test_any_sequence_of_requests_moves_along_the_table(wanted: list[State]) -> None:
    watched = Watched()
    machine = watched.machine
    expected, in_a_row, refused = "connecting", 0, 0
    for state in wanted:
        machine.transition(state)
        if state not in ALLOWED[expected]:
            in_a_row, refused = in_a_row + 1, refused + 1
        else:
            expected, in_a_row = ("failed" if in_a_row >= 5 else state), 0
        assert (machine.state, watched.refused) == (expected, refused)


@given(st.sampled_from(STATES), st.sampled_from(STATES))
def test_a_machine_may_begin_in_any_state_and_goes_on_by_the_table(
    begin: State, after: State
) -> None:
    machine = StateMachine("c1", lambda write: None, lambda level, text: None, begin)
    assert machine.state == begin
    assert machine.transition(after) is (after in ALLOWED[begin])
