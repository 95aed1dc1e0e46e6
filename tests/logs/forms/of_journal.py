"""Forms of systemd's journal, as journalctl shows what systemd-journal-remote has taken in."""

import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.logs.forms.errors import Event
from tests.logs.forms.form import Form, Make, Says, texts_of, which


def _journal(*how: str, pid: bool = True, whole: bool = False) -> Make:
    """Read what journalctl shows. whole: of records, as a JournalHandler writes them; else each
    line is an entry.
    """

    def make(path: Path, events: Sequence[Event]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            export, journal = Path(folder, "export"), Path(folder, "app.journal")
            export.write_bytes(b"".join(_exported(events, pid, whole)))
            remote = which("systemd-journal-remote") or ""
            subprocess.run([remote, f"--output={journal}", str(export)], check=True, stderr=-3)
            show = ["journalctl", f"--file={journal}", "--no-pager", "--quiet", "--all", *how]
            path.write_bytes(subprocess.run(show, check=True, stdout=subprocess.PIPE).stdout)

    return make


def _exported(events: Sequence[Event], pid: bool, whole: bool) -> Iterable[bytes]:
    """Yield entries in the export format (systemd.io/JOURNAL_EXPORT_FORMATS)."""
    number = 0
    for event, (ns, text) in zip(events, texts_of(events), strict=True):
        for place, message in enumerate([text] if whole else text.split("\n")):
            number += 1
            fields = {
                "__REALTIME_TIMESTAMP": ns // 1000 + place,
                "__MONOTONIC_TIMESTAMP": number,
                "_BOOT_ID": "6e" * 16,
                "_MACHINE_ID": "5e" * 16,
                "_HOSTNAME": "web1",
                "SYSLOG_IDENTIFIER": "shop",
                **({"_PID": 4711} if pid else {}),
                "PRIORITY": 3 if whole and event.kind is not None else 6,
                "_TRANSPORT": "journal" if whole else "stdout",
                "_SYSTEMD_UNIT": "shop.service",
            }
            yield "".join(f"{name}={value}\n" for name, value in fields.items()).encode()
            data = message.encode()
            yield b"MESSAGE\n" + len(data).to_bytes(8, "little") + data + b"\n\n"


def _journals() -> Iterable[Form]:
    ways: dict[str, tuple[Make, Says]] = {
        "short": (_journal("--output=short"), "no year"),
        "short-iso": (_journal("--output=short-iso"), "time"),
        "short-iso-precise": (_journal("--output=short-iso-precise"), "time"),
        "short-iso without a PID": (_journal("--output=short-iso", pid=False), "time"),
        "short without a PID": (_journal("--output=short", pid=False), "no year"),
        "short-full": (_journal("--output=short-full"), "time"),
        "short-unix": (_journal("--output=short-unix"), "time"),
        "cat": (_journal("--output=cat"), "no time"),
        "json": (_journal("--output=json"), "time"),
        "short-iso of records": (_journal("--output=short-iso", whole=True), "time"),
        "json of records": (_journal("--output=json", whole=True), "time"),
    }
    for name, (make, says) in ways.items():
        programs = ("journalctl", "systemd-journal-remote")
        yield Form(f"journalctl {name}", make, says, programs=programs)


FORMS = tuple(_journals())
