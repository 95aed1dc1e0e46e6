"""Closed forms: what they say, and where they keep silent. That they are right, the sweeps test."""

from typing import Any

import pytest

from sim.files.catalog import open_scenario
from sim.model.names import GUARDS
from sim.model.scenario import Scenario
from sim.stats.closed_forms import BLIND, FORMS, closed_form
from sim.sut.guards import GUARDS as SHIPPED


def rate(name: str, *settings: str) -> float | None:
    scenario = open_scenario(name, settings)
    assert isinstance(scenario, Scenario)
    return closed_form(scenario)


TICKS = 6
"""Each time of a form rounds up to a tick, and who comes first within one is a matter of a tick."""


def about(share: float) -> object:
    """A share of the horizon of 20 ms, up to some ticks; sim/sweep/exact has them to the tick."""
    return pytest.approx(share, abs=TICKS / (1 << 20) * 1000 / 20)


@pytest.mark.parametrize(
    ("guard", "expected"), [("pre-fix", 0.25), ("post-fix", 0.25), ("catch", 0)]
)
def test_the_window_is_exposed_for_as_long_as_it_lasts(guard: str, expected: float) -> None:
    assert rate("server-close", "window_ms=5", f"guard={guard}") == about(expected)
    assert rate("server-close", "window_ms=50", f"guard={guard}") == (1 if expected else 0)


def test_wait_fors_turn_counts_on_311_only() -> None:
    for hops in (0, 3, 7):
        window = f"window_hops={hops}"
        assert rate("wait-for-hop", window, "runtime=asyncio-3.11") == (hops + 1) / 8
        assert rate("wait-for-hop", window, "runtime=asyncio-3.12") == hops / 8
        both = ("guard=both-states", window)
        assert rate("wait-for-hop", *both, "runtime=asyncio-3.11") == 1 / 8
        assert rate("wait-for-hop", *both, "runtime=asyncio-3.12") == 0


def test_the_blind_spot_lasts_until_the_last_send_less_the_way_of_the_close() -> None:
    assert rate("blind-spot", "handler.work_ms=2") == about((5 * 2 - 1) / 20)
    assert rate("blind-spot", "handler.work_ms=2", "handler.sends=3") == about((3 * 2 - 1) / 20)
    assert rate("blind-spot", "handler.work_ms=0") == 0


def test_two_receivers_collide_while_the_close_is_on_its_way_and_share_the_end_of_it() -> None:
    window, trip = "window_ms=12", "clients.delay_ms=2"
    assert rate("eaten-disconnect", window, trip, "guard=pre-fix") == about((2 + 12 - 3 * 2) / 20)
    assert rate("eaten-disconnect", window, trip, "guard=post-fix") == about(2 / 20)
    assert rate("eaten-disconnect", window, trip, "guard=catch") == 0
    assert rate("eaten-disconnect", window, "clients.delay_ms=0", "guard=post-fix") == 0
    assert rate("eaten-disconnect", window, "clients.delay_ms=5", "guard=pre-fix") == about(5 / 20)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("server-close", ["shape=original"]),
        ("server-close", ["runtime=trio"]),
        ("server-close", ["injections.0.do=server-shutdown"]),
        ("server-close", ["injections.0.at=received"]),
        ("server-close", ["injections.0.delay_ms=5"]),
        ("server-close", ["injections.0.delay_ms={uniform=[0, 30]}"]),
        ("server-close", ["guard=my:own"]),
        ("server-close", ["sweep.closed_form=nosuch"]),
        ("wait-for-hop", ["injections.0.hops={list=[1, 2]}"]),
        ("blind-spot", ["mode=factory"]),
        ("blind-spot", ["server=hypercorn-asyncio@0.18"]),
        ("client-close", []),
    ],
)
def test_there_is_no_answer_where_a_form_does_not_hold(name: str, settings: list[str]) -> None:
    assert rate(name, *settings) is None


@pytest.mark.parametrize("guard", GUARDS)
def test_every_form_is_a_rate_for_every_guard(guard: str) -> None:
    named: dict[str, Any] = {}
    for name in ("server-close", "wait-for-hop", "blind-spot", "eaten-disconnect", "accept-race"):
        scenario = open_scenario(name, (f"guard={guard}",))
        assert isinstance(scenario, Scenario)
        value = closed_form(scenario)
        assert value is not None
        assert 0 <= value <= 1
        named[scenario.sweep.closed_form or ""] = value
    assert set(named) == set(FORMS)


def test_the_blind_guards_are_those_that_neither_read_application_state_nor_catch() -> None:
    """A guard that is added stands in the right class, or this says that it does not."""
    blind = {
        name
        for name, guard in SHIPPED.items()
        if not (guard.catches or guard.raw)
        and "application_state" not in (*guard.top, *(guard.final or ()))
    }
    assert blind == BLIND
