"""Exact rates, told: tables that do not repeat themselves, and a document that loses no digit."""

import json
import re
from fractions import Fraction
from functools import lru_cache

import pytest
from rich.console import Console
from rich.table import Table

from sim.files.documents import EXACT
from sim.model.times import Draw
from sim.report.text.exact import alike, document_of, per_cent, tell, told_rate
from sim.sweep.exact.rate import ExactRate
from sim.sweep.exact.reproduce import ExactReproduction, exact_reproduce
from sim.sweep.reproduce import Task


@lru_cache
def found(name: str = "server-close", *settings: str) -> ExactReproduction:
    return exact_reproduce(Task(name, settings or ("sweep.values=[0, 0.5, 5]",)))


def shown(one: ExactReproduction, width: int = 120) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        for part in tell(one):
            console.print(part)
    return capture.get()


def test_guards_that_do_not_differ_share_a_row() -> None:
    text = shown(found())
    assert "none, pre-fix, post-fix               asyncio-3.11  0  2.503  25.001" in text
    assert "both-states, both-no-hop, catch, raw  asyncio-3.12  0      0       0" in text
    assert "server-close: injections.0.delay_ms uniform from 0 to 20" in text
    assert len(alike(found().lines)) == 5


def test_what_only_two_events_in_one_tick_make_fail_is_said() -> None:
    text = " ".join(shown(found()).split())
    assert "both-states on asyncio-3.11: where the rate is a few thousandths" in text


def test_bends_between_the_values_are_said() -> None:
    settings = ("clients.delay_ms=2", "sweep.values=[0, 20]")
    text = " ".join(shown(found("eaten-disconnect", *settings)).split())
    found_at = re.search(
        r"none, pre-fix and raw on asyncio-3.11: bends at (.*?) and (.*?) ms", text
    )
    assert found_at is not None, text
    assert [float(at) for at in found_at.groups()] == pytest.approx([2, 6], abs=0.01)


def test_a_line_without_an_answer_is_said_and_not_shown_as_a_rate() -> None:
    guard = "tests.helpers.own_guards:early"
    one = exact_reproduce(Task("server-close", ("sweep.values=[5]",), (guard, "catch")))
    text = " ".join(shown(one).split())
    assert f"no answer for server-close, {guard} on asyncio-3.11: refused: the time is read" in text
    assert [row["guard"] for row in document_of(one)["no_answer"]] == [guard, guard]


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(1), "100"),
        (Fraction(1, 4), "25.000"),
        (Fraction(1, 10**7), "<0.001"),
        (1 - Fraction(1, 10**7), ">99.999"),
        (0.123456, "12.346"),
    ],
)
def test_only_none_is_zero_and_only_all_is_a_hundred(rate: Fraction, text: str) -> None:
    assert per_cent(ExactRate(rate, (), "", "ms", 1)) == text


@pytest.mark.parametrize(
    ("draw", "text"),
    [
        (Draw(uniform=(0, 20)), "uniform from 0 to 20"),
        (Draw(exponential=5), "exponential with mean 5"),
        (Draw(normal=(5, 2)), "normal with mean 5 and deviation 2, none below 0"),
        (Draw(list=(1, 2)), "one of 2 values"),
        (Draw(grid=(0, 20, 1000)), "one of 1,000 from 0 to 20"),
    ],
)
def test_the_distribution_is_told_in_words(draw: Draw, text: str) -> None:
    from sim.report.text.exact import _distribution

    assert _distribution(draw) == text


def test_the_document_has_every_rate_as_a_fraction_and_every_part() -> None:
    document = json.loads(json.dumps(document_of(found())))
    assert document["schema"] == EXACT
    (row,) = (
        one
        for one in document["cells"]
        if (one["guard"], one["runtime"], one["value"]) == ("pre-fix", "asyncio-3.11", 5)
    )
    assert Fraction(row["rate_fraction"]) == Fraction(5243 * 1000, 20 << 20)
    assert row["closed_form_fraction"] == row["rate_fraction"]
    assert [part["failed"] for part in row["parts"]] == [True, False]
    assert sum(Fraction(part["share_fraction"]) for part in row["parts"]) == 1
    assert row["parts"][0]["last"] == pytest.approx(5.000114, abs=1e-6)
    assert len(document["curves"]) == len(found().lines)


def test_a_single_rate_is_told_part_by_part() -> None:
    line = next(line for line in found().lines if line.guard == "pre-fix")
    table = told_rate(line.cells[2].found)
    assert isinstance(table, Table)
    assert table.row_count == 2
    assert table.title == "fails in exactly 25.001 % of the runs"
