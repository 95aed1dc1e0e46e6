"""From rows to results, on rows made by hand: what is counted, compared, digested and judged."""

import random
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model.names import RuntimeName
from sim.model.results import CellResult
from sim.model.scenario import Expected, Scenario, Sweep
from sim.stats.intervals import paired_difference, rate_interval
from sim.store.results import ResultStore, Stored, Wanted
from sim.sweep.cells import Planned, plan
from sim.sweep.summary import (
    AFTER,
    BEFORE,
    ENOUGH,
    Summary,
    broken_expectations,
    over_axis,
    summarise,
)

GUARDS = (BEFORE, AFTER, "catch")
RUNTIMES: tuple[RuntimeName, ...] = ("asyncio-3.11", "asyncio-3.12")
SCENARIO = Scenario(
    name="mine", sweep=Sweep(values=(0, 5), guards=GUARDS, runtimes=("asyncio-3.11",))
)
PLAN = plan([SCENARIO])
"""Cells 0, 1, 2 are the three guards at 0 ms, cells 3, 4, 5 at 5 ms."""
TRIALS = st.dictionaries(st.integers(0, 20), st.booleans(), max_size=12)


def row(cell: int, trial: int, failed: bool = False, lost: bool = False, label: str = "") -> Stored:
    return (
        cell,
        trial,
        failed,
        lost,
        label or ("bad" if failed else "good"),
        f"d{cell:02}{trial:03}",
    )


def rows_of(cell: int, failing: str) -> list[Stored]:
    """One row for each character: "x" fails, "-" is not there."""
    return [row(cell, number, one == "x") for number, one in enumerate(failing) if one != "-"]


def summary(failing: dict[int, str], planned: Sequence[Planned] = PLAN) -> Summary:
    return summarise(planned, [one for cell in failing for one in rows_of(cell, failing[cell])])


def result(guard: str, runtime: str, failures: int, trials: int, name: str = "mine") -> CellResult:
    cell = replace(PLAN[0].cell, guard=guard, runtime=runtime, injection=name)
    return CellResult(cell, trials, failures, 0, failures / trials, 0.0, 1.0)


def expecting(**expect: Expected | dict[str, Expected]) -> Scenario:
    keys = {key.replace("_", "-"): value for key, value in expect.items()}
    return Scenario.model_validate({"name": "mine", "expect": keys})


# -- results -------------------------------------------------------------------------------------


def test_a_rate_is_failures_over_trials_with_the_interval_of_all_reports() -> None:
    one, other = summary({0: "x.x..", 1: "....."}).results
    assert (one.trials, one.failures, one.rate) == (5, 2, 0.4)
    assert (one.low, one.high) == rate_interval(2, 5)
    assert (other.failures, other.rate, other.low) == (0, 0.0, 0.0)
    assert other.high == rate_interval(0, 5)[1] > 0


def test_a_result_stands_with_the_cell_that_it_is_about() -> None:
    results = summary({1: "x", 3: "."}).results
    assert [one.cell for one in results] == [PLAN[1].cell, PLAN[3].cell]


def test_lost_messages_count_apart_from_failures() -> None:
    rows = [row(0, 0, True, True), row(0, 1, False, True), row(0, 2, True), row(0, 3)]
    (one,) = summarise(PLAN, rows).results
    assert (one.failures, one.lost) == (2, 2)


def test_outcomes_are_counted_and_sorted_by_name() -> None:
    rows = [row(0, trial, label=label) for trial, label in enumerate(("b", "c", "a", "b", "b"))]
    (one,) = summarise(PLAN, rows).results
    assert list(one.outcomes.items()) == [("a", 1), ("b", 3), ("c", 1)]


def test_a_rate_that_can_be_computed_beforehand_stands_beside_the_one_that_was_found() -> None:
    text = {
        "name": "closed",
        "window_ms": 5,
        "injections": [
            {"do": "server-close", "at": "validated", "delay_ms": {"uniform": [0, 20]}, "nth": 2}
        ],
        "sweep": {"values": [5], "closed_form": "window", "horizon_ms": 20},
        "clients": {"messages": 1},
    }
    planned = plan([Scenario.model_validate(text)], [BEFORE, "catch"])
    before, catch = summary({0: "x...", 1: "...."}, planned).results
    assert before.closed_form == pytest.approx(0.25, abs=0.05)
    assert catch.closed_form == 0
    assert all(one.closed_form is None for one in summary({0: "x"}).results)


def test_failing_holds_the_first_failing_trial_of_each_cell_that_has_one() -> None:
    assert summary({0: "..xx", 1: "....", 2: "x"}).failing == {0: 2, 2: 0}


def test_without_rows_there_is_nothing() -> None:
    empty = summarise(PLAN, [])
    assert (empty.results, empty.pairs, empty.failing) == ((), (), {})
    assert empty.digest == summarise((), []).digest


# -- pairs ---------------------------------------------------------------------------------------


