"""The command `explore`: verdicts, documents, files, exit statuses, and input of every kind."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import sim.commands.searching as searching
from sim import __version__
from sim.commands.cli import main
from sim.commands.explore import Request, run
from sim.exploration.audit import Audit, Difference
from sim.files.documents import EXPLORED, STORE
from sim.report.text.explore import file_name

SCENE = """
runtime = "any-order"
window_hops = 1
end_ms = 5000
[handler]
sends = 0
[clients]
script = ["connect", "silent"]
[[injections]]
do = "server-close"
at = "validated"
"""
KEYS = {
    "guard", "verdict", "complete", "bound", "classes", "schedules", "failing", "seconds",
    "token", "counterexample",
}  # fmt: skip
TWO = ("--count", "--guard", "pre-fix", "--guard", "both-states")


def wsrace(*arguments: object) -> Result:
    done = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    assert "Traceback" not in done.output
    return done


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scene.toml").write_text(SCENE)
    return tmp_path


def document(*arguments: object) -> dict[str, Any]:
    done = wsrace("explore", "scene.toml", *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_a_table_a_line_for_each_guard_and_a_counterexample_are_shown(here: Path) -> None:
    done = wsrace("explore", "scene.toml", *TWO)
    assert done.exit_code == 0
    assert done.stderr == "wsrace: pre-fix: fails: need_accept_first (found after 13)\n"
    lines = [line.split()[:5] for line in done.stdout.splitlines()]
    assert ["pre-fix", "racy", "16", "20", "4"] in lines
    assert ["both-states", "race-free", "16", "24", "0"] in lines
    assert "pre-fix (counterfactual): racy: 4 of 16 classes fail" in done.stdout
    assert "both-states (counterfactual): race-free: complete, 16 of 16 classes" in done.stdout
    assert "outcomes: clean_disconnect(1001) 12, " in done.stdout
    assert "why: guard read client_state and machine (sim.sut.loop:" in done.stdout
    assert "nearest run that passes" in done.stdout
    (token,) = re.findall(r"  wsrace replay (\S+)\n", done.stdout)
    shown = wsrace("replay", token)
    assert shown.exit_code == 0
    assert "outcome: need_accept_first" in shown.output
    assert re.search(r"\ndigest: [0-9a-f]{64}\n\Z", done.stdout)
    assert sorted(item.name for item in here.iterdir()) == ["scene.toml"]


def test_the_document_has_what_the_format_promises(here: Path) -> None:
    found = document(*TWO, "--seed", 5)
    assert found["schema"] == "wsrace.explore.1"
    assert found["wsrace"] == __version__
    assert found["seed"] == 5
    assert found["scenario"] == "scene"
    assert (found["strategy"], found["times"], found["property"]) == ("dpor", "fixed", "no-error")
    racy, free = found["guards"]
    assert set(racy) == set(free) >= KEYS
    assert (racy["guard"], racy["verdict"], racy["failing"]) == ("pre-fix", "racy", 4)
    assert (free["guard"], free["verdict"], free["failing"]) == ("both-states", "race-free", 0)
    for row in (racy, free):
        assert row["complete"] is True
        assert row["bound"] == ""
        assert row["classes"] == sum(row["outcomes"].values()) == 16
        assert 16 <= row["schedules"] <= 2 * 16
    assert free["token"] is free["counterexample"] is None
    assert racy["counterexample"]["outcome"] == "need_accept_first"
    assert wsrace("replay", racy["token"]).exit_code == 0


def test_the_digest_is_the_same_twice_and_does_not_depend_on_the_seconds(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digests = []
    for pace in (0.0, 7.5):
        now = 0.0

        def stopwatch(pace: float = pace) -> float:
            nonlocal now
            now += pace
            return now

        request = Request("scene.toml", (), ("pre-fix",), None, as_json=True)
        assert run(request, stopwatch) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["guards"][0]["seconds"] > 0) is (pace > 0)
        digests.append(found["digest"])
    assert digests[0] == digests[1] == document("--count", "--guard", "pre-fix")["digest"]
    assert digests[0] != document("--count", "--guard", "none")["digest"]
    shown = wsrace("explore", "scene.toml", "--count", "--guard", "pre-fix")
    assert f"digest: {digests[0]}\n" in shown.stdout


@pytest.mark.parametrize(
    ("expect", "status"),
    [
        ('pre-fix = "racy"\nboth-states = "race-free"', 0),
        ('pre-fix = "race-free"', 1),
        ('both-states = "racy"', 1),
        ('both-states = { any-order = "racy" }', 1),
        ('both-states = { trio = "racy" }', 0),
        ('pre-fix = "none"\nboth-states = "all"', 0),  # of a sweep, not of a search
    ],
)
def test_a_broken_expectation_is_exit_status_1(here: Path, expect: str, status: int) -> None:
    (here / "scene.toml").write_text(f"{SCENE}\n[expect]\n{expect}\n")
    done = wsrace("explore", "scene.toml", *TWO, "--json")
    assert done.exit_code == status
    json.loads(done.stdout)
    assert bool(re.search(r"^wsrace: \S+: expected \S+, found \S+$", done.stderr, re.M)) == bool(
        status
    )


def test_an_open_question_is_exit_status_3_whatever_was_expected(here: Path) -> None:
    (here / "scene.toml").write_text(f'{SCENE}\n[expect]\nboth-states = "race-free"\n')
    done = wsrace("explore", "scene.toml", "--guard", "both-states", "--max-schedules", "3")
    assert done.exit_code == 3
    assert "inconclusive: 3 classes without a failure" in done.stdout
    assert "cut after 3 schedules" in done.stdout
    drawn = wsrace("explore", "scene.toml", *TWO, "--strategy", "uniform", "--json")
    assert drawn.exit_code == 3
    assert [row["verdict"] for row in json.loads(drawn.stdout)["guards"]] == [
        "racy",
        "inconclusive",
    ]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["serverclose"], "did you mean 'server-close'"),
        (["nofile.toml"], "nofile.toml"),
        (["issue-1061"], "a batch; explore one of its scenarios: "),
        (["scene.toml", "--set", "mode=mian"], "did you mean 'main'"),
        (["scene.toml", "--set", "mode"], "setting 'mode'"),
        (["scene.toml", "--guard", "catc"], "unknown guard 'catc'"),
        (["scene.toml", "--guard", "nosuch:x"], "cannot import 'nosuch'"),
        (["scene.toml", "--guard", "json:nosuch"], "has no 'nosuch'"),
        (["server-close", "--times", "fixed"], "injections.0.delay_ms: it is drawn"),
        (["scene.toml", "--strategy", "magic"], "--strategy"),
        (["scene.toml", "--strategy", "pct", "--bound", "0"], "bound: 0 is too small"),
        (["scene.toml", "--max-schedules", "0"], "--max-schedules"),
        (["\x1b[31m"], "31m"),
        (["x\ny.toml"], "y.toml"),
        (["scene.toml", "--guard", "\x1b[31m"], "unknown guard"),
        (["scene.toml", "--guard", "\x1b[31m:x"], "cannot import"),
        (["scene.toml", "--guard", "a\nb:x"], "cannot import"),
        (["scene.toml", "--guard", ":"], "unknown guard ':'"),
        (["scene.toml", "--guard", ".:x"], "cannot import"),
        (["scene.toml", "--guard", "..a:x"], "cannot import"),
    ],
)
def test_bad_input_is_exit_status_2_and_nothing_is_written(
    here: Path, arguments: list[str], fault: str
) -> None:
    done = wsrace("explore", *arguments, "--out", "kept")
    assert done.exit_code == 2
    assert fault in done.stderr
    assert "\x1b" not in done.output
    assert done.stdout == ""
    assert sorted(item.name for item in here.iterdir()) == ["scene.toml"]


def test_out_keeps_a_file_for_each_counterexample_that_replay_takes(here: Path) -> None:
    done = wsrace("explore", "scene.toml", *TWO, "--guard", "none", "--out", "a/kept")
    assert done.exit_code == 0
    files = sorted(path.name for path in (here / "a/kept").iterdir())
    assert files == [EXPLORED, "none.race.json", "pre-fix.race.json", STORE]
    for name in files[1:3]:
        assert f"file: a/kept/{name}" in done.stdout
        shown = wsrace("replay", f"a/kept/{name}")
        assert shown.exit_code == 0
        assert "(as recorded)" in shown.stdout


def test_out_that_cannot_be_is_exit_status_2(here: Path) -> None:
    (here / "taken").write_text("")
    done = wsrace("explore", "scene.toml", "--out", "taken/deep")
    assert done.exit_code == 2
    assert "--out: taken/deep: " in done.stderr
    assert done.stdout == ""


def test_an_audit_is_told_and_a_hidden_state_is_exit_status_1(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = document("--guard", "pre-fix", "--audit")["guards"]
    assert row["audit"]["swaps"] > 0
    assert row["audit"]["differences"] == []
    found = Audit(7, (Difference(1, "a", "b", "fine", "\x1b[31mbad"),))
    monkeypatch.setattr(searching, "audit_subject", lambda *_: found)
    done = wsrace("explore", "scene.toml", "--guard", "pre-fix", "--audit")
    assert done.exit_code == 1
    assert "  audit: 7 swaps of independent steps\n" in done.stdout
    assert "  audit: a and b were taken to commute, but swapping them turned" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_guard_that_remembers_is_noticed_and_never_passes(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is hidden makes repeated runs differ: there is no verdict, and the cause is told."""
    (here / "hiding_guard.py").write_text(
        "seen = []\ndef check(ws):\n    seen.append(1)\n    return len(seen) % 2 == 0\n"
    )
    monkeypatch.syspath_prepend(here)
    for strategy in ("dpor", "uniform"):
        asked = ("--strategy", strategy, "--max-schedules", 20)
        done = wsrace("explore", "scene.toml", "--guard", "hiding_guard:check", *asked)
        assert done.exit_code == 3
        assert "hiding_guard:check keeps state from one run to the next" in done.stdout


