"""The command `validate` with `--url`: real servers under uvicorn, and nonsense of every kind."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sim.commands import validate_url as module
from sim.commands.cli import main
from sim.errors import UserError
from sim.live.visiting.crowd import visit
from sim.report.text.validate import SCHEMA
from tests.helpers.visited_servers import LIMIT_S, ROOT, Running, uvicorn

PLAN = """
title = "a small plan"
[deployment]
clients = 12
ramp_ms = 300
away_ms = 100
answer_ms = 20_000
[[visits]]
scenario = "healthy"
weight = 2
[visits.set.clients]
messages = 2
pause_ms = 20
[[visits]]
scenario = "blind-spot"
label = "leaves while it is answered"
[[visits.set.injections]]
do = "client-close"
at = "received"
delay_ms = {{ uniform = [0, 60] }}
[[visits]]
scenario = "server-close"
label = "closed by a monitor"
[[phases]]
name = "first"
to_min = 0.01
[phases.criteria]
connection_success = {{ at_least = 0.99 }}
[[phases]]
name = "all"
to_min = {minutes}
[phases.criteria]
connection_success = {{ at_least = 0.99 }}
chat_completion = {{ at_least = 0.9 }}
race_errors = {{ at_most = 0 }}
other_errors = {{ at_most = 0 }}
events_in_order = {{ at_least = 1.0 }}
"""
NOBODY = "ws://127.0.0.1:1/ws"


def wsrace(*arguments: object) -> Result:
    done = CliRunner().invoke(main, ["validate", *map(str, arguments)], catch_exceptions=False)
    assert "Traceback" not in done.stderr
    for line in done.output.split("\n"):
        assert line.isprintable(), line
    return done


def document(*arguments: object) -> dict[str, Any]:
    done = wsrace(*arguments, "--json")
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    assert done.exit_code == {True: 0, False: 1, None: 3}[found["go"]]
    return found


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(PLAN.format(minutes=0.03))
    return path


@pytest.fixture(scope="module")
def pre_fix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with uvicorn("pre_fix", tmp_path_factory.mktemp("pre") / "app.log") as running:
        yield running


@pytest.fixture(scope="module")
def catches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with uvicorn("catches", tmp_path_factory.mktemp("catches") / "app.log") as running:
        yield running


def left_open(running: Running) -> int:
    """Return how many connections the server still has: established, or ended by one side only."""
    port = int(running.url.rpartition(":")[2])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    states = [state for _, here, _, state, *_ in rows if int(here.rpartition(":")[2], 16) == port]
    return sum(state in ("01", "04", "05", "08", "09") for state in states)


# -- go and no-go ----------------------------------------------------------------------------------


def test_the_loop_before_the_fix_is_no_go_with_the_mechanism(plan: Path, pre_fix: Running) -> None:
    done = wsrace(plan, "--url", f"{pre_fix.url}/ws", "--log", pre_fix.log)
    assert done.exit_code == 1
    assert "no-go: the server fails race errors" in done.stdout
    assert "need-accept-first: receive_text looks at application_state" in done.stdout
    assert "apps/visited.py:16 (" in done.stdout
    assert (
        "  consistent with blind spot; to reproduce it: wsrace explore blind-spot\n" in done.stdout
    )
    assert (
        "not played from outside: closed by a monitor: server-close is the server's" in done.stdout
    )
    assert left_open(pre_fix) == 0


def test_a_loop_that_catches_is_go(plan: Path, catches: Running) -> None:
    done = wsrace(plan, "--url", f"{catches.url}/ws", "--log", catches.log)
    assert (done.exit_code, "no answer" in done.stderr) == (0, False)
    assert "go: the server passes every criterion that is known" in done.stdout
    assert "not known here: events in order (not seen from outside)" in done.stdout
    assert left_open(catches) == 0


def test_the_document_says_what_was_played_and_what_was_seen(plan: Path, catches: Running) -> None:
    url = f"{catches.url}/ws"
    found = document(plan, "--url", url, "--log", catches.log, "--seed", 4)
    assert (found["schema"], found["source"], found["seed"]) == (SCHEMA, "server", 4)
    assert (found["go"], found["no_answer"], found["plan"]) == (True, None, "small")
    played = found["played"]
    assert (played["url"], played["clients"]) == (url, 12)
    assert played["sessions"] == played["opened"] == sum(played["visits"].values()) >= 12
    assert played["not_let_in"] == {}
    assert played["answers"] == played["answers_awaited"] > 0
    assert set(played["ended_by_clients"]) <= {"close 1000", "close 1001"}
    assert len(played["left_out"]) == 1
    assert found["log"]["patterns"] == {}
    assert {one["criterion"] for one in found["criteria"] if one["passes"] is None} == {
        "events_in_order"
    }


def test_without_a_log_nobody_knows_of_races_and_that_is_no_answer(
    plan: Path, catches: Running
) -> None:
    done = wsrace(plan, "--url", f"{catches.url}/ws")
    assert done.exit_code == 3
    assert "wsrace: no answer: clients cannot tell a race from another error" in done.stderr
    assert "--log FILE" in done.stderr
    assert "go: " not in done.stdout


def test_a_log_that_is_not_the_servers_is_no_answer(
    plan: Path, catches: Running, tmp_path: Path
) -> None:
    (tmp_path / "other.log").write_text("nothing\n")
    for name, why in (("other.log", "did not grow"), ("missing.log", "is not there")):
        done = wsrace(plan, "--url", f"{catches.url}/ws", "--log", tmp_path / name)
        assert done.exit_code == 3
        assert why in done.stderr


def test_a_plan_that_is_not_played_to_its_end_is_no_answer(plan: Path, catches: Running) -> None:
    url = f"{catches.url}/ws"
    done = wsrace(plan, "--url", url, "--log", catches.log, "--for", "800ms")
    assert done.exit_code == 3
    assert done.stderr.endswith("wsrace: no answer: played for 0.8 s of 1.8 s\n")
    (first, *_) = document(plan, "--url", url, "--log", catches.log, "--for", "800ms")["criteria"]
    assert (first["phase"], first["passes"]) == ("first", True)


def test_clients_of_ones_own_come_instead_of_the_plans(plan: Path, catches: Running) -> None:
    """This route raises an error of its own, which ends each connection."""
    typed = "/fails send:hi, wait"
    found = document(
        plan, "--url", f"{catches.url}/ws", "--client", typed, "--client", "hangup", "--rate", 5
    )
    assert set(found["played"]["visits"]) == {typed, "hangup"}
    (how,) = found["played"]["ended_by_server"]
    assert how in ("close 1011", "no close frame")  # which, uvicorn's release decides
    assert found["played"]["sessions"] <= 10
    errors = [one for one in found["criteria"] if one["criterion"] == "other_errors"]
    assert [one["passes"] for one in errors] == [False]
    assert any(f"were ended by an error: {how}" in one["text"] for one in found["reasons"])


def test_a_server_that_goes_away_is_refusals_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(PLAN.format(minutes=0.04))
    with uvicorn("catches", tmp_path / "app.log") as running:
        ends_at_a_message = "sleep:300, send:hi, silent"
        seen: list[float] = []

        def kill(now_s: float, opened: int, over: int) -> None:
            if opened and not seen:
                seen.append(now_s)
                running.process.kill()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "visit", lambda visits, mark, _: visit(visits, mark, kill))
            url = f"{running.url}/ws"
            found = document(tmp_path / "small.toml", "--url", url, "--client", ends_at_a_message)
    assert found["go"] is False
    assert found["played"]["pauses"] > 0
    assert "connection refused" in found["played"]["not_let_in"]
    assert set(found["played"]["ended_by_server"]) <= {"no close frame", "reset"}


# -- nobody there ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "why"),
    [("/nowhere", "answered 403 Forbidden; is the path right"), ("/busy", "answered 503 Service")],
)
def test_a_server_that_lets_nobody_in_is_one_line(
    plan: Path, catches: Running, path: str, why: str
) -> None:
    done = wsrace(plan, "--url", f"{catches.url}{path}")
    assert (done.exit_code, done.stdout) == (3, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"wsrace: no answer: {catches.url}{path}: {why}")


def test_a_server_that_is_down_is_one_line(plan: Path) -> None:
    done = wsrace(plan, "--url", NOBODY, "--for", "5min")
    line = f"wsrace: no answer: {NOBODY}: connection refused; is the server running?\n"
    assert (done.exit_code, done.stdout, done.stderr) == (3, "", line)


def test_the_reports_strategy_is_the_plan_unless_another_one_is_named(
    catches: Running,
) -> None:
    found = document("--url", f"{catches.url}/ws", "--for", "100ms")
    assert (found["plan"], found["played"]["clients"], found["go"]) == ("strategy-1061", 200, None)


# -- Ctrl-C ----------------------------------------------------------------------------------------


def test_ctrl_c_ends_every_connection_with_a_close_and_tells_what_was_seen(
    tmp_path: Path, catches: Running
) -> None:
    (tmp_path / "long.toml").write_text(PLAN.format(minutes=5))
    command = [sys.executable, "-P", "-m", "sim", "validate", "long.toml", "--client", "silent"]
    with subprocess.Popen(
        [*command, "--url", f"{catches.url}/ws", "--json"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()  # of how far it is, after five seconds
        assert line.startswith("wsrace: visiting, seconds: ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, "Traceback" in err) == (3, False)
    assert err.endswith("wsrace: no answer: stopped before the end\n")
    found = json.loads(out)
    assert (found["go"], found["played"]["stopped"]) == (None, True)
    assert found["played"]["ended_by_clients"] == {"close 1001": 12}
    assert left_open(catches) == 0


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "faults"),
    [
        (["--url", ""], ["--url: expected for example"]),
        (["--url", "http://127.0.0.1/"], ["--url: expected for example ws://"]),
        (["--url", "ws://127.0.0.1:99999/"], ["--url: expected"]),
        (["--url", "ws://example.com/ws"], ["--url: example.com is not this machine"]),
        (
            ["--url", NOBODY, "--workers", 2, "--guard", "catch", "--since", "x"],
            ["--guard: not with --url", "--workers: not with --url", "--since: not with --url"],
        ),
        (["--url", NOBODY, "--log", "-"], ["--log -: standard input"]),
        (["--url", NOBODY, "--log", "/no/where"], ["--log /no/where: expected a file"]),
        (["--url", NOBODY, "--client", "dance"], ["client 'dance': step 1"]),
        (["--url", NOBODY, "--client", "@/no/file"], ["/no/file: there is no such file"]),
        (
            ["--url", "x", "--client", "get:/", "--log", "-"],
            ["--url: expected", "--log -: standard", "client 'get:/': get:/: not with --url"],
        ),
        (["--client", "send:a", "--rate", 3], ["--client: goes with --url", "--rate: goes with"]),
        (["--for", "3s", "--allow-remote"], ["--for: goes with --url", "--allow-remote: goes"]),
    ],
)
def test_bad_input_is_status_2_and_a_line_per_fault(
    plan: Path, arguments: list[object], faults: list[str]
) -> None:
    done = wsrace(plan, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == len(faults)
    for line, fault in zip(lines, faults, strict=True):
        assert line.startswith(f"wsrace: {fault}")


@pytest.mark.parametrize(
    "arguments",
    [["--rate", 0], ["--rate", -1], ["--rate", "x"], ["--for", "nonsense"], ["--for", "0s"]],
)
def test_numbers_that_are_none_are_refused_before_anything_is_opened(
    plan: Path, arguments: list[object]
) -> None:
    done = wsrace(plan, "--url", NOBODY, *arguments)
    assert done.exit_code == 2
    assert "Invalid value" in done.stderr


def test_a_remote_host_is_visited_only_if_somebody_says_so(
    plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def looked_up(*arguments: Any, **_: Any) -> list[Any]:
        asked.append(arguments)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    assert wsrace(plan, "--url", "ws://nosuch.invalid/").exit_code == 2
    assert asked == []
    done = wsrace(plan, "--url", "ws://nosuch.invalid/", "--allow-remote")
    assert done.exit_code == 3
    assert len(asked) == 1


def test_more_connections_than_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"now": (100, 1000)}
    monkeypatch.setattr("resource.getrlimit", lambda _: limits["now"])
    monkeypatch.setattr("resource.setrlimit", lambda _, both: limits.update(now=both))
    module._allow_files(10)
    assert limits["now"] == (100, 1000)
    module._allow_files(500)
    assert limits["now"] == (564, 1000)
    with pytest.raises(UserError, match=r"5,000 connections at once need 5,064 open files"):
        module._allow_files(5000)


# -- the shipped plan ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("app", "status"), [("pre_fix", 1), ("catches", 0)])
def test_two_hundred_clients_for_two_minutes_leave_nothing_open(
    tmp_path: Path, app: str, status: int
) -> None:
    with uvicorn(app, tmp_path / "app.log") as running:
        done = wsrace("strategy-1061", "--url", f"{running.url}/ws", "--log", running.log)
        assert left_open(running) == 0
    assert done.exit_code == status
