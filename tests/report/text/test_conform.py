"""A comparison for people and for programs: every figure is the tally's, every text printable."""

import json
from typing import Any

import pytest
from rich.console import Console

import sim.report.text.conform as reporting
from sim.conformance.cells import Cell
from sim.conformance.judge import Judged, judge, judge_all
from sim.conformance.score import tally
from sim.errors import UserError
from sim.report.text.conform import (
    agreement_table,
    disagreements,
    rows,
    summary_lines,
    tell_disagreement,
    token_for,
)
from sim.runs.replay import replayed
from tests.helpers.arranged import TRIO, cell

WRONG = {"hang": 9, "clean_disconnect(1000)": 1}
CELLS = [
    cell(),
    cell(point="gap"),
    cell(kind="client_rst", outcomes={"clean_disconnect(1006)": 10}),
    cell(kind="client_rst", wait="1", outcomes={"hang": 10}),
    cell(kind="server_shutdown_full"),
    cell(TRIO, outcomes={"clean_disconnect(1006)": 10}, message_lost=10),
    cell(TRIO, kind="server_close", wait="1", guard="both", outcomes=WRONG),
]
HOSTILE = "[red]\x1b[31m\u202e:smile:"


def shown(judged: list[Judged]) -> str:
    console = Console(width=160, force_terminal=False)
    with console.capture() as capture:
        console.print(agreement_table(judged))
    return capture.get()


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return judge_all(CELLS)


def test_the_table_has_a_row_for_each_stack_and_kind_and_one_for_all(judged: list[Judged]) -> None:
    head, *lines = shown(judged).splitlines()
    assert head.split() == ["stack,", "kind", "agree", "of", "%", "mixed", "inside", "of", "loss",
                            "states"]  # fmt: skip
    assert [line.split() for line in lines] == [
        ["[1]", "uvicorn-websockets", "3", "4", "75.0", "0", "0", "4/4", "0/0"],
        ["client_close", "2", "2", "100.0", "0", "0", "2/2", "0/0"],
        ["client_rst", "1", "2", "50.0", "0", "0", "2/2", "0/0"],
        ["server_shutdown_full", "0", "0", "-", "0", "0", "0/0", "0/0"],
        ["[2]", "hypercorn-trio", "1", "1", "100.0", "0", "1", "1/2", "0/0"],
        ["client_close", "1", "1", "100.0", "0", "0", "0/1", "0/0"],
        ["server_close", "0", "0", "-", "0", "1", "1/1", "0/0"],
        ["all", "4", "5", "80.0", "0", "1", "5/6", "0/0"],
    ]


def test_the_summary_says_what_the_counts_are(judged: list[Judged]) -> None:
    assert list(summary_lines(tally(judged))) == [
        "4 of 5 unmixed cells agree (80.0 %); 6 of 7 cells are covered",
        "mixed cells: 0 of 1 lie inside the predicted set, whose mean size is 2.00",
        "message loss: 1 cells lose one; recall 0.0 %, precision - %",
    ]


def test_of_nothing_the_summary_says_nothing() -> None:
    assert list(summary_lines(tally([]))) == [
        "0 of 0 unmixed cells agree (- %); 0 of 0 cells are covered"
    ]
    assert "all" in shown([])


def test_states_are_told_where_they_are_known() -> None:
    detail = [["clean_disconnect(1000)", "", "DISCONNECTED", "CONNECTED", 10]]
    lines = list(summary_lines(tally([judge(cell(detail=detail))])))
    assert lines[-1] == "states at the end: 1 of 1 as predicted (not scored)"


def test_disagreements_are_cells_with_an_answer_that_is_not_what_was_seen(
    judged: list[Judged],
) -> None:
    assert [one.cell for one in disagreements(judged)] == [CELLS[3], CELLS[5], CELLS[6]]


def test_a_disagreement_is_told_with_what_was_predicted_why_and_a_run(
    judged: list[Judged],
) -> None:
    first, second, third, fourth = tell_disagreement(disagreements(judged)[0])
    assert first.endswith("asyncio: client_rst at top, wait 1, guard none")
    assert second == (
        "  predicted clean_disconnect(1006) (loses never); seen hang 10 (loses never)"
    )
    assert third.startswith("  explained: ")
    token = fourth.removeprefix("  wsrace replay ")
    assert replayed(token).record.outcome.label == "clean_disconnect(1006)"


def test_the_token_is_of_a_class_that_was_not_seen_if_there_is_one() -> None:
    columns: dict[str, Any] = {"kind": "server_close", "wait": "1", "guard": "both"}
    for seen, unseen in (
        ("clean_disconnect(1000)", "guard_break_final"),
        ("guard_break_final", "clean_disconnect(1000)"),
    ):
        token = token_for(judge(cell(TRIO, outcomes={seen: 10}, **columns)))
        assert token is not None
        assert replayed(token).record.outcome.label == unseen


def test_a_run_that_is_too_long_for_a_token_has_none(
    judged: list[Judged], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(record: object) -> str:
        raise UserError("too long")

    monkeypatch.setattr(reporting, "token_of", refuse)
    assert token_for(judged[3]) is None
    assert len(list(tell_disagreement(judged[3]))) == 3
    assert token_for(judged[4]) is None


def test_the_document_has_what_the_format_promises(judged: list[Judged]) -> None:
    found = rows(judged, {"line 3: cut": 1})
    assert json.loads(json.dumps(found)) == found
    assert (found["cells"], found["covered"], found["agreed"], found["unmixed"]) == (7, 6, 4, 5)
    assert found["agreement"] == 0.8
    assert found["mixed"] == {"cells": 1, "inside": 0, "mean_size": 2}
    assert found["loss"] == {"cells": 1, "recall": 0, "precision": None}
    assert found["states"] == {"cells": 0, "agreed": 0}
    first, second = found["by_stack"]
    assert first["stack"] == "uvicorn-websockets"
    assert first["by_kind"]["client_rst"] == {"unmixed": 2, "agreed": 1}
    assert second["agreement"] == 1
    assert first["cells"] + second["cells"] == 7
    (whole_server, line) = found["not_covered"]
    assert whole_server["cells"] == 1
    assert line == {"reason": "line 3: cut", "cells": 1}


def test_the_document_lists_every_disagreement_so_that_it_can_be_found_again(
    judged: list[Judged],
) -> None:
    found = rows(judged, {})["disagreements"]
    assert [row["observed"] for row in found] == [
        {"hang": 10},
        {"clean_disconnect(1006)": 10},
        dict(sorted(WRONG.items())),
    ]
    for row, wanted in zip(found, (CELLS[3], CELLS[5], CELLS[6]), strict=True):
        assert set(row) == {"cell", "predicted", "observed", "loss", "explained", "token"}
        assert Cell.model_validate({**row["cell"], "outcomes": {"a": 1}}).label == wanted.label
        assert row["predicted"] == sorted(row["predicted"])
        assert replayed(row["token"]).record.outcome.label in row["predicted"]
    assert found[1]["loss"] == {"predicted": "never", "observed": "always"}


def test_what_a_file_says_never_reaches_the_terminal_as_a_command() -> None:
    spoilt = judge_all(
        [
            cell(lib=HOSTILE, python=f"3.11.7{HOSTILE}", outcomes={HOSTILE: 10}),
            cell(kind=HOSTILE),
            cell(stack=HOSTILE),
        ]
    )
    text = shown(spoilt)
    lines = [line for one in disagreements(spoilt) for line in tell_disagreement(one)]
    assert lines
    for line in (*text.splitlines(), *lines):
        assert line.isprintable()
    assert "[3] [red]?[31m?:smile:" in text