def test_pairs_count_the_trials_that_both_guards_have() -> None:
    (pair,) = summary({0: "xx..x-", 1: "x.x.-x"}).pairs
    assert pair.counts == (1, 1, 1, 1)
    assert (pair.difference, pair.low, pair.high) == paired_difference(1, 1, 1, 1)
    assert (pair.before, pair.after, pair.cell) == (BEFORE, AFTER, PLAN[0].cell)


def test_a_fix_that_prevents_failures_is_a_negative_difference() -> None:
    (pair,) = summary({0: "xxxx", 1: "...."}).pairs
    assert pair.counts == (0, 4, 0, 0)
    assert pair.difference == -1


def test_guards_are_paired_at_one_value_of_the_axis_only() -> None:
    assert summary({0: "x", 4: "."}).pairs == ()
    found = summary({0: "x", 1: "x", 3: "x", 4: "."}).pairs
    assert [(pair.cell.value, pair.counts) for pair in found] == [
        (0, (1, 0, 0, 0)),
        (5, (0, 1, 0, 0)),
    ]


def test_only_pre_fix_and_post_fix_are_a_pair() -> None:
    assert summary({0: "x", 2: "."}).pairs == ()
    assert summary({1: "x", 2: "."}).pairs == ()


def test_a_pair_without_a_common_trial_claims_nothing() -> None:
    (pair,) = summary({0: "x-", 1: "-x"}).pairs
    assert (pair.counts, pair.difference, pair.low, pair.high) == ((0, 0, 0, 0), 0, -1, 1)


@given(before=TRIALS, after=TRIALS)
def test_the_counts_of_a_pair_add_up_to_the_trials_of_both(
    before: dict[int, bool], after: dict[int, bool]
) -> None:
    rows = [row(0, *one) for one in before.items()] + [row(1, *one) for one in after.items()]
    pairs = summarise(PLAN, rows).pairs
    assert len(pairs) == bool(before and after)
    for pair in pairs:
        both, only_before, only_after, _ = pair.counts
        common = before.keys() & after.keys()
        assert sum(pair.counts) == len(common)
        assert both + only_before == sum(before[trial] for trial in common)
        assert both + only_after == sum(after[trial] for trial in common)
        assert pair.low <= pair.difference <= pair.high


# -- the digest ----------------------------------------------------------------------------------

SIX = [one for cell in range(2) for one in rows_of(cell, "x.x")]


def delivered(rows: Iterable[Iterable[Stored]]) -> str:
    with closing(
        ResultStore(None, [Wanted(str(cell), 1000) for cell in range(len(PLAN))])
    ) as store:
        for batch in rows:
            store.add(batch)
        return summarise(PLAN, store.rows()).digest


@pytest.mark.parametrize("number", range(len(SIX)))
@pytest.mark.parametrize("field", [0, 1, 5])
def test_the_digest_depends_on_cell_trial_and_run_of_every_row(number: int, field: int) -> None:
    changed = list(SIX[number])
    changed[field] = "d00d" if field == 5 else 5
    other = [*SIX[:number], tuple(changed), *SIX[number + 1 :]]
    assert summarise(PLAN, other).digest != summarise(PLAN, SIX).digest  # type: ignore[arg-type]
    assert summarise(PLAN, [*SIX[:number], *SIX[number + 1 :]]).digest != delivered([SIX])


@given(seed=st.integers(0, 1000), cut=st.integers(0, len(SIX)))
def test_the_digest_does_not_depend_on_how_the_rows_were_delivered(seed: int, cut: int) -> None:
    shuffled = random.Random(seed).sample(SIX, len(SIX))
    assert delivered([shuffled[:cut], shuffled[cut:], SIX]) == summarise(PLAN, iter(SIX)).digest


# -- over the axis -------------------------------------------------------------------------------


def test_over_the_axis_there_is_one_cell_per_runtime_and_guard_and_it_adds_up() -> None:
    both = Sweep(values=(0, 5), guards=(BEFORE, AFTER), runtimes=RUNTIMES)
    planned = plan([SCENARIO.model_copy(update={"sweep": both})])
    one = summary(dict(enumerate(["x..", "...", "xx.", "x.x", "x", ".", "x", "x"])), planned)
    whole = over_axis(one)
    assert [(got.cell.runtime, got.cell.guard) for got in whole.results] == [
        (runtime, guard) for runtime in RUNTIMES for guard in (BEFORE, AFTER)
    ]
    assert [(got.failures, got.trials) for got in whole.results] == [(3, 6), (2, 6), (2, 2), (1, 2)]
    outcomes = [got.outcomes for got in whole.results[:2]]
    assert outcomes == [{"bad": 3, "good": 3}, {"bad": 2, "good": 4}]
    for got in whole.results:
        assert got.rate == got.failures / got.trials
        assert (got.low, got.high) == rate_interval(got.failures, got.trials)
    assert [pair.counts for pair in whole.pairs] == [(1, 2, 1, 2), (1, 1, 0, 0)]
    assert whole.pairs[0].difference == paired_difference(1, 2, 1, 2)[0]
    assert whole.digest == one.digest


