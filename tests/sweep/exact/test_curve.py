"""Curves over the axis: at their points, between them, and where they bend."""

from itertools import pairwise

import pytest

from sim.errors import NoAnswer
from sim.files.catalog import open_scenario
from sim.kernel.series import run_plan
from sim.model.engine import Plan
from sim.model.scenario import Scenario
from sim.model.ticks import from_ms, ms
from sim.sweep.cells import with_value
from sim.sweep.exact import curve as module
from sim.sweep.exact.curve import TIMES, Curve, curve
from sim.sweep.exact.rate import exact_rate

SHARE = 1000 / (1 << 20) / 20
"""How likely a tick is."""


def scenario(name: str, *settings: str) -> Scenario:
    found = open_scenario(name, settings)
    assert isinstance(found, Scenario)
    return found


def traced(one: Scenario) -> Curve:
    found: list[Curve] = []

    def plan() -> Plan:
        found.append((yield from curve(one)))

    run_plan(plan())
    return found[0]


def at(found: Curve, value: float) -> float:
    """What the curve says at a value between its points."""
    for left, right in pairwise(found.points):
        if left.value <= value <= right.value:
            part = (value - left.value) / ((right.value - left.value) or 1.0)
            return float(left.rate) + part * float(right.rate - left.rate)
    raise AssertionError(f"{value} lies outside")


def bends(found: Curve, one: Scenario) -> list[float]:
    known = [ms(from_ms(value)) for value in one.sweep.values]
    return [point.value for point in found.points if point.value not in known]


CURVES = [
    ("server-close", ()),
    ("server-close", ("guard=both-states",)),
    ("accept-race", ("guard=catch",)),
    ("eaten-disconnect", ("guard=pre-fix", "clients.delay_ms=2")),
    ("blind-spot", ("guard=pre-fix", "sweep.values=[0.5, 4.8]", "handler.sends=2")),
    ("state-change", ("guard=post-fix",)),
]


@pytest.mark.parametrize(("name", "settings"), CURVES)
def test_between_its_points_a_curve_is_straight_up_to_a_few_ticks(
    name: str, settings: tuple[str, ...]
) -> None:
    one = scenario(name, *settings)
    found = traced(one)
    low, high = from_ms(min(one.sweep.values)), from_ms(max(one.sweep.values))
    for part in range(1, 24):
        value = ms(low + (high - low) * part // 24)
        exact = exact_rate(with_value(one, one.sweep.axis, value))
        assert abs(float(exact.rate) - at(found, value)) <= 7 * SHARE, value


@pytest.mark.parametrize(("name", "settings"), CURVES)
def test_at_the_values_of_the_sweep_a_curve_is_the_exact_rate(
    name: str, settings: tuple[str, ...]
) -> None:
    one = scenario(name, *settings)
    found = traced(one)
    for value, rate in zip(one.sweep.values, found.rates, strict=True):
        alone = exact_rate(with_value(one, one.sweep.axis, value))
        assert (rate.rate, rate.parts) == (alone.rate, alone.parts)


def test_a_curve_bends_where_two_events_change_places() -> None:
    one = scenario("blind-spot", "guard=pre-fix", "sweep.values=[0, 4.8]")
    first, last = bends(traced(one), one)
    assert first == pytest.approx(1 / 5, abs=0.004)  # five sends take as long as the close's way
    assert last == pytest.approx(21 / 5, abs=0.004)  # and longer than that and the horizon
    one = scenario(
        "eaten-disconnect", "guard=pre-fix", "clients.delay_ms=2", "sweep.values=[0, 20]"
    )
    assert bends(traced(one), one) == pytest.approx([2, 6], abs=0.01)


def test_a_curve_under_another_distribution_has_points_enough_to_be_drawn() -> None:
    one = scenario("server-close", "guard=pre-fix", "injections.0.delay_ms={exponential=5}")
    found = traced(one)
    assert not found.straight
    for part in range(1, 20):
        value = ms(from_ms(20) * part // 20)
        exact = exact_rate(with_value(one, "window_ms", value))
        assert abs(float(exact.rate) - at(found, value)) < 0.003


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("wait-for-hop", ()),
        ("server-close", ("injections.0.delay_ms={list=[1, 5]}",)),
        ("chat-session", ("sweep.values=[1, 2]",)),
    ],
)
def test_an_axis_that_is_no_time_and_a_list_have_points_of_their_own(
    name: str, settings: tuple[str, ...]
) -> None:
    one = scenario(name, *settings)
    found = traced(one)
    assert found.points == ()
    assert len(found.rates) == len(one.sweep.values)


def test_where_nothing_is_drawn_the_curve_is_a_stair() -> None:
    one = scenario(
        "server-close", "guard=pre-fix", "injections.0.delay_ms=5", "sweep.values=[1, 9]"
    )
    found = traced(one)
    assert [rate.rate for rate in found.rates] == [0, 1]
    jump = [(a.value, b.value) for a, b in pairwise(found.points) if a.rate != b.rate]
    assert len(jump) == 1
    assert jump[0] == pytest.approx((5, 5), abs=0.002)


def test_a_curve_that_bends_too_often_has_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    with pytest.raises(NoAnswer, match="bends more than 3 times"):
        traced(scenario("blind-spot", "guard=pre-fix", "sweep.values=[0, 4.8]"))


@pytest.mark.parametrize(
    ("axis", "is_time"),
    [
        ("window_ms", True),
        ("pauses.preaccept", True),
        ("handler.work_ms", True),
        ("injections.0.delay_ms", True),
        ("clients.delay_ms", True),
        ("handler.poll_ms", False),  # counted down in a loop
        ("handler.sends", False),
        ("window_hops", False),
        ("clients.jitter_ms", False),
    ],
)
def test_an_axis_is_a_time_only_if_it_is_nothing_but_a_delay(axis: str, is_time: bool) -> None:
    assert bool(TIMES.fullmatch(axis)) == is_time
