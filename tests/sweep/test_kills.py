"""Processes of a sweep are killed at any moment: gone on with, it comes to the same rows."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from sim.files.documents import REPRODUCED, STORE
from sim.store.results import ResultReader, Stored

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="looks for processes in /proc"
)


def command(out: Path, runs: int) -> list[str]:
    guards = [part for one in ("pre-fix", "post-fix", "catch") for part in ("--guard", one)]
    asked = ["reproduce", "server-close", "--runs", str(runs), *guards, "--workers", "2"]
    return [sys.executable, "-m", "sim", *asked, "--json", "--out", str(out)]


def begin(out: Path, runs: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command(out, runs), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def kill_one(main: int, chance: random.Random) -> int:
    """Kill a process of a sweep, the main one or a worker; return which."""
    pid = chance.choice([main, *children(main)])
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return pid


def rows_in(out: Path) -> list[Stored]:
    with closing(ResultReader(out / STORE)) as reader:
        (sweep,) = reader.sweeps()
        assert reader.crashes(sweep) == []
        return list(reader.rows(sweep))


def disturbed(out: Path, runs: int, kills: int, longest_s: float) -> int:
    """Run a sweep to its end, killing some process every now and then; return how often."""
    chance = random.Random(1061)
    killed, process = 0, begin(out, runs)
    while True:
        if killed < kills:
            time.sleep(chance.uniform(0.2, longest_s))
            if process.poll() is None:
                killed += 1
                if kill_one(process.pid, chance) == process.pid:
                    process.communicate()
                    process = begin(out, runs)
                continue
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors.decode()
        return killed


def check(folder: Path, runs: int, kills: int, longest_s: float) -> int:
    undisturbed = begin(folder / "one", runs)
    _, errors = undisturbed.communicate(timeout=600)
    assert undisturbed.returncode == 0, errors.decode()
    killed = disturbed(folder / "other", runs, kills, longest_s)
    assert rows_in(folder / "other") == rows_in(folder / "one")
    one, other = ((folder / name / REPRODUCED).read_text() for name in ("one", "other"))
    assert one == other
    return killed


def test_three_kills_change_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, 50, 3, 1.2) == 3


@pytest.mark.slow
def test_fifty_kills_change_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, 1400, 50, 3.0) == 50
