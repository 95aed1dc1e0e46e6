"""Exact rates: held against closed forms, against every single tick, and against trials."""

from collections.abc import Iterator
from fractions import Fraction

import pytest

from sim.errors import NoAnswer, UserError
from sim.files.catalog import expand, names, open_scenario
from sim.kernel.series import run_all
from sim.model.engine import Job
from sim.model.record import End
from sim.model.scenario import Batch, Scenario
from sim.model.ticks import from_ms, ms
from sim.model.times import Draw, require_number
from sim.runs.scenario import ScenarioSubject
from sim.schedulers.fifo import Fifo
from sim.stats.closed_forms import exact_form
from sim.stats.masses import share_of
from sim.sweep.cells import Planned, plan
from sim.sweep.engine import Left
from sim.sweep.exact.drawn import Drawn, drawn_of
from sim.sweep.exact.rate import ExactRate, Part, exact_rate
from sim.sweep.trials import run_trials, trial_of

Settings = tuple[str, ...]
FORMS: list[tuple[str, Settings]] = [
    ("server-close", ()),
    ("blind-spot", ()),
    ("blind-spot-abort", ()),
    ("eaten-disconnect", ()),
    ("eaten-disconnect", ("clients.delay_ms=2",)),
    ("eaten-disconnect", ("clients.delay_ms=6",)),
    ("accept-race", ()),
    ("accept-race", ("server=uvicorn-sansio@0.54",)),
    ("wait-for-hop", ()),
]
SIX = [
    ("server-close", ("guard=pre-fix", "window_ms=5")),
    ("server-close", ("guard=both-states", "window_ms=12")),
    ("blind-spot", ("guard=post-fix", "handler.work_ms=2.4", "runtime=asyncio-3.12")),
    ("eaten-disconnect", ("guard=raw", "window_ms=16", "clients.delay_ms=2")),
    ("accept-race", ("guard=catch", "pauses.preaccept=8")),
    ("state-change", ("guard=pre-fix", "window_ms=8")),
]


def scenario(name: str, *settings: str) -> Scenario:
    found = open_scenario(name, settings)
    assert isinstance(found, Scenario)
    return found


def rate(name: str, *settings: str) -> ExactRate:
    return exact_rate(scenario(name, *settings))


def compare_with_forms(cells: list[Planned]) -> None:
    for planned in cells:
        form = exact_form(planned.scenario)
        assert form is not None
        assert exact_rate(planned.scenario).rate == form, planned.cell


@pytest.mark.parametrize(("name", "settings"), FORMS)
def test_rates_equal_the_closed_forms_to_the_tick(name: str, settings: Settings) -> None:
    some = [*plan([scenario(name, *settings)])][3::13]
    assert len({one.cell.guard for one in some}) > 3
    compare_with_forms(some)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), FORMS)
def test_every_rate_equals_its_closed_form_to_the_tick(name: str, settings: Settings) -> None:
    compare_with_forms([*plan([scenario(name, *settings)])])


# -- tick by tick ----------------------------------------------------------------------------------


def part_at(found: ExactRate, tick: int) -> Part:
    """The part that a tick of the drawn time belongs to."""
    value = ms(tick)
    (part,) = (
        one for one in found.parts if one.first <= value and (one.last is None or value <= one.last)
    )
    return part


def outcomes_at(one: Scenario, ticks: range) -> Iterator[tuple[int, bool, str]]:
    """Run a scenario with its drawn time at each of some ticks, one by one."""
    drawn = drawn_of(one)
    assert isinstance(drawn, Drawn)
    subject = ScenarioSubject(one)
    prepared = subject.prepare()
    found: list[tuple[bool, str]] = []

    def keep(end: End) -> None:
        outcome = subject.judge(end)
        found.append((outcome.failed, outcome.label))

    def jobs() -> Iterator[Job]:
        for tick in ticks:
            yield prepared.job(drawn.settle(tick, one), Fifo())

    run_all(jobs(), keep)
    return ((tick, *outcome) for tick, outcome in zip(ticks, found, strict=True))


def compare_with_ticks(one: Scenario, ticks: range) -> None:
    found = exact_rate(one)
    for tick, failed, label in outcomes_at(one, ticks):
        part = part_at(found, tick)
        assert (part.failed, part.label) == (failed, label), tick


