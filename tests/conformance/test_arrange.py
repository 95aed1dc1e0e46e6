"""A cell's columns become the scenario that arranges the same thing, or are said to be unknown."""

from typing import Any

import pytest

from sim.conformance.arrange import (
    ENVELOPE,
    GUARDS,
    KINDS,
    NO_EVENT,
    PAUSED,
    POINTS,
    USUAL,
    Timing,
    scenario_of,
)
from sim.conformance.matrix import arrangements
from sim.conformance.stacks import NotCovered
from sim.model.names import EVENTS, PROBES
from sim.model.names import GUARDS as PRODUCT
from sim.model.scenario import Scenario, Wait
from sim.model.stacks import STACKS
from sim.runs.play import play
from tests.helpers.arranged import LEGACY, cell


def made(like: str = LEGACY, timing: Timing = USUAL, **columns: Any) -> Scenario:
    return scenario_of(cell(like, **columns), timing=timing)


def refused(**columns: Any) -> str:
    with pytest.raises(NotCovered) as caught:
        made(**columns)
    return str(caught.value)


def test_the_columns_are_translated_into_names_that_there_are() -> None:
    assert set(KINDS.values()) <= set(EVENTS)
    assert set(GUARDS.values()) == set(PRODUCT)
    assert {probe for probe, _ in POINTS.values()} <= set(PROBES)
    assert set(PAUSED) < set(POINTS)
    assert not set(NO_EVENT) & set(POINTS)


@pytest.mark.parametrize("stack", STACKS)
def test_every_arrangement_that_is_measured_is_a_scenario(stack: str) -> None:
    for one in arrangements(STACKS[stack]):
        scenario = scenario_of(cell(stack, **one._asdict()))
        assert Scenario.model_validate(scenario.model_dump()) == scenario
        assert scenario.resolve(0) == scenario  # nothing is drawn


@pytest.mark.parametrize("point", POINTS)
def test_the_event_is_placed_at_the_probe_of_its_point(point: str) -> None:
    wait = "-" if point in ("recv", "sendfail") else "0"
    (event,) = made(point=point, wait=wait, queued=True).injections
    assert (event.do, event.at, event.nth) == ("client-close", *POINTS[point])
    assert event.queued
    assert (event.placed, event.delay_ms) == (("armed", 5) if point == "recv" else ("inline", 0))


@pytest.mark.parametrize(
    ("point", "probe", "nth"),
    [
        ("preaccept", "preaccept", (1,)),
        ("top", "top", (2,)),
        ("gap", "validated", (2,)),
        ("proc1", "received", (1,)),
        ("procN", "sending", (1, 2, 3, 4, 5)),
    ],
)
@pytest.mark.parametrize(("wait", "hops", "ms"), [("1", 1, 0), ("3", 3, 0), ("5ms", 0, 5.4)])
def test_what_is_awaited_is_awaited_after_the_event_and_nowhere_else(
    point: str, probe: str, nth: tuple[int, ...], wait: str, hops: int, ms: float
) -> None:
    assert made(point=point, wait=wait).pauses == {probe: Wait(hops=hops, ms=ms, nth=nth)}
    assert made(point=point, wait="0").pauses == {}


def test_a_sleep_ends_late_by_what_the_timing_says() -> None:
    late = Timing(late_ms=30)
    assert made(wait="250ms", timing=late).pauses["top"] == Wait(ms=280, nth=(2,))
    assert made(point="sendfail", wait="-", timing=late).handler.apart_ms == 35
    assert made(timing=Timing(reaction_ms=8)).clients.down_ms == 8


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"kind": "server_shutdown_full"}, "how long a whole server takes to stop"),
        ({"kind": "none"}, "kind 'none' is unknown"),
        ({"kind": ""}, "kind '' is unknown"),
        ({"kind": "client-close"}, "kind 'client-close' is unknown"),
        ({"point": "middle"}, "point 'middle' is unknown"),
        ({"point": "noaccept"}, "at point 'noaccept': nothing happens there"),
        ({"guard": "pre-fix"}, "guard 'pre-fix' is unknown"),
        ({"guard": ""}, "guard '' is unknown"),
        ({"wait": "soon"}, "wait 'soon' is unknown"),
        ({"wait": "5s"}, "wait '5s' is unknown"),
        ({"wait": "ms"}, "wait 'ms' is unknown"),
        ({"wait": "-1"}, "wait '-1' is unknown"),
        ({"wait": "5 ms"}, "wait '5 ms' is unknown"),
        ({"wait": "10000ms"}, "wait '10000ms' is unknown"),
        ({"wait": "1001"}, "at most 1000 hops"),
        ({"wait": "9" * 100}, "at most 1000 hops"),
        ({"wait": "²"}, "wait '²' is unknown"),
        ({"point": "recv", "wait": "5ms"}, "nothing is awaited there"),
        ({"point": "sendfail", "wait": "1"}, "nothing is awaited there"),
        ({"point": "noaccept", "kind": "none", "wait": "1"}, "nothing is awaited there"),
    ],
)
def test_what_cannot_be_arranged_is_said(columns: dict[str, Any], why: str) -> None:
    assert why in refused(**columns)


