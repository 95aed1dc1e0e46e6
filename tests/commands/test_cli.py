"""The command line: exit statuses, one clear line per fault, and output that machines can read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim import __version__
from sim.commands.cli import main
from sim.model.names import EVENTS, GUARDS, MODES, RUNTIMES
from sim.model.profiles import PROFILES

SMALL = ["reproduce", "server-close", "--runs", "3", "--workers", "1"]


def wsrace(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_reproduce_shows_a_table_three_sentences_pictures_and_a_token(here: Path) -> None:
    done = wsrace(*SMALL)
    assert done.exit_code == 0
    assert "pre-fix > post-fix" in done.output
    assert "With pre-fix" in done.output
    folder = here / "wsrace-server-close"
    assert (folder / "results.json").exists()
    assert len(list(folder.glob("*.png"))) == len(list(folder.glob("*.svg"))) >= 4
    token = done.output.split("wsrace replay ")[1].split()[0]
    shown = wsrace("replay", token)
    assert shown.exit_code == 0
    assert "outcome: need_accept_first" in shown.output


def test_json_is_one_document_and_writes_no_file(here: Path) -> None:
    done = wsrace(*SMALL, "--json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["schema"] == "wsrace.reproduce.1"
    assert document["wsrace"] == __version__
    assert list(here.iterdir()) == []


def test_the_same_seed_gives_the_same_document(here: Path) -> None:
    assert wsrace(*SMALL, "--json").stdout == wsrace(*SMALL, "--json").stdout
    assert wsrace(*SMALL, "--json").stdout != wsrace(*SMALL, "--seed", "1", "--json").stdout


def test_a_broken_expectation_is_exit_status_1(here: Path) -> None:
    scenario = here / "mine.toml"
    scenario.write_text('[sweep]\ntrials = 2\n[expect]\npre-fix = "all"\n')
    done = wsrace("reproduce", str(scenario), "--json", "--workers", "1")
    assert done.exit_code == 1
    assert (
        "mine: pre-fix on asyncio-3.11: expected all of the trials to fail, 0 of 2" in done.stderr
    )
    json.loads(done.stdout)


def test_a_changed_scenario_is_not_judged_and_says_so(here: Path) -> None:
    done = wsrace(*SMALL, "--set", "mode=factory", "--json")
    assert done.exit_code == 0
    assert "expectations are not judged: --set mode=factory" in done.stderr
    assert {cell["mode"] for cell in json.loads(done.stdout)["cells"]} == {"factory"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", ["report", "original"])
def test_every_mode_and_shape_runs_by_set(here: Path, mode: str, shape: str) -> None:
    window = ["--set", "sweep.values=[0]"] if shape == "original" else []
    settings = ["--set", f"mode={mode}", "--set", f"shape={shape}", *window]
    done = wsrace(*SMALL, *settings, "--json")
    assert done.exit_code == 0, done.stderr


def test_a_guard_of_ones_own_joins_by_name(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "my_guards.py").write_text(
        "from starlette.websockets import WebSocketState as S\n"
        "def careful(ws):\n    return ws.application_state is S.CONNECTED\n"
    )
    monkeypatch.syspath_prepend(here)
    arguments = ("--guard", "pre-fix", "--guard", "my_guards:careful", "--json")
    cells = json.loads(wsrace(*SMALL, *arguments).stdout)["cells"]
    failures = dict.fromkeys(("pre-fix", "my_guards:careful"), 0)
    for cell in cells:
        failures[cell["guard"]] += cell["failures"]
    assert failures["pre-fix"] > failures["my_guards:careful"] == 0


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["reproduce", "serverclose"], "did you mean 'server-close'"),
        (["reproduce", "nofile.toml"], "nofile.toml"),
        (["reproduce", "server-close", "--set", "mode"], "setting 'mode'"),
        (["reproduce", "server-close", "--set", "mode=mian"], "did you mean 'main'"),
        (["reproduce", "server-close", "--guard", "catc"], "unknown guard 'catc'"),
        (["reproduce", "server-close", "--guard", "nosuch:x"], "cannot import 'nosuch'"),
        (["reproduce", "server-close", "--runs", "0"], "--runs"),
        (["reproduce", "server-close", "--resume", "--json"], "--resume: needs --out"),
        (["reproduce", "server-close", "--resume", "--out", "none"], "does not exist"),
        (["replay", "wsr1.AAAA.00000000"], "it was cut or changed"),
        (["replay", "hello"], "not a token of wsrace"),
        (["reproduec"], "Did you mean 'reproduce'?"),
    ],
)
def test_bad_input_is_exit_status_2_and_one_clear_line(
    here: Path, arguments: list[str], fault: str
) -> None:
    done = wsrace(*arguments)
    assert done.exit_code == 2
    assert fault in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_all_faults_of_a_file_are_named_with_their_lines(here: Path) -> None:
    (here / "bad.toml").write_text('mode = "mian"\n\n[clients]\nmesages = 1\ncount = 0\n')
    lines = wsrace("reproduce", "bad.toml").stderr.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("wsrace: bad.toml:1: mode: ")
    assert "bad.toml:4: clients.mesages: unknown key" in lines[1] + lines[2]
    assert "bad.toml:5: clients.count: " in lines[1] + lines[2]


def test_nothing_is_left_behind_by_bad_input(here: Path) -> None:
    wsrace("reproduce", "server-close", "--set", "mode=mian", "--out", "out")
    assert list(here.iterdir()) == []


def test_list_names_everything_there_is(here: Path) -> None:
    done = wsrace("list")
    for name in (*GUARDS, *MODES, *RUNTIMES, *EVENTS, *PROFILES, "issue-1061", "server-close"):
        assert f"  {name}" in done.output
    document = json.loads(wsrace("list", "--json").output)
    assert tuple(document["guards"]) == GUARDS


def test_schema_describes_every_key_of_a_scenario(here: Path) -> None:
    document = json.loads(wsrace("schema").output)
    assert {"mode", "injections", "sweep", "expect"} <= set(document["properties"])


def test_a_replay_can_show_every_event_or_the_trace_itself(here: Path) -> None:
    token = json.loads(wsrace(*SMALL, "--json").stdout)["tokens"][0]["token"]
    short, whole, trace = (
        wsrace("replay", token, "--format", form).output for form in ("text", "all", "json")
    )
    assert len(short.splitlines()) < len(whole.splitlines())
    assert all(json.loads(line) for line in trace.splitlines())


def test_help_and_version_need_no_simulation() -> None:
    code = (
        "import sys\nfrom sim.commands.cli import main\n"
        "try: main(['reproduce', '--help'])\nexcept SystemExit: pass\n"
        "heavy = {'trio', 'matplotlib', 'pydantic', 'starlette'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert wsrace("--version").output == f"wsrace, version {__version__}\n"
