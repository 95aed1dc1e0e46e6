"""A plan judged on a log: for people as lines, for programs as one document."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from sim import __version__
from sim.logs.patterns import MECHANISMS
from sim.logs.times import NANOS, written
from sim.logs.triage import Triage
from sim.model.plain import fault
from sim.report.text.logs import summary
from sim.report.text.validate import criteria_rows, decision_lines, unknown_lines
from sim.validation.criteria import Validation
from sim.validation.logged import LOGGED, answered
from sim.validation.timeline import Met, Timeline


def opening(triage: Triage, timeline: Timeline) -> Iterator[str]:
    """Yield what was read, and from when its minutes count."""
    yield from summary(triage)
    if timeline.origin is not None:
        how = "--since" if timeline.since is not None else "the first time in the log; see --since"
        yield f"minute 0 begins at {written(timeline.origin)} ({how})"
        if timeline.last is not None:
            yield f"the log ends at minute {timeline.shown(timeline.last)}"
    if timeline.early:
        yield f"{timeline.early:,} lie before it and do not count"
    if timeline.placed:
        yield (
            f"{timeline.placed:,} lines without a time count with the line before them: as its "
            "traceback, or at its time"
        )
    if timeline.timeless:
        race, other = timeline.timeless["race"], timeline.timeless["other"]
        yield f"without a time, in no minute: {race:,} race errors, {other:,} other errors"


def deciding(found: Validation, timeline: Timeline) -> Iterator[str]:
    """Yield go or no-go, what was met, and what is not known."""
    if answered(found):
        yield from decision_lines(found, lambda reason: "", "the log")
    else:
        yield from unknown_lines(found)
    for one in timeline.met():
        yield f"{one.pattern.name}: {one.hits:,}, {_at(one.first_ns)} to {_at(one.last_ns)}"
        yield f"  {one.pattern.why}"
        for name in one.pattern.consistent:
            scenario = MECHANISMS[name].scenario
            yield f"  consistent with {name}, as in: wsrace explore {scenario}"
        yield fault(f"  {one.example.file}:{one.example.line}: {one.example.text.strip()}")
    yield "errors are entries of the log: one session may log several, or none"
    if any(one.criterion == "overhead_us" for one in found.judgements):
        yield fault(f"overhead us was measured here, for {found.guard}; no log tells it")


def no_answer(found: Validation) -> str:
    """Say why a log answers none of the criteria, in one line."""
    asked = [one.why for one in found.judgements if one.criterion in LOGGED]
    return "; ".join(dict.fromkeys(asked)) or "the plan asks for nothing that a log says"


def document_of_log(
    found: Validation, triage: Triage, timeline: Timeline, schema: str
) -> dict[str, Any]:
    """Return everything as one JSON document. The digest is over the counts, not what they cost."""
    counts = {
        "since": timeline.since is not None,
        "minute_0": _or_none(timeline.origin),
        "first": _or_none(timeline.first),
        "last": _or_none(timeline.last),
        "early": timeline.early,
        "placed": timeline.placed,
        "timeless": dict(timeline.timeless),
        "unzoned": triage.counts.unzoned,
        "lines": triage.lines,
        "entries": triage.entries,
        "unreadable": dict(triage.unreadable),
        "phases": {
            phase.name: dict(timeline.between(phase.from_min, phase.to_min))
            for phase in found.plan.phases
        },
    }
    return {
        "schema": schema,
        "wsrace": __version__,
        "seed": 0,
        "digest": hashlib.sha256(json.dumps(counts, sort_keys=True).encode()).hexdigest(),
        "source": "log",
        "plan": found.plan.name,
        "guard": found.guard,
        "go": found.go if answered(found) else None,
        "criteria": criteria_rows(found),
        "reasons": [_reason(one) for one in timeline.met()],
        "log": {"files": [file.name for file in triage.files], **counts},
    }


def _reason(one: Met) -> dict[str, Any]:
    return {
        "text": f"{one.pattern.name} {one.hits:,}",
        "why": one.pattern.why,
        "token": None,
        "pattern": one.pattern.name,
        "hits": one.hits,
        "first": written(one.first_ns),
        "last": written(one.last_ns),
        "consistent_with": [
            {"mechanism": name, "scenario": MECHANISMS[name].scenario}
            for name in one.pattern.consistent
        ],
        "scenario": one.pattern.scenario or None,
        "example": {
            "file": one.example.file,
            "line": one.example.line,
            "text": one.example.text,
        },
    }


def _at(ns: int) -> str:
    return written(ns // NANOS * NANOS)


def _or_none(ns: int | None) -> str | None:
    return None if ns is None else written(ns)
