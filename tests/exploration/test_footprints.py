"""The reads and writes of a step tell all that its effect depends on.

If they do, two runs that order all conflicts alike are alike for every task, event for event. A
search that looks at one schedule of each class rests on that. `_disconnect_given` of a connection
was written with a read noted: 8 of the 62 classes of server-close then held two histories.
"""

from dataclasses import replace

import pytest

from sim.exploration.inquiry import Inquiry
from sim.files.catalog import names, open_scenario
from sim.kernel.series import run_all, run_search
from sim.kernel.world import World
from sim.model.names import EVENTS, RuntimeName
from sim.model.profiles import PROFILES
from sim.model.record import End
from sim.model.scenario import Scenario
from sim.runs.scenario import ScenarioSubject
from sim.schedulers.fifo import Fifo
from sim.schedulers.strategies import STRATEGIES
from sim.schedulers.uniform import Uniform
from tests.helpers.histories import first_difference

RUNTIMES: tuple[RuntimeName, ...] = ("asyncio-3.11", "trio", "any-order")


def shipped() -> list[Scenario]:
    found = [open_scenario(name) for name in names()]
    return [one for one in found if isinstance(one, Scenario)]


def small(scenario: Scenario, runtime: RuntimeName) -> Scenario:
    clients = scenario.clients.model_copy(update={"count": min(scenario.clients.count, 2)})
    update = {"runtime": runtime, "clients": clients, "end_ms": 1000}
    return scenario.resolve(0, "footprints").model_copy(update=update)


def ends_of(scenario: Scenario, inquiry: Inquiry, drawn: int = 0) -> list[End]:
    """Return the ends of a search, and of so many drawn schedules, with their steps."""
    subject = ScenarioSubject(scenario, untimed=inquiry.untimed)
    job = subject.job(Fifo()).recording()
    ends: list[End] = []

    def keep(end: End) -> None:
        ends.append(end)

    run_search(job, inquiry.search(40, job.in_batches), keep, inquiry.most)
    run_all((job.under(Uniform(seed)) for seed in range(drawn)), keep)
    return ends


def differs(scenario: Scenario, inquiry: Inquiry, drawn: int = 0) -> str:
    return first_difference(ends_of(scenario, inquiry, drawn), inquiry.untimed)


every_shipped = pytest.mark.parametrize("scenario", shipped(), ids=lambda one: one.title)


@pytest.mark.parametrize("strategy", STRATEGIES)
@every_shipped
def test_equal_classes_are_equal_histories_in_every_search(
    scenario: Scenario, strategy: str
) -> None:
    for runtime in RUNTIMES:
        inquiry = Inquiry(strategy, "all", max_schedules=25)
        assert differs(small(scenario, runtime), inquiry) == "", runtime


@pytest.mark.slow
@pytest.mark.parametrize("times", ["fixed", "all"])
@pytest.mark.parametrize("runtime", RUNTIMES)
@every_shipped
def test_equal_classes_are_equal_histories_in_many_schedules(
    scenario: Scenario, runtime: RuntimeName, times: str
) -> None:
    inquiry = Inquiry("dpor", times, max_schedules=500)  # type: ignore[arg-type]
    assert differs(small(scenario, runtime), inquiry, drawn=500) == ""


@pytest.mark.parametrize("server", PROFILES)
@pytest.mark.parametrize("do", EVENTS)
def test_no_server_and_no_injection_hides_a_state(do: str, server: str) -> None:
    """A sibling of the shipped ones: each injection on each server, with a second receiver."""
    scenario = Scenario.model_validate(
        {
            "mode": "factory",
            "server": server,
            "end_ms": 1000,
            "clients": {"messages": 1, "pause_ms": 20},
            "injections": [{"do": do, "time_ms": 10}, {"do": "eaten-disconnect", "time_ms": 15}],
        }
    )
    for runtime in ("asyncio-3.11", "any-order"):
        timed = scenario.model_copy(update={"runtime": runtime})
        assert differs(timed, Inquiry("dpor", "all", max_schedules=40), drawn=40) == "", runtime


def test_a_write_that_is_not_noted_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_scenario("server-close")
    assert isinstance(opened, Scenario)
    real = World.write

    def forgetful(self: World, name: str) -> None:
        if not name.endswith(".told"):
            real(self, name)

    monkeypatch.setattr(World, "write", forgetful)
    inquiry = Inquiry("dpor", "all", max_schedules=150)
    found = differs(small(opened, "asyncio-3.11"), inquiry, drawn=400)
    assert "server-close" in found
    monkeypatch.setattr(World, "write", real)
    assert differs(small(opened, "asyncio-3.11"), replace(inquiry), drawn=150) == ""
