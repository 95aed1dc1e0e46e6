"""The command `reproduce` from the inside: its folder, what it judges, and what it prints."""

import json
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from sim.commands import reproduce as command
from sim.commands.reproduce import Request, run
from sim.errors import UserError
from sim.files.documents import REPRODUCED, STORE
from sim.report.plots import pictures
from sim.store.results import Crash
from sim.sweep.reproduce import Reproduction, reproduce

SMALL = Request(
    scenario="server-close",
    settings=("sweep.values=[20]",),
    guards=("pre-fix", "post-fix", "catch"),
    runs=2,
    seed=0,
    workers=1,
    out=None,
    resume=False,
    as_json=False,
)
QUIET = replace(SMALL, as_json=True)
LINE = "6 runs, in 12 s with the pictures"
Read = pytest.CaptureFixture[str]


def watch(*times: float) -> Callable[[], float]:
    """A stopwatch that shows these times one after the other."""
    return iter(times or (30.0, 42.0)).__next__


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and no time spent on drawing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pictures, "draw_all", lambda found, folder, workers: [])
    return tmp_path


def rows_in(folder: Path) -> int:
    with closing(sqlite3.connect(folder / STORE)) as db:
        return int(db.execute("SELECT COUNT(*) FROM trials").fetchone()[0])


def scenario(path: Path, *, expect: str = "", name: str = "mine", title: str = "t") -> str:
    """Write a scenario in which pre-fix fails in every trial and catch in none; return its path."""
    path.write_text(
        f"name = {json.dumps(name)}\ntitle = {json.dumps(title)}\nwindow_ms = 20\n"
        "[clients]\nmessages = 1\npause_ms = 200\n"
        '[[injections]]\ndo = "server-close"\nat = "validated"\nnth = 2\ndelay_ms = 5\n'
        '[sweep]\nvalues = [20]\nruntimes = ["asyncio-3.11"]\n'
        f"[expect]\n{expect}\n"
    )
    return str(path)


def mine(path: Path, **text: str) -> Request:
    return replace(SMALL, scenario=scenario(path, **text), settings=())


# -- the folder ----------------------------------------------------------------------------------


def test_json_alone_writes_nothing(here: Path, capsys: Read) -> None:
    assert run(QUIET, watch()) == 0
    assert list(here.iterdir()) == []
    document = json.loads(capsys.readouterr().out)
    assert document["scenario"] == "server-close"


def test_json_with_a_folder_writes_there_what_it_prints_and_draws_nothing(
    here: Path, capsys: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "draw_all", lambda *_: pytest.fail("pictures were drawn"))
    run(replace(QUIET, out=here / "a" / "b"), watch())
    assert (here / "a" / "b" / REPRODUCED).read_text() == capsys.readouterr().out
    assert rows_in(here / "a" / "b") == 12


@pytest.mark.parametrize(
    ("name", "folder"),
    [("server-close", "wsrace-server-close"), ("sub/my.own.toml", "wsrace-my.own")],
)
def test_the_folder_is_named_for_the_scenario(here: Path, name: str, folder: str) -> None:
    (here / "sub").mkdir()
    scenario(here / "sub" / "my.own.toml")
    run(replace(SMALL, scenario=name, settings=()), watch())
    assert {path.name for path in here.iterdir()} == {"sub", folder}
    assert (here / folder / STORE).exists()
    assert (here / folder / REPRODUCED).exists()


def test_with_anew_an_earlier_results_file_is_forgotten(here: Path, capsys: Read) -> None:
    run(SMALL, watch())
    folder = here / "wsrace-server-close"
    (folder / "notes.txt").write_text("mine")
    capsys.readouterr()
    run(replace(SMALL, anew=True), watch())
    assert "of them before" not in capsys.readouterr().out
    assert rows_in(folder) == 12
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_rerun_does_only_what_is_missing_and_rows_of_other_questions_stay(
    here: Path, capsys: Read
) -> None:
    run(SMALL, watch())
    first = (here / "wsrace-server-close" / REPRODUCED).read_text()
    run(replace(SMALL, seed=1), watch())
    assert rows_in(here / "wsrace-server-close") == 24
    capsys.readouterr()
    run(SMALL, watch())
    assert "12 runs, 12 of them before, in 12 s" in capsys.readouterr().out
    assert (here / "wsrace-server-close" / REPRODUCED).read_text() == first


