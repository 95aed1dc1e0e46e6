"""Commands whose processes are killed at any moment, and begun again until they come to an end."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CAN_BE_FOUND = Path("/proc/self/task").exists()
"""Whether the processes of a command can be looked for here."""
LONGEST_S = 600


def begin(asked: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Begin a command of wsrace."""
    return subprocess.Popen(
        [sys.executable, "-m", "sim", *asked],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def undisturbed(asked: Sequence[str]) -> None:
    """Let a command come to its end."""
    process = begin(asked)
    _, errors = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0, errors.decode()


def disturbed(asked: Sequence[str], kills: int, longest_s: float) -> int:
    """Let it come to its end, killing some process of it now and then; return how often.

    longest_s: between two kills, at most, in seconds.
    """
    chance = random.Random(1061)
    killed, process = 0, begin(asked)
    while True:
        if killed < kills:
            time.sleep(chance.uniform(0.2, longest_s))
            if process.poll() is None:
                killed += 1
                if _kill_one(process.pid, chance) == process.pid:
                    process.communicate()
                    process = begin(asked)
                continue
        _, errors = process.communicate(timeout=LONGEST_S)
        assert process.returncode == 0, errors.decode()
        return killed


def _kill_one(main: int, chance: random.Random) -> int:
    """Kill a process of a command, the main one or a worker; return which."""
    pid = chance.choice([main, *_children(main)])
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return pid


def _children(pid: int) -> list[int]:
    """Return the children of a process: those of each of its threads."""
    found = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += [int(one) for one in (thread / "children").read_text().split()]
    return found