@pytest.mark.parametrize(("name", "settings"), SIX)
def test_parts_agree_with_ticks_that_are_run_one_by_one(name: str, settings: Settings) -> None:
    compare_with_ticks(scenario(name, *settings), range(0, 20_973, 83))


def test_every_tick_around_each_border_agrees() -> None:
    one = scenario("accept-race", "pauses.preaccept=5")
    for part in exact_rate(one).parts:
        border = from_ms(part.first)
        compare_with_ticks(one, range(max(0, border - 4), border + 5))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), SIX)
def test_every_single_tick_agrees(name: str, settings: Settings) -> None:
    ticks = range(20_973)
    one = scenario(name, *settings)
    compare_with_ticks(one, ticks)
    draw = one.injections[0].delay_ms
    assert isinstance(draw, Draw)
    failing = [tick for tick, failed, _ in outcomes_at(one, ticks) if failed]
    assert sum(share_of(draw, tick, tick) for tick in failing) == exact_rate(one).rate


def test_a_drawn_window_that_recurs_each_round_has_its_slopes_measured() -> None:
    settings = ("window_ms={uniform=[0, 20]}", "injections.0.delay_ms=12", "injections.0.nth=3")
    compare_with_ticks(scenario("server-close", *settings), range(0, 20_973, 211))


def test_a_drawn_time_of_an_injection_counts_from_the_beginning() -> None:
    one = Scenario.model_validate(
        {
            "window_ms": 5,
            "clients": {"messages": 2, "pause_ms": 12},
            "injections": [{"do": "server-close", "time_ms": {"uniform": [0, 40]}}],
        }
    )
    compare_with_ticks(one, range(0, from_ms(40), 331))


def test_a_drawn_set_up_time_is_a_time_like_others() -> None:
    one = Scenario.model_validate(
        {
            "setup": {"manager_ms": {"uniform": [0, 30]}},
            "injections": [{"do": "client-abort", "at": "connecting", "delay_ms": 9}],
        }
    )
    found = exact_rate(one)
    assert found.key == "setup.manager_ms"
    compare_with_ticks(one, range(0, from_ms(30), 257))


# -- trials ----------------------------------------------------------------------------------------


def compare_with_trials(cells: tuple[Planned, ...]) -> int:
    """Hold each trial of a sweep against the part that its drawn value falls into."""
    compared = 0
    found = {index: exact_rate(one.scenario) for index, one in enumerate(cells)}
    left = Left(cells, 0, [[range(one.scenario.sweep.trials)] for one in cells])
    while (batch := left.next()) is not None:
        for row in run_trials(batch):
            planned, parts = cells[row.cell], found[row.cell]
            resolved, _ = trial_of(planned.scenario, batch.luck, 0, row.trial)
            (injection,) = resolved.injections
            drawn = require_number(injection.hops)
            if parts.unit == "ms":
                drawn = ms(from_ms(require_number(injection.delay_ms)))
            part = next(
                one
                for one in parts.parts
                if one.first <= drawn and (one.last is None or drawn <= one.last)
            )
            assert (row.failed, row.label) == (part.failed, part.label), (planned.cell, row.trial)
            compared += 1
    return compared


def default_cells(trials: int) -> tuple[Planned, ...]:
    batch = open_scenario("issue-1061")
    assert isinstance(batch, Batch)
    return plan(expand(batch, (f"sweep.trials={trials}",)))


def test_sampled_trials_have_the_outcome_of_their_interval() -> None:
    assert compare_with_trials(default_cells(5)[7::61]) == 5 * 15


@pytest.mark.slow
def test_every_trial_of_the_default_reproduction_has_the_outcome_of_its_interval() -> None:
    assert compare_with_trials(default_cells(100)) == 89_600


# -- distributions ---------------------------------------------------------------------------------


def test_the_rate_is_the_mass_of_what_fails_under_any_distribution() -> None:
    window = from_ms(5)
    for text, draw in (
        ("{exponential=5}", Draw(exponential=5)),
        ("{normal=[5, 3]}", Draw(normal=(5, 3))),
    ):
        found = rate("server-close", "window_ms=5", f"injections.0.delay_ms={text}")
        assert found.rate == pytest.approx(float(share_of(draw, 0, window)), abs=1e-12)
        assert found.parts[-1].last is None, "the tail ends in an interval without an end"