def test_anew_needs_a_folder_and_is_no_part_of_the_command_that_goes_on(here: Path) -> None:
    with pytest.raises(UserError, match="--anew: needs --out, the folder to begin"):
        run(replace(QUIET, anew=True), watch())


def test_trials_that_could_not_be_run_are_told_and_make_it_no_answer(
    here: Path, capsys: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crashed(*args: Any, **options: Any) -> Reproduction:
        return replace(reproduce(*args, **options), crashes=(Crash(0, 3, "its process ended"),) * 7)

    monkeypatch.setattr(command, "reproduce", crashed)
    assert run(SMALL, watch()) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("wsrace: trial 3 of server-close, pre-fix, asyncio-3.11 (window_ms")
    assert lines[0].endswith("could not be run: its process ended")
    assert lines[-1] == "wsrace: 7 trials could not be run; they are in no rate"
    assert len(lines) == 6
    document = json.loads((here / "wsrace-server-close" / REPRODUCED).read_text())
    assert document["crashes"][0] == {"cell": 0, "trial": 3, "why": "its process ended"}


def test_with_resume_an_earlier_results_file_is_kept(here: Path, capsys: Read) -> None:
    run(SMALL, watch())
    before = (here / "wsrace-server-close" / REPRODUCED).read_text()
    with closing(sqlite3.connect(here / "wsrace-server-close" / STORE)) as db, db:
        db.execute("DELETE FROM trials WHERE unit > 3")  # as if it had been cut after a group
    capsys.readouterr()
    run(replace(SMALL, resume=True), watch())
    assert "12 runs, 6 of them before, in 12 s" in capsys.readouterr().out
    assert (here / "wsrace-server-close" / REPRODUCED).read_text() == before


def test_with_resume_another_sweep_is_refused_and_its_rows_stay(here: Path) -> None:
    run(SMALL, watch())
    with pytest.raises(UserError, match="holds the results of another sweep"):
        run(replace(SMALL, resume=True, seed=1), watch())
    assert rows_in(here / "wsrace-server-close") == 12


def test_resume_needs_a_folder_and_a_results_file_in_it(here: Path) -> None:
    with pytest.raises(UserError, match="--resume: needs --out"):
        run(replace(QUIET, resume=True), watch())
    (here / "there").mkdir()
    with pytest.raises(UserError, match=f"--resume: .*{STORE} does not exist"):
        run(replace(SMALL, resume=True, out=here / "there"), watch())
    assert list((here / "there").iterdir()) == []


def test_a_refused_resume_leaves_no_folder_behind(here: Path) -> None:
    with pytest.raises(UserError):
        run(replace(SMALL, resume=True, out=here / "nowhere"), watch())
    assert list(here.iterdir()) == []


def test_what_cannot_be_run_leaves_no_folder_and_no_earlier_file_touched(here: Path) -> None:
    run(SMALL, watch())
    with pytest.raises(UserError, match="mode"):
        run(replace(SMALL, settings=("mode=mian",)), watch())
    assert rows_in(here / "wsrace-server-close") == 12
    with pytest.raises(UserError, match="mode"):
        run(replace(SMALL, settings=("mode=mian",), out=here / "other"), watch())
    assert not (here / "other").exists()


def test_a_folder_that_cannot_be_made_is_one_clear_line(here: Path) -> None:
    (here / "file").write_text("")
    with pytest.raises(UserError) as caught:
        run(replace(SMALL, out=here / "file" / "out"), watch())
    (line,) = caught.value.faults
    assert line.startswith(f"--out: {here / 'file' / 'out'}: ")


def test_a_document_that_cannot_be_written_is_one_clear_line(here: Path) -> None:
    (here / "out" / REPRODUCED).mkdir(parents=True)
    with pytest.raises(UserError, match="--out"):
        run(replace(SMALL, out=here / "out"), watch())


# -- expectations --------------------------------------------------------------------------------


def test_expectations_that_hold_are_not_spoken_of(here: Path, capsys: Read) -> None:
    assert run(mine(here / "a.toml", expect='pre-fix = "all"\ncatch = "none"'), watch()) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("as_json", [True, False])
def test_a_broken_expectation_is_a_line_on_standard_error(
    here: Path, capsys: Read, as_json: bool
) -> None:
    request = mine(here / "a.toml", expect='pre-fix = "none"\ncatch = "all"')
    assert run(replace(request, as_json=as_json), watch()) == 1
    told = capsys.readouterr()
    assert told.err.splitlines() == [
        "wsrace: mine: pre-fix on asyncio-3.11: expected none of the trials to fail, 2 of 2 did",
        "wsrace: mine: catch on asyncio-3.11: expected all of the trials to fail, 0 of 2 did",
    ]
    assert "expected" not in told.out


@pytest.mark.parametrize("setting", ["sweep.trials=3", 'expect.catch="none"'])
def test_settings_of_the_sweep_and_of_expectations_are_judged(
    here: Path, capsys: Read, setting: str
) -> None:
    request = replace(mine(here / "a.toml", expect='pre-fix = "none"'), settings=(setting,))
    assert run(request, watch()) == 1
    assert "not judged" not in capsys.readouterr().err


@pytest.mark.parametrize("setting", ["clients.count=1", "title=sweep.", "mode=main"])
def test_any_other_setting_changes_the_scenario_and_is_named(
    here: Path, capsys: Read, setting: str
) -> None:
    request = mine(here / "a.toml", expect='pre-fix = "none"')
    settings = ("sweep.trials=2", setting, "window_hops=0")
    assert run(replace(request, settings=settings), watch()) == 0
    assert capsys.readouterr().err == (
        f"wsrace: expectations are not judged: --set {setting} changes the scenario\n"
    )


# -- what is printed -----------------------------------------------------------------------------


def assert_in_order(text: str, parts: Sequence[str]) -> None:
    places = [text.find(part) for part in parts]
    assert -1 not in places, [part for part in parts if part not in text]
    assert places == sorted(places)


def test_table_sentences_pictures_digest_token_and_time_come_in_this_order(
    here: Path, capsys: Read
) -> None:
    run(mine(here / "a.toml"), watch())
    text = capsys.readouterr().out
    document = json.loads((here / "wsrace-a" / REPRODUCED).read_text())
    parts = [
        "Runs that fail, of all trials over the axis",
        "pre-fix > post-fix",
        "2/2",
        "With pre-fix 2 of 2 runs fail",
        "The published fix changes nothing",
        "Never failing: catch (0 of 2)",
        "0 pictures (PNG and SVG) and results.json lie in wsrace-a/",
        f"digest of all trials: {document['digest']}",
        "one failing run (mine, pre-fix, asyncio-3.11):",
        f"wsrace replay {document['tokens'][0]['token']}\n",
        LINE,
    ]
    assert_in_order(text, parts)
    assert text.endswith(f"{LINE}\n")
    assert "the order is drawn" not in text


def test_the_time_includes_the_pictures(
    here: Path, capsys: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [30.0]

    def draw(found: object, folder: Path, workers: int) -> list[Path]:
        now[0] += 12
        return [folder / "a.png"]

    monkeypatch.setattr(pictures, "draw_all", draw)
    run(mine(here / "a.toml"), lambda: now[0])
    text = capsys.readouterr().out
    assert_in_order(text, ["1 pictures", LINE])


def test_without_a_failing_run_there_is_no_token(here: Path, capsys: Read) -> None:
    run(replace(mine(here / "a.toml"), guards=("catch",)), watch())
    text = capsys.readouterr().out
    assert "wsrace replay" not in text
    assert "2 runs, in 12 s" in text


@pytest.mark.parametrize("runtime", ["trio", "any-order"])
def test_where_the_order_is_drawn_a_rate_is_said_to_be_no_probability(
    here: Path, capsys: Read, runtime: str
) -> None:
    run(replace(mine(here / "a.toml"), settings=(f"sweep.runtimes=['{runtime}']",)), watch())
    assert_in_order(capsys.readouterr().out, ["2/2", "a rate is no probability", "With pre-fix"])


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Make standard output say that it is a terminal; ask for it when output is captured."""
    for key, value in {"COLUMNS": width, "LINES": 50, "TERM": "xterm"}.items():
        monkeypatch.setenv(key, str(value))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


@pytest.mark.parametrize("width", [80, 139])
def test_a_narrow_terminal_gets_a_row_per_guard(
    here: Path, capsys: Read, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    on_a_terminal(monkeypatch, width)
    run(SMALL, watch())
    lines = click.unstyle(capsys.readouterr().out).splitlines()
    assert ["injection", "guard", "asyncio-3.11", "asyncio-3.12"] in [
        line.split() for line in lines
    ]
    table = lines[: lines.index("")]
    assert max(map(len, table)) <= width
    assert [line.split()[0] for line in table[2:]] == [
        "server-close",
        "post-fix",
        "catch",
        "pre-fix",
    ]


@pytest.mark.parametrize("width", [None, 140, 200])
def test_a_wide_terminal_or_none_gets_a_column_per_guard(
    here: Path, capsys: Read, monkeypatch: pytest.MonkeyPatch, width: int | None
) -> None:
    if width is not None:
        on_a_terminal(monkeypatch, width)
    run(SMALL, watch())
    lines = [line.split() for line in click.unstyle(capsys.readouterr().out).splitlines()]
    head = ["injection", "runtime", "pre-fix", "post-fix", "catch", "pre-fix", ">", "post-fix"]
    assert head in lines


# -- hostile names -------------------------------------------------------------------------------

MARKUP = ["[red]", "[/]", "[/red]", "[link=file:///etc/passwd]x[/link]", "\\[bold]"]
ESCAPES = ["a\x1b[31mb", "\x1b]0;owned\x07", "a\rb", "a\nwsrace: b"]


@pytest.mark.parametrize("name", MARKUP)
@pytest.mark.parametrize("terminal", [False, True])
def test_markup_in_a_name_is_printed_as_it_is(
    here: Path, capsys: Read, monkeypatch: pytest.MonkeyPatch, name: str, terminal: bool
) -> None:
    if terminal:
        on_a_terminal(monkeypatch, 200)
    run(mine(here / "a.toml", name=name, title=name, expect='catch = "all"'), watch())
    told = capsys.readouterr()
    table, rest = click.unstyle(told.out).split("With pre-fix")
    assert name in table
    assert f"in {name} (100 %)" in rest.replace("\n", " ")
    assert f"one failing run ({name}, pre-fix" in rest
    assert told.err.startswith(f"wsrace: {name}: catch")


def test_an_emoji_code_in_a_name_is_printed_as_it_is(here: Path, capsys: Read) -> None:
    run(mine(here / "a.toml", name=":smile:"), watch())
    assert "in :smile: (100 %)" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["", " ", "\u202e", *ESCAPES])
def test_no_name_whatever_raises_and_the_document_keeps_it(
    here: Path, capsys: Read, name: str
) -> None:
    run(mine(here / "a.toml", name=name, title=name, expect='catch = "all"'), watch())
    assert LINE in capsys.readouterr().out
    document: dict[str, Any] = json.loads((here / "wsrace-a" / REPRODUCED).read_text())
    assert {cell["injection"] for cell in document["cells"]} == {name}


@pytest.mark.parametrize("name", ESCAPES)
def test_escapes_in_a_name_do_not_reach_the_table_or_the_sentences(
    here: Path, capsys: Read, name: str
) -> None:
    run(mine(here / "a.toml", name=name), watch())
    table_and_sentences = capsys.readouterr().out.split("one failing run")[0]
    assert not set("\x1b\x07\r") & set(table_and_sentences)
    assert "\nwsrace: b" not in table_and_sentences


@pytest.mark.parametrize("name", ESCAPES)
def test_escapes_in_a_name_do_not_reach_a_terminal_with_the_token(
    here: Path, capsys: Read, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    on_a_terminal(monkeypatch, 200)
    run(mine(here / "a.toml", name=name), watch())
    token = capsys.readouterr().out.split("one failing run")[1]
    assert not set("\x1b\x07\r") & set(token)
    assert "\nwsrace: b" not in token


@pytest.mark.parametrize("name", ["\x1b]0;owned\x07", "a\rb", "a\nwsrace: b"])
def test_escapes_in_a_name_do_not_reach_standard_error(here: Path, capsys: Read, name: str) -> None:
    run(replace(mine(here / "a.toml", name=name, expect='catch = "all"'), as_json=True), watch())
    (line,) = capsys.readouterr().err.split("\n")[:-1]
    assert not set("\x1b\x07\r") & set(line)
