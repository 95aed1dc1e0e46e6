"""Logs that a server goes on writing: what is appended to them from a moment on."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from sim.model.plain import fault

_CHUNK: Final = 1 << 18
_LAST: Final = 256
"""Bytes by which a log is known again."""
_QUIET_S: Final = 0.5
"""A log that has not grown for so long has come to rest."""
_LONGEST_S: Final = 5.0


def faults_of(names: Sequence[str]) -> list[str]:
    """Return what is wrong with logs to be, a line each: one that is not there yet may come."""
    faults = []
    for name in names:
        path = Path(name)
        if name == "-":
            faults.append("--log -: standard input is no log that a server appends to")
        elif not name or "\0" in name:
            faults.append(fault(f"--log {name!r}: expected a file"))
        elif not path.absolute().parent.is_dir() or (path.exists() and not path.is_file()):
            faults.append(fault(f"--log {name}: expected a file, in a folder that is there"))
        elif path.exists() and not os.access(path, os.R_OK):
            faults.append(fault(f"--log {name}: cannot be read: Permission denied"))
    return faults


class Growing:
    """One log. Made before anything happens; what comes later is what was appended."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.marks: list[int] = []
        """So many bytes had been appended at each mark."""
        self._file, self._size = self.look()
        self._last = self._before()

    def mark(self) -> None:
        """Take note of how far it has grown."""
        self.marks.append(max(0, self.look()[1] - self._size))

    @property
    def called(self) -> str:
        """What to call the appended part; lines are counted from its beginning."""
        return f"{self.name} (from byte {self._size:,})" if self._size else self.name

    def problem(self) -> str:
        """Say why what was appended does not tell all, "" if it does."""
        file, size = self.look()
        if not file:
            return f"{self.name} is not there"
        if self._is_another():
            return f"{self.name} was replaced or cut meanwhile"
        if size == self._size:
            return f"{self.name} did not grow: another log, or one that is not written at once"
        return ""

    def chunks(self) -> Iterator[bytes]:
        """Yield what was appended; of a log that was replaced, all of it. Raises OSError."""
        if not self.look()[0]:
            return
        with open(self.name, "rb") as opened:
            opened.seek(0 if self._is_another() else self._size)
            while chunk := opened.read(_CHUNK):
                yield chunk

    def _is_another(self) -> bool:
        """Whether it is not what it was, with more behind it: also one that has grown again."""
        file, size = self.look()
        moved = bool(self._file) and file != self._file
        return moved or size < self._size or self._before() != self._last

    def _before(self) -> bytes:
        """Return the last bytes of what was there in the beginning."""
        try:
            with open(self.name, "rb") as opened:
                opened.seek(max(0, self._size - _LAST))
                return opened.read(min(self._size, _LAST))
        except OSError:
            return b""

    def look(self) -> tuple[int, int]:
        """Return which file it is, 0 if none, and its size in bytes."""
        try:
            found = os.stat(self.name)
        except OSError:
            return 0, 0
        return found.st_ino, found.st_size


def settle(logs: Sequence[Growing]) -> None:
    """Wait until logs have come to rest: servers go on for a moment behind their clients."""
    ends = time.monotonic() + _LONGEST_S
    before: list[tuple[int, int]] = []
    while (now := [log.look() for log in logs]) != before and time.monotonic() < ends:
        before = now
        time.sleep(_QUIET_S)
