"""Logs that grow while something happens: what was appended, and why it may not be all."""

import os
import time
from pathlib import Path

import pytest

from sim.commands.growing import Growing, faults_of, settle


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(b"before\n")
    return path


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_only_what_was_appended_is_read(log: Path) -> None:
    one = Growing(str(log))
    append(log, b"after\n")
    assert b"".join(one.chunks()) == b"after\n"
    assert one.problem() == ""
    assert one.called == f"{log} (from byte 7)"


def test_marks_say_how_far_it_had_grown(log: Path) -> None:
    one = Growing(str(log))
    for _ in range(2):
        append(log, b"1234")
        one.mark()
    assert one.marks == [4, 8]


def test_a_log_may_come_later(tmp_path: Path) -> None:
    one = Growing(str(tmp_path / "later.log"))
    assert one.problem() == f"{one.name} is not there"
    assert list(one.chunks()) == []
    append(tmp_path / "later.log", b"all of it")
    assert b"".join(one.chunks()) == b"all of it"
    assert (one.problem(), one.called) == ("", one.name)


def test_a_log_that_does_not_grow_may_be_another_one(log: Path) -> None:
    one = Growing(str(log))
    assert one.problem() == f"{log} did not grow: another log, or one that is not written at once"


@pytest.mark.parametrize("rotate", [True, False])
def test_a_log_that_was_replaced_or_cut_is_read_as_far_as_it_is_there(
    log: Path, rotate: bool
) -> None:
    one = Growing(str(log))
    if rotate:
        log.rename(log.with_suffix(".1"))
        log.write_bytes(b"a new one, which is longer\n")
    else:
        log.write_bytes(b"cut\n")
    one.mark()
    assert b"".join(one.chunks()) == log.read_bytes()
    assert one.problem() == f"{log} was replaced or cut meanwhile"


def test_a_log_that_was_cut_and_has_grown_beyond_where_it_was_is_known_as_another(
    log: Path,
) -> None:
    one = Growing(str(log))
    log.write_bytes(b"much more than there was before it was cut\n")
    assert b"".join(one.chunks()) == log.read_bytes()
    assert one.problem() == f"{log} was replaced or cut meanwhile"


def test_what_can_be_no_log_is_a_line_each(tmp_path: Path, log: Path) -> None:
    absent = tmp_path / "nowhere" / "x.log"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    names = ["-", str(tmp_path), str(absent), str(pipe), str(log), "nul\0.log", ""]
    found = faults_of(names)
    assert [line.partition(": ")[0] for line in found] == [
        f"--log {name}" for name in ("-", tmp_path, absent, pipe, r"'nul\x00.log'", "''")
    ]
    assert faults_of([str(tmp_path / "later.log")]) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_log_that_cannot_be_read_is_a_line(log: Path) -> None:
    log.chmod(0)
    assert faults_of([str(log)]) == [f"--log {log}: cannot be read: Permission denied"]


def test_a_log_is_waited_for_until_it_rests(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, more = Growing(str(log)), [b"a", b"b", b"", b"c"]

    def sleep(_: float) -> None:
        append(log, more.pop(0))

    monkeypatch.setattr(time, "sleep", sleep)
    settle([one])
    assert b"".join(one.chunks()) == b"ab"
    assert more == [b"c"]
