"""What the strategies draw: valid, playable, the same each time, and simple when shrunk."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from sim.files.catalog import open_scenario
from sim.kernel.series import run_search
from sim.model.names import EVENTS, PROBES
from sim.model.record import Ending
from sim.model.scenario import Clients, Injection, Scenario
from sim.model.schedule import Kind, Question, picks
from sim.model.script import parse_script
from sim.runs.play import play
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Follow, Lenient, Replay
from sim.testing import strategies
from sim.testing.strategies import Deviating, client_scripts, injections, scenarios, schedulers
from tests.helpers.running import job_for

JUDGED = (Ending.COMPLETED, Ending.DEADLOCK, Ending.TIME_LIMIT)
SAME = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
LONG = settings(SAME, max_examples=3000)
UNSHRUNK = settings(LONG, phases=[Phase.generate])
CLOSE = ("runtime=any-order", "window_ms=5", "injections.0.delay_ms=5")


def opened(name: str, *changes: str) -> Scenario:
    one = open_scenario(name, changes)
    assert isinstance(one, Scenario)
    return one


# -- valid ---------------------------------------------------------------------------------------


@settings(SAME)
@given(scenarios())
def test_every_scenario_is_read_back_as_it_is(scenario: Scenario) -> None:
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario
    assert scenario.resolve() == scenario


@settings(SAME)
@given(client_scripts(most_rows=3))
def test_every_script_is_one(rows: tuple[Any, ...]) -> None:
    assert 2 <= len(parse_script(rows)) <= 5
    assert Clients(script=rows).script == rows


@settings(SAME)
@given(st.data())
def test_an_injection_is_of_the_events_probes_and_clients_that_are_asked_for(
    data: st.DataObject,
) -> None:
    events = data.draw(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=3))
    probes = data.draw(st.lists(st.sampled_from(PROBES), max_size=3))
    one = data.draw(injections(events, probes, clients=3))
    assert one.do in events
    assert one.at in (None, *probes)
    assert one.client <= 3
    assert Injection.model_validate(one.model_dump()) == one


@settings(SAME)
@given(
    scenarios(
        modes=["legacy", "isolated"],
        shapes=["original"],
        guards=["raw"],
        runtimes=["trio"],
        servers=["hypercorn-trio@0.18"],
        events=["client-eof"],
        probes=(),
        most_clients=1,
        most_injections=1,
    )
)
def test_a_scenario_names_only_what_it_may(scenario: Scenario) -> None:
    assert scenario.mode in ("legacy", "isolated")
    named = (scenario.shape, scenario.guard, scenario.runtime, scenario.server)
    assert named == ("original", "raw", "trio", "hypercorn-trio@0.18")
    assert scenario.clients.count == 1
    assert len(scenario.injections) <= 1
    assert all((one.do, one.at) == ("client-eof", None) for one in scenario.injections)


@pytest.mark.parametrize(
    "seen",
    [
        lambda one: one.mode == "legacy" and one.shape == "original",
        lambda one: one.clients.script and one.clients.count == 2,
        lambda one: any(injection.placed == "inline" for injection in one.injections),
        lambda one: any(injection.queued and injection.time_ms for injection in one.injections),
        lambda one: one.window_ms and one.window_hops and one.pauses,
        lambda one: one.setup.machines == "two" and one.handler.retry_ms == (),
        lambda one: one.guard == "raw" and one.runtime == "trio",
    ],
)
def test_what_scenarios_can_be_is_drawn_too(seen: Callable[[Scenario], bool]) -> None:
    assert find(scenarios(), seen, settings=UNSHRUNK)


# -- played --------------------------------------------------------------------------------------


@settings(SAME, max_examples=300)
@given(scenarios(), schedulers(), st.booleans())
def test_every_run_comes_to_an_end_that_can_be_judged_and_is_the_same_again(
    scenario: Scenario, scheduler: Deviating, untimed: bool
) -> None:
    record = play(scenario, scheduler, untimed=untimed)
    assert record.end.ending in JUDGED
    for index, choice in enumerate(record.schedule):
        assert choice.deviates == (index in scheduler.deviations)
    replay = Replay(record.schedule)
    again = play(scenario, replay, untimed=untimed)
    replay.close()
    assert (again.digest, again.outcome) == (record.digest, record.outcome)
    follow = Follow(picks(record.schedule))
    assert play(scenario, follow, untimed=untimed).digest == record.digest


@settings(SAME)
@given(scenarios(most_clients=1, most_injections=1), strategies.picks(30))
def test_any_list_of_picks_is_a_run(scenario: Scenario, numbers: list[int]) -> None:
    record = play(scenario, Lenient(numbers))
    assert record.end.ending in JUDGED
    for number, choice in zip(numbers, record.schedule, strict=False):
        fits = number < len(choice.question.options)
        assert choice.picked == (number if fits else choice.question.default)


def test_schedulers_draw_every_schedule_there_is() -> None:
    scenario = opened("server-close", *CLOSE)
    every: set[tuple[int, ...]] = set()
    job = job_for(scenario, Fifo())
    assert run_search(job, Exhaustive(), lambda end: every.add(picks(end.schedule))).complete
    drawn: set[tuple[int, ...]] = set()

    def are_all(scheduler: Deviating) -> bool:
        drawn.add(picks(play(scenario, scheduler).schedule))
        return drawn == every

    assert len(every) > 10
    assert find(schedulers(), are_all, settings=UNSHRUNK)


# -- shrunk --------------------------------------------------------------------------------------


def fewest(scenario: Scenario, **given: Any) -> Deviating:
    """The failing run that Hypothesis shrinks to."""

    def fails(scheduler: Deviating) -> bool:
        return play(scenario, scheduler, **given).outcome.failed

    return find(schedulers(), fails, settings=settings(SAME, max_examples=500))


@pytest.mark.parametrize(
    ("name", "changes", "untimed", "deviations"),
    [
        ("server-close", CLOSE, False, 1),
        ("server-close", ("runtime=trio", *CLOSE[1:]), False, 1),
        ("server-close", CLOSE, True, 0),
        ("server-close", (*CLOSE, "window_ms=0", "injections.0.delay_ms=0"), True, 1),
        ("two-message-close", ("window_hops=1",), False, 1),
    ],
)
def test_a_failing_run_shrinks_to_few_deviations(
    name: str, changes: tuple[str, ...], untimed: bool, deviations: int
) -> None:
    scenario = opened(name, *changes)
    found = fewest(scenario, untimed=untimed)
    assert len(found.deviations) == deviations
    again = play(scenario, Deviating(found.deviations), untimed=untimed)
    assert again.outcome.failed
    assert sum(choice.deviates for choice in again.schedule) == deviations
    if deviations:
        assert not play(scenario, untimed=untimed).outcome.failed


def test_a_guard_that_holds_gives_no_example() -> None:
    with pytest.raises(NoSuchExample):
        fewest(opened("server-close", *CLOSE, "guard=both-states"))


def test_the_simplest_scenario_has_nothing_in_it() -> None:
    nothing = Clients(messages=0)
    assert find(scenarios(), lambda one: True, settings=SAME) == Scenario(
        guard="none", clients=nothing
    )
    assert find(client_scripts(), lambda rows: True, settings=SAME) == ("connect", "close")


def test_a_failing_scenario_shrinks_to_what_it_needs() -> None:
    drawn = scenarios(modes=["main"], guards=["post-fix"], runtimes=["asyncio-3.12"])

    def fails(scenario: Scenario) -> bool:
        closes = any(one.do == "server-close" for one in scenario.injections)
        return closes and "need_accept_first" in play(scenario).outcome.classes

    found = find(drawn, fails, settings=LONG)
    (injection,) = found.injections
    assert found.clients.count == 1
    assert found.clients.messages + injection.queued <= 1
    assert found.clients.script is None
    assert found.handler == Scenario().handler
    assert found.setup == Scenario().setup


# -- one scheduler -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deviations", "expected"),
    [
        ({}, [1, 1, 1, 1]),
        ({0: 1, 2: 2}, [2, 1, 0, 1]),
        ({1: 3, 2: 4, 3: 5, 9: 1}, [1, 2, 0, 2]),
        ({0: 0}, [1, 1, 1, 1]),
    ],
)
def test_a_deviation_goes_so_many_options_beyond_the_default(
    deviations: dict[int, int], expected: list[int]
) -> None:
    question = Question(Kind.STEP, ("a", "b", "c"), 1)
    one = Deviating(deviations)
    assert [one.choose(question) for _ in expected] == expected
    assert [Deviating(one.deviations).choose(question) for _ in "ab"] == expected[:1] * 2
    assert eval(repr(one)).deviations == deviations


@given(st.integers(0, 5), st.integers(2, 6))
def test_every_option_but_the_default_is_within_reach(default: int, count: int) -> None:
    question = Question(Kind.STEP, range(count), min(default, count - 1))
    reached = [Deviating({0: further}).choose(question) for further in range(1, count)]
    assert sorted([*reached, question.default]) == list(range(count))