def test_a_list_is_run_value_by_value_and_duplicates_count() -> None:
    found = rate("server-close", "window_ms=3", "injections.0.delay_ms={list=[1, 2, 5, 5]}")
    assert found.rate == Fraction(1, 2)
    assert found.runs == 3


def test_a_grid_of_many_values_is_walked_along() -> None:
    found = rate(
        "server-close", "window_ms=5", "injections.0.delay_ms={grid=[0, 20, 2001]}", "guard=none"
    )
    assert found.rate == Fraction(501, 2001)
    assert found.runs < 100


def test_turns_are_enumerated() -> None:
    found = rate("wait-for-hop", "window_hops=3", "guard=pre-fix")
    assert (found.rate, found.unit, found.runs) == (Fraction(1, 2), "turns", 8)


def test_where_nothing_is_drawn_one_run_says_it_all() -> None:
    found = rate("server-close", "window_ms=5", "injections.0.delay_ms=2", "guard=pre-fix")
    assert (found.rate, found.runs, found.key) == (1, 1, "")


def test_what_fails_only_where_two_events_meet_is_told_apart() -> None:
    found = rate("server-close", "window_ms=5", "guard=both-states")
    assert found.rate == found.at_once == Fraction(1000, 20 << 20)
    assert rate("server-close", "window_ms=5", "guard=pre-fix").at_once == 0


def test_shares_of_outcomes_add_up_to_one() -> None:
    found = rate("accept-race", "pauses.preaccept=5")
    assert sum(found.outcomes.values()) == 1
    assert next(iter(found.outcomes)) == "clean_disconnect(1005)"


# -- what has no exact rate ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (("runtime=trio",), "runtime trio: the order of steps is drawn"),
        (("runtime=any-order",), "any-order"),
        (("clients.jitter_ms=2",), "clients.jitter_ms"),
        (("window_ms={uniform=[0, 5]}",), "window_ms, injections.0.delay_ms: each is drawn"),
        (
            ("injections.0.hops={exponential=2}", "injections.0.delay_ms=0"),
            "a drawn number of turns without an end",
        ),
    ],
)
def test_what_is_drawn_otherwise_is_refused_with_its_key(settings: Settings, why: str) -> None:
    with pytest.raises(UserError, match=why):
        rate("server-close", *settings)


OWN = "tests.helpers.own_guards"


@pytest.mark.parametrize("name", ["both", "patient"])
def test_a_guard_of_ones_own_that_leaves_time_alone_has_a_rate(name: str) -> None:
    own = rate("server-close", "window_ms=5", f"guard={OWN}:{name}")
    assert own.rate == rate("server-close", "window_ms=5", "guard=both-states").rate


def test_a_guard_that_reads_the_clock_is_refused_with_its_line() -> None:
    with pytest.raises(NoAnswer, match=r"the time is read at .*own_guards\.py:\d+"):
        rate("server-close", "window_ms=5", f"guard={OWN}:early")


def test_a_guard_that_is_not_the_same_from_run_to_run_has_no_rate() -> None:
    with pytest.raises(NoAnswer, match="more than the times that were compared"):
        rate("server-close", "window_ms=5", f"guard={OWN}:counting")


def test_a_trace_that_tells_times_has_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.sweep.exact import compared, plane

    monkeypatch.setattr(plane, "MOST", 20)
    monkeypatch.setattr(compared, "_without_times", lambda event: (event.tick, event.kind))
    with pytest.raises(NoAnswer, match="perhaps since a log line tells a time"):
        rate("server-close", "window_ms=5")


def test_a_time_that_is_no_sum_of_delays_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    settle = Drawn.settle

    def squared(self: Drawn, number: int, one: Scenario) -> Scenario:
        return settle(self, number * number // 5000, one)

    monkeypatch.setattr(Drawn, "settle", squared)
    with pytest.raises(NoAnswer, match="more than the times that were compared"):
        rate("server-close", "window_ms=5")


@pytest.mark.parametrize("name", [name for name in names() if name != "issue-1061"])
def test_every_shipped_scenario_has_exact_rates_or_says_why_not(name: str) -> None:
    found = scenario(name)
    if found.runtime == "any-order":
        with pytest.raises(UserError, match="runtime any-order"):
            exact_rate(found)
    else:
        assert 0 <= exact_rate(found).rate <= 1
