"""Tables of what pictures show: every figure of a picture stands in its table."""

from functools import lru_cache

from rich.table import Table

from sim.report.plots.pictures import Picture, figures, pictures_of
from sim.sweep.reproduce import Reproduction, Task, reproduce
from tests.helpers.made_reports import hop, timed


@lru_cache
def found(name: str = "server-close") -> Reproduction:
    return reproduce(Task(name, guards=("pre-fix", "post-fix", "catch"), trials=6), workers=1)


def picture(name: str, scenario: str = "server-close") -> Picture:
    return next(one for one in pictures_of(found(scenario)) if one.name == f"{name}-{scenario}")


def rows(table: Table) -> list[tuple[str, ...]]:
    return list(zip(*(map(str, column.cells) for column in table.columns), strict=True))


def test_the_table_of_rates_has_every_cell_once() -> None:
    shown = rows(picture("rate").view())
    results = found().summary.results
    assert len(shown) * 3 == len(results)
    for one in results:
        (row,) = [r for r in shown if r[:2] == (one.cell.runtime, f"{one.cell.value:g}")]
        at = 2 + ("pre-fix", "post-fix", "catch").index(one.cell.guard)
        assert row[at].startswith(f"{one.failures}/{one.trials}\n")
        if one.closed_form is not None:
            assert f"closed form {100 * one.closed_form:.1f} %" in row[at]


def test_the_tables_over_offsets_count_all_trials() -> None:
    shown = rows(picture("offset").view())
    trials = sum(int(row[2].split("\n")[0].split("/")[1]) for row in shown)
    assert trials == sum(
        one.trials for one in found().summary.results if one.cell.guard == "pre-fix"
    )
    assert [float(row[1]) for row in shown] == sorted(float(row[1]) for row in shown[:8]) * 2
    heat = picture("heat").view()
    places = [(float(row[0]), float(row[1])) for row in rows(heat)]
    assert places == sorted(places)
    assert [str(column.header) for column in heat.columns][:2] == ["window (ms)", "offset (ms)"]


def test_the_table_of_shares_counts_what_is_lost() -> None:
    shown = rows(picture("shares", "state-change").view())
    results = [one for one in found("state-change").summary.results if one.cell.guard != "catch"]
    assert [row[-1] for row in shown] == [f"{one.lost}/{one.trials}" for one in results]


def test_the_table_of_pairs_says_both_rates_and_the_difference() -> None:
    one = next(one for one in pictures_of(found()) if one.name == "before-and-after")
    shown = rows(one.view())
    assert len(shown) == 2
    assert all("same in" in row[3] for row in shown)


def test_the_table_of_a_timeline_is_in_the_order_of_time_and_has_every_change() -> None:
    shown = rows(picture("timeline").view())
    times = [float(row[0]) for row in shown]
    assert times == sorted(times)
    assert any(row[1:] == ("application_state", "DISCONNECTED") for row in shown)


def test_figures_are_drawn_by_name_and_a_run_at_one_time_has_none() -> None:
    drawn = figures(found())
    assert "rate-server-close" in drawn
    assert len(drawn) == len(list(drawn))
    assert drawn["before-and-after"].get_axes()
    assert list(figures(timed())) == ["timeline"]
    assert list(figures(hop())) == []
