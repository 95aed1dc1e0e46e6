"""The command `conform`: tables, documents, exit statuses, and cells of every kind."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import __version__
from sim.commands.cli import main
from sim.conformance.arrange import GUARDS, KINDS, NO_EVENT, POINTS
from sim.errors import UserError
from sim.report.text.conform import SCHEMA, SHOWN
from tests.conformance.test_cells import BROKEN
from tests.helpers import arranged
from tests.helpers.arranged import STACKS, TRIO, row, written

GOOD = [
    row(),
    row(TRIO, outcomes={"clean_disconnect(1006)": 10}),
    row(kind="client_rst", outcomes={"clean_disconnect(1006)": 10}),
    row("uvicorn-wsproto", point="gap"),
]
BAD = row(point="gap", outcomes={"hang": 10})
KEYS = {
    "schema", "wsrace", "seed", "digest", "bar", "cells", "covered", "agreed", "unmixed",
    "agreement", "mixed", "loss", "states", "by_stack", "disagreements", "not_covered",
    "ignored_columns",
}  # fmt: skip
HOSTILE = (
    "\x1b[31m",
    "\x1b]0;title\x07",
    "a\nb",
    "\x9b2J",
    "\u202eab",
    "\0",
    "[red]x[/]",
    "\ufeff",
)


def wsrace(*arguments: object) -> Result:
    done = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    assert "Traceback" not in done.output
    for line in done.output.split("\n"):
        assert line.isprintable(), line
    return done


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def conform(path: Path, *arguments: object) -> Result:
    return wsrace("conform", "--truth", path, *arguments)


def document(path: Path, *arguments: object) -> dict[str, Any]:
    done = conform(path, "--json", *arguments)
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    assert done.exit_code == int((found["agreement"] or 0) < found["bar"])
    return found


# -- what it shows ---------------------------------------------------------------------------------


def test_stacks_a_table_a_summary_and_a_digest_are_shown(here: Path) -> None:
    done = conform(written(here / "t", *GOOD))
    assert done.exit_code == 0
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("[1] uvicorn-websockets: uvicorn 0.35.0 (websockets 15.0.1), Pyth")
    assert [line[:3] for line in lines[:3]] == ["[1]", "[2]", "[3]"]
    assert ["all", "4", "4", "100.0", "0", "0", "4/4", "0/0"] in [line.split() for line in lines]
    assert "4 of 4 unmixed cells agree (100.0 %); 4 of 4 cells are covered" in lines
    assert re.fullmatch(r"digest: [0-9a-f]{64}", lines[-1])
    assert sorted(item.name for item in here.iterdir()) == ["t"]


def test_a_disagreement_is_told_with_a_token_that_can_be_replayed(here: Path) -> None:
    done = conform(written(here / "t", *GOOD, BAD), "--bar", 0)
    assert done.exit_code == 0
    assert "predicted clean_disconnect(1000) (loses never); seen hang 10" in done.stdout
    assert "  explained: neither timing nor any one switch" in done.stdout
    (token,) = re.findall(r"  wsrace replay (\S+)\n", done.stdout)
    shown = wsrace("replay", token)
    assert shown.exit_code == 0
    assert "outcome: clean_disconnect(1000)" in shown.output


def test_of_many_disagreements_the_first_are_told_and_the_rest_counted(here: Path) -> None:
    many = [row(lib=str(number), outcomes={"hang": 1}) for number in range(SHOWN + 3)]
    path = written(here / "t", *many)
    done = conform(path)
    assert done.stdout.count("  explained: ") == SHOWN
    assert "\n3 more disagreements: --json lists all\n" in done.stdout
    assert len(document(path)["disagreements"]) == SHOWN + 3


def test_the_document_has_what_the_format_promises(here: Path) -> None:
    found = document(written(here / "t", *GOOD, BAD, row(kind="flood", new=1), b"cut"))
    assert set(found) == KEYS
    assert found["schema"] == SCHEMA == "wsrace.conform.1"
    assert (found["wsrace"], found["seed"], found["bar"]) == (__version__, 0, 0.985)
    assert (found["cells"], found["covered"], found["agreed"]) == (6, 5, 4)
    assert found["agreement"] == 4 / 6
    assert found["ignored_columns"] == {"new": 1}
    assert [one["reason"] for one in found["not_covered"]] == [
        "kind 'flood' is unknown",
        "line 7: it is not JSON, or was cut: Expecting value",
    ]
    assert len(found["by_stack"]) == 3


def test_the_digest_is_that_of_the_text_and_does_not_depend_on_what_was_seen(here: Path) -> None:
    one = document(written(here / "t", *GOOD))["digest"]
    assert f"digest: {one}\n" in conform(here / "t").stdout
    other = [{**cell, "outcomes": {"hang": 1}, "message_lost": 1} for cell in GOOD]
    assert document(written(here / "u", *other))["digest"] == one
    assert document(written(here / "v", *GOOD[1:]))["digest"] != one


def test_the_document_is_the_same_bytes_in_every_process(here: Path) -> None:
    """Whatever the hash seed; mixed cells and Trio's searches included."""
    mixed = {"clean_disconnect(1000)": 5, "receive_after_disconnect": 5}
    path = written(
        here / "t",
        *GOOD,
        BAD,
        row(kind="disc_eaten", wait="5ms", outcomes=mixed, new=1, other=2),
        row(TRIO, kind="server_close", wait="1", guard="both", outcomes={"hang": 1, "a": 2}),
        row(kind="flood"),
        row(stack="daphne"),
        b"{",
    )
    outputs = []
    for seed in ("1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-m", "sim", "conform", "--truth", str(path), "--json"]
        done = subprocess.run(
            command,
            capture_output=True,
            env=environment,
            cwd=Path(__file__).parent.parent.parent,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert json.loads(outputs[0])["covered"] == 7


# -- exit statuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("bar", "status"), [("0", 0), ("0.8", 0), ("0.81", 1), ("1", 1)])
def test_below_the_bar_is_exit_status_1(here: Path, bar: str, status: int) -> None:
    path = written(here / "t", *GOOD, BAD)
    for form in ((), ("--json",)):
        done = conform(path, "--bar", bar, *form)
        assert done.exit_code == status
        line = f"wsrace: 80.00 % of unmixed cells agree, below the bar of {float(bar) * 100:g} %\n"
        assert done.stderr == (line if status else "")


def test_what_is_not_covered_counts_against_the_bar(here: Path) -> None:
    assert conform(written(here / "t", row(kind="flood"))).exit_code == 1
    assert conform(written(here / "t", row(kind="server_shutdown_full"))).exit_code == 0
    done = conform(written(here / "t", GOOD[0], row(kind="server_shutdown_full"), row(kind="x")))
    assert done.exit_code == 1
    assert "not covered (1): kind 'server_shutdown_full': how long" in done.stdout
    assert "not covered (1): kind 'x' is unknown" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ([], "conform: give either --truth FILE or --live"),
        (["--truth", "t", "--live"], "conform: give either --truth FILE or --live"),
        (["--truth", "t", "--stack", "uvicorn-wsproto"], "--stack, --kind and --out go with"),
        (["--truth", "t", "--kind", "none"], "--stack, --kind and --out go with --live"),
        (["--truth", "t", "--out", "u"], "--stack, --kind and --out go with --live"),
        (["--truth", "t", "--bar", "1.1"], "--bar"),
        (["--truth", "t", "--bar", "-1"], "--bar"),
        (["--truth", "t", "--bar", "nan"], "--bar: expected a number from 0 to 1, got nan"),
        (["--truth", "t", "--bar", "high"], "--bar"),
        (["--truth", "missing"], "wsrace: missing: cannot be read: No such file or directory"),
        (["--truth", "."], "'.' is a directory"),
        (["--truth", ""], "cannot be read: Is a directory"),
        (["--truth", "empty"], "wsrace: empty: no line holds a cell; it is empty"),
        (["--truth", "\x1b[31m"], "wsrace: ?[31m: cannot be read"),
        (["--live", "--stack", "daphne"], "--stack: 'daphne' is unknown; allowed: "),
        (["--live", "--kind", "flood"], "--kind: 'flood' is unknown; allowed: client_close"),
        (["--live", "--trials", "0"], "--trials"),
        (["--live", "--out", "list"], "wsrace: list: no line holds a cell"),
    ],
)
def test_bad_input_is_exit_status_2_and_one_clear_line(
    here: Path, arguments: list[str], fault: str
) -> None:
    written(here / "t", *GOOD)
    (here / "empty").touch()
    (here / "list").write_text("milk\n")
    done = wsrace("conform", *arguments)
    assert done.exit_code == 2
    assert fault in done.stderr
    assert done.stdout == ""
    assert sorted(item.name for item in here.iterdir()) == ["empty", "list", "t"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_without_a_cell_is_exit_status_2_and_one_line(here: Path, name: str) -> None:
    line, why = BROKEN[name]
    for form in ((), ("--json",)):
        done = conform(written(here / "t", line), *form)
        assert done.exit_code == 2
        assert done.stdout == ""
        (said,) = done.stderr.splitlines()
        assert said.startswith("wsrace: ")
        assert why in said


@pytest.mark.parametrize("name", BROKEN)
def test_a_line_without_a_cell_among_others_is_counted_and_told(here: Path, name: str) -> None:
    line, why = BROKEN[name]
    path = written(here / "t", GOOD[0], line)
    done = conform(path)
    assert done.exit_code == 0
    assert re.search(r"^not covered \(1\): line 2: ", done.stdout, re.M)
    assert why in done.stdout
    (reason,) = document(path)["not_covered"]
    assert why in reason["reason"]


def test_of_many_lines_without_a_cell_the_first_are_told_and_the_rest_counted(here: Path) -> None:
    path = written(here / "t", GOOD[0], *[b"[]"] * 1000)
    done = conform(path)
    assert done.stdout.count("it is no JSON object") == 3
    assert "not covered (997): further lines that hold no cell" in done.stdout
    assert sum(row["cells"] for row in document(path)["not_covered"]) == 1000


def test_regression_unknown_columns_do_not_flood_the_terminal(here: Path) -> None:
    many = {f"column {number} {'x' * 500}": 1 for number in range(900)}
    done = conform(written(here / "t", {**GOOD[0], **many}))
    assert done.stdout.count("is not known and was ignored (1 cells)") == 20
    assert "880 more columns are not known: --json lists all" in done.stdout
    assert len(done.stdout) < 10_000


# -- hostile text ----------------------------------------------------------------------------------


@pytest.mark.parametrize("column", [*arranged.NAMES, "kind", "point", "wait", "guard"])
def test_no_column_gets_a_command_to_the_terminal(here: Path, column: str) -> None:
    """`wsrace` above asserts that whatever is printed is printable."""
    spoilt = [
        {**one, column: f"{one[column]}{text}"} for one in (*GOOD[:1], BAD) for text in HOSTILE
    ]
    path = written(here / "t", *spoilt, *({**GOOD[0], column: text} for text in HOSTILE))
    done = conform(path)
    assert done.exit_code in (0, 1)
    assert f"{3 * len(HOSTILE)} cells are covered" in done.stdout


@pytest.mark.parametrize("text", HOSTILE)
def test_neither_do_outcomes_details_and_unknown_columns(here: Path, text: str) -> None:
    detail = [[text, text, text, text, text]]
    path = written(here / "t", row(outcomes={text: 3}, detail=detail, **{text: text}))
    assert conform(path).exit_code == 1
    (one,) = document(path)["disagreements"]
    assert one["observed"] == {text: 3}


WORDS = st.text(max_size=12) | st.sampled_from([*HOSTILE, "0.35.0", "uvicorn 0.54.0", "1"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                **dict.fromkeys(arranged.NAMES, WORDS),
                "kind": st.sampled_from([*KINDS, "none"]) | WORDS,
                "point": st.sampled_from([*POINTS, *NO_EVENT]) | WORDS,
                "wait": st.sampled_from(["0", "1", "5ms", "-"]) | WORDS,
                "guard": st.sampled_from([*GUARDS]) | WORDS,
                "queued": st.booleans() | WORDS,
                "outcomes": st.dictionaries(WORDS, st.integers(-1, 3), max_size=3),
                "message_lost": st.integers(-1, 12) | WORDS,
            },
        ),
        max_size=3,
    ),
    st.sampled_from(sorted(STACKS)),
)
def test_any_cells_end_in_a_comparison_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, many: list[dict[str, Any]], like: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-cells"
    done = conform(written(path, *[row(like, **columns) for columns in many]))
    if done.exit_code == 2:
        assert len(done.stderr.splitlines()) == 1
        assert done.stdout == ""
    else:
        assert done.exit_code in (0, 1)
        assert re.search(r"\ndigest: [0-9a-f]{64}\n\Z", done.stdout)


