"""The columns that name a stack: what they come to, and which of them the model does not know."""

from typing import Any

import pytest

from sim.conformance.stacks import NotCovered, Setting, setting_of
from sim.model.scenario import Scenario
from sim.model.stacks import STACKS
from tests.helpers import arranged
from tests.helpers.arranged import LEGACY, TRIO, cell


def refused(like: str = LEGACY, /, **columns: Any) -> str:
    with pytest.raises(NotCovered) as caught:
        setting_of(cell(like, **columns))
    return str(caught.value)


def test_the_measured_stacks_come_to_their_runtimes_and_profiles() -> None:
    found = {name: setting_of(cell(name)) for name in arranged.STACKS}
    assert found == {
        "uvicorn-websockets": Setting("asyncio-3.11", "uvicorn-websockets@0.35.0", "installed"),
        "hypercorn-asyncio": Setting("asyncio-3.11", "hypercorn-asyncio@0.18.0", "installed"),
        "uvicorn-websockets-sansio": Setting("asyncio-3.12", "uvicorn-sansio@0.54.0", "installed"),
        "hypercorn-trio": Setting("trio", "hypercorn-trio@0.18.0", "installed"),
        "uvicorn-wsproto": Setting("asyncio-3.12", "uvicorn-wsproto@0.35.0", "installed"),
    }


def test_every_stack_was_measured_and_every_setting_is_a_scenarios() -> None:
    assert set(arranged.STACKS) == set(STACKS)
    for name in arranged.STACKS:
        setting = setting_of(cell(name))
        scenario = Scenario(
            runtime=setting.runtime, server=setting.server, starlette=setting.starlette
        )
        assert not scenario.counterfactual


@pytest.mark.parametrize(
    ("python", "runtime"),
    [
        ("3.8.0", "asyncio-3.11"),
        ("3.11.99", "asyncio-3.11"),
        ("3.12", "asyncio-3.12"),
        ("3.12.0rc1", "asyncio-3.12"),
        ("3.14.2", "asyncio-3.12"),
    ],
)
def test_wait_for_runs_in_place_since_python_3_12(python: str, runtime: str) -> None:
    assert setting_of(cell(python=python)).runtime == runtime
    assert setting_of(cell(TRIO, python=python)).runtime == "trio"


@pytest.mark.parametrize(
    ("starlette", "whose"),
    [
        ("0.27.0", "before-0.36"),
        ("0.35.1", "before-0.36"),
        ("0.36", "installed"),
        ("0.36.0", "installed"),
        ("1.10.0", "installed"),
        ("1.0.0rc1", "installed"),
    ],
)
def test_starlette_converts_an_oserror_of_send_since_0_36(starlette: str, whose: str) -> None:
    assert setting_of(cell(starlette=starlette)).starlette == whose


@pytest.mark.parametrize("suffix", ["", ".0", ".0rc1", ".0 (patched)", ".0+local"])
def test_a_patch_or_candidate_of_a_release_counts_as_the_release(suffix: str) -> None:
    assert setting_of(cell(server=f"uvicorn 0.35{suffix}")).server.startswith(
        "uvicorn-websockets@0.35"
    )


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"stack": "daphne"}, "stack 'daphne' is unknown"),
        ({"stack": ""}, "stack '' is unknown"),
        ({"stack": "Uvicorn-websockets"}, "stack 'Uvicorn-websockets' is unknown"),
        ({"runtime": "trio"}, "runtime 'trio' with stack 'uvicorn-websockets'"),
        ({"runtime": "uvloop"}, "runtime 'uvloop' with stack 'uvicorn-websockets'"),
        ({"server": "hypercorn 0.18.0"}, "does not belong to stack 'uvicorn-websockets'"),
        ({"server": "0.35.0"}, "does not belong to stack"),
        ({"server": "uvicorn"}, "server 'uvicorn': this is no version"),
        ({"server": "uvicorn main"}, "server 'uvicorn main': this is no version"),
        ({"server": "uvicorn 0"}, "this is no version"),
        ({"server": "uvicorn 0.99999"}, "this is no version"),
        ({"server": "uvicorn -0.35"}, "this is no version"),
        ({"server": "uvicorn 0.23.1"}, "'uvicorn-websockets@0.23.1' is unknown"),
        ({"server": "uvicorn 0.55.0"}, "'uvicorn-websockets@0.55.0' is unknown"),
        ({"server": "uvicorn 1.0.0"}, "'uvicorn-websockets@1.0.0' is unknown"),
        ({"python": "2.7.18"}, "python '2.7.18' is not modelled"),
        ({"python": "3.7.17"}, "python '3.7.17' is not modelled"),
        ({"python": "4.0.0"}, "python '4.0.0' is not modelled"),
        ({"python": "PyPy"}, "python 'PyPy': this is no version"),
        ({"python": ""}, "python '': this is no version"),
        ({"starlette": "latest"}, "starlette 'latest': this is no version"),
        ({"starlette": "1"}, "starlette '1': this is no version"),
    ],
)
def test_what_the_model_does_not_know_is_said(columns: dict[str, str], why: str) -> None:
    assert why in refused(**columns)


def test_hypercorn_under_another_loop_than_its_stack_names_is_not_guessed() -> None:
    assert "not modelled" in refused("hypercorn-asyncio", runtime="trio")
    assert "not modelled" in refused(TRIO, runtime="asyncio")
