"""Sweeps where the disk is full, where two write to one file, and where the clock jumps."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sim.files.documents import REPRODUCED, STORE
from sim.report.text.reproduce import document_of
from sim.store.results import ResultReader
from sim.sweep.reproduce import Task, reproduce

ROOT = Path(__file__).parent.parent.parent
TASK = Task("server-close", ("sweep.values=[0, 10]",), ("pre-fix", "catch"), trials=60)


def begin(
    out: Path, seed: int = 0, first: Callable[[], None] | None = None
) -> "subprocess.Popen[str]":
    """Begin a sweep. first: what its process does before."""
    asked = [f"--set={TASK.settings[0]}", "--guard=pre-fix", "--guard=catch", "--runs=200"]
    command = [sys.executable, "-m", "sim", "reproduce", "server-close", *asked]
    return subprocess.Popen(
        [*command, f"--seed={seed}", "--workers=2", "--json", f"--out={out}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=first,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, list[str]]:
    _, errors = process.communicate(timeout=300)
    return process.returncode, [one for one in errors.splitlines() if "trials:" not in one]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("undisturbed")
    assert finish(begin(out)) == (0, [])
    return (out / REPRODUCED).read_text()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def check_full(
    out: Path, elsewhere: Path, undisturbed: str, first: Callable[[], None] | None = None
) -> None:
    """A sweep that runs out of disk says so in a line, and is gone on with where there is more."""
    status, errors = finish(begin(out, first=first))
    assert status == 2
    (line,) = errors
    assert str(out / STORE) in line
    assert line.endswith("what was recorded before is kept")
    elsewhere.mkdir()
    for file in out.glob(f"{STORE}*"):
        if not file.name.endswith("-shm"):
            (elsewhere / file.name).write_bytes(file.read_bytes())
    with closing(ResultReader(elsewhere / STORE)) as reader:
        (sweep,) = reader.sweeps()
        assert len(list(reader.rows(sweep))) > 100
    assert finish(begin(elsewhere)) == (0, [])
    assert (elsewhere / REPRODUCED).read_text() == undisturbed


def test_a_small_disk_that_is_full(small_disk: Path, tmp_path: Path, undisturbed: str) -> None:
    check_full(small_disk / "out", tmp_path / "elsewhere", undisturbed)


@pytest.mark.skipif(sys.platform == "win32", reason="sets a limit as on Unix")
def test_a_file_that_may_not_grow(tmp_path: Path, undisturbed: str) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    check_full(tmp_path / "out", tmp_path / "elsewhere", undisturbed, limit)


@pytest.mark.parametrize("seed", [0, 1])
def test_two_sweeps_write_to_one_file(tmp_path: Path, undisturbed: str, seed: int) -> None:
    """Of the same question, and of two: each comes to what it comes to alone."""
    first = begin(tmp_path)
    time.sleep(0.4)
    second = begin(tmp_path, seed)
    assert finish(second) == (0, [])
    assert finish(first) == (0, [])
    with closing(ResultReader(tmp_path / STORE)) as reader:
        assert [len(list(reader.rows(one))) for one in reader.sweeps()] == [1600] * (seed + 1)
    assert finish(begin(tmp_path)) == (0, [])
    assert (tmp_path / REPRODUCED).read_text() == undisturbed


@pytest.mark.parametrize(
    "jump",
    [lambda: 0.0, iter(range(10_000, 0, -1)).__next__, iter([0.0, 1e12] * 5000).__next__],
    ids=["stands still", "goes back", "leaps"],
)
def test_a_clock_that_jumps_changes_no_row(
    monkeypatch: pytest.MonkeyPatch, jump: Callable[[], float]
) -> None:
    expected = document_of(reproduce(TASK))
    monkeypatch.setattr("sim.sweep.batches.time.process_time", jump)
    assert document_of(reproduce(TASK)) == expected
