"""The command `check` as people type it: verdicts, what it prints, bad input, tokens."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sim.commands.cli import main
from sim.live.steered.port import RealPort
from tests.helpers.applications import FOLDER


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in; what is imported from it stays out of the way of later tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def check(*asked: str) -> Result:
    return CliRunner().invoke(main, ["check", *asked, "--app-dir", str(FOLDER)])


def document(*asked: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(check(*asked, "--json").stdout)
    return made


def test_a_healthy_application_is_race_free_within_bounds_that_are_said() -> None:
    done = check("plain:careful")
    assert done.exit_code == 0
    assert "race-free within the bounds below: no failure in " in done.stdout
    for bound in ("late at most once", "bytes under way for at most", "no server pings", "Linux"):
        assert bound in " ".join(done.stdout.split())


def test_an_application_that_fails_is_racy_with_the_line_and_a_token_that_replays() -> None:
    done = check("guarded:app", "--path", "/ws")
    assert done.exit_code == 1
    assert "racy: 1 of 2 endings fail (one connection;" in done.stdout
    assert "escape [c1]: " in done.stdout
    assert "guarded.py:" in done.stdout
    assert "fails: escape: " in done.stderr
    line = next(one for one in done.stdout.splitlines() if one.startswith("again"))
    token = line.split()[3]
    again = ["replay", token, "--app", "guarded:app", "--app-dir", str(FOLDER)]
    replayed = CliRunner().invoke(main, again)
    assert replayed.exit_code == 0
    assert "outcome: escape" in replayed.stdout
    assert "(as recorded)" in replayed.stdout


def test_the_document_holds_what_is_printed() -> None:
    said = document("rooms:app", "--path", "/room/{name}", "--client", "send:hi, close")
    assert said["schema"] == "wsrace.check.1"
    assert said["verdict"] == "racy"
    assert "rooms.room.members" in said["shared"]
    assert [case["paths"] for case in said["rungs"][-1]["cases"]] == [["/room/1", "/room/2"]]
    kinds = {one["kind"] for failure in said["failures"] for one in failure["findings"]}
    assert {"bystander", "escape"} <= kinds
    assert said["versions"]["uvicorn"]


def test_a_failure_in_every_schedule_is_said_to_be_no_race() -> None:
    done = check("plain:odd", "--path", "/unseen", "--client", "close")
    assert done.exit_code == 1
    assert "fails in every schedule" in done.stdout


def test_a_message_that_was_made_up_and_always_fails_is_no_answer(folder: Path) -> None:
    (folder / "typed.py").write_text(
        "from fastapi import FastAPI, WebSocket\napp = FastAPI()\n"
        "@app.websocket('/ws')\nasync def ws(websocket: WebSocket):\n"
        "    await websocket.accept()\n"
        "    async for said in websocket.iter_json():\n"
        "        await websocket.send_text(said['type'])\n"
    )
    done = CliRunner().invoke(main, ["check", "typed:app", "--app-dir", str(folder)])
    assert done.exit_code == 3
    assert "no answer: every schedule in which the made-up message '{}' was read" in done.stdout
    told = ["--client", 'send:{"type": "x"}, close']
    done = CliRunner().invoke(main, ["check", "typed:app", "--app-dir", str(folder), *told])
    assert done.exit_code == 0


def test_what_leaves_the_simulation_is_no_answer_with_the_line() -> None:
    done = check("plain:odd", "--path", "/thread")
    assert done.exit_code == 3
    assert "no answer: opened a database at " in " ".join(done.stdout.split())
    assert "plain.py:" in done.stdout


def test_people_decide_what_fails() -> None:
    assert check("plain:echo").exit_code == 0
    assert "escaped-disconnect in " in check("plain:echo").stdout
    assert check("plain:echo", "--fail-on", "escaped-disconnect").exit_code == 1
    waits = ("plain:odd", "--path", "/waits", "--client", "send:a, wait")
    assert check(*waits).exit_code == 1
    assert check(*waits, "--allow", "hang").exit_code == 0


def test_a_connection_that_never_opens_is_no_all_clear(folder: Path) -> None:
    (folder / "closed.py").write_text(
        "from fastapi import FastAPI, WebSocket\napp = FastAPI()\n"
        "@app.websocket('/ws')\nasync def ws(websocket: WebSocket):\n"
        "    await websocket.close(1008)\n"
    )
    done = CliRunner().invoke(main, ["check", "closed:app", "--app-dir", str(folder)])
    assert done.exit_code == 3
    assert "inconclusive: no connection was opened in any schedule" in done.stdout


def test_failures_are_written_as_files_that_replay(folder: Path) -> None:
    done = check("guarded:app", "--path", "/ws", "--out", "found")
    assert done.exit_code == 1
    assert json.loads((folder / "found" / "check.json").read_text())["verdict"] == "racy"
    again = ["replay", "found/failure-1.race.json", "--app", "guarded:app"]
    replayed = CliRunner().invoke(main, [*again, "--app-dir", str(FOLDER)])
    assert replayed.exit_code == 0
    assert "outcome: escape" in replayed.stdout


FAULTS = {
    ("nowhere:app",): "no module 'nowhere' in ",
    ("plain:nothing",): "expected an ASGI application, got int",
    ("plain:odd",): "--path says which: /waits, ",
    ("plain:odd", "--path", "/nowhere"): "no such WebSocket route",
    ("plain:echo", "--client", "snd:x"): "did you mean 'send'?",
    ("plain:echo", "--loop", "uvloop"): "only asyncio's own loop can be simulated",
    ("plain:echo", "--fail-on", "hnag"): "did you mean 'hang'?",
    ("plain:echo", "--env-file", "no.env"): "no such file",
    ("plain:echo", "--client", "after:c2:1, close"): "there is no c2; clients that are given: 1",
    ("plain:echo", "--client", "close", "--message", "x"): "--message: it is for clients that",
}


@pytest.mark.parametrize("asked", FAULTS, ids=" ".join)
def test_bad_input_gets_one_line_and_runs_nothing(asked: tuple[str, ...], folder: Path) -> None:
    done = check(*asked, "--out", "nothing")
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("wsrace: ")
    assert FAULTS[asked] in line
    assert not (folder / "nothing").exists()
    assert done.stdout == ""


def test_a_time_that_is_none_is_said() -> None:
    done = check("plain:echo", "--latency", "soon")
    assert done.exit_code == 2
    assert "'soon' is no time; expected for example 100ms, 2s or 1m" in done.stderr


def test_a_run_is_made_again_only_with_the_versions_it_was_made_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = document("guarded:app", "--path", "/ws")["failures"][0]["token"]
    unnamed = CliRunner().invoke(main, ["replay", token])
    assert unnamed.exit_code == 2
    assert "code of your own runs only if you name it: --app guarded:app" in unnamed.stderr
    monkeypatch.setattr("sim.runs.app.versions", lambda: {"python": "3.9", "uvicorn": "0.1"})
    other = CliRunner().invoke(main, ["replay", token, "--app", "guarded:app"])
    assert other.exit_code == 2
    assert "A schedule means something else there" in other.stderr


def test_an_environment_file_is_read_before_the_import(folder: Path) -> None:
    (folder / "needs.py").write_text(
        f"import os\nassert os.environ['WSRACE_TEST_SETTING'] == 'on'\n"
        f"{(FOLDER / 'plain.py').read_text()}"
    )
    (folder / ".env").write_text("WSRACE_TEST_SETTING=on\n")
    try:
        asked = ["check", "needs:careful", "--app-dir", str(folder), "--env-file", ".env"]
        assert CliRunner().invoke(main, asked).exit_code == 0
    finally:
        os.environ.pop("WSRACE_TEST_SETTING", None)


def test_a_folder_that_cannot_be_is_refused_before_the_search(folder: Path) -> None:
    (folder / "file").write_text("")
    done = check("no_such_module:app", "--out", "file/below")
    assert done.exit_code == 2
    assert done.stderr == "wsrace: --out: file/below: Not a directory\n"


# -- on the real kernel ----------------------------------------------------------------------------


def test_a_failure_is_executed_on_the_real_kernel_so_often_as_is_asked() -> None:
    done = check("guarded:app", "--path", "/ws", "--confirm", "3")
    assert done.exit_code == 1
    assert "real    confirmed 3 of 3 on Linux TCP, epoll and clock" in done.stdout


def test_the_document_counts_what_was_confirmed_not_placed_and_different() -> None:
    said = document("guarded:app", "--path", "/ws", "--confirm", "2")
    assert said["failures"][0]["executed"] == {
        "asked": 2,
        "executed": 2,
        "confirmed": 2,
        "not_placed": 0,
        "different": 0,
        "why": "",
        "left_out_s": said["failures"][0]["executed"]["left_out_s"],
    }
    assert document("guarded:app", "--path", "/ws")["failures"][0]["executed"] is None


def token_of(target: str, *asked: str) -> str:
    token = document(target, *asked)["failures"][0]["token"]
    assert isinstance(token, str)
    return token


def live(token: str, target: str, *asked: str) -> Result:
    named = ["--app", target, "--app-dir", str(FOLDER)]
    return CliRunner().invoke(main, ["replay", token, *named, "--live", *asked])


def test_a_token_is_executed_on_the_real_kernel() -> None:
    token = token_of("guarded:app", "--path", "/ws")
    done = live(token, "guarded:app", "--trials", "4")
    assert done.exit_code == 0, done.output
    assert "real    confirmed 4 of 4 on Linux TCP, epoll and clock" in done.stdout
    assert "on uvicorn (websockets-sansio)" in done.stdout


def test_a_run_that_never_goes_the_same_there_has_status_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = token_of("guarded:app", "--path", "/ws")
    recv = RealPort.recv

    def other(self: RealPort, most: int) -> bytes:
        return recv(self, most).replace(b"GET /ws", b"GET /xx")

    monkeypatch.setattr(RealPort, "recv", other)
    done = live(token, "guarded:app", "--trials", "2")
    assert done.exit_code == 1
    assert "confirmed 0 of 2" in done.stdout
    assert "2 of 2 went another way: event 1: " in done.stdout


def test_a_run_that_takes_too_long_to_be_executed_is_no_answer() -> None:
    token = token_of("clocked:app", "--path", "/late", "--client", "silent")
    done = live(token, "clocked:app")
    assert done.exit_code == 3
    assert "not executed: the run takes 30 s" in done.stdout


def test_a_run_of_a_scenario_is_none_of_an_application() -> None:
    made = CliRunner().invoke(main, ["explore", "server-close", "--guard", "pre-fix"])
    found = re.search(r"wsr1\.\S+", made.stdout)
    assert found is not None
    done = live(found[0], "guarded:app")
    assert done.exit_code == 2
    assert "this run is not one of an application" in done.output


def test_small_slips_are_told_with_what_helps(folder: Path) -> None:
    assert "a module is named without .py: chat:app" in check("chat.py:app").output
    assert "expected the name of a situation" in check("plain:careful", "--sometimes", "").output
    found = folder / "found"
    assert check("guarded:app", "--path", "/ws", "--out", str(found)).exit_code == 1
    replayed = CliRunner().invoke(main, ["replay", str(found), "--app", "guarded:app"])
    assert replayed.exit_code == 2
    assert "is a folder; " in replayed.output
    (found / "failure-1.race.json").unlink()
    page = CliRunner().invoke(main, ["report", str(found), "-o", "-"])
    assert "No run of it lies beside this document" in page.stdout
