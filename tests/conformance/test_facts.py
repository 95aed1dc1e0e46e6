"""What really happens on real servers, each point as a direction the model takes.

The figures there are counts of real trials; here the model must never contradict their direction.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from sim.files.catalog import open_scenario
from sim.kernel.trace import digest
from sim.model.names import GUARDS, MODES, RUNTIMES, SHAPES, Mode, Shape
from sim.model.outcome import Outcome
from sim.model.profiles import PROFILES
from sim.model.scenario import Scenario
from sim.model.ticks import PER_SECOND
from sim.runs.play import play
from sim.runs.subject import Record
from sim.schedulers.uniform import Uniform

BLIND_KINDS = ("client-close", "client-abort", "client-eof", "server-shutdown", "server-close")
UVICORN = [name for name in PROFILES if name.startswith("uvicorn")]
HYPERCORN = [name for name in PROFILES if name.startswith("hypercorn")]
AFTER_ACCEPT = ("top", "validated", "final_check", "received", "sending")


def run(name: str, *settings: str, seed: int = 0, **changes: Any) -> Record:
    scenario = open_scenario(name, settings)
    assert isinstance(scenario, Scenario)
    return play(scenario.model_copy(update=changes).resolve(seed))


def injected(
    do: str, at: str, guard: str, runtime: str = "asyncio-3.11", **changes: Any
) -> Outcome:
    """Run one injection, inline at the second passing of a probe, and return its outcome."""
    nth = 1 if at in ("received", "sending") else 2
    data: dict[str, Any] = {
        "guard": guard,
        "runtime": runtime,
        "clients": {"messages": 1, "pause_ms": 300},
        "injections": [{"do": do, "at": at, "nth": nth, "placed": "inline"}],
        "handler": {"work_ms": 2},
        **changes,
    }
    return play(Scenario.model_validate(data)).outcome


def every_place() -> Iterator[tuple[str, str, float]]:
    for do in BLIND_KINDS:
        for at in AFTER_ACCEPT:
            for window_ms in (0, 5):
                yield do, at, window_ms


# -- 1: pre-fix and post-fix end alike ---------------------------------------------------------


@pytest.mark.parametrize("server", PROFILES)
def test_1_pre_fix_and_post_fix_end_alike_in_every_cell(server: str) -> None:
    for do, at, window_ms in every_place():
        for runtime in ("asyncio-3.11", "asyncio-3.12"):
            before, after = (
                injected(do, at, guard, runtime, window_ms=window_ms, server=server)
                for guard in ("pre-fix", "post-fix")
            )
            assert before == after, (do, at, window_ms, runtime)


# -- 2: where they differ, and the price -------------------------------------------------------


def test_2_on_a_state_change_post_fix_leaves_where_pre_fix_serves_on() -> None:
    settings = ("injections.0.delay_ms=2", "window_ms=10")
    before = run("state-change", *settings, guard="pre-fix").outcome
    after = run("state-change", *settings, guard="post-fix").outcome
    assert (before.failed, before.lost) == (False, 0)
    assert after.classes == ("guard_break_final",)
    assert (after.failed, after.lost) == (False, 1)


def test_2_its_price_is_the_queued_message_in_every_trial_that_leaves() -> None:
    left = 0
    for seed in range(40):
        outcome = run("state-change", "window_ms=10", seed=seed, guard="post-fix").outcome
        leaves = outcome.classes == ("guard_break_final",)
        assert outcome.lost == leaves
        left += leaves
        assert not run("state-change", "window_ms=10", seed=seed, guard="pre-fix").outcome.lost
    assert 5 < left < 35


def test_2_an_eaten_disconnect_is_an_error_that_post_fix_prevents() -> None:
    settings = ("injections.0.delay_ms=2", "window_ms=10")
    before = run("eaten-disconnect", *settings, guard="pre-fix").outcome
    after = run("eaten-disconnect", *settings, guard="post-fix").outcome
    assert before.classes == ("receive_after_disconnect",)
    assert before.failed
    assert after.classes == ("guard_break_final",)
    assert not after.failed


# -- 3: what a client's close in the window takes ------------------------------------------------


@pytest.mark.parametrize("guard", ["none", "pre-fix", "post-fix"])
@pytest.mark.parametrize("server", PROFILES)
def test_3_a_client_that_closes_in_the_window_never_produces_the_error(
    guard: str, server: str
) -> None:
    for window_ms in (0, 1, 5, 20):
        for do in ("client-close", "client-abort", "client-eof"):
            outcome = injected(do, "validated", guard, window_ms=window_ms, server=server)
            assert not outcome.failed, (do, window_ms)


@pytest.mark.parametrize("guard", ["none", "pre-fix", "post-fix"])
def test_3_it_takes_an_earlier_send_that_failed_and_was_swallowed(guard: str) -> None:
    for server in UVICORN:
        outcome = injected("client-close", "sending", guard, server=server)
        assert outcome.classes == ("need_accept_first",), server
        assert outcome.states == (("CONNECTED", "DISCONNECTED"),)
    for server in HYPERCORN:  # send returns silently, so application_state stays
        outcome = injected("client-close", "sending", guard, server=server)
        assert not outcome.failed, server


# -- 4: the server's own close, counted in turns -----------------------------------------------


@pytest.mark.parametrize("guard", ["pre-fix", "post-fix"])
@pytest.mark.parametrize("runtime", ["asyncio-3.11", "asyncio-3.12"])
def test_4_with_at_least_one_turn_to_the_receive_the_error_comes_always(
    guard: str, runtime: str
) -> None:
    for hops in (1, 2, 5):
        outcome = injected("server-close", "validated", guard, runtime, window_hops=hops)
        assert outcome.classes == ("need_accept_first",)


@pytest.mark.parametrize("guard", ["none", "pre-fix", "post-fix", "both-states"])
def test_4_without_a_turn_wait_fors_own_makes_the_difference(guard: str) -> None:
    on_311 = injected("server-close", "final_check", guard, "asyncio-3.11")
    on_312 = injected("server-close", "final_check", guard, "asyncio-3.12")
    assert on_311.classes == ("need_accept_first",)
    assert not on_312.failed


def test_4_on_trio_one_turn_is_about_half_a_chance() -> None:
    data: dict[str, Any] = {
        "runtime": "trio",
        "server": "hypercorn-trio@0.18",
        "window_hops": 1,
        "clients": {"messages": 1, "pause_ms": 300},
        "injections": [{"do": "server-close", "at": "validated", "nth": 2, "placed": "inline"}],
    }
    scenario = Scenario.model_validate(data)
    failed = sum(play(scenario, Uniform(seed)).outcome.failed for seed in range(200))
    assert 60 < failed < 140


# -- 5: guards of both states, and none at all ---------------------------------------------------


@pytest.mark.parametrize("server", PROFILES)
def test_5_both_states_fails_only_in_wait_fors_turn(server: str) -> None:
    for do, at, window_ms in every_place():
        for runtime in ("asyncio-3.11", "asyncio-3.12"):
            failed = injected(
                do, at, "both-states", runtime, window_ms=window_ms, server=server
            ).failed
            hop = runtime == "asyncio-3.11" and do == "server-close"
            assert not failed or (hop and (at == "final_check" or window_ms == 0)), (do, at)


@pytest.mark.parametrize("guard", ["both-no-hop", "catch"])
@pytest.mark.parametrize("server", PROFILES)
def test_5_both_no_hop_and_catch_never_fail_after_accept(guard: str, server: str) -> None:
    for do, at, window_ms in every_place():
        for runtime in ("asyncio-3.11", "asyncio-3.12"):
            outcome = injected(do, at, guard, runtime, window_ms=window_ms, server=server)
            assert not outcome.failed, (do, at, window_ms, runtime)


@pytest.mark.parametrize("guard", GUARDS)
def test_5_before_accept_no_guard_is_complete(guard: str) -> None:
    settings = ("injections.0.delay_ms=2", "pauses.preaccept=10")
    outcome = run("accept-race", *settings, guard=guard).outcome
    assert outcome.classes == ("oserror_leaked(ClientDisconnected)",)
    assert outcome.failed


# -- 6: the original shape -----------------------------------------------------------------------


@pytest.mark.parametrize("guard", ["pre-fix", "post-fix"])
def test_6_the_original_polls_its_full_three_seconds_and_then_raises(guard: str) -> None:
    record = run("original-poll", "window_ms=5", guard=guard)
    assert record.outcome.classes == ("need_accept_first",)
    ticks = {event.kind: event.tick for event in record.events if event.kind in ("raised",)}
    (checked,) = [
        event.tick
        for event in record.events
        if event.kind == "probe" and event.values["at"] == "final_check"
    ][1:]
    (validated,) = [
        event.tick
        for event in record.events
        if event.kind == "probe" and event.values["at"] == "validated"
    ][1:]
    assert abs(checked - validated - 3.005 * PER_SECOND) < 0.001 * PER_SECOND
    assert ticks["raised"] == checked


# -- the controls --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_fails_where_nothing_happens(mode: Mode, shape: Shape) -> None:
    for guard in GUARDS:
        for runtime in RUNTIMES:
            record = run("healthy", guard=guard, mode=mode, shape=shape, runtime=runtime)
            outcome = record.outcome
            assert not outcome.failed
            assert outcome.classes == ("clean_disconnect(1000)",)
            assert (outcome.lost, outcome.turns) == (0, 3)
            assert {finding.kind for finding in outcome.findings} == {"clean_disconnect(1000)"}
            if mode == "main":
                assert outcome.complete == 3  # all five agent events of every turn, in order


@pytest.mark.parametrize("server", PROFILES)
def test_nothing_fails_where_nothing_happens_on_any_server(server: str) -> None:
    for guard in GUARDS:
        outcome = run("healthy", guard=guard, server=server).outcome
        assert not outcome.failed
        assert outcome.lost == 0


def long_session() -> Record:
    """Two hours of chat: 50 clients, a message every ten minutes, heartbeats in between."""
    return run("chat-session", "clients.count=50", "clients.messages=11", "clients.pause_ms=600000")


def test_two_hours_of_chat_with_heartbeats_repeat() -> None:
    first, second = long_session(), long_session()
    assert first.digest == second.digest == digest(second.events)
    beats = sum(event.kind == "timeout" for event in first.events)
    assert beats >= 50 * 11 * 4
    assert not first.outcome.failed
    assert first.outcome.lost == 0
    assert first.outcome.complete == 50 * 11