# -- live ------------------------------------------------------------------------------------------


def test_live_measures_what_was_asked_for_and_compares_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.conformance.measure as measuring
    from sim.conformance.cells import Cell

    asked: list[Any] = []

    def plan(*request: Any) -> Any:
        asked.append(request)
        return "plan"

    def cells(plan: Any, on_cell: Any, on_breakdown: Any) -> Any:
        assert plan == "plan"
        on_cell("stack", 1, 2)
        on_breakdown("stack: \x1b[31mit broke")
        return map(Cell.model_validate, GOOD)

    monkeypatch.setattr(measuring, "plan_measuring", plan)
    monkeypatch.setattr(measuring, "measure", cells)
    done = wsrace(
        *("conform", "--live", "--stack", "a", "--stack", "b", "--kind", "none"),
        *("--trials", "3", "--out", "o", "--json"),
    )
    assert done.exit_code == 0
    assert asked == [(("a", "b"), ("none",), 3, Path("o"))]
    assert json.loads(done.stdout)["agreed"] == 4
    assert "the trial was made again: stack: ?[31mit broke" in done.stderr


def test_live_without_any_server_is_exit_status_2(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.conformance.measure as measuring

    def none(*request: Any) -> Any:
        raise UserError("no real server is installed: pip install 'wsrace[live]'")

    monkeypatch.setattr(measuring, "plan_measuring", none)
    done = wsrace("conform", "--live")
    assert done.exit_code == 2
    assert done.stderr == "wsrace: no real server is installed: pip install 'wsrace[live]'\n"
