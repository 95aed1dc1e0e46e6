"""What a validation plan comes to against a running server: for people, and as one document."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from sim import __version__
from sim.live.visiting.seen import Seen, Visited
from sim.logs.patterns import PATTERNS
from sim.logs.triage import Triage
from sim.model.plain import printable
from sim.report.text.logs import explained, summary
from sim.report.text.validate import (
    SCHEMA,
    criteria_rows,
    decision_lines,
    unknown_lines,
    validation_table,
)
from sim.validation.appended import Appended
from sim.validation.criteria import Validation
from sim.validation.visited import in_words, stays_open
from sim.validation.visits import Cast


@dataclass(frozen=True, slots=True)
class Told:
    """All that there is to tell of one run."""

    url: str
    seed: int
    clients: int
    cast: Cast
    visited: Visited
    found: Validation
    triage: Triage | None = None
    """What was read of the server's log, and what of it counts; None without one."""
    log: Appended | None = None

    @property
    def open(self) -> str:
        """Why it is neither go nor no-go, "" if it is one of them."""
        return "" if not self.found.go else stays_open(self.found, self.visited, self.log)


def tell(told: Told) -> Iterator[str | Table]:
    """Yield everything that people are told."""
    found, visited = told.found, told.visited
    yield printable(
        f"{found.plan.title or found.plan.name}: {told.url}, {told.clients:,} clients, "
        f"{in_words(visited.played_s)}, {len(visited.seen):,} sessions"
    )
    yield from map(printable, told.cast.left_out)
    yield from _what_they_saw(told)
    if told.triage is not None:
        yield from summary(told.triage)
    yield validation_table(found)
    yield ""
    if told.open:
        yield from unknown_lines(found)
    else:
        yield from decision_lines(found, lambda reason: "", "the server")
    if told.triage is not None:
        yield from map(printable, explained(told.triage.counts))


def _what_they_saw(told: Told) -> Iterator[str]:
    seen = told.visited.seen
    opened = sum(one.opened for one in seen)
    refused = Counter(one.refused for one in seen if one.refused)
    away = len(seen) - opened - refused.total()
    yield f"opened: {opened:,}; left before the answer: {away:,}; not let in: {_counts(refused)}"
    if told.visited.stopped or told.visited.gave_up:
        yield f"not to its end: {told.visited.gave_up or 'somebody stopped it'}"
    if told.visited.pauses:
        yield f"pauses, for the server refused: {told.visited.pauses:,}"
    yield f"ended by clients: {_counts(_ends(seen)[0])}; by the server: {_counts(_ends(seen)[1])}"
    yield f"answers: {sum(one.answered for one in seen):,} of {_awaited(seen):,}"
    for name, count in _of_each_visit(told).items():
        yield printable(f"  {name}: {count:,}")


def _ends(seen: tuple[Seen, ...]) -> tuple[Counter[str], Counter[str]]:
    """Return how opened connections ended: by clients, and by the server."""
    opened = [one for one in seen if one.opened]
    clients = Counter(one.left for one in opened if one.left)
    return clients, Counter(one.ended for one in opened if not one.left)


def _awaited(seen: tuple[Seen, ...]) -> int:
    return sum(one.awaited for one in seen)


def _of_each_visit(told: Told) -> Mapping[str, int]:
    came = Counter(one.visit for one in told.visited.seen)
    return {part.label: came[part.visit] for part in told.cast.parts}


def _counts(counter: Mapping[str, int]) -> str:
    counts = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count:,}" for name, count in counts) or "0"


def document_of(told: Told) -> dict[str, Any]:
    """Return everything as one JSON document. The digest is over what was seen."""
    seen, found = told.visited.seen, told.found
    clients, server = _ends(seen)
    played = {
        "url": told.url,
        "clients": told.clients,
        "seconds": round(told.visited.played_s, 3),
        "sessions": len(seen),
        "opened": sum(one.opened for one in seen),
        "not_let_in": dict(Counter(one.refused for one in seen if one.refused)),
        "pauses": told.visited.pauses,
        "ended_by_clients": dict(clients),
        "ended_by_server": dict(server),
        "answers_awaited": _awaited(seen),
        "answers": sum(one.answered for one in seen),
        "visits": _of_each_visit(told),
        "left_out": list(told.cast.left_out),
        "stopped": told.visited.stopped,
        "gave_up": told.visited.gave_up or None,
    }
    return {
        "schema": SCHEMA,
        "wsrace": __version__,
        "seed": told.seed,
        "digest": hashlib.sha256(json.dumps(played, sort_keys=True).encode()).hexdigest(),
        "source": "server",
        "plan": found.plan.name,
        "guard": None,
        "go": None if told.open else found.go,
        "no_answer": told.open or None,
        "criteria": criteria_rows(found),
        "reasons": [{"text": one.text, "why": "", "token": None} for one in found.reasons],
        "played": played,
        "log": None if told.triage is None else _log(told.triage),
    }


def _log(triage: Triage) -> dict[str, Any]:
    counts = triage.counts
    met = {one.name: counts.patterns[one.name] for one in PATTERNS if one.kind != "good"}
    return {
        "files": [file.name for file in triage.files],
        "lines": triage.lines,
        "entries": triage.entries,
        "unreadable": dict(triage.unreadable),
        "unknown": counts.unknown,
        "patterns": {
            name: {
                "hits": count.hits,
                "proved": dict(sorted(count.proved.items())),
                "own_lines": dict(sorted(count.own.items())),
            }
            for name, count in met.items()
            if count.hits
        },
    }
