"""The table of a reproduction: a row for each injection and runtime, a column for each guard."""

from io import StringIO

import pytest
from rich.console import Console

from sim.model.names import GUARDS
from sim.report.text.reproduce import narrow_table, rates_table
from sim.stats.intervals import paired_difference, rate_interval
from sim.sweep.summary import Summary
from tests.helpers.figures import Trial, summary

LAST = "pre-fix > post-fix"
RUNTIMES = ("asyncio-3.11", "asyncio-3.12")


def trials(injection: str, runtime: str, guard: str, failing: str) -> list[Trial]:
    return [
        Trial(injection, runtime, guard, number, one == "x") for number, one in enumerate(failing)
    ]


def small() -> list[Trial]:
    """Post-fix prevents every failure of a, and none of b; catch prevents all."""
    cells = {"a": {"pre-fix": "xx..", "post-fix": "....", "catch": "...."}}
    cells["b"] = {"pre-fix": "x...", "post-fix": "x..."}
    return [
        trial
        for injection, guards in cells.items()
        for runtime in RUNTIMES
        for guard, failing in guards.items()
        for trial in trials(injection, runtime, guard, failing)
    ]


def shown(found: Summary) -> str:
    console = Console(width=200, file=StringIO(), force_terminal=False)
    console.print(rates_table(found))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def cells(found: Summary) -> list[list[str]]:
    """The table column by column, each from its header down."""
    return [
        [str(column.header), *(str(cell) for cell in column.cells)]
        for column in rates_table(found).columns
    ]


def test_every_injection_has_a_row_for_every_runtime_and_its_name_once() -> None:
    names, runtimes, *_ = cells(summary(small()))
    assert names == ["injection", "a", "", "b", ""]
    assert runtimes[1:] == [*RUNTIMES, *RUNTIMES]


def test_every_guard_has_a_column_with_failures_trials_and_interval() -> None:
    columns = {column[0]: column[1:] for column in cells(summary(small()))}
    assert list(columns) == ["injection", "runtime", "pre-fix", "post-fix", "catch", LAST]
    low, high = rate_interval(2, 4)
    assert columns["pre-fix"][0] == f"2/4\n{100 * low:.1f}-{100 * high:.1f} %"
    assert columns["post-fix"][0].startswith("0/4\n0.0-")


def test_what_was_not_run_is_a_dash() -> None:
    columns = {column[0]: column[1:] for column in cells(summary(small()))}
    assert [cell.split("\n")[0] for cell in columns["catch"]].count("-") == 2


def test_the_last_column_is_the_paired_change_in_points() -> None:
    (*_, change) = cells(summary(small()))
    assert sum(one == "same in\nevery trial" for one in change) == 2
    difference, low, high = paired_difference(0, 2, 0, 2)
    prevented = f"{100 * difference:+.1f}\n{100 * low:+.1f} to {100 * high:+.1f}"
    assert prevented.startswith("-50.0\n")
    assert sum(one == prevented for one in change) == 2


def test_as_many_failures_in_other_trials_are_no_same_trials() -> None:
    moved = trials("a", "trio", "pre-fix", "x...") + trials("a", "trio", "post-fix", "...x")
    (*_, change) = cells(summary(moved))
    assert change[1].startswith("+0.0\n")


def test_without_pairs_there_is_no_column_of_changes() -> None:
    assert LAST not in shown(summary(trials("a", "trio", "catch", "x...")))


def test_values_of_the_axis_count_together() -> None:
    one = summary(trials("a", "trio", "catch", "x..."))
    (result,) = one.results
    twice = Summary((result, result), (), "")
    assert "2/8" in shown(twice)


def test_a_row_that_does_not_exist_is_called_counterfactual() -> None:
    _, runtimes, *rest = cells(summary(small(), ["asyncio-3.12"]))
    assert sum("(counterfactual)" in one for one in runtimes) == 2
    assert not any("counterfactual" in one for column in rest for one in column)
    assert all("3.12" in one for one in runtimes if "counterfactual" in one)


def test_a_guard_that_alone_does_not_exist_is_called_counterfactual() -> None:
    columns = {column[0]: column[1:] for column in cells(summary(small(), ["post-fix"]))}
    assert all(one.endswith("\n(counterfactual)") for one in columns.pop("post-fix"))
    assert not any("counterfactual" in one for column in columns.values() for one in column)


@pytest.mark.parametrize("name", ["[/]", "[red]a", "a\nb\x1b[2J", "", "x" * 300])
def test_hostile_names_are_only_names(name: str) -> None:
    text = shown(summary(trials(name, "trio", f"{name}:g", "x...")))
    assert "\x1b" not in text
    expected = {"[/]": "[/]", "[red]a": "[red]a", "": "(unnamed)"}.get(name, name[:1])
    assert expected in text


def test_all_guards_fit_a_wide_terminal() -> None:
    found = [one for guard in GUARDS for one in trials("eaten-disconnect", "trio", guard, "x...")]
    text = shown(summary(found))
    assert all(guard in text for guard in GUARDS)
    assert "…" not in text


def test_the_narrow_table_says_the_same_in_eighty_columns() -> None:
    found = summary(small())
    console = Console(width=80, file=StringIO(), force_terminal=False)
    console.print(narrow_table(found))
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    (pre_fix,) = [line for line in lines if line.split()[:2] == ["a", "pre-fix"]]
    low, high = rate_interval(2, 4)
    assert pre_fix.count(f"2/4  {100 * low:.1f}-{100 * high:.1f} %") == 2
    changes = [line for line in lines if line.strip().startswith(LAST)]
    assert len(changes) == 2
    assert changes[1].count("same in  all") == 2
    assert len(lines) == 2 + 4 + 3  # title, header, a row per guard and change: nothing wraps
