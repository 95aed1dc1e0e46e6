"""Files from outside: there and regular, bounded, and JSON."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sim.errors import UserError
from sim.files.outside import LARGEST_FILE, content, parse_json, write_whole


def fault(call: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        call()
    (line,) = caught.value.faults
    return line


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "none", tmp_path / "pipe", Path("x\0y")):
        line = fault(partial(content, path))
        assert "there is no such file" in line or "cannot be read" in line
    assert "cannot be read" in fault(lambda: content(tmp_path / ("x" * 300)))


def test_no_more_is_read_than_is_allowed(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(4 * LARGEST_FILE)
    data = content(tmp_path / "huge")
    assert len(data) == LARGEST_FILE + 1
    assert fault(lambda: parse_json(data, "huge")) == "huge: it is larger than 16 MiB"


def test_a_fault_names_the_file_and_the_line() -> None:
    assert fault(lambda: parse_json(b'{"a":\n}', "a.json")).startswith("a.json:2: it is not JSON")
    assert parse_json(b'{"a": [1]}', "a.json") == {"a": [1]}


def test_a_file_is_written_whole_through_a_link_and_never_over_what_is_no_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "target").read_text() == "new"
    assert (tmp_path / "link").is_symlink()
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ".", "none/at/all"):
        line = fault(partial(write_whole, tmp_path / name, "x", "--out"))
        assert line.startswith("--out: ")
        assert "cannot be written" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe", "target"]
