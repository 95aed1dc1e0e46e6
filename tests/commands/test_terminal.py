"""What all commands share: how far they are, what status they end with, where code is found."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.commands import terminal
from sim.commands.cli import main
from sim.commands.terminal import (
    BAD_INPUT,
    BROKEN,
    STOPPED,
    Bar,
    errors_as_statuses,
    import_from_here,
    standard_console,
)
from sim.errors import Divergence, NoAnswer, UserError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A stopwatch that stands until somebody moves it."""
    now = [100.0]
    monkeypatch.setattr("sim.commands.terminal.time.monotonic", lambda: now[0])
    return now


def test_without_a_terminal_a_line_comes_every_five_seconds_and_no_sooner(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Bar("guards searched", 3) as bar:
        for second in range(13):
            clock[0] = 100.0 + second
            bar.tell(done=second // 5, note=f"pre-fix: {second} looked at")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "wsrace: guards searched: 1 of 3, pre-fix: 5 looked at",
        "wsrace: guards searched: 2 of 3, pre-fix: 10 looked at",
    ]


def test_what_is_not_said_stays_as_it_was(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Bar("cells") as bar:
        bar.tell(2, 1234)
        clock[0] += 6
        bar.tell(what="measuring")
    assert capsys.readouterr().err == "wsrace: measuring: 2 of 1,234\n"


def test_what_is_told_cannot_write_on_the_terminal(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Bar("cells") as bar:
        clock[0] += 6
        bar.tell(1, note="\x1b[31mred\nnext")
    assert capsys.readouterr().err == "wsrace: cells: 1, ?[31mred?next\n"


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UserError("one", "two"), BAD_INPUT, "wsrace: one\nwsrace: two\n"),
        (NoAnswer("refused: it asked"), STOPPED, "wsrace: no answer: refused: it asked\n"),
        (Divergence("choice 3"), BROKEN, "wsrace: Divergence: choice 3\n"),
        (FileNotFoundError(2, "No such file", "x"), BAD_INPUT, "wsrace: x: No such file\n"),
        (
            KeyboardInterrupt(),
            STOPPED,
            "wsrace: stopped; what was finished is kept\nwsrace: to go on: again\n",
        ),
    ],
)
def test_errors_are_statuses_and_lines(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left, errors_as_statuses(lambda: "again"):
        raise error
    assert left.value.code == status
    assert capsys.readouterr() == ("", line)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one not in ("", str(tmp_path))])
    yield tmp_path
    sys.modules.pop("found_here", None)


@pytest.mark.parametrize(
    ("names", "there"), [([], False), ([None, "catch"], False), (["catch", "mine:guard"], True)]
)
def test_the_folder_where_one_stands_is_looked_into_only_for_code_that_was_named(
    names: list[str | None], there: bool, folder: Path
) -> None:
    import_from_here(names)
    assert (str(folder) in sys.path) is there
    import_from_here(names)
    assert sys.path.count(str(folder)) == int(there)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_guard_is_found_in_the_folder_where_it_lies(folder: Path, workers: int) -> None:
    (folder / "found_here.py").write_text(
        "def careful(websocket):\n    return websocket.application_state.name == 'CONNECTED'\n"
    )
    command = ["reproduce", "server-close", "--guard", "found_here:careful", "--runs", "3"]
    done = CliRunner().invoke(main, [*command, "--workers", str(workers), "--json"])
    assert done.exit_code == 0, done.output
    assert '"guard": "found_here:careful"' in done.stdout


def test_tables_have_one_width_where_nobody_says_how_wide_it_is() -> None:
    assert standard_console().width == terminal.WIDTH
