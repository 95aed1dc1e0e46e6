"""One row for each stack: everything that is named by stack or family is there for every row."""

import pytest

from sim.live.hosts import HOSTS
from sim.model.names import RUNTIMES
from sim.model.profiles import DEFAULT_PROFILE, PROFILES, closes_each, profile_named
from sim.model.scenario import Scenario
from sim.model.stacks import STACKS, ServerStack, counterfactual, find_profile_stack, find_stack

every_stack = pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)


@every_stack
def test_a_stack_is_found_by_its_name_and_by_its_family(stack: ServerStack) -> None:
    assert find_stack(stack.name) is find_stack(stack.family) is stack
    assert find_profile_stack(f"{stack.name}@0.1") is find_profile_stack(stack.family) is stack


def test_no_name_is_given_twice() -> None:
    assert len(STACKS) == len({stack.family for stack in STACKS.values()})
    for stack in STACKS.values():
        assert STACKS.get(stack.family, stack) is stack


@every_stack
def test_every_stack_has_profiles_and_is_run_by_something(stack: ServerStack) -> None:
    assert stack.offered
    for release in stack.offered:
        assert f"{stack.family}@{release}" in PROFILES
    assert (stack.server, stack.loop) in HOSTS


def test_the_first_stack_has_the_default_profile() -> None:
    assert DEFAULT_PROFILE.partition("@")[0] == next(iter(STACKS.values())).family


@every_stack
def test_a_profile_may_be_named_by_its_stack_and_is_called_by_its_family(
    stack: ServerStack,
) -> None:
    release = stack.offered[0]
    by_stack, by_family = (f"{name}@{release}" for name in (stack.name, stack.family))
    assert profile_named(by_stack) == profile_named(by_family)
    assert Scenario(server=by_stack).server == by_family


def test_pairs_are_real_where_a_server_exists_with_a_runtime() -> None:
    real = {
        stack.name: [name for name in RUNTIMES if not counterfactual(name, f"{stack.family}@0")]
        for stack in STACKS.values()
    }
    asyncio = ["asyncio-3.11", "asyncio-3.12"]
    assert real == {**dict.fromkeys(STACKS, asyncio), "hypercorn-trio": ["trio"]}
    assert counterfactual("trio", "gunicorn@20")


@every_stack
def test_only_uvicorn_closes_each_connection_when_it_shuts_down(stack: ServerStack) -> None:
    assert closes_each(stack) is (stack.server == "uvicorn")
