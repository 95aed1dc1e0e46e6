"""The command `logs`: tables, documents, exit statuses, and logs of every kind."""

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import __version__
from sim.commands.cli import main
from sim.report.text.logs import SCHEMA
from tests.helpers.processes import heed_interrupts
from tests.helpers.reading_logs import GOOD, NEED, WARNING, entry, written_as

ROOT = Path(__file__).parent.parent.parent
KEYS = {
    "schema", "wsrace", "seed", "digest", "complete", "files", "lines", "bytes", "entries",
    "unreadable", "bad", "warning", "good", "timeless", "unzoned", "outside", "unknown",
    "lacking", "undated", "unit_seconds",
    "patterns", "minutes", "connections", "connections_missed", "revisions", "revisions_missed",
    "conclusion",
}  # fmt: skip
PATTERN_KEYS = {
    "name", "kind", "hits", "first", "last", "timeless", "severities", "consistent_with",
    "scenario", "why", "apart", "example", "proved", "own_lines",
}  # fmt: skip
LOG = (
    f"2025-09-14T10:00:00Z INFO {GOOD}\n"
    f"2025-09-14T10:00:05Z WARNING {WARNING}\n"
    f"2025-09-14T10:01:00Z ERROR connection_id=c7 {NEED}\n"
)
HOSTILE = ("\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\u202eab", "\0", "[red]x[/]", "\ufeff", "\r")


def wsrace(*arguments: object, stdin: bytes | None = None) -> Result:
    done = CliRunner().invoke(
        main, ["logs", *map(str, arguments)], input=stdin, catch_exceptions=False
    )
    assert "Traceback" not in done.output
    for line in done.output.split("\n"):
        assert line.isprintable(), line
    return done


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: Path, log: str | bytes) -> Path:
    path.write_bytes(log.encode() if isinstance(log, str) else log)
    return path


def document(*arguments: object, stdin: bytes | None = None) -> dict[str, Any]:
    done = wsrace(*arguments, "--json", stdin=stdin)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    assert done.exit_code == int(found["bad"] > 0)
    return found


# -- what it shows ---------------------------------------------------------------------------------


def test_a_log_is_told_in_a_table_and_a_conclusion(here: Path) -> None:
    done = wsrace(put(here / "log", LOG).name)
    assert done.exit_code == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == f"log: {len(LOG)} bytes, 3 lines, 3 entries (utf-8)"
    assert lines[1] == "1 bad, 1 warnings, 1 good"
    (row,) = [line for line in lines if line.startswith(" need-accept-first")]
    assert re.split(r"\s{2,}", row.strip()) == [
        "need-accept-first", "bad", "1", "error", "2025-09-14 10:01:00Z", "2025-09-14 10:01:00Z",
        "blind spot, server close, hop", "blind-spot",
    ]  # fmt: skip
    assert "  One line cannot tell these apart." in done.stdout
    assert f"  first seen at log:3: 2025-09-14T10:01:00Z ERROR connection_id=c7 {NEED}" in lines
    assert "        1  c7  (1 bad, 0 warnings)" in lines
    assert "The race is still there" in lines[-1]


def test_the_document_has_what_the_format_promises(here: Path) -> None:
    found = document(put(here / "log", LOG))
    assert set(found) == KEYS
    assert (found["schema"], found["wsrace"], found["seed"]) == (SCHEMA, __version__, 0)
    assert SCHEMA == "wsrace.logs.1"
    assert re.fullmatch("[0-9a-f]{64}", found["digest"])
    assert (found["lines"], found["entries"], found["bytes"]) == (3, 3, len(LOG))
    assert found["complete"] is True
    for one in found["patterns"]:
        assert set(one) == PATTERN_KEYS
    (row,) = [one for one in found["patterns"] if one["name"] == "need-accept-first"]
    assert row["consistent_with"] == [
        {"mechanism": "blind spot", "scenario": "blind-spot"},
        {"mechanism": "server close", "scenario": "server-close"},
        {"mechanism": "hop", "scenario": "wait-for-hop"},
    ]
    assert row["example"]["line"] == 3


def test_the_document_is_the_same_bytes_in_every_process(here: Path) -> None:
    lines = [f"{NEED} for connection c{number % 1300}" for number in range(4000)]
    put(here / "log", "\n".join(lines) + LOG + '{"a"\n')
    outputs = []
    for seed in ("1", "4711"):
        done = subprocess.run(
            [sys.executable, "-m", "sim", "logs", str(here / "log"), "--json"],
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]


def test_several_files_of_several_forms_are_one_triage(here: Path) -> None:
    forms = ("text", "lines", "array", "pretty", "gzip")
    files = [put(here / form, written_as(form, [NEED, GOOD])) for form in forms]
    found = document(*files, "-", stdin=NEED.encode())
    assert (found["bad"], found["good"]) == (6, 5)
    assert [file["name"] for file in found["files"]] == [*map(str, files), "-"]
    assert [file["gzip"] for file in found["files"]] == [False] * 4 + [True, False]
    assert len(found["unreadable"]) == 0


