"""Reading logs in tests: bytes or entries in, counts out."""

import gzip
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sim.logs.reading import BLOCK
from sim.logs.scanning import LONGEST
from sim.logs.triage import Triage, add, begin_triage
from sim.report.text.logs import document_of

NEED = 'WebSocket is not connected. Need to call "accept" first.'
WARNING = "WebSocket state changed between handshake validation and receive for connection c1"
GOOD = "WebSocket connection established successfully"
NEUTRAL = ("WebSocket cleanup for connection ", "close failed: ")
"""How the lines of our handlers begin that say nothing of the race."""
FORMS = ("text", "lines", "array", "pretty", "wrapped", "run together", "gzip")


def triage(
    *logs: bytes, chunk: int = 1 << 16, block: int = BLOCK, longest: int = LONGEST
) -> Triage:
    """Read logs, each in chunks of so many bytes."""
    found = begin_triage()
    for log in logs:
        add(found, "log", cut(log, chunk), block, longest)
    return found


def cut(log: bytes, size: int) -> list[bytes]:
    return [log[at : at + size] for at in range(0, len(log), size)]


def hits(found: Triage) -> dict[str, int]:
    """Return the patterns that were met, with how often."""
    return {name: one.hits for name, one in found.counts.patterns.items() if one.hits}


def hits_of(log: bytes, **how: Any) -> dict[str, int]:
    return hits(triage(log, **how))


def unreadable(log: bytes, **how: Any) -> dict[str, int]:
    return dict(triage(log, **how).unreadable)


def document(*logs: bytes, **how: Any) -> dict[str, Any]:
    return document_of(triage(*logs, **how))


def entry(message: str, **fields: Any) -> dict[str, Any]:
    return {"textPayload": message, "timestamp": "2025-09-14T10:00:00Z", **fields}


def written_as(form: str, messages: Iterable[str]) -> bytes:
    """Return messages as a log of one of FORMS."""
    texts: Sequence[str] = list(messages)
    entries = [entry(text) for text in texts]
    if form in ("text", "gzip"):
        log = "".join(f"2025-09-14T10:00:00Z {text}\n" for text in texts).encode()
        return log if form == "text" else gzip.compress(log, mtime=0)
    if form == "lines":
        return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in entries).encode()
    if form == "run together":
        return "".join(map(json.dumps, entries)).encode()
    if form == "wrapped":
        return json.dumps({"entries": entries}).encode()
    return json.dumps(entries, indent=2 if form == "pretty" else None).encode()
