"""The command `replay`: tokens and files in, every form out, differences said."""

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sim.commands.cli import main
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.report.trace.formats import FORMATS
from sim.runs.keep import file_of, is_file, read_file, token_of, write_file
from sim.runs.play import play
from sim.runs.scenario import MODES
from sim.runs.subject import Record
from sim.schedulers.uniform import Uniform
from sim.sut.chat import Chat

FORMS = list(FORMATS)
FOR_PEOPLE = [name for name, one in FORMATS.items() if one.for_people]
DIFFERENCE = (
    r"the trace differs from the recorded one \(digest [0-9a-f]{12}… → [0-9a-f]{12}…\); "
    r"choices and outcome are the same: the code was edited since"
)


def wsrace(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)


def a_run(name: str = "server-close") -> Record:
    scenario = open_scenario(name, ("window_ms=8", "runtime=any-order"))
    assert isinstance(scenario, Scenario)
    return play(scenario.resolve(3), Uniform(3))


@pytest.fixture
def kept(tmp_path: Path) -> tuple[str, Path, Record]:
    """A run as a token and as a file."""
    record = a_run()
    path = tmp_path / "one.race.json"
    write_file(path, file_of(record))
    return token_of(record), path, record


def test_the_command_offers_every_form() -> None:
    (option,) = (one for one in main.commands["replay"].params if one.name == "form")
    assert sorted(option.type.choices) == sorted(FORMS)  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", FORMS)
def test_a_token_and_a_file_show_the_same(form: str, kept: tuple[str, Path, Record]) -> None:
    token, path, _ = kept
    by_token, by_file = (wsrace("replay", given, "--format", form) for given in (token, path))
    assert by_token.exit_code == by_file.exit_code == 0
    assert by_token.stdout == by_file.stdout != ""
    assert by_token.stderr == by_file.stderr == ""


@pytest.mark.parametrize("form", FOR_PEOPLE)
def test_people_are_told_what_was_run_and_what_came_of_it(
    form: str, kept: tuple[str, Path, Record]
) -> None:
    token, _, record = kept
    first, *_, outcome, digest = wsrace("replay", token, "--format", form).stdout.splitlines()
    assert first.startswith("server-close: main mode, report shape, guard pre-fix, any-order, uvi")
    assert outcome == "outcome: need_accept_first"
    assert digest == f"digest:  {record.digest} (as recorded)"


def test_programs_get_the_form_and_nothing_else(kept: tuple[str, Path, Record]) -> None:
    token, _, record = kept
    for form in set(FORMATS) - set(FOR_PEOPLE):
        assert wsrace("replay", token, "--format", form).stdout == FORMATS[form].write(record)


@pytest.mark.parametrize("form", FORMS)
def test_a_replay_of_edited_code_says_so_and_is_a_success(
    form: str, kept: tuple[str, Path, Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talkative(chat: Chat) -> None:
        chat.runtime.log("info", "one more line")
        await original(chat)

    original = MODES["main"]
    monkeypatch.setitem(MODES, "main", talkative)
    for given in kept[:2]:
        done = wsrace("replay", given, "--format", form)
        assert done.exit_code == 0
        where = done.stdout if form in FOR_PEOPLE else done.stderr
        assert len(re.findall(DIFFERENCE, where)) == 1
        assert "(as recorded)" not in done.stdout


def edit(change: Callable[[dict[str, Any]], object], path: Path) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


def test_a_divergence_is_exit_status_1_and_says_where(kept: tuple[str, Path, Record]) -> None:
    _, path, _ = kept
    edit(lambda document: document["schedule"][1].update(asker="nobody"), path)
    done = wsrace("replay", path)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert re.fullmatch(
        r"wsrace: Divergence: choice 1: expected step choice by nobody among \[.*\], "
        r"met step choice by the kernel among \[.*\]\n",
        done.stderr,
    )


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["none.race.json"], "none.race.json: there is no such file"),
        (["folder/none"], "folder/none: there is no such file"),
        ([os.curdir], ".: is a folder; ./bad.race.json is a run in it"),
        (["bad.race.json"], "bad.race.json:1: it is not JSON, or was cut"),
        (["wsr9.x.y"], "token: made by another version (wsr9)"),
        (["wsr1." + "A" * 5000 + ".00000000"], "token: it was cut or changed"),
        ([""], "token: not a token of wsrace"),
        (["x", "--format", "xml"], "'xml' is not one of 'text', 'all', 'columns', 'mermaid'"),
    ],
)
def test_bad_input_is_exit_status_2_and_one_clear_line(
    arguments: list[str], fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.race.json").write_text("{")
    done = wsrace("replay", *arguments)
    assert done.exit_code == 2
    assert fault in done.stderr.splitlines()[-1]
    assert done.stdout == ""
    assert [item.name for item in tmp_path.iterdir()] == ["bad.race.json"]


def test_what_was_typed_is_a_file_if_it_looks_like_one_or_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plain").touch()
    for given in ("plain", "x.race.json", "a/b", "./wsr1.x.y", os.curdir):
        assert is_file(given)
    for given in ("wsr1.x.y", "hello", "", "x" * 5000, "x.json"):
        assert not is_file(given)


def test_names_of_a_file_are_no_commands_to_a_terminal(kept: tuple[str, Path, Record]) -> None:
    _, path, _ = kept
    edit(lambda document: document["scenario"].update(name="\x1b[31m\nx"), path)
    assert read_file(path).of_scenario().name == "\x1b[31m\nx"
    for form in FORMS:
        done = wsrace("replay", path, "--format", form)
        assert done.exit_code == 0
        assert "\x1b" not in done.stdout
    assert wsrace("replay", path).stdout.startswith("?[31m?x: main mode")


def test_a_guard_of_ones_own_is_imported_only_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: tuple[str, Path, Record]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("command_guard", None)
    Path("command_guard.py").write_text(
        "open('imported', 'w').close()\ndef yes(websocket):\n    return True\n"
    )
    _, path, _ = kept
    edit(lambda document: document["scenario"].update(guard="command_guard:yes"), path)
    refused = wsrace("replay", path)
    assert refused.exit_code == 2
    assert "runs only if you name it: --guard command_guard:yes" in refused.stderr
    assert not Path("imported").exists()
    allowed = wsrace("replay", path, "--guard", "command_guard:yes")
    assert allowed.exit_code == 0
    assert Path("imported").exists()