def test_standard_input_may_be_packed_and_the_name_of_a_file_says_nothing(here: Path) -> None:
    assert document("-", stdin=gzip.compress(LOG.encode()))["bad"] == 1
    assert document(put(here / "log.gz", LOG))["bad"] == 1


UNDATED = "10:00:05 ERROR it failed\nSep 14 12:00:05 ERROR it failed\n2025-09-14 12:00:05 ERROR x\n"


def test_a_time_that_does_not_say_its_day_is_not_known_and_the_option_that_says_it_is_told(
    here: Path,
) -> None:
    log = put(here / "log", UNDATED)
    said = wsrace(log, "--since", "2025-09-14").stdout
    assert "1 have a time whose date is not known unless --date says it" in said
    assert "1 have a time whose year is not known unless --year says it" in said
    assert "2 errors without a time that would say whether it counts" in said
    found = json.loads(wsrace(log, "--json", "--since", "2025-09-14").stdout)
    assert found["lacking"] == {"date": 1, "year": 1}
    assert (found["unknown"], found["undated"]) == (1, 2)


@pytest.mark.parametrize(
    ("options", "unknown"),
    [
        (["--date", "2025-09-14"], 3),
        (["--date", "2025-09-13"], 2),
        (["--year", "2025"], 2),
        (["--year", "2024", "--date", "2024-09-14"], 1),
        (["--date", "2025-09-14", "--zone", "+02:00"], 2),
        (["--date", "2025-09-14", "--zone", "Europe/Berlin"], 2),
        (["--date", "2025-09-14", "--zone", "-01"], 3),
    ],
)
def test_a_day_a_year_and_a_zone_that_are_said_count(
    here: Path, options: list[str], unknown: int
) -> None:
    log = put(here / "log", UNDATED)
    since = ["--since", "2025-09-14T10:00:00Z"]
    found = json.loads(wsrace(log, "--json", *since, *options).stdout)
    assert found["unknown"] == unknown


TELLING = (
    f"2025-09-14T10:00:00Z ERROR 10.1.2.3 token=abc {'x' * 280} 10.4.5.6 {NEED} to ann@example.org"
    "\n"
    f"2025-09-14T10:00:01Z ERROR it failed: Cookie: sid=1 {'x ' * 110} 10.7.8.9\n"
)


def test_examples_tell_no_addresses_secrets_or_people_unless_raw(here: Path) -> None:
    log = put(here / "log", TELLING)
    secrets = ("10.1.2.3", "10.4.5", "token=abc", "ann@", "sid=1", "10.7.8")
    for form in ((), ("--json",)):
        shown = wsrace(log, *form).stdout
        assert not [one for one in secrets if one in shown]
        assert "<address>" in shown
    raw = wsrace(log, "--raw").stdout
    assert "10.4.5.6" in raw
    assert "ann@example.org" in raw
    assert wsrace(log, "--raw").exit_code == 1


def test_a_log_that_comes_newest_first_is_told(here: Path) -> None:
    entries = [
        {"timestamp": f"2025-09-14T10:00:0{second}Z", "severity": "ERROR", "textPayload": NEED}
        for second in range(8)
    ]
    words = "records come newest first"
    assert words not in wsrace(put(here / "log", json.dumps(entries))).stdout
    assert words in wsrace(put(here / "log", json.dumps(entries[::-1]))).stdout


def test_what_cannot_be_read_is_counted_and_told(here: Path) -> None:
    log = put(here / "log", f'{LOG}{{"message": "a}}\n{json.dumps(entry(NEED))}\n')
    done = wsrace(log)
    assert "  unreadable (1): JSON that is broken" in done.stdout
    assert document(log)["unreadable"] == {"JSON that is broken": 1}
    assert document(log)["bad"] == 2


def test_only_the_times_asked_for_count(here: Path) -> None:
    log = put(here / "log", LOG)
    assert document(log, "--since", "2025-09-14T10:00:01Z")["good"] == 0
    assert document(log, "--until", "2025-09-14 10:01")["bad"] == 0
    found = document(log, "--since", "2025-09-14T12:00:05+02:00", "--until", "1757844059")
    assert (found["bad"], found["warning"], found["good"], found["outside"]) == (0, 1, 0, 2)
    done = wsrace(log, "--until", "2025-09-14")
    assert "3 more lie outside the times asked for, or have no time" in done.stdout


# -- exit statuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "status"),
    [("", 0), ("x", 0), (GOOD, 0), (WARNING, 0), (f"{GOOD}\n{NEED}", 1), ('{"a', 0)],
)
def test_bad_lines_are_exit_status_1(here: Path, log: str, status: int) -> None:
    path = put(here / "log", log)
    for form in ((), ("--json",)):
        assert wsrace(path, *form).exit_code == status


