"""What a validation plan comes to, on a simulated deployment or a real log."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from sim import __version__
from sim.exploration.explain import explain
from sim.logs.patterns import MECHANISMS
from sim.logs.times import NANOS, write_time
from sim.logs.triage import Triage
from sim.model.plain import fault, printable
from sim.report.text.logs import reproduces, summary
from sim.runs.keep import token_of
from sim.runs.subject import Record
from sim.validation.criteria import SHARES, UNITS, Judgement, Reason, Validation
from sim.validation.deployment import Session, session_again
from sim.validation.logged import LOGGED, has_answer
from sim.validation.timeline import Met, Timeline

SCHEMA = "wsrace.validate.1"
_VERDICTS = {True: ("pass", "green"), False: ("FAIL", "red"), None: ("not known", "yellow")}


def tell(found: Validation, sessions: Sequence[Session], seed: int) -> Iterator[str | Table]:
    """Yield what came of a simulated deployment."""
    plan = found.plan
    yield (
        f"{printable(plan.title or plan.name)}: guard {printable(found.guard)}, "
        f"{plan.deployment.clients:,} clients, {plan.minutes:g} minutes, {len(sessions):,} sessions"
    )
    yield validation_table(found)
    yield ""
    yield from decision_lines(found, lambda reason: _why(found, seed, reason))
    for reason in found.reasons[:1]:
        yield f"one of these runs:\nwsrace replay {_token(found, seed, reason)}"


def validation_table(found: Validation) -> Table:
    """Return one row per criterion: what is asked, the figure, pass or fail."""
    table = Table(box=None)
    for name in ("phase", "criterion", "asked"):
        table.add_column(name)
    for name in ("figure", "of"):
        table.add_column(name, justify="right")
    table.add_column("")
    for one in found.judgements:
        word, style = _VERDICTS[one.passes]
        table.add_row(
            Text(printable(one.phase)),
            one.criterion.replace("_", " "),
            asked(one),
            shown(one),
            f"{one.of:,}" if one.of > 1 else "",
            Text(word, style=style),
        )
    return table


def asked(one: Judgement) -> str:
    """Return what a criterion asks for, in words."""
    least = one.bound.at_least
    word, value = ("at least", least) if least is not None else ("at most", one.bound.at_most or 0)
    figure = f"{100 * value:g} %" if one.criterion in SHARES else f"{value:g}"
    return f"{word} {figure} {UNITS[one.criterion]}"


def shown(one: Judgement) -> str:
    """Return the figure of a criterion."""
    if one.figure is None:
        return "-"
    if one.criterion in SHARES:
        return f"{100 * one.figure:.2f} %"
    if one.criterion == "overhead_us":
        return (
            f"below ±{1000 * one.below:,.0f} ns" if one.below is not None else f"{one.figure:,.2f}"
        )
    return f"{one.figure:,.0f}"


def decision_lines(found: Validation, why: Callable[[Reason], str], who: str = "") -> Iterator[str]:
    """Yield go or no-go, and what goes wrong. why: says more of a reason, or "". who: what is
    judged; the guard unless it is named.
    """
    who = who or printable(found.guard)
    failing = [one for one in found.judgements if one.passes is False]
    if failing:
        yield f"no-go: {who} fails {_names(failing)}"
    else:
        yield f"go: {who} passes every criterion that is known"
    for reason in found.reasons:
        yield f"  {printable(reason.text)}"
        if more := why(reason):
            yield f"    {printable(more)}"
    yield from unknown_lines(found)


def unknown_lines(found: Validation) -> Iterator[str]:
    """Yield the criteria that are not known, by why."""
    for why in dict.fromkeys(one.why for one in found.unknown):
        names = _names(one for one in found.unknown if one.why == why)
        yield f"  not known here: {names}{f' ({why})' if why else ''}"


def _names(judgements: Iterable[Judgement]) -> str:
    return ", ".join(dict.fromkeys(one.criterion.replace("_", " ") for one in judgements))


def criteria_rows(found: Validation) -> list[dict[str, Any]]:
    """Return a row of the document for each criterion."""
    return [
        {
            "phase": one.phase,
            "criterion": one.criterion,
            **one.bound.model_dump(exclude_none=True),
            "figure": one.figure,
            "below": one.below,
            "of": one.of,
            "passes": one.passes,
            "not_known": one.why or None,
        }
        for one in found.judgements
    ]


# -- a simulated deployment ------------------------------------------------------------------------


def document_of(found: Validation, sessions: Sequence[Session], seed: int) -> dict[str, Any]:
    """Return everything as one JSON document. The digest is that of the sessions."""
    text = json.dumps([asdict(one) for one in sessions], sort_keys=True)
    return {
        "schema": SCHEMA,
        "wsrace": __version__,
        "seed": seed,
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "source": "simulation",
        "plan": found.plan.name,
        "guard": found.guard,
        "go": found.go,
        "sessions": len(sessions),
        "criteria": criteria_rows(found),
        "reasons": [
            {
                "text": reason.text,
                "why": _why(found, seed, reason),
                "token": _token(found, seed, reason),
            }
            for reason in found.reasons
        ],
    }


def _again(found: Validation, seed: int, reason: Reason) -> Record | None:
    """Return the first run of those that a reason tells of."""
    if reason.first is None:
        return None
    return session_again(found.plan, found.guard, seed, reason.first)


def _why(found: Validation, seed: int, reason: Reason) -> str:
    """Say what the guard read and what the receive depends on, in the first run that fails."""
    run_again = _again(found, seed, reason)
    if run_again is None or not run_again.outcome.failed:
        return ""
    return explain(run_again).sentence()


def _token(found: Validation, seed: int, reason: Reason) -> str | None:
    run_again = _again(found, seed, reason)
    return None if run_again is None else token_of(run_again)


# -- a real log ------------------------------------------------------------------------------------


def tell_log(found: Validation, triage: Triage, timeline: Timeline) -> Iterator[str | Table]:
    """Yield what came of a real log."""
    yield f"{printable(found.plan.title or found.plan.name)}: judged on a log"
    yield from opening(triage, timeline)
    yield validation_table(found)
    yield ""
    yield from deciding(found, timeline)


def opening(triage: Triage, timeline: Timeline) -> Iterator[str]:
    """Yield what was read, and from when its minutes count."""
    yield from summary(triage)
    if timeline.origin is not None:
        how = "--since" if timeline.since is not None else "the first time in the log; see --since"
        yield f"minute 0 begins at {write_time(timeline.origin)} ({how})"
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
    if has_answer(found):
        yield from decision_lines(found, lambda reason: "", "the log")
    else:
        yield from unknown_lines(found)
    for one in timeline.met():
        yield f"{one.pattern.name}: {one.hits:,}, {_at(one.first_ns)} to {_at(one.last_ns)}"
        yield f"  {one.pattern.why}"
        for name in one.consistent:
            how = "proved by the text" if name in one.proved else "consistent with"
            yield f"  {how}: {name}; to reproduce it: {reproduces(name)}"
        if one.own:
            yield fault(f"  raised at {one.own}")
        yield fault(f"  {one.example.file}:{one.example.line}: {one.example.text.strip()}")
    yield "errors are entries of the log: one session may log several, or none"
    if any(one.criterion == "overhead_us" for one in found.judgements):
        yield fault(f"overhead us was measured here, for {found.guard}; no log tells it")


def no_answer(found: Validation) -> str:
    """Say why a log answers none of the criteria, in one line."""
    asked = [one.why for one in found.judgements if one.criterion in LOGGED]
    return "; ".join(dict.fromkeys(asked)) or "the plan asks for nothing that a log says"


def document_of_log(found: Validation, triage: Triage, timeline: Timeline) -> dict[str, Any]:
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
        "schema": SCHEMA,
        "wsrace": __version__,
        "seed": 0,
        "digest": hashlib.sha256(json.dumps(counts, sort_keys=True).encode()).hexdigest(),
        "source": "log",
        "plan": found.plan.name,
        "guard": found.guard,
        "go": found.go if has_answer(found) else None,
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
        "first": write_time(one.first_ns),
        "last": write_time(one.last_ns),
        "consistent_with": [
            {"mechanism": name, "scenario": MECHANISMS[name].scenario} for name in one.consistent
        ],
        "proved": [name for name in one.proved if name],
        "own_line": one.own or None,
        "scenario": one.pattern.scenario or None,
        "example": {
            "file": one.example.file,
            "line": one.example.line,
            "text": one.example.text,
        },
    }


def _at(ns: int) -> str:
    return write_time(ns // NANOS * NANOS)


def _or_none(ns: int | None) -> str | None:
    return None if ns is None else write_time(ns)
