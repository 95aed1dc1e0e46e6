"""The list of everything that can be named: complete, in order, with a line on each."""

import pytest

from sim.commands.list import everything
from sim.files.catalog import names, open_scenario
from sim.model.names import EVENTS, MODES, PROBES, RUNTIMES, SHAPES
from sim.model.outcome import CLASSES
from sim.model.profiles import PROFILES
from sim.model.properties import PROPERTIES
from sim.model.stacks import counterfactual
from sim.schedulers.strategies import STRATEGIES
from sim.sut.guards import GUARDS

KINDS = {
    "scenarios": names(),
    "modes": MODES,
    "shapes": SHAPES,
    "guards": tuple(GUARDS),
    "injections": EVENTS,
    "probes": PROBES,
    "runtimes": RUNTIMES,
    "servers": tuple(PROFILES),
    "strategies": tuple(STRATEGIES),
    "properties": tuple(PROPERTIES),
    "outcomes": tuple(one.name for one in CLASSES),
}


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, str]]:
    return everything()


def test_there_is_every_kind_and_no_other(found: dict[str, dict[str, str]]) -> None:
    assert list(found) == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_of_a_kind_is_there_in_its_order(
    found: dict[str, dict[str, str]], kind: str
) -> None:
    assert tuple(found[kind]) == KINDS[kind]
    assert found[kind]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "probes"])
def test_every_name_but_a_probe_has_a_line_of_its_own(
    found: dict[str, dict[str, str]], kind: str
) -> None:
    for name, about in found[kind].items():
        assert about.strip(), f"{kind}: {name} has no line"
        assert about.isprintable(), f"{kind}: {name} has more than a line"
    if kind != "servers":
        assert len(set(found[kind].values())) == len(found[kind])


def test_probes_speak_for_themselves(found: dict[str, dict[str, str]]) -> None:
    assert set(found["probes"].values()) == {""}


def test_a_scenario_is_told_by_its_title_and_a_guard_by_its_summary(
    found: dict[str, dict[str, str]],
) -> None:
    assert found["scenarios"]["server-close"] == open_scenario("server-close").title
    assert found["guards"] == {name: guard.summary for name, guard in GUARDS.items()}


@pytest.mark.parametrize("server", PROFILES)
def test_a_server_tells_under_which_runtimes_it_exists(
    found: dict[str, dict[str, str]], server: str
) -> None:
    real = [runtime for runtime in RUNTIMES if not counterfactual(runtime, server)]
    assert real
    assert found["servers"][server] == f"with {', '.join(real)}"


def test_any_order_is_told_of_no_server(found: dict[str, dict[str, str]]) -> None:
    assert not any("any-order" in about for about in found["servers"].values())
