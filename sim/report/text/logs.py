"""The triage of a log: for people as tables and sentences, for programs as one document."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from sim import __version__
from sim.logs.counting import Counts, PatternCount
from sim.logs.patterns import ERROR, KINDS, MECHANISMS, PATTERNS, WARNING, Pattern
from sim.logs.said import SEVERITIES
from sim.logs.times import NANOS, write_time
from sim.logs.triage import Triage
from sim.model.plain import fault, joined, printable

SCHEMA = "wsrace.logs.1"
BUSIEST = 20
"""Connections and revisions that are listed."""
_WORST = 5
"""Minutes that are listed for people."""
_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60
"""Characters of the picture over time."""


def tell(triage: Triage) -> Iterator[str | Table]:
    """Yield everything that people are told."""
    counts = triage.counts
    yield from summary(triage)
    if any(counts.kinds.values()):
        yield ""
        yield pattern_table(counts)
    for lines in (explained(counts), over_time(counts), busiest(counts)):
        told = list(lines)
        if told:
            yield "\n" + "\n".join(told)
    yield ""
    yield from map(printable, conclusion(counts))


def pattern_table(counts: Counts) -> Table:
    """Return one row for each pattern that was met."""
    table = Table(box=None)
    for name in ("pattern", "kind", "hits", "severity", "first", "last", "consistent with"):
        # Folded in a narrow terminal, never cut.
        table.add_column(name, overflow="fold", justify="right" if name == "hits" else "left")
    table.add_column("scenario", overflow="fold")
    for pattern in PATTERNS:
        count = counts.patterns[pattern.name]
        if count.hits:
            table.add_row(
                *(pattern.name, pattern.kind, f"{count.hits:,}"),
                _severities(count),
                *(_time(ns).replace("T", " ") for ns in (count.span.first, count.span.last)),
                *(", ".join(_of(pattern, count)), pattern.scenario or "-"),
            )
    return table


def _of(pattern: Pattern, count: PatternCount) -> Sequence[str]:
    """Return what a pattern is consistent with here: what tracebacks prove, if all do."""
    return sorted(count.proved) if count.proved.total() == count.hits else pattern.of


def _severities(count: PatternCount) -> str:
    """Return the severities, with how many hits have them unless all have one."""
    seen = [name for name in SEVERITIES if count.severities[name]]
    if len(seen) == 1:
        return seen[0]
    return ", ".join(f"{name} {count.severities[name]:,}" for name in seen)


def _time(ns: int | None) -> str:
    return "-" if ns is None else write_time(ns // NANOS * NANOS)


def explained(counts: Counts) -> Iterator[str]:
    """Yield why each bad pattern and warning that was met is listed as it is, with an example."""
    for pattern in PATTERNS:
        count = counts.patterns[pattern.name]
        if not count.hits or pattern.kind == "good":
            continue
        yield f"{pattern.name}: {pattern.why}"
        if pattern.apart:
            yield f"  {pattern.apart}"
        yield from _mechanisms(pattern, count)
        if count.example is not None:
            where = f"{count.example.file}:{count.example.line}"
            yield fault(f"  first seen at {where}: {count.example.text.strip()}")


def _mechanisms(pattern: Pattern, count: PatternCount) -> Iterator[str]:
    """Yield what tracebacks prove and what else is left, how to reproduce that, and at which lines
    it was raised.
    """
    for name, records in sorted(count.proved.items()):
        mechanism = MECHANISMS[name]
        proved = f"proved by the text of {records:,} of {count.hits:,}"
        yield f"  {proved}: {name}: {mechanism.about}"
        yield f"    to reproduce it: {reproduces(name)}"
    if count.proved.total() < count.hits:
        for name in pattern.consistent:
            yield f"  consistent with {name}; to reproduce it: {reproduces(name)}"
    if count.own:
        told = ", ".join(f"{line} ({_times(number)})" for line, number in count.own.most_common(3))
        yield fault(f"  raised at {told}")


def reproduces(mechanism: str) -> str:
    """Return the command that reproduces a mechanism."""
    found = MECHANISMS[mechanism]
    if found.scenario:
        return f"wsrace explore {found.scenario}"
    return f"wsrace check MODULE:APP {found.check}"


def over_time(counts: Counts) -> Iterator[str]:
    """Yield a picture of the bad lines over time, and the minutes that have most of them."""
    rows = [(start, bad) for start, (bad, *_) in counts.stretches if bad]
    if not rows:
        return
    unit = counts.stretches.unit_s
    first, last = rows[0][0], rows[-1][0]
    per_bar = -(-((last - first) // unit + 1) // _WIDTH)
    bars = [0] * ((last - first) // unit // per_bar + 1)
    for start, bad in rows:
        bars[(start - first) // unit // per_bar] += bad
    highest = max(bars)
    picture = "".join(_BARS[(bar * len(_BARS) - 1) // highest] if bar else "·" for bar in bars)
    name = unit_name(unit)
    each = f"{name} each" if per_bar == 1 else f"{per_bar} {name}s each"
    yield f"bad lines over time, {_time(first * NANOS)} to {_time(last * NANOS)}, {each}:"
    yield f"  {picture}  (highest {highest:,})"
    worst = sorted(rows, key=lambda row: (-row[1], row[0]))[:_WORST]
    told = ", ".join(f"{_time(start * NANOS)} {bad:,}" for start, bad in worst)
    yield f"  most in a {name}: {told}"
    if unit > 60:
        yield f"  (too many minutes to keep apart: counted per {name})"


def busiest(counts: Counts) -> Iterator[str]:
    """Yield the connections and revisions with most bad lines and warnings."""
    for what, kept in (("connections", counts.connections), ("revisions", counts.revisions)):
        rows = kept.busiest(BUSIEST)
        if not rows:
            continue
        bound = f", each up to {kept.missed:,} more" if kept.missed else ""
        yield f"busiest {what} (bad lines and warnings{bound}):"
        for key, count, (bad, warnings) in rows:
            yield fault(f"  {count:>7,}  {key}  ({bad:,} bad, {warnings:,} warnings)")


def summary(triage: Triage) -> Iterator[str]:
    """Yield what was read, and what was not."""
    counts = triage.counts
    for file in triage.files:
        how = ", ".join((file.encoding, *(("gzip",) if file.gzip else ())))
        yield printable(
            f"{file.name}: {file.size:,} bytes, {file.lines:,} lines, {file.entries:,} entries "
            f"({how})"
        )
        for why, number in sorted(file.unreadable.items()):
            yield printable(f"  unreadable ({number:,}): {why}")
    bad, warnings, good = (counts.kinds[kind] for kind in ("bad", "warning", "good"))
    yield f"{bad:,} bad, {warnings:,} warnings, {good:,} good"
    if counts.timeless:
        yield f"{counts.timeless:,} of them have no time of their own"
    if counts.unzoned:
        yield f"{counts.unzoned:,} have a time without a zone, which was read as UTC"
    if counts.outside:
        yield f"{counts.outside:,} more lie outside the times asked for, or have no time"
    if counts.is_newest_first:
        yield (
            "records come newest first: a traceback that is split over entries is read upside down;"
            " let the oldest come first (gcloud logging read --order=asc)"
        )
    for what, number in sorted(counts.lacking.items()):
        yield f"{number:,} have a time whose {what} is not known unless --{what} says it"
    if counts.unknown:
        yield f"{_errors(counts.unknown)} not known here:"
        for one in counts.first_unknown:
            yield fault(f"  {one.file}:{one.line}: {' / '.join(map(str.strip, one.first))}")
    if counts.undated:
        yield f"{_errors(counts.undated)} without a time that would say whether it counts"


def document_of(triage: Triage) -> dict[str, Any]:
    """Return everything as one JSON document. The digest is over all but names of files."""
    counts = triage.counts
    found: dict[str, Any] = {
        "complete": triage.complete,
        "lines": triage.lines,
        "bytes": triage.size,
        "entries": triage.entries,
        "unreadable": dict(triage.unreadable),
        **{kind: counts.kinds[kind] for kind in KINDS},
        "timeless": counts.timeless,
        "unzoned": counts.unzoned,
        "outside": counts.outside,
        "unknown": counts.unknown,
        "undated": counts.undated,
        "lacking": dict(sorted(counts.lacking.items())),
        "unit_seconds": counts.stretches.unit_s,
        "minutes": [
            {"start": write_time(start * NANOS), "bad": bad, "warning": warning, "good": good}
            for start, (bad, warning, good, _) in counts.stretches
        ],
        "connections": _busiest(counts.connections.busiest(BUSIEST), "id"),
        "connections_missed": counts.connections.missed,
        "revisions": _busiest(counts.revisions.busiest(BUSIEST), "name"),
        "revisions_missed": counts.revisions.missed,
        "conclusion": conclusion(counts),
    }
    patterns = [_pattern(one, counts.patterns[one.name]) for one in PATTERNS]
    nameless = [{**one, "example": (one["example"] or {}).get("text")} for one in patterns]
    canonical = json.dumps({**found, "patterns": nameless}, sort_keys=True)
    return {
        "schema": SCHEMA,
        "wsrace": __version__,
        "seed": 0,
        "digest": hashlib.sha256(canonical.encode()).hexdigest(),
        "files": [
            {
                "name": file.name,
                "bytes": file.size,
                "lines": file.lines,
                "entries": file.entries,
                "encoding": file.encoding,
                "gzip": file.gzip,
                "unreadable": dict(file.unreadable),
            }
            for file in triage.files
        ],
        "patterns": patterns,
        **found,
    }


def _pattern(pattern: Pattern, count: PatternCount) -> dict[str, Any]:
    first, last, example = count.span.first, count.span.last, count.example
    severities = [name for name in SEVERITIES if count.severities[name]]
    return {
        "name": pattern.name,
        "kind": pattern.kind,
        "hits": count.hits,
        "first": None if first is None else write_time(first),
        "last": None if last is None else write_time(last),
        "timeless": count.timeless,
        "severities": {name: count.severities[name] for name in severities},
        "consistent_with": [
            {"mechanism": name, "scenario": MECHANISMS[name].scenario}
            for name in pattern.consistent
        ],
        "scenario": pattern.scenario or None,
        "proved": dict(sorted(count.proved.items())),
        "own_lines": dict(sorted(count.own.items())),
        "why": pattern.why,
        "apart": pattern.apart,
        "example": example and {"file": example.file, "line": example.line, "text": example.text},
    }


def _busiest(rows: list[tuple[str, int, tuple[int, ...]]], name: str) -> list[dict[str, Any]]:
    return [
        {name: key, "count": count, "bad": bad, "warning": warning}
        for key, count, (bad, warning) in rows
    ]


# -- is it this race, and did the fix change anything? ---------------------------------------------


def conclusion(counts: Counts) -> list[str]:
    """Return a few sentences that follow from the counts and from nothing else."""
    if not any(counts.kinds.values()):
        if counts.unknown or counts.undated:
            return ["No known pattern, but errors: this is no all-clear."]
        return [
            "No line holds a known pattern: this log does not tell whether the race happens here."
        ]
    return [_which_race(counts), *_the_fix(counts)]


def _which_race(counts: Counts) -> str:
    bad = counts.kinds["bad"]
    if not bad:
        return "No bad line."
    error = counts.patterns[ERROR].hits
    others = [
        f"{pattern.name} {_times(count.hits)} ({joined(_of(pattern, count), 'or')})"
        for pattern in PATTERNS
        if pattern.kind == "bad" and pattern.name != ERROR
        if (count := counts.patterns[pattern.name]).hits
    ]
    said = f"{bad:,} bad {'line' if bad == 1 else 'lines'}. "
    if error:
        found = next(one for one in PATTERNS if one.name == ERROR)
        of = joined(_of(found, counts.patterns[ERROR]), "or")
        said += f"Consistent with the race of issue #1061: {ERROR} {_times(error)} ({of})"
        return f"{said}; besides, {joined(others)}." if others else f"{said}."
    return f"{said}Not the error of issue #1061 itself ({ERROR}), but {joined(others)}."


def _the_fix(counts: Counts) -> list[str]:
    error, warning = counts.patterns[ERROR], counts.patterns[WARNING]
    if not warning.hits:
        return []  # whether it is deployed, its own words alone tell
    acted = (
        f"The published fix is deployed and stopped a receive {_times(warning.hits)}; a message "
        "that was queued at that moment is lost."
    )
    return [acted, *_before_and_after(counts, error, warning)]


def _before_and_after(counts: Counts, error: PatternCount, warning: PatternCount) -> list[str]:
    """Say whether the error went on after the fix's first warning."""
    if not error.hits:
        return []
    why = (
        "the fix looks at client_state and the machine, receive_text at application_state, so it "
        "does not prevent this error"
    )
    first = warning.span.first
    if first is None or error.span.last is None:
        return [f"Without times nobody can say whether the error went on behind it; {why}."]
    if error.span.last <= first:
        return [
            f"After its first warning ({write_time(first)}) the error was not logged again, "
            f"but {why}."
        ]
    later = sum(
        errors
        for start, (*_, errors) in counts.stretches
        if start > first // NANOS // counts.stretches.unit_s * counts.stretches.unit_s
    )
    return [
        f"The race is still there: the error was logged until {write_time(error.span.last)}, after "
        f"the first warning at {write_time(first)} ({_times(later)} in later "
        f"{unit_name(counts.stretches.unit_s)}s); {why}."
    ]


def unit_name(unit_s: int) -> str:
    """Return what to call a stretch of so many seconds."""
    names = {60: "minute", 3600: "hour", 86_400: "day"}
    return names.get(unit_s, f"{unit_s // 86_400}-day stretch")


def _errors(number: int) -> str:
    return "1 error" if number == 1 else f"{number:,} errors"


def _times(number: int) -> str:
    return {0: "never", 1: "once"}.get(number, f"{number:,} times")
