"""The command `validate` with `--log`: a real deployment's log in, go or no-go out."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sim.commands.cli import main
from sim.files.catalog import open_plan
from sim.logs.patterns import BY_NAME, ERROR
from sim.logs.times import write_time
from sim.report.text.validate import SCHEMA
from sim.validation.criteria import Overhead
from sim.validation.deployment import deploy
from tests.commands.test_logs import HOSTILE, failing
from tests.helpers.deployment_logs import at, log_of
from tests.helpers.simulated_logs import START_NS

SINCE = write_time(START_NS)
NEED = BY_NAME[ERROR].texts[0]
PLAN = """
title = "a small plan"
[deployment]
clients = 4
ramp_ms = 20000
away_ms = 15000
[[visits]]
scenario = "{scenario}"
[[phases]]
name = "all"
to_min = 2
[phases.criteria]
connection_success = {{ at_least = 0.99 }}
race_errors = {{ at_most = 0 }}
chat_completion = {{ at_least = 0.9 }}
"""
GOOD = f"{at(0, 'established')}\n{at(2, 'message-processed')}\n"
BAD = f"{GOOD}{at(1, ERROR)}\n"


def wsrace(*arguments: object, stdin: bytes | None = None) -> Result:
    done = CliRunner().invoke(
        main, ["validate", *map(str, arguments)], input=stdin, catch_exceptions=False
    )
    assert "Traceback" not in done.output
    for line in done.output.split("\n"):
        assert line.isprintable(), line
    return done


def document(*arguments: object, stdin: bytes | None = None) -> dict[str, Any]:
    done = wsrace(*arguments, "--json", stdin=stdin)
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    assert done.exit_code == {True: 0, False: 1, None: 3}[found["go"]]
    return found


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return put(Path("small.toml"), PLAN.format(scenario="healthy"))


def put(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


# -- go or no-go -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "guard", "go"),
    [
        ("healthy", "pre-fix", True),
        ("blind-spot", "pre-fix", False),
        ("blind-spot", "post-fix", False),
        ("blind-spot", "catch", True),
    ],
)
def test_the_log_of_a_simulated_deployment_is_judged_like_a_real_one(
    plan: Path, scenario: str, guard: str, go: bool
) -> None:
    simulated = open_plan(str(put(plan, PLAN.format(scenario=scenario))))
    log = put(Path("log"), log_of(simulated, guard, deploy(simulated, guard)))
    with log.open("a") as file:
        file.write(f"{at(2.5, 'message-processed')}\n")  # a real log goes on
    found = document(plan, "--log", log, "--since", SINCE)
    (race,) = [one for one in found["criteria"] if one["criterion"] == "race_errors"]
    assert found["go"] is go
    assert (race["figure"] > 0) is not go
    assert race["of"] > 4


def test_people_get_a_table_a_decision_what_was_met_and_what_is_not_known(plan: Path) -> None:
    done = wsrace(plan, "--log", put(Path("log"), BAD), "--since", SINCE)
    assert (done.exit_code, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "a small plan: judged on a log"
    assert f"minute 0 begins at {SINCE} (--since)" in lines
    assert "the log ends at minute 2" in lines
    assert "no-go: the log fails race errors" in lines
    assert "  not known here: chat completion (no line of a log says it)" in lines
    assert f"{ERROR}: 1, 2025-09-14T10:01:00Z to 2025-09-14T10:01:00Z" in lines
    assert "  consistent with: blind spot; to reproduce it: wsrace explore blind-spot" in lines
    assert f"  log:3: {at(1, ERROR)}" in lines


def test_a_go_says_that_it_is_of_what_is_known(plan: Path) -> None:
    done = wsrace(plan, "--log", put(Path("log"), GOOD))
    assert (done.exit_code, done.stderr) == (0, "")
    assert "go: the log passes every criterion that is known" in done.stdout
    assert f"minute 0 begins at {SINCE} (the first time in the log; see --since)" in done.stdout


def test_lines_that_count_otherwise_than_by_their_own_time_are_told(plan: Path) -> None:
    log = f"RuntimeError: {NEED}\n{at(-1, ERROR)}\n{BAD}RuntimeError: {NEED}\n{{'\n{{\"a\n"
    done = wsrace(plan, "--log", put(Path("log"), log), "--since", SINCE)
    assert "1 lie before it and do not count" in done.stdout
    assert "1 lines without a time count with the line before them" in done.stdout
    assert "without a time, in no minute: 1 race errors, 0 other errors" in done.stdout
    assert "  unreadable (1): JSON that is cut at the end" in done.stdout


def test_the_document_says_that_it_is_from_a_log_and_names_the_reasons(plan: Path) -> None:
    found = document(plan, "--log", put(Path("log"), BAD), "--since", SINCE)
    assert (found["schema"], found["source"], found["seed"]) == (SCHEMA, "log", 0)
    assert (found["plan"], found["guard"]) == ("small", "post-fix")
    assert found["log"]["minute_0"] == found["log"]["first"] == SINCE
    assert (found["log"]["since"], found["log"]["entries"]) == (True, 3)
    assert found["log"]["phases"]["all"]["race"] == 1
    (reason,) = found["reasons"]
    assert (reason["pattern"], reason["hits"], reason["token"]) == (ERROR, 1, None)
    assert reason["first"] == reason["last"] == "2025-09-14T10:01:00Z"
    assert reason["consistent_with"][0] == {"mechanism": "blind spot", "scenario": "blind-spot"}
    assert reason["example"]["line"] == 3
    assert [one["not_known"] for one in found["criteria"]] == [
        None, None, "no line of a log says it"
    ]  # fmt: skip


def test_the_digest_is_that_of_the_counts_and_of_nothing_else(plan: Path) -> None:
    logs = [put(Path(name), text) for name, text in (("a", BAD), ("b", BAD), ("c", GOOD))]
    digests = [document(plan, "--log", log)["digest"] for log in logs]
    assert digests[0] == digests[1] != digests[2]
    assert document(plan, "--log", "a", "--guard", "catch")["digest"] == digests[0]


def test_several_logs_are_one_also_packed_and_from_standard_input(plan: Path) -> None:
    Path("packed").write_bytes(gzip.compress(GOOD.encode()))
    more = f"{at(1, ERROR)}\n".encode() * 2
    found = document(plan, "--log", "packed", "--log", "-", stdin=more)
    assert found["log"]["files"] == ["packed", "-"]
    assert found["log"]["phases"]["all"]["race"] == 2


def test_the_overhead_is_measured_here_and_the_output_says_so(
    plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.commands.validate._overhead", lambda plan, guard: Overhead(60, 59, 61))
    put(plan, PLAN.format(scenario="healthy") + "overhead_us = { at_most = 50 }\n")
    done = wsrace(plan, "--log", put(Path("log"), GOOD), "--guard", "catch")
    assert done.exit_code == 1
    assert "no-go: the log fails overhead us" in done.stdout
    assert "overhead us was measured here, for catch; no log tells it" in done.stdout


# -- no answer -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ("", "no line has a time"),
        (NEED, "no line has a time"),
        (at(0, "established"), "the log ends at minute 0 of 2"),
        (at(-5, ERROR), "the log ends before minute 0"),
    ],
)
def test_where_a_log_tells_nothing_there_is_no_answer_and_status_3(
    plan: Path, log: str, why: str
) -> None:
    for form in ((), ("--json",)):
        done = wsrace(plan, "--log", put(Path("log"), log), "--since", SINCE, *form)
        assert done.exit_code == 3
        assert done.stderr == f"wsrace: no answer: {why}\n"
        assert "go:" not in done.stdout
    assert document(plan, "--log", "log", "--since", SINCE)["go"] is None


def test_a_plan_that_asks_for_nothing_that_a_log_says_gets_no_answer(plan: Path) -> None:
    text = PLAN.format(scenario="healthy").split("connection_success")[0]
    put(plan, text + "chat_completion = { at_least = 0.9 }\n")
    done = wsrace(plan, "--log", put(Path("log"), GOOD))
    assert done.exit_code == 3
    assert done.stderr == "wsrace: no answer: the plan asks for nothing that a log says\n"


def test_when_it_is_stopped_there_is_no_answer(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(Path("log"), BAD)
    known = open_plan(str(plan))
    monkeypatch.setattr("sim.commands.validate.open_plan", lambda name: known)
    failing(monkeypatch, KeyboardInterrupt())
    done = wsrace(plan, "--log", "log")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == "wsrace: stopped before the end of the log: no answer\n"


# -- bad input and hostile text --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "faults"),
    [
        (["--log", "missing"], ["missing: cannot be read: No such file or directory"]),
        (["--log", "-", "--log", "-"], ["-: standard input can be read only once"]),
        (["--log", "log", "--since", "soon"], ["--since: expected a time such as 2025-09-14T"]),
        (["--since", SINCE], ["--since: goes with --log"]),
        (
            ["--date", "2025-09-14", "--year", 2025, "--zone", "UTC", "--ignore-unknown"],
            [
                *("--date: goes with --log", "--year: goes with --log", "--zone: goes with --log"),
                "--ignore-unknown: goes with --log",
            ],
        ),
        (["--log", "log", "--year", "25"], ["--year: expected a year such as 2025, got '25'"]),
        (["--log", "log", "--seed", 0], ["--seed: not with --log"]),
        (
            ["--log", ".", "--seed", 1, "--workers", 2, "--since", "\x1b"],
            [".: cannot be read", "--since: expected", "--seed: not", "--workers: not"],
        ),
        (["--log", "log", "--guard", "nosuch"], ["--guard: unknown guard 'nosuch'"]),
    ],
)
def test_bad_input_is_status_2_and_a_line_per_fault(
    plan: Path, arguments: list[object], faults: list[str]
) -> None:
    put(Path("log"), GOOD)
    done = wsrace(plan, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == len(faults)
    for line, fault in zip(lines, faults, strict=True):
        assert line.startswith(f"wsrace: {fault}")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_log_is_a_command_to_the_terminal(plan: Path, text: str) -> None:
    """`wsrace` above asserts that whatever is printed is printable."""
    log = put(Path("log"), f"{GOOD}{at(1, ERROR)}{text}\n{text}{NEED}{text}\n")
    for form in ((), ("--json",)):
        assert wsrace(plan, "--log", log, *form).exit_code == 1
