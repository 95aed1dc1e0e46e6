"""Injections happen within the handler's own step, or at its next turn, on a real server."""

from typing import Any

import pytest

from sim.errors import UserError
from sim.live.driver import refuse_impossible
from sim.live.stacks import Stack
from sim.live.trial import LiveRun
from sim.model.record import Event
from sim.model.scenario import LATER
from sim.model.stacks import STACKS
from sim.runs.injections import QUEUED
from tests.helpers.live_scenarios import first, inline, labels, scenario
from tests.live.conftest import Serve

every_stack = pytest.mark.parametrize("stack", STACKS)
on_asyncio = pytest.mark.parametrize("stack", [name for name in STACKS if name[-4:] != "trio"])
on_uvicorn = pytest.mark.parametrize("stack", [name for name in STACKS if name[0] == "u"])


def stack_of(name: str) -> Stack:
    return Stack(name, "asyncio-3.12", name, "", "", "", "")


def around(run: LiveRun, do: str) -> tuple[Event, Event, Event]:
    """Return the event of an injection between its neighbours in the server's thread."""
    events = [event for event in run.events if event.task != "c1"]
    kinds = [event.values.get("do") for event in events]
    at = kinds.index(do)
    return events[at - 1], events[at], events[at + 1]


@pytest.mark.parametrize(
    ("do", "stack", "why"),
    [
        ("failing-send", "uvicorn-wsproto", "a real server fails a send only for a reason"),
        ("server-shutdown", "hypercorn-trio", "hypercorn-trio has no shutdown of one connection"),
        ("server-shutdown", "hypercorn-asyncio", "has no shutdown of one connection"),
    ],
)
def test_what_no_real_server_does_is_refused(do: str, stack: str, why: str) -> None:
    with pytest.raises(UserError, match=f"injections.1.do: {do} cannot be done live: .*{why}"):
        refuse_impossible(scenario(inline("client-close"), inline(do)), stack_of(stack))


def test_a_refused_scenario_starts_nothing(serve: Serve) -> None:
    with pytest.raises(UserError, match="failing-send"):
        serve("uvicorn-wsproto").run(scenario(inline("failing-send")), 1000)


@every_stack
@pytest.mark.parametrize("do", ["client-close", "client-abort", "client-eof"])
def test_what_a_client_does_inline_is_done_before_the_next_statement(
    serve: Serve, stack: str, do: str
) -> None:
    (run,) = serve(stack).run(scenario(inline(do, queued=do == "client-close")))
    before, event, after = around(run, do)
    assert before.values["at"] == "validated"
    assert event.task == "handler:c1"
    if do == "client-close":
        assert after.values["frame"] == f"text {QUEUED}"
    else:
        assert run.outcome.label.startswith("clean_disconnect")


@on_asyncio
def test_what_the_server_does_runs_at_the_handlers_next_turn(serve: Serve, stack: str) -> None:
    """One hop in the window: the other task acts before the final check, and not before."""
    (run,) = serve(stack).run(scenario(inline("state-change"), window_hops=1))
    before, event, after = around(run, "state-change")
    assert before.values["at"] == "validated"
    assert event.task == "server-state-change"
    assert after.values["state"] == "closing"
    assert run.outcome.label == "guard_break_final"


@on_asyncio
@pytest.mark.parametrize(("hops", "label"), [(2, "guard_break_final"), (3, "hang")])
def test_hops_are_turns_in_between(serve: Serve, stack: str, hops: int, label: str) -> None:
    """The window has three turns; with the trigger's own the act falls into it, or not."""
    event = inline("state-change", hops=hops)
    runs = serve(stack).run(scenario(event, window_hops=3))
    assert labels(runs) == {label}


@every_stack
def test_an_armed_event_comes_after_its_delay(serve: Serve, stack: str) -> None:
    event = {"do": "client-close", "at": "receiving", "nth": 2, "delay_ms": 5}
    (run,) = serve(stack).run(scenario(event))
    took = run.events[first(run, "injected")].tick - _second_receiving(run.events)
    assert took >= 5 * (1 << 20) / 1000
    assert run.outcome.label.startswith("clean_disconnect")


def _second_receiving(events: tuple[Any, ...]) -> int:
    ticks = [event.tick for event in events if event.values.get("at") == "receiving"]
    return int(ticks[1])


@every_stack
def test_a_time_counts_from_the_handlers_beginning(serve: Serve, stack: str) -> None:
    silent = ["connect", {"wait": 1}, "silent"]
    (run,) = serve(stack).run(scenario({"do": "client-abort", "time_ms": 200}, script=silent))
    assert run.ms >= 200
    assert run.outcome.label.startswith("clean_disconnect")


@every_stack
def test_a_message_of_the_injections_is_lost_where_the_handler_has_left(
    serve: Serve, stack: str
) -> None:
    """The state changes in the window; the message comes 15 ms later, the close 200 ms."""
    place = {"at": "validated", "nth": 2}
    events = [
        inline("state-change"),
        {"do": "client-message", **place, "delay_ms": 15},
        {"do": "client-close", **place, "delay_ms": 200},
    ]
    server = serve(stack)
    (left,) = server.run(scenario(*events, window_hops=5))
    assert (left.outcome.label, left.outcome.lost) == ("guard_break_final", 1)
    (stayed,) = server.run(scenario(*events, window_hops=5, guard="pre-fix"))
    assert stayed.outcome.label.startswith("clean_disconnect")
    assert stayed.outcome.lost == 0
    assert first(stayed, "received", text=LATER)


@on_uvicorn
def test_a_servers_shutdown_is_that_of_the_connections_protocol(serve: Serve, stack: str) -> None:
    runs = serve(stack).run(scenario(inline("server-shutdown")), 2)
    assert labels(runs) == {"clean_disconnect(1012)"}


def test_a_second_receiver_takes_the_disconnect_and_post_fix_leaves(serve: Serve) -> None:
    """There the fix prevents an error that pre-fix meets."""
    server = serve("uvicorn-wsproto")
    for guard, label in (
        ("post-fix", "guard_break_final"),
        ("pre-fix", "receive_after_disconnect"),
    ):
        event = inline("eaten-disconnect")
        (run,) = server.run(scenario(event, guard=guard, window_ms=20))
        assert run.outcome.label == label
        assert first(run, "eaten", type="websocket.disconnect")


def test_what_a_servers_close_raises_is_swallowed_and_said(serve: Serve) -> None:
    """Two tasks close; Starlette refuses the second."""
    events = [inline("server-close"), inline("server-close")]
    (run,) = serve("uvicorn-wsproto").run(scenario(*events, window_hops=3))
    assert first(run, "swallowed")
    assert run.outcome.label == "need_accept_first"
