"""Where two ways lead to one state, the audit goes on from both: it sees what is left out."""

from dataclasses import replace
from typing import Any

import pytest

from sim.exploration.state_audit import audit_states
from sim.hosting.application import Application
from sim.model.app import Bounds
from sim.runs.app import AppSubject
from tests.helpers.applications import subject

SHORT = Bounds(late=1, latency_ms=25, until_ms=120, gone_ms=100, stall_ms=20)
ROOMS = subject("rooms:app", *["/room/{name} send:a, close"] * 2, bounds=Bounds(start="open"))
CASES = {
    "a guard": subject("guarded:app", "/ws send:a, close"),
    "two in a room": ROOMS,
    "bare ASGI": subject("plain:raw", "send:a, send:bye, close"),
    "a task group": subject("plain:grouped"),
    "polls": subject("polling:app", "/for-ever send:a, close", bounds=SHORT),
    "looks at the clock": subject("polling:app", "/of-the-loop send:a, close", bounds=SHORT),
    "two clocks": subject("polling:app", "/two-clocks send:a, close", bounds=SHORT),
    "pushes into a reset": subject("polling:app", "/meets send:a, close", bounds=SHORT),
}


@pytest.mark.parametrize("name", CASES)
def test_what_follows_from_equal_states_is_equal(name: str) -> None:
    found = audit_states(CASES[name], seed=1, runs=80)
    assert found.pairs > 0
    assert found.difference == ""


class Forgetful(Application):
    """Leaves out of its states all that happened."""

    def tell(self, *asked: Any) -> bytes:
        return b"all the same"


class Timeless(Application):
    """Takes times as if it had read no clock."""

    @property
    def reads_clock(self) -> bool:
        return False

    @reads_clock.setter
    def reads_clock(self, read: bool) -> None:
        pass


def of(kind: type[Application], one: AppSubject) -> AppSubject:
    return replace(one, application=kind(one.application.target))


def test_a_state_that_leaves_something_out_is_caught() -> None:
    found = audit_states(of(Forgetful, CASES["two in a room"]), runs=40)
    assert "led to states that look alike" in found.difference


def test_a_clock_that_is_read_and_left_out_is_caught() -> None:
    """A clock decides rarely, so two clients are asked about: which of them shows it is luck."""
    clients = ("/if-late drop", "/if-late send:a, close")
    asked = [subject("polling:app", one, bounds=SHORT) for one in clients]
    found = [audit_states(of(Timeless, one), runs=300).difference for one in asked]
    assert any("led to states that look alike" in one for one in found)


def test_an_audit_ends_when_its_time_is_up() -> None:
    assert audit_states(CASES["a guard"], time_is_up=lambda: True).pairs == 0
