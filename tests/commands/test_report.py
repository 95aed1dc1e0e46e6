"""The command `report`: from each source, whole or not at all, and the same every time."""

import html
import json
import os
import re
import shlex
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sim.commands.cli import main
from sim.files.documents import EXPLORED, REPRODUCED, STORE
from sim.report.trace.formats import FORMATS
from sim.runs.keep import token_of
from sim.runs.play import play
from sim.schedulers.fifo import Fifo
from tests.commands.test_explore import SCENE
from tests.helpers.made_reports import EVIL, evil, hop, timed
from tests.helpers.scenes import CLOSE, scene

TABLE = re.compile(r"<td[^>]*>([^<]*)")


def wsrace(*arguments: object) -> Result:
    done = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    assert "Traceback" not in done.output
    return done


def made(*arguments: object) -> str:
    """The text of a report, which must be written."""
    done = wsrace("report", *arguments, "-o", "made.html")
    assert done.exit_code == 0, done.output
    return Path("made.html").read_text(encoding="utf-8")


def fault(*arguments: object) -> str:
    """The one line of a report that cannot be made; nothing is written."""
    before = sorted(Path().rglob("*"))
    done = wsrace("report", *arguments)
    assert done.exit_code == 2, done.output
    assert sorted(Path().rglob("*")) == before
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("wsrace: ")
    return line


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of commands, for all tests of this file to read."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("scene.toml").write_text(SCENE)
        two = ("--guard", "pre-fix", "--guard", "both-states")
        done = wsrace("reproduce", "server-close", *two, "--runs", 12, "--out", "rates")
        assert done.exit_code == 0, done.output
        assert wsrace("explore", "scene.toml", *two, "--out", "found").exit_code == 0
    return folder


