"""Scenarios say what they mean or are refused, and names agree with what is built."""

from typing import Any

import pytest
from pydantic import ValidationError

from sim.catalog import names, open_scenario
from sim.model.names import EVENTS, GUARDS, MODES, PROBES, RUNTIMES, STATES, counterfactual
from sim.model.profiles import PROFILES
from sim.model.scenario import Batch, Scenario
from sim.playing import MODES as BUILT_MODES
from sim.runtimes.port import ORDERS
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
        ({"window_ms": -1}, "greater than or equal to 0"),
        ({"expect": {"pre-fix": "many"}}, "'none', 'some', 'all', 'race-free' or 'racy'"),
    ],
)
def test_what_makes_no_sense_is_refused(data: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Scenario.model_validate(data)
