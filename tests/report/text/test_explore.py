"""Explorations for people: the table, the outcomes, and a counterexample in words."""

from dataclasses import replace

from rich.console import Console
from rich.table import Table

from sim.exploration.counterexample import counterexample
from sim.exploration.inquiry import Inquiry
from sim.exploration.search import explore
from sim.exploration.verdict import Exploration, Verdict
from sim.files.documents import VerdictRow
from sim.report.text.explore import outcome_words, telling, verdict_table
from sim.runs.scenario import ScenarioSubject
from tests.helpers.scenes import CLOSE, scene


def shown(*parts: object) -> str:
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        for part in parts:
            console.print(part, highlight=False, markup=False)
    return capture.get()


def exploration(guard: str = "pre-fix", **values: object) -> Exploration:
    made = Exploration(
        ScenarioSubject(scene(CLOSE, guard=guard)),
        Inquiry(), Verdict.RACY, True, "every order", "", 1234, 5678,
        1234, 99, {"b": 9, "a": 9, "c": 1216}, 31, 12_345,
    )  # fmt: skip
    return replace(made, **values)  # type: ignore[arg-type]


def row(guard: str = "pre-fix", **values: object) -> VerdictRow:
    said = {
        "guard": guard, "verdict": "racy", "complete": True, "says": "racy", "classes": 1234,
        "schedules": 5678, "failing": 99, "choices": 12_345, "deepest": 31,
    }  # fmt: skip
    return VerdictRow.model_validate({**said, **values})


def test_a_row_for_each_guard_with_its_figures() -> None:
    sampled = row("raw", classes=None, complete=False, verdict="inconclusive")
    table = verdict_table([row(seconds=0.04), row("none", seconds=61.26)])
    title, head, *rows = shown(table).splitlines()
    assert "complete: nothing was left to try" in title
    assert head.split() == [
        "guard", "verdict", "classes", "schedules", "failing", "choices", "deepest", "seconds",
    ]  # fmt: skip
    assert [one.split() for one in rows] == [
        ["pre-fix", "racy", "1,234", "5,678", "99", "12,345", "31", "0.0"],
        ["none", "racy", "1,234", "5,678", "99", "12,345", "31", "61.3"],
    ]
    both = shown(verdict_table([row(), sampled]))
    assert "complete" not in both
    assert both.splitlines()[2].split()[:4] == ["raw", "inconclusive", "-", "5,678"]


def test_outcomes_are_told_the_most_frequent_first_and_printable() -> None:
    assert outcome_words(exploration()) == "c 1,216, a 9, b 9"
    assert outcome_words(exploration(outcomes={"\x1b[31m": 1})) == "?[31m 1"
    assert outcome_words(exploration(outcomes={})) == ""


def test_names_are_shown_as_they_are_but_for_what_a_terminal_obeys() -> None:
    made = row("mod:[red]x[/red]\x1b[31m:smile:")
    assert "mod:[red]x[/red]?[31m:smile:" in shown(verdict_table([made]))


def test_a_counterexample_is_told_with_its_rows_in_order() -> None:
    found = counterexample(explore(scene(CLOSE)))
    assert found is not None
    parts = list(telling(found))
    (table,) = (part for part in parts if isinstance(part, Table))
    lines = [part for part in parts if isinstance(part, str)]
    assert lines[0].startswith("pre-fix: need_accept_first in ")
    assert "(no schedule with fewer fails)" in lines[0]
    assert lines[1].startswith("  scenario: {'runtime': 'any-order'")
    assert lines[2] == f"  why: {found.explanation.sentence()}"
    assert lines[3] == "  from check to use: 1 turn of the loop, 0 ms"
    assert "nearest run that passes (" in lines[4]
    assert "server-close go first" in lines[4] or "not server-close" in lines[4]
    text = shown(table).splitlines()
    assert text[0].split() == [
        "ms", "role", "task", "line", "what", "client_state", "application_state", "machine",
    ]  # fmt: skip
    assert len(text) - 1 == len(found.explanation.rows)
    for line, row in zip(text[1:], found.explanation.rows, strict=True):
        assert row.role in line
        assert row.where in line
    assert "CONNECTED > DISCONNECTED" in shown(table)


def test_a_counterexample_that_may_not_be_the_least_says_so() -> None:
    found = counterexample(explore(scene(CLOSE)))
    assert found is not None
    first = next(telling(replace(found, least=False, parting=None)))
    assert isinstance(first, str)
    assert first.endswith("(fewer were not ruled out)")
    assert not any("nearest" in str(part) for part in telling(replace(found, parting=None)))