@pytest.fixture
def here(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this test's own; `kept` lies beside it under its path."""
    monkeypatch.chdir(tmp_path)
    return kept


def test_a_reproduction_has_words_rates_figures_and_runs(here: Path) -> None:
    text = made(here / "rates")
    said = json.loads((here / "rates" / REPRODUCED).read_text())
    assert said["digest"] in text
    assert "With pre-fix" in text
    assert "Never failing: both-states" in text
    for name in ("rate", "heat", "offset", "timeline"):
        assert f'<figure id="{name}-server-close">' in text
    assert text.count("<svg") > 5
    assert 'id="run-1"' in text
    assert "wsrace reproduce server-close --guard pre-fix --guard both-states --runs 12" in text


def test_expectations_are_told_only_of_the_scenario_that_has_them(here: Path) -> None:
    assert "All that the scenarios expect of their guards holds." in made(here / "rates")
    settings = ("--set", "window_ms=0", "--guard", "pre-fix", "--runs", 12)
    assert wsrace("reproduce", "server-close", *settings, "--out", "other").exit_code == 0
    text = made("other")
    assert "expect" not in text.split('id="summary"')[1].split("</section>")[0]
    assert "--set window_ms=0" in text


def test_the_figures_of_a_reproductions_table_are_those_of_its_document(here: Path) -> None:
    text = made(here / "rates")
    said = json.loads((here / "rates" / REPRODUCED).read_text())
    cells: dict[tuple[str, str], list[int]] = {}
    for one in said["cells"]:
        total = cells.setdefault((one["runtime"], one["guard"]), [0, 0])
        total[0] += one["failures"]
        total[1] += one["trials"]
    section = text.split('id="verdicts"')[1].split("</section>")[0]
    for failures, trials in cells.values():
        assert f"{failures}/{trials}" in section


def test_the_same_folder_gives_the_same_bytes_with_any_number_of_processes(here: Path) -> None:
    assert made(here / "rates") == made(here / "rates", "--workers", 1)


def test_an_exploration_has_verdicts_and_a_run_for_each_guard_that_fails(here: Path) -> None:
    text = made(here / "found")
    rows = json.loads((here / "found" / EXPLORED).read_text())["guards"]
    assert [row["verdict"] for row in rows] == ["racy", "race-free"]
    for row in rows:
        assert row["says"] in text.replace("&#39;", "'")
    assert "pre-fix: the smallest failing run that was found" in text
    assert 'id="run-2"' not in text
    assert rows[0]["token"] in text


def test_what_explore_prints_as_json_is_a_source_too(here: Path) -> None:
    Path("found.json").write_text((here / "found" / EXPLORED).read_text())
    assert made("found.json") == made(here / "found")


def test_a_token_and_its_file_give_the_same_run(here: Path) -> None:
    text = made(token_of(timed()))
    assert "One run: need_accept_first" in text
    from_file = made(here / "found" / "pre-fix.race.json")
    assert "The run" in from_file
    assert "Why:" in from_file


def test_a_run_that_passes_says_which_property_it_has_and_how_it_ended(here: Path) -> None:
    text = made(token_of(play(scene(CLOSE, injections=[]), Fifo())))
    assert "This run has the property no-error. It ended like this: " in text


def test_hostile_names_in_a_run_stay_text(here: Path) -> None:
    text = made(token_of(evil()))
    assert text.count("<script") == 2
    assert "<img" not in text
    assert EVIL not in text


def test_the_default_name_is_report_html_and_its_size_is_told(here: Path) -> None:
    done = wsrace("report", token_of(hop()))
    assert done.exit_code == 0
    assert re.fullmatch(r"report\.html: 0\.\d\d MB, needs no network\n", done.stdout)
    assert Path("report.html").is_file()


def test_bad_places_to_write_to_are_one_line_each(here: Path) -> None:
    token = token_of(hop())
    assert "-o: " in fault(token, "-o", here)
    assert "the folder no/where does not exist" in fault(token, "-o", "no/where/x.html")


def test_bad_sources_are_one_line_each(here: Path) -> None:
    Path("empty").mkdir()
    assert "holds neither results.json" in fault("empty")
    assert "there is no such file" in fault("none.race.json")
    assert "there is no such file" in fault("none/at.all")
    Path("a.json").write_text("{]")
    assert "a.json:1: it is not JSON" in fault("./a.json")
    Path("b.json").write_text('{"schema": "wsrace.list.1"}')
    assert "schema: allowed: wsrace.reproduce.1, wsrace.explore.1" in fault("./b.json")
    assert "token" in fault("wsr1.nonsense")


def test_a_folder_whose_rows_are_gone_or_others_is_refused(here: Path) -> None:
    document = (here / "rates" / REPRODUCED).read_text()
    Path("rates").mkdir()
    Path("rates", REPRODUCED).write_text(document)
    assert "there is no such file" in fault("rates")
    Path("rates", STORE).write_bytes(b"nonsense" * 1000)
    assert "not a results file of wsrace" in fault("rates")
    Path("rates", STORE).write_bytes((here / "rates" / STORE).read_bytes())
    said: dict[str, Any] = json.loads(document)
    Path("rates", REPRODUCED).write_text(json.dumps({**said, "digest": "0" * 64}))
    assert "digests differ" in fault("rates")


def test_a_guard_of_somebodys_own_is_imported_only_when_named(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("own_guard_r.py").write_text("def late(ws):\n    return True\n")
    Path("scene.toml").write_text(SCENE)
    monkeypatch.syspath_prepend(Path.cwd())
    named = ("--guard", "own_guard_r:late")
    assert wsrace("explore", "scene.toml", *named, "--out", "own").exit_code == 0
    monkeypatch.delitem(sys.modules, "own_guard_r")
    text = made("own")
    assert "own_guard_r" not in sys.modules
    assert "run only with --guard" in text
    assert 'id="run-1"' not in text
    assert "name it: --guard" in fault("own/own_guard_r-late.race.json")
    assert "is not used there; used: own_guard_r:late" in fault("own", "--guard", "os:system")
    assert 'id="run-1"' in made("own", *named)


HANDLER = """
async def echo(ws):
    await ws.accept()
    while True:
        await ws.send_text(await ws.receive_text())


def make():
    return echo
"""
OWN = """
server = "uvicorn-sansio@0.54"
[clients]
messages = 1
pause_ms = 50
[[injections]]
do = "server-close"
time_ms = 15
"""


@pytest.mark.parametrize(("name", "options"), [("echo", ()), ("make", ("--factory",))])
def test_a_handler_of_somebodys_own_goes_the_whole_way(
    name: str, options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a search to a page and every form of the run, and the page says how to search again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "whole_way", raising=False)
    Path("whole_way.py").write_text(HANDLER)
    Path("s.toml").write_text(OWN)
    own = ("--handler", f"whole_way:{name}")
    done = wsrace("explore", "s.toml", *own, *options, "--times", "all", "--out", "found")
    assert done.exit_code == 0, done.output
    text = made("found", *own)
    assert f"s, handler whole_way:{name}, asyncio-3.11, uvicorn-sansio@0.54" in text
    assert "await ws.send_text(await ws.receive_text())" in html.unescape(text)
    assert "state machine" not in text
    commands = [html.unescape(one) for one in re.findall(r'"command"[^>]*>([^<]*)', text)]
    again = next(one for one in commands if one.startswith("wsrace explore"))
    assert ("--factory" in again) is bool(options)
    assert wsrace(*shlex.split(again)[1:]).exit_code == 0
    for form in FORMATS:
        file = f"found/whole_way-{name}.race.json"
        done = wsrace("replay", file, *own, "--format", form)
        assert done.exit_code == 0
        assert "guard" not in done.stdout
        assert "server-close" in done.stdout


def test_only_the_very_run_of_a_racy_guard_is_its_counterexample(here: Path) -> None:
    """Files of an earlier search, and tokens of others, are not taken for it."""
    shutil.copytree(here / "found", "found")
    kept_as = Path("found", EXPLORED)
    said = json.loads(kept_as.read_text())
    racy, free = said["guards"]
    kept_as.write_text(json.dumps({**said, "guards": [{**racy, "verdict": "race-free"}, free]}))
    assert 'id="run-1"' not in made("found")
    kept_as.write_text(json.dumps({**said, "guards": [{**racy, "token": None}, free]}))
    assert 'id="run-1"' in made("found")
    kept_as.write_text(
        json.dumps({**said, "guards": [{**racy, "token": None, "run": "0" * 64}, free]})
    )
    assert 'id="run-1"' not in made("found")
    other = token_of(timed())
    kept_as.write_text(json.dumps({**said, "guards": [{**racy, "token": other}, free]}))
    assert "token: it is of another run" in fault("found")


def test_reading_writes_nothing_into_the_source(here: Path) -> None:
    shutil.copytree(here / "rates", "rates")

    def content() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in Path("rates").iterdir()}

    before = content()
    made("rates")
    assert content() == before
    Path("rates", STORE).unlink()
    with sqlite3.connect(Path("rates", STORE)) as foreign:
        foreign.execute("CREATE TABLE another (key TEXT)")
    foreign.close()
    before = content()
    assert "not a results file of wsrace" in fault("rates")
    assert content() == before


def test_the_command_that_is_told_for_an_exploration_is_the_one_that_was_typed(here: Path) -> None:
    asked = ["--set", "window_hops=2", "--guard", "pre-fix", "--strategy", "bounded"]
    more = ["--times", "fixed", "--property", "no-error", "--bound", "1", "--max-schedules", "50"]
    Path("scene.toml").write_text(SCENE)
    wsrace("explore", "scene.toml", *asked, *more, "--out", "typed")
    wanted = shlex.join(["wsrace", "explore", "scene.toml", *asked, *more, "--seed", "0"])
    assert wanted in html.unescape(made("typed"))


def test_a_race_file_says_how_to_replay_it(here: Path) -> None:
    assert "wsrace replay pre-fix.race.json" in made(here / "found" / "pre-fix.race.json")


def test_the_page_goes_to_standard_output_if_asked(here: Path) -> None:
    done = wsrace("report", token_of(hop()), "-o", "-")
    assert done.exit_code == 0
    assert done.stdout == made(token_of(hop()))
    assert not Path("-").exists()


def test_a_link_stays_one_and_what_is_no_regular_file_is_left_alone(here: Path) -> None:
    token = token_of(hop())
    Path("target.html").write_text("old")
    Path("made.html").symlink_to("target.html")
    assert made(token) == Path("target.html").read_text()
    assert Path("made.html").is_symlink()
    os.mkfifo("pipe.html")
    assert "it is no regular file" in fault(token, "-o", "pipe.html")
    Path("round.html").symlink_to("round.html")
    assert "cannot be written" in fault(token, "-o", "round.html")
    os.mkfifo("pipe")
    assert "there is no such file" in fault("./pipe")


def test_names_that_are_too_long_are_one_line(here: Path) -> None:
    token = token_of(hop())
    for arguments in (
        (token, "-o", "x" * 300),
        (token, "-o", f"{'x' * 300}/y"),
        ("./" + "x" * 300,),
    ):
        assert "File name too long" in fault(*arguments) or "no such file" in fault(*arguments)
    assert "expected the name of a file" in fault(token, "-o", "")


@pytest.mark.parametrize(
    ("key", "value"),
    [("property", "nonsense"), ("strategy", "none"), ("guards", []), ("times", "some")],
)
def test_an_edited_exploration_is_one_line_that_names_the_key(
    key: str, value: object, here: Path
) -> None:
    said = json.loads((here / "found" / EXPLORED).read_text())
    Path("edited.json").write_text(json.dumps({**said, key: value}))
    assert key in fault("./edited.json")


def test_a_document_with_more_cells_than_anybody_runs_is_refused_at_once(here: Path) -> None:
    shutil.copytree(here / "rates", "rates")
    said = json.loads(Path("rates", REPRODUCED).read_text())
    said["scenarios"][0]["sweep"]["values"] = list(range(100_000))
    Path("rates", REPRODUCED).write_text(json.dumps(said))
    assert "more than 50,000 cells" in fault("rates")


@pytest.mark.slow
def test_the_report_of_the_default_reproduction_has_less_than_3_mb(here: Path) -> None:
    assert wsrace("reproduce", "--out", "whole").exit_code == 0
    assert len(made("whole").encode()) < 3_000_000
