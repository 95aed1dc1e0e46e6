"""What a reader must say of a log of `stream`, and what ours says."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from sim.logs.opened import Record
from sim.logs.patterns import BY_NAME, KINDS
from sim.logs.records import Records
from sim.logs.scanning import Scanner
from sim.logs.times import NANOS, Assumed
from sim.logs.triage import Triage, add, begin_triage
from tests.logs.forms.errors import Event, Kind
from tests.logs.forms.form import Form


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one error. second: of its time, None if it has none."""

    patterns: frozenset[str]
    is_unknown: bool
    second: int | None
    severity: str
    proved: str


SAID: Final = Assumed(day=date(2026, 3, 1), year=2026)
"""What a person says who knows when the log was written."""


def expected(form: Form, events: Sequence[Event], assumed: Assumed = SAID) -> list[Told]:
    kinds = [(event, event.kind) for event in events if event.kind is not None]
    return [_expected(form, event, kind, assumed) for event, kind in kinds]


def _expected(form: Form, event: Event, kind: Kind, assumed: Assumed) -> Told:
    patterns = {kind.pattern, kind.cause if form.names_causes else ""} - {""}
    if form.always and not any(BY_NAME[name].kind == "bad" for name in patterns):
        patterns.add(form.always)
    return Told(
        patterns=frozenset(patterns),
        is_unknown=not patterns,
        second=event.ns // NANOS if _is_dated(form, assumed) else None,
        severity=form.severity,
        proved=kind.proved if form.proves else "",
    )


def _is_dated(form: Form, assumed: Assumed) -> bool:
    """Whether the times of a form are known."""
    if form.says == "no time":
        return False
    return (
        form.says == "time" or (assumed.day if form.says == "no date" else assumed.year) is not None
    )


def records(path: Path, assumed: Assumed = SAID) -> list[Record]:
    found: list[Record] = []
    scanner = Scanner(Records(found.append, assumed))
    scanner.feed(path.read_bytes().decode("latin-1"))
    scanner.finish()
    return found


def told(form: Form, path: Path, assumed: Assumed = SAID) -> Iterator[Told]:
    for record in records(path, assumed):
        when = record.said.when
        yield Told(
            patterns=frozenset(record.names),
            is_unknown=record.is_unknown,
            second=None if when is None else when.ns // NANOS,
            severity=record.said.severity,
            proved=record.proved if form.proves else "",
        )


def triage(path: Path) -> Triage:
    found = begin_triage(assumed=SAID)
    add(found, path.name, [path.read_bytes()])
    return found


@dataclass(frozen=True, slots=True)
class Totals:
    """What a whole log adds up to. minutes: each with how many records lie in it, as seconds."""

    hits: Mapping[str, int]
    unknown: int
    minutes: Mapping[int, int]
    first: int | None
    last: int | None


def totals(triage: Triage) -> Totals:
    counts = triage.counts
    spans = [one.span for one in counts.patterns.values()]
    times = [ns // NANOS for span in spans for ns in (span.first, span.last) if ns is not None]
    return Totals(
        hits={name: one.hits for name, one in counts.patterns.items() if one.hits},
        unknown=counts.unknown,
        minutes={start: sum(columns[: len(KINDS)]) for start, columns in counts.stretches},
        first=min(times, default=None),
        last=max(times, default=None),
    )


def expected_totals(form: Form, events: Sequence[Event]) -> Totals:
    errors = expected(form, events)
    known = [one.second for one in errors if one.patterns and one.second is not None]
    return Totals(
        hits=Counter(name for one in errors for name in one.patterns),
        unknown=sum(one.is_unknown for one in errors),
        minutes=Counter(second // 60 * 60 for second in known),
        first=min(known, default=None),
        last=max(known, default=None),
    )