def test_the_handler_is_the_one_that_the_truth_was_measured_with() -> None:
    scenario = made()
    handler, setup = scenario.handler, scenario.setup
    assert (handler.receive_timeout_ms, handler.on_timeout) == (350, "leave")
    assert (handler.retry_ms, handler.swallows, handler.top_reads_machine) == (
        (),
        "everything",
        False,
    )
    assert (setup.greets, setup.machines, setup.accepts) == (False, "ready", "yes")
    assert (scenario.mode, scenario.shape) == ("legacy", "report")


@pytest.mark.parametrize(("point", "sends"), [("top", 1), ("procN", 5), ("sendfail", 12)])
def test_the_first_message_gets_the_sends_of_its_point_and_every_other_one(
    point: str, sends: int
) -> None:
    handler = made(point=point, wait="-" if point == "sendfail" else "0").handler
    assert handler.sends == (sends, 1)
    assert handler.until_failed is (point == "sendfail")
    assert handler.apart_ms == (5.4 if point == "sendfail" else 0)


@pytest.mark.parametrize(("guard", "named"), [("orig_pre", "pre-fix"), ("orig_post", "post-fix")])
def test_the_original_shape_polls_and_asks_the_machine_at_its_top(guard: str, named: str) -> None:
    scenario = made(guard=guard)
    assert (scenario.mode, scenario.shape, scenario.guard) == ("factory", "original", named)
    assert scenario.handler.poll_ms == 200
    assert scenario.handler.top_reads_machine


@pytest.mark.parametrize(("point", "accepts"), NO_EVENT.items())
def test_a_handler_that_never_accepts_has_no_event_and_hears_no_message(
    point: str, accepts: str
) -> None:
    scenario = made(kind="none", point=point, wait="-")
    assert scenario.injections == ()
    assert scenario.setup.accepts == accepts
    assert scenario.clients.script == ("connect", "silent")


@pytest.mark.parametrize(("point", "begins"), [("top", 0), ("recv", 5)])
def test_in_sm_closing_the_client_sends_after_15_ms_and_closes_after_30(
    point: str, begins: int
) -> None:
    wait = "-" if point == "recv" else "0"
    event, message, close = made(kind="sm_closing", point=point, wait=wait).injections
    assert (event.do, event.to) == ("state-change", ("closing",))
    assert (message.do, message.delay_ms) == ("client-message", begins + 15)
    assert (close.do, close.delay_ms) == ("client-close", begins + 30)
    assert {(one.at, one.nth) for one in (event, message, close)} == {POINTS[point]}
    early = made(kind="sm_closing", point=point, wait=wait, timing=Timing(message_ms=30))
    assert early.injections[1].delay_ms == begins + 30


def test_the_envelope_begins_with_the_usual_and_holds_no_timing_twice() -> None:
    assert ENVELOPE[0] == USUAL
    assert len(set(ENVELOPE)) == len(ENVELOPE)


@pytest.mark.parametrize("point", [*POINTS, *NO_EVENT])
def test_every_handler_serves_one_message_before_the_event(point: str) -> None:
    """But for those that do not get so far."""
    kind = "none" if point in NO_EVENT else "client_close"
    wait = "-" if point in ("recv", "sendfail", *NO_EVENT) else "0"
    events = play(made(kind=kind, point=point, wait=wait)).events
    kinds = [event.kind for event in events]
    assert ("received" in kinds) is (point not in ("preaccept", *NO_EVENT))
    assert kinds.count("injected") == (point not in NO_EVENT)
    if point == "recv":
        entered = [e.tick for e in events if e.values.get("at") == "receiving"]
        (came,) = (e.tick for e in events if e.kind == "injected")
        assert came > entered[1]


def test_a_pause_is_passed_at_its_own_passing_only() -> None:
    """At `top` the handler has served M1; before that it must not wait."""
    records = [play(made(wait=wait, kind="client_eof")) for wait in ("0", "250ms")]
    tops = [
        [event.tick for event in one.events if event.values.get("at") == "top"] for one in records
    ]
    assert tops[0] == tops[1]
    assert records[1].end.tick > records[0].end.tick
