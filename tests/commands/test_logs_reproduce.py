"""The command `logs` with `--reproduce`: a log in, tests out that meet what it tells of."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.commands.cli import main
from sim.logs.patterns import BY_NAME, ERROR
from tests.helpers.applications import FOLDER

NEED = f"2026-03-01T10:00:00Z ERROR {BY_NAME[ERROR].texts[0]}\n"
ESCAPED = """2026-03-01T10:00:00Z ERROR Exception in ASGI application
Traceback (most recent call last):
  File "/srv/chat.py", line 9, in talk
    await websocket.receive_text()
  File "/venv/site-packages/starlette/websockets.py", line 83, in _raise_on_disconnect
    raise WebSocketDisconnect(message["code"], message.get("reason"))
starlette.websockets.WebSocketDisconnect: (1001, '')
"""
APP = ("--app", "logged:swallows", "--app-dir", str(FOLDER))


def wsrace(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["logs", *map(str, arguments)])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log").write_text(NEED)
    return tmp_path


def run(file: Path) -> subprocess.CompletedProcess[str]:
    """Run a file of tests as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", file],
        capture_output=True,
        text=True,
        check=False,
        cwd=file.parent,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "WSRACE_CACHE": "none", "PATH": ""},
    )


def test_without_an_application_the_tests_are_of_ours_and_pass(here: Path) -> None:
    done = wsrace("log", "--reproduce", "test_log.py")
    assert done.exit_code == 1
    assert "wsrace: written: test_log.py; run it: pytest test_log.py" in done.stderr
    text = (here / "test_log.py").read_text()
    assert "ANALOGOUS" in text
    ran = run(here / "test_log.py")
    assert "3 passed" in ran.stdout, ran.stdout + ran.stderr


def test_with_an_application_the_test_fails_by_what_the_log_tells_of(here: Path) -> None:
    done = wsrace("log", "--reproduce", "test_log.py", *APP, "--client", "send:hi, close")
    assert done.exit_code == 1, done.stderr
    text = (here / "test_log.py").read_text()
    assert "def test_blind_spot(wsrace_app):" in text
    assert "server_close" not in text  # the run says which of those that the text leaves
    ran = run(here / "test_log.py")
    assert "1 failed" in ran.stdout, ran.stdout + ran.stderr
    assert "application_state was DISCONNECTED" in ran.stdout


def test_what_the_application_does_not_do_is_told_and_nothing_is_written(here: Path) -> None:
    (here / "log").write_text(ESCAPED)
    careful = ("--app", "logged:careful", "--app-dir", str(FOLDER), "--client", "close")
    done = wsrace("log", "--reproduce", "test_log.py", *careful)
    assert done.exit_code == 0
    assert "not reproduced: escaped disconnect: no run of" in done.stderr
    assert "wsrace: nothing was written to test_log.py" in done.stderr
    assert not (here / "test_log.py").exists()


def test_an_application_that_gives_no_answer_is_said_to_give_none(here: Path) -> None:
    (here / "starts_programs.py").write_text(
        "import subprocess\n\n\n"
        "async def app(scope, receive, send):\n    subprocess.run(['true'])\n"
    )
    asked = ("--app", "starts_programs:app", "--app-dir", str(here), "--client", "close")
    done = wsrace("log", "--reproduce", "test_log.py", *asked)
    assert "wsrace: no answer from starts_programs:app: " in done.stderr
    assert not (here / "test_log.py").exists()


def test_a_log_that_tells_of_nothing_writes_nothing(here: Path) -> None:
    (here / "log").write_text("fine\n")
    done = wsrace("log", "--reproduce", "test_log.py")
    assert done.exit_code == 0
    assert "nothing to reproduce: no record tells of a mechanism" in done.stderr
    assert not (here / "test_log.py").exists()


@pytest.mark.parametrize(
    ("arguments", "faults"),
    [
        (["--app", "a:b"], ["--app: goes with --reproduce"]),
        (["--path", "/ws", "--client", "close"], ["--path: goes with", "--client: goes with"]),
        (
            ["--reproduce", "out"],
            ["--reproduce: expected a file of tests such as"],
        ),
        (["--reproduce", "old.py"], ["--reproduce: old.py exists already"]),
        (["--reproduce", "new.py", "--client", "close"], ["--client: goes with --app"]),
        (["--reproduce", "new.py", "--app", "nowhere:app"], ["nowhere"]),
        (["--reproduce", "new.py", *APP, "--client", "sned:hi"], ["sned"]),
    ],
)
def test_bad_input_is_exit_status_2_and_writes_nothing(
    here: Path, arguments: list[str], faults: list[str]
) -> None:
    (here / "old.py").write_text("mine")
    done = wsrace("log", *arguments)
    assert done.exit_code == 2, done.output
    for fault in faults:
        assert fault in done.stderr
    assert (here / "old.py").read_text() == "mine"
    assert not (here / "new.py").exists()
