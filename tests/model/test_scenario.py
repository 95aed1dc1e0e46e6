"""Scenarios say what they mean or are refused, and names agree with what is built."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from sim.files.catalog import names, open_scenario
from sim.model.names import EVENTS, GUARDS, MODES, PROBES, RUNTIMES, STATES
from sim.model.profiles import PROFILES
from sim.model.scenario import Batch, Handler, Scenario, Setup, Starlette, Wait
from sim.model.stacks import counterfactual
from sim.model.ticks import from_ms
from sim.runs.scenario import MODES as BUILT_MODES
from sim.runs.scenario import WEBSOCKETS
from sim.runs.specs import client_specs, pauses_of
from sim.runtimes.port import ORDERS, Pause
from sim.sut.guards import GUARDS as BUILT_GUARDS
from sim.sut.state_machine import TRANSITIONS

PROMISED = {
    "issue-1061",
    "blind-spot",
    "server-close",
    "wait-for-hop",
    "state-change",
    "eaten-disconnect",
    "accept-race",
    "setup-race",
    "original-poll",
    "chat-session",
    "healthy",
}


def test_names_are_those_of_what_is_built() -> None:
    assert tuple(BUILT_GUARDS) == GUARDS
    assert tuple(BUILT_MODES) == MODES
    assert tuple(ORDERS) == RUNTIMES
    assert tuple(TRANSITIONS) == STATES
    assert tuple(WEBSOCKETS) == get_args(Starlette)
    assert len(set(PROBES)) == len(PROBES)
    assert len(set(EVENTS)) == len(EVENTS)


def test_the_promised_scenarios_are_shipped() -> None:
    assert set(names()) >= PROMISED


def test_issue_1061_is_a_batch_of_the_eight_injections() -> None:
    batch = open_scenario("issue-1061")
    assert isinstance(batch, Batch)
    assert len(batch.include) == 8


@pytest.mark.parametrize("name", sorted(set(names()) - {"issue-1061"}))
def test_every_scenario_tells_what_it_is_and_what_it_expects(name: str) -> None:
    scenario = open_scenario(name)
    assert isinstance(scenario, Scenario)
    assert scenario.title
    assert scenario.about
    assert set(scenario.expect) == set(scenario.sweep.guards)


def test_resolving_replaces_every_draw_and_nothing_else() -> None:
    scenario = Scenario.model_validate(
        {
            "window_ms": {"uniform": [1, 2]},
            "setup": {"manager_ms": {"exponential": 3}},
            "injections": [
                {
                    "do": "client-close",
                    "at": "top",
                    "delay_ms": {"list": [4]},
                    "hops": {"list": [2]},
                },
                {"do": "server-close", "time_ms": {"grid": [5, 9, 2]}},
            ],
        }
    )
    once, again, other = scenario.resolve(1), scenario.resolve(1), scenario.resolve(2)
    assert once == again != other
    assert 1 <= float(once.window_ms) < 2  # type: ignore[arg-type]
    first, second = once.injections
    assert (first.delay_ms, first.hops, first.time_ms) == (4, 2, None)
    assert second.time_ms in (5, 9)
    assert once.resolve(3) == once
    assert once.mode == scenario.mode


@pytest.mark.parametrize(
    ("runtime", "server", "expected"),
    [
        ("asyncio-3.11", "uvicorn-websockets@0.35", False),
        ("asyncio-3.12", "hypercorn-asyncio@0.18", False),
        ("trio", "hypercorn-trio@0.18", False),
        ("trio", "uvicorn-wsproto@0.54", True),
        ("asyncio-3.11", "hypercorn-trio@0.18", True),
        ("any-order", "uvicorn-wsproto@0.54", True),
    ],
)
def test_pairs_that_do_not_exist_are_counterfactual(
    runtime: Any, server: str, expected: bool
) -> None:
    assert counterfactual(runtime, server) is expected
    assert Scenario(runtime=runtime, server=server).counterfactual is expected


def test_post_fix_in_legacy_mode_is_counterfactual() -> None:
    assert Scenario(mode="legacy", guard="post-fix").counterfactual
    assert not Scenario(mode="legacy", guard="pre-fix").counterfactual


def test_every_profile_exists_under_some_runtime() -> None:
    for server in PROFILES:
        assert not all(counterfactual(runtime, server) for runtime in RUNTIMES)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"guard": "catc"}, "unknown guard 'catc'"),
        ({"guard": "module:"}, "unknown guard"),
        ({"server": "nginx"}, "unknown server profile"),
        ({"mode": "isolated", "shape": "original", "window_ms": 5}, "window_ms: mode isolated"),
        ({"injections": [{"do": "client-close"}]}, "either a probe"),
        ({"injections": [{"do": "client-close", "at": "top", "time_ms": 1}]}, "either a probe"),
        (
            {
                "injections": [
                    {"do": "client-close", "at": "top", "placed": "inline", "delay_ms": 1}
                ]
            },
            "an inline injection happens at its probe",
        ),
        ({"injections": [{"do": "client-close", "at": "top", "client": 2}]}, "only 1 clients"),
        ({"clients": {"script": ["conect"]}}, "did you mean 'connect'"),
        ({"end_ms": 0}, "greater than 0"),
        ({"starlette": "0.35"}, "'installed' or 'before-0.36'"),
        ({"server": "uvicorn-websockets@0.23.1"}, "unknown server profile"),
        ({"server": "uvicorn-websockets@99.0"}, "unknown server profile"),
        ({"pauses": {"top": {"hops": 1001}}}, "less than or equal to 1000"),
        ({"pauses": {"top": {"hops": -1}}}, "greater than or equal to 0"),
        ({"pauses": {"top": {"ms": -1}}}, "greater than or equal to 0"),
        ({"pauses": {"top": {"nth": [0]}}}, "greater than or equal to 1"),
        ({"pauses": {"top": {"nth": 1}}}, "valid tuple"),
        ({"pauses": {"top": {"hop": 1}}}, "Extra inputs"),
        ({"pauses": {"receiving": {"hops": 1}}}, "pauses.receiving: the handler passes this"),
        ({"pauses": {"middle": 1}}, "'connecting', 'preaccept'"),
        (
            {"mode": "legacy", "shape": "original", "pauses": {"validated": {"hops": 1}}},
            "window_ms: mode legacy",
        ),
        ({"handler": {"sends": []}}, "at least 1 item"),
        ({"handler": {"sends": [1, -1]}}, "greater than or equal to 0"),
        ({"handler": {"sends": [1001]}}, "less than or equal to 1000"),
        ({"handler": {"sends": "5x"}}, "valid integer"),
        ({"handler": {"apart_ms": -1}}, "greater than or equal to 0"),
        ({"handler": {"swallows": "nothing"}}, "'disconnects' or 'everything'"),
        ({"handler": {"until_failed": "perhaps"}}, "valid boolean"),
        ({"setup": {"machines": "three"}}, "'one', 'two' or 'ready'"),
        ({"setup": {"greets": "perhaps"}}, "valid boolean"),
        ({"clients": {"down_ms": -1}}, "greater than or equal to 0"),
        ({"injections": [{"do": "client-mesage", "at": "top"}]}, "'client-message'"),
        ({"window_ms": -1}, "greater than or equal to 0"),
        ({"expect": {"pre-fix": "many"}}, "'none', 'some', 'all', 'race-free' or 'racy'"),
    ],
)
def test_what_makes_no_sense_is_refused(data: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Scenario.model_validate(data)


def test_the_new_keys_change_nothing_unless_they_are_set() -> None:
    handler, setup = Handler(), Setup()
    assert (handler.sends, handler.apart_ms, handler.until_failed) == (None, 0, False)
    assert handler.swallows == "disconnects"
    assert (setup.greets, setup.machines) == (True, "one")
    assert (Scenario().starlette, Scenario().clients.down_ms) == ("installed", None)


def test_a_pause_is_a_time_or_a_table() -> None:
    scenario = Scenario.model_validate(
        {
            "pauses": {
                "top": 2.5,
                "received": {"hops": 3},
                "sending": {"ms": 1, "hops": 2, "nth": [1, 4]},
                "accepted": {"nth": [1]},
                "final_check": 0,
            }
        }
    )
    assert scenario.pauses["received"] == Wait(hops=3)
    assert pauses_of(scenario) == {
        "top": Pause(ticks=from_ms(2.5)),
        "received": Pause(hops=3),
        "sending": Pause(2, from_ms(1), frozenset((1, 4))),
    }  # what awaits nothing is no pause
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario


def test_the_window_is_the_pause_after_validation_at_every_passing() -> None:
    scenario = Scenario(
        window_ms=5, window_hops=2, pauses={"validated": Wait(ms=1, nth=(1,)), "top": 1}
    )
    assert pauses_of(scenario)["validated"] == Pause(2, from_ms(5))
    assert pauses_of(scenario)["top"] == Pause(ticks=from_ms(1))


@pytest.mark.parametrize(("down_ms", "expected"), [(None, 3), (0, 0), (7, 7)])
def test_what_goes_to_the_client_has_a_delay_of_its_own_if_one_is_given(
    down_ms: float | None, expected: float
) -> None:
    clients = Scenario.model_validate({"clients": {"delay_ms": 3, "down_ms": down_ms}}).clients
    (spec,) = client_specs(clients)
    assert (spec.up.delay, spec.down.delay) == (from_ms(3), from_ms(expected))
    (untimed,) = client_specs(clients, untimed=True)
    assert untimed.up.delay == untimed.down.delay == 0


@pytest.mark.parametrize("sends", [None, 0, 5, [3], [5, 1], (0, 1000)])
def test_sends_are_a_number_or_one_for_each_message(sends: Any) -> None:
    found = Scenario.model_validate({"handler": {"sends": sends}}).handler.sends
    assert found == (tuple(sends) if isinstance(sends, list) else sends)


@pytest.mark.parametrize(
    "server", ["uvicorn-websockets@0.30.6", "uvicorn-sansio@0.40", "hypercorn-trio@0.15.0"]
)
def test_a_server_may_be_any_release_that_was_read(server: str) -> None:
    assert Scenario(server=server).server == server