def test_an_audit_works_where_times_are_drawn(here: Path) -> None:
    text = SCENE + "delay_ms = { uniform = [0, 20] }\n"
    (here / "scene.toml").write_text(text)
    done = wsrace("explore", "scene.toml", "--guard", "both-states", "--audit", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["times"] == "all"
    assert found["guards"][0]["audit"]["swaps"] > 0
    assert found["guards"][0]["audit"]["differences"] == []


def test_hostile_names_are_printed_safely(here: Path) -> None:
    name = "\x1b[31m[bold]x[/bold]:smile:"
    (here / "scene.toml").write_text(f"name = {json.dumps(name)}\n{SCENE}")
    done = wsrace("explore", "scene.toml", "--guard", "pre-fix")
    assert done.exit_code == 0
    assert "\x1b" not in done.output
    assert json.loads(wsrace("explore", "scene.toml", *TWO, "--json").stdout)["scenario"] == name


def test_a_guard_of_ones_own_is_searched_modulo_what_it_hides(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "own_guard_x.py").write_text(
        "def check(ws):\n    return ws.application_state.name == 'CONNECTED'\n"
        "def late(ws):\n    return True\n"
    )
    monkeypatch.syspath_prepend(here)
    guards = ("--guard", "own_guard_x:check", "--guard", "own_guard_x:late")
    done = wsrace("explore", "scene.toml", *guards, "--out", "kept", "--json")
    assert done.exit_code == 0
    good, bad = json.loads(done.stdout)["guards"]
    assert (good["verdict"], bad["verdict"]) == ("race-free", "racy")
    assert good["bound"].startswith("modulo instrumentation: own_guard_x:check")
    assert sorted(path.name for path in (here / "kept").iterdir()) == [
        EXPLORED, "own_guard_x-late.race.json",
    ]  # fmt: skip
    kept = "kept/own_guard_x-late.race.json"
    assert wsrace("replay", kept).exit_code == 2
    assert wsrace("replay", kept, "--guard", "own_guard_x:late").exit_code == 0


def test_a_file_cannot_name_code_to_be_run(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "imported_guard.py").write_text("open('imported', 'w').close()\n")
    monkeypatch.syspath_prepend(here)
    (here / "scene.toml").write_text(f'{SCENE}\n[sweep]\nguards = ["raw", "imported_guard:x"]\n')
    done = wsrace("explore", "scene.toml")
    assert done.exit_code == 2
    assert "runs only if you name it: --guard" in done.stderr
    assert done.stdout == ""
    assert not (here / "imported").exists()


@pytest.mark.parametrize("guard", ["../../etc:x", "a/b:c", "a b:c", ".:.", "ä:ö"])
def test_the_file_of_a_guard_stays_in_its_folder(guard: str) -> None:
    name = file_name(guard)
    assert Path(name).name == name
    assert name.endswith(".race.json")
    assert not name.startswith(".")


OWN = """
import trio

async def careless(websocket):
    await websocket.accept()
    while True:
        await websocket.receive_text()

async def sends_late(websocket):
    await websocket.accept()
    await websocket.close()
    await websocket.send_text("too late")

async def waits(websocket):
    await websocket.accept()
    await trio.Event().wait()

async def careful(websocket):
    await websocket.accept()
    async for _ in websocket.iter_text():
        pass
"""


@pytest.mark.parametrize(
    ("handler", "findings", "said"),
    [
        ("careless", {"escaped-disconnect"}, "escaped-disconnect in"),
        ("sends_late", {"escape"}, "(fail): an exception leaves the app"),
        ("waits", {"hang"}, "hang in"),
        ("careful", set(), ""),
    ],
)
def test_what_a_handler_of_ones_own_does_is_named_as_it_would_be_of_an_application(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    handler: str,
    findings: set[str],
    said: str,
) -> None:
    (here / "own_found_x.py").write_text(OWN)
    monkeypatch.syspath_prepend(here)
    (here / "mine.toml").write_text('[clients]\nscript = ["connect", "close"]\n')
    asked = ("explore", "mine.toml", "--handler", f"own_found_x:{handler}")
    done = wsrace(*asked, "--json")
    (row,) = json.loads(done.stdout)["guards"]
    assert set(row["findings"]) == findings
    assert said in " ".join(wsrace(*asked).stdout.split())
