"""A failing schedule is kept, tried first the next time, and dropped once it passes."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sim.commands.cli import main
from sim.files.racefile import SUFFIX

BROKEN = """
import asyncio

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    await websocket.accept()
    ended = False

    async def end() -> None:
        nonlocal ended
        await asyncio.sleep(0.01)
        ended = True

    ending = asyncio.create_task(end())
    try:
        await websocket.receive_text()
        if ended:
            raise LookupError("too late")
    except WebSocketDisconnect:
        pass
    finally:
        ending.cancel()
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def check(project: Path, source: str, *asked: str) -> Result:
    """Check an application as it is now, in a process that has not imported it before."""
    (project / "kept_app.py").write_text(source)
    sys.modules.pop("kept_app", None)
    client = ("--client", "send:a, close")
    return CliRunner().invoke(main, ["check", "kept_app:app", *client, "--cache", "kept", *asked])


def kept(project: Path) -> list[Path]:
    return sorted(project.glob(f"kept/*/*{SUFFIX}"))


def first_rung(done: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)["rungs"][0]
    return found


def test_a_failure_is_kept_and_tried_first_the_next_time(project: Path) -> None:
    first = check(project, BROKEN, "--json")
    assert first.exit_code == 1
    assert first_rung(first)["asks"] == "one connection"
    assert len(kept(project)) == 1
    again = check(project, BROKEN, "--json")
    assert again.exit_code == 1
    assert first_rung(again)["asks"] == "kept from before"
    assert first_rung(again)["cases"][0]["schedules"] == 1


def test_it_is_found_again_though_no_time_is_left_to_search(project: Path) -> None:
    check(project, BROKEN)
    again = check(project, BROKEN, "--for", "0.000001")
    assert again.exit_code == 1
    assert "kept from before" in again.stdout


def test_it_is_dropped_once_it_passes(project: Path) -> None:
    check(project, BROKEN)
    mended = check(project, BROKEN.replace("if ended:", "if False:"))
    assert mended.exit_code == 0, mended.output
    assert kept(project) == []


def test_an_edit_that_mends_nothing_does_not_lose_it(project: Path) -> None:
    check(project, BROKEN)
    again = check(project, "# edited\n" + BROKEN.replace("too late", "much too late"), "--json")
    assert first_rung(again)["asks"] == "kept from before"


def test_another_question_does_not_meet_it(project: Path) -> None:
    check(project, BROKEN)
    other = check(project, BROKEN, "--allow", "escape", "--json")
    assert first_rung(other)["asks"] == "one connection"
    assert len(kept(project)) == 1


def test_what_somebody_else_has_written_there_is_no_failure(project: Path) -> None:
    check(project, BROKEN)
    kept(project)[0].write_text("{}")
    again = check(project, BROKEN, "--json")
    assert again.exit_code == 1
    assert first_rung(again)["asks"] == "one connection"


def test_the_folder_keeps_itself_out_of_git_and_nothing_is_made_without_a_failure(
    project: Path,
) -> None:
    check(project, BROKEN.replace("if ended:", "if False:"))
    assert not (project / "kept").exists()
    check(project, BROKEN)
    assert "*" in (project / "kept" / ".gitignore").read_text().splitlines()


def test_a_folder_that_cannot_be_made_is_told(project: Path) -> None:
    (project / "kept").write_text("")
    done = check(project, BROKEN)
    assert done.exit_code == 1
    assert "notes   --cache: " in done.output


def test_the_fixture_keeps_them_in_pytests_own_cache(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        kept_app=BROKEN,
        test_it="""
        def test_it(wsrace_app):
            wsrace_app.check("kept_app:app", clients="send:a, close")
        """,
    )
    for said in ("one connection *", "kept from before *"):
        done = pytester.runpytest_subprocess("-p", "cacheprovider")
        done.assert_outcomes(failed=1)
        done.stdout.fnmatch_lines(["*racy: 1 of 2 endings fail (one connection;*", f"E *{said}"])


def test_a_kept_file_imports_nothing_and_asks_nothing_that_was_not_asked(project: Path) -> None:
    check(project, BROKEN)
    (project / "evil_kept.py").write_text("raise SystemExit('imported')")
    said = json.loads(kept(project)[0].read_text())
    said["app"]["invariants"] = ["evil_kept:f"]
    kept(project)[0].write_text(json.dumps(said))
    again = check(project, BROKEN, "--json")
    assert again.exit_code == 1
    assert first_rung(again)["asks"] == "one connection"


RECEIVE = "await websocket.receive_text()"
ASKS = BROKEN.replace("import asyncio", "import asyncio\nimport json")
ASKS = ASKS.replace(RECEIVE, f"json.loads({RECEIVE})['id']")


def test_a_kept_failure_of_another_cause_is_no_answer_to_a_made_up_message(project: Path) -> None:
    """The made-up message fails in every schedule: that is no race, whatever was kept."""
    (project / "kept_app.py").write_text(BROKEN)
    alone = ("check", "kept_app:app", "--cache", "kept")
    assert CliRunner().invoke(main, alone).exit_code == 1
    assert kept(project)
    (project / "kept_app.py").write_text(ASKS)
    sys.modules.pop("kept_app", None)
    assert CliRunner().invoke(main, alone).exit_code == 3
