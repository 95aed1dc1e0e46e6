"""Logs -> counts: reading, scanning and counting joined, without a file or a terminal."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sim.logs.counting import Also, Between, Counts
from sim.logs.reading import BLOCK, Notes, blocks
from sim.logs.records import Records
from sim.logs.scanning import LONGEST, Scanner
from sim.logs.times import NOTHING, Assumed


@dataclass(frozen=True, slots=True)
class FileCount:
    """What one log was. size: bytes, unpacked. lines, entries: see Scanner. unreadable: parts that
    were not read, by why, with how many they are.
    """

    name: str
    size: int
    lines: int
    entries: int
    encoding: str
    gzip: bool
    unreadable: Counter[str]
    unread: bool = False
    """Whether bytes of it were not looked at at all."""


@dataclass(slots=True)
class Triage:
    """All that was found in some logs. `complete` is False if reading was stopped."""

    counts: Counts
    assumed: Assumed = NOTHING
    files: list[FileCount] = field(default_factory=list)
    complete: bool = True

    @property
    def lines(self) -> int:
        """Lines of all files."""
        return sum(file.lines for file in self.files)

    @property
    def entries(self) -> int:
        """Lines of text that hold anything, and JSON objects, of all files."""
        return sum(file.entries for file in self.files)

    @property
    def size(self) -> int:
        """Bytes of all files, unpacked."""
        return sum(file.size for file in self.files)

    @property
    def is_whole(self) -> bool:
        """Whether all bytes of all files were looked at."""
        return self.complete and not any(file.unread for file in self.files)

    @property
    def unreadable(self) -> Counter[str]:
        """Parts of all files that were not read, by why."""
        total: Counter[str] = Counter()
        for file in self.files:
            total.update(file.unreadable)
        return total


def begin_triage(
    between: Between | None = None,
    also: Also | None = None,
    assumed: Assumed = NOTHING,
    raw: bool = False,
) -> Triage:
    """Return a triage of nothing yet.

    between: the times that are asked for. also: see Counts. assumed: what a person says of times
    that do not say it themselves. raw: keep examples as they are, see Counts.
    """
    return Triage(Counts(between, also, raw), assumed)


def add(
    triage: Triage,
    name: str,
    chunks: Iterable[bytes],
    block: int = BLOCK,
    longest: int = LONGEST,
) -> None:
    """Count one log more.

    name: what to call it. chunks: its bytes, cut anywhere. block: bytes that are looked at at once.
    longest: the longest line or object. If `chunks` raises, what was read until then is counted.
    """
    notes, scanner = Notes(), Scanner(Records(triage.counts.add, triage.assumed), longest)
    triage.counts.begin(name)
    try:
        for piece in blocks(chunks, notes, block):
            scanner.feed(piece)
        scanner.finish()
    finally:
        triage.files.append(
            FileCount(
                name=name,
                size=notes.size,
                lines=scanner.lines,
                entries=scanner.entries,
                encoding=notes.encoding,
                gzip=notes.gzip,
                unreadable=notes.unreadable + scanner.unreadable,
                unread=bool(notes.unreadable),
            )
        )