@pytest.mark.parametrize(
    ("arguments", "faults"),
    [
        ([], ["Missing argument 'FILE...'"]),
        (["missing"], ["wsrace: missing: cannot be read: No such file or directory"]),
        (["."], ["wsrace: .: cannot be read: Is a directory"]),
        ([""], ["wsrace: : cannot be read: No such file or directory"]),
        (["\x1b[31m"], ["wsrace: ?[31m: cannot be read: No such file or directory"]),
        (["a\0b"], ["wsrace: a?b: cannot be read: "]),
        (["-", "log", "-"], ["wsrace: -: standard input can be read only once"]),
        (["log", "--since", "soon"], ["wsrace: --since: expected a time such as 2025-09-14T"]),
        (["log", "--until", "2025-02-30"], ["wsrace: --until: expected a time"]),
        (["log", "--date", "14.9."], ["wsrace: --date: expected a day such as 2025-09-14"]),
        (["log", "--year", "٢٠٢٥"], ["wsrace: --year: expected a year such as 2025, got '"]),
        (["log", "--zone", "here"], ["wsrace: --zone: expected a zone such as +02:00, UTC or"]),
        (["log", "--zone", "../x"], ["wsrace: --zone: expected a zone such as +02:00, UTC or"]),
        (["log", "--zone", "+99:00"], ["wsrace: --zone: expected a zone such as +02:00, UTC or"]),
        (
            ["log", "--date", "2025-09-14", "--year", "2024"],
            ["wsrace: --date and --year: 2025-09-14 is not in 2024"],
        ),
        (
            ["log", "missing", ".", "--since", "\x1b"],
            ["wsrace: missing: ", "wsrace: .: ", "wsrace: --since: expected"],
        ),
    ],
)
def test_bad_input_is_exit_status_2_and_a_line_per_fault(
    here: Path, arguments: list[str], faults: list[str]
) -> None:
    put(here / "log", LOG)
    for form in ([], ["--json"]):
        done = wsrace(*arguments, *form)
        assert done.exit_code == 2
        assert done.stdout == ""
        for fault in faults:
            assert fault in done.stderr
        if arguments:
            assert len(done.stderr.splitlines()) == len(faults)


def test_a_file_that_may_not_be_read_is_a_fault(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(here / "log", LOG)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    done = wsrace("log")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "wsrace: log: cannot be read: Permission denied\n"


class Failing(io.BytesIO):
    """A file of which the second read goes wrong."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(LOG.encode() * 2)
        self._error = error

    def read1(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise self._error
        return super().read1(len(LOG) + 5)


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    monkeypatch.setattr(Path, "open", lambda self, mode: Failing(error))


def test_a_file_that_breaks_off_counts_up_to_there(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(here / "log", LOG)
    failing(monkeypatch, OSError(5, "Input/output error"))
    found = document("log", "log")
    assert found["bad"] == 2
    assert found["unreadable"] == {"it could not be read further: Input/output error": 2}


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_when_it_is_stopped_what_was_counted_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    put(here / "log", LOG)
    failing(monkeypatch, KeyboardInterrupt())
    done = wsrace("log", "log", *form)
    assert done.exit_code == 1
    assert done.stderr == "wsrace: stopped; what was read until then is counted\n"
    if form:
        found = json.loads(done.stdout)
        assert (found["complete"], found["bad"], len(found["files"])) == (False, 1, 1)
    else:
        assert "1 bad, 1 warnings, 1 good" in done.stdout


@pytest.mark.parametrize(("log", "status"), [(LOG, 1), (f"{GOOD}\n", 3)])
def test_an_interrupt_of_a_real_process_is_no_all_clear(here: Path, log: str, status: int) -> None:
    """Its input stays open: it waits for more when it is stopped."""
    command = [sys.executable, "-u", "-m", "sim", "logs", "-", "--json"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        preexec_fn=heed_interrupts,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(log.encode() * 40_000)  # more than a pipe holds: it has begun to read
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == status, err
    assert b"Traceback" not in err
    found = json.loads(out)
    assert found["complete"] is False
    assert (found["bad"] > 0) is (status == 1)


# -- hostile text ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_log_is_a_command_to_the_terminal(here: Path, text: str) -> None:
    """`wsrace` above asserts that whatever is printed is printable."""
    rows = [
        entry(
            f"{text}{NEED}{text}",
            labels={"connection_id": text},
            severity=text,
            resource={"labels": {"service_name": text, "revision_name": text}},
        )
    ]
    for log in (f"{text}{NEED}{text} for connection a{text}", json.dumps(rows)):
        done = wsrace(put(here / "log", log))
        assert done.exit_code == 1
        assert "need-accept-first" in done.stdout
        assert document(here / "log")["bad"] == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.sampled_from([NEED.encode(), b"\n", b'{"a":"', b'"}'])))
def test_any_bytes_are_told_in_some_way(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]
) -> None:
    path = put(tmp_path_factory.getbasetemp() / "any-log", b"".join(parts))
    for form in ((), ("--json",)):
        done = wsrace(path, *form)
        assert done.exit_code in (0, 1, 3)
        assert (done.exit_code == 3) is ("no all-clear" in done.stderr)