def test_lost_messages_add_up_over_the_axis() -> None:
    rows = [row(0, 0, lost=True), row(3, 0, lost=True), row(3, 1, lost=True), row(3, 2)]
    (one,) = over_axis(summarise(PLAN, rows)).results
    assert (one.lost, one.trials) == (3, 4)


def test_scenarios_stay_apart_over_the_axis() -> None:
    other = SCENARIO.model_copy(update={"name": "other"})
    found = over_axis(summary({0: "x", 6: "."}, plan([SCENARIO, other])))
    assert [one.cell.injection for one in found.results] == ["mine", "other"]


def test_an_axis_of_fixed_delays_adds_up_as_any_other() -> None:
    text = {
        "name": "mine",
        "injections": [{"do": "server-close", "at": "validated", "delay_ms": 1}],
        "sweep": {"axis": "injections.0.delay_ms", "values": [1, 2], "guards": [BEFORE]},
    }
    planned = plan([Scenario.model_validate(text)])
    found = over_axis(summary({0: "x.", 1: "xx"}, planned)).results
    assert [(one.failures, one.trials) for one in found if one.cell.runtime == RUNTIMES[0]] == [
        (3, 4)
    ]


@given(failing=st.lists(st.text("x.", min_size=1, max_size=6), min_size=6, max_size=6))
def test_nothing_is_lost_or_made_up_over_the_axis(failing: list[str]) -> None:
    one = summary(dict(enumerate(failing)))
    whole = over_axis(one)
    assert len(whole.results) == len(GUARDS)
    assert sum(got.trials for got in whole.results) == sum(map(len, failing))
    assert sum(got.failures for got in whole.results) == "".join(failing).count("x")
    assert sum(sum(pair.counts) for pair in whole.pairs) == sum(
        min(map(len, two)) for two in (failing[:2], failing[3:5])
    )


# -- expectations --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "failures", "broken"),
    [
        ("none", 0, False),
        ("none", 1, True),
        ("none", 100, True),
        ("some", 0, True),
        ("some", 1, False),
        ("some", 99, False),
        ("some", 100, True),
        ("all", 100, False),
        ("all", 99, True),
        ("all", 0, True),
    ],
)
def test_none_some_and_all_of_the_trials(expected: Expected, failures: int, broken: bool) -> None:
    lines = broken_expectations(
        [expecting(catch=expected)], [result("catch", "trio", failures, 100)]
    )
    assert len(lines) == broken
    if broken:
        assert lines == (
            f"mine: catch on trio: expected {expected} of the trials to fail, "
            f"{failures} of 100 did",
        )


def test_some_is_not_judged_on_too_few_trials_but_none_and_all_are() -> None:
    few, enough = (result("catch", "trio", 0, trials) for trials in (ENOUGH - 1, ENOUGH))
    assert broken_expectations([expecting(catch="some")], [few]) == ()
    assert len(broken_expectations([expecting(catch="some")], [enough])) == 1
    assert len(broken_expectations([expecting(catch="all")], [few])) == 1
    failing = result("catch", "trio", 1, 2)
    assert len(broken_expectations([expecting(catch="none")], [failing])) == 1


def test_the_values_of_the_axis_are_judged_together() -> None:
    parts = [result("catch", "trio", failures, ENOUGH) for failures in (0, 7)]
    assert broken_expectations([expecting(catch="some")], parts) == ()
    (line,) = broken_expectations([expecting(catch="none")], parts)
    assert f"7 of {2 * ENOUGH} did" in line


def test_a_table_expects_of_each_runtime_its_own() -> None:
    scenario = expecting(catch={"asyncio-3.11": "all", "asyncio-3.12": "none"})
    found = [result("catch", runtime, 3, 3) for runtime in (*RUNTIMES, "trio")]
    (line,) = broken_expectations([scenario], found)
    assert line.startswith("mine: catch on asyncio-3.12: expected none")


def test_of_what_nothing_is_expected_nothing_is_judged() -> None:
    found = [result(BEFORE, "trio", 3, 3), result("catch", "trio", 3, 3, name="other")]
    assert broken_expectations([expecting(catch="none")], found) == ()


def test_every_broken_expectation_of_every_scenario_has_its_line() -> None:
    one = expecting(pre_fix="none", catch="none")
    other = one.model_copy(update={"name": "other"})
    found = [
        result(guard, "trio", 1, 1, name)
        for name in ("mine", "other")
        for guard in (BEFORE, "catch")
    ]
    lines = broken_expectations([one, other], found)
    assert [line.split(" on ")[0] for line in lines] == [
        "mine: pre-fix",
        "mine: catch",
        "other: pre-fix",
        "other: catch",
    ]
