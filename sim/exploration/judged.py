"""What a run counts for in a search: plain data, so that it may have been made anywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from sim.errors import words_of
from sim.exploration.inquiry import Inquiry
from sim.model.findings import Severity, kind_of
from sim.model.outcome import class_named
from sim.model.record import End, Ending, silent_wakes
from sim.runs.subject import Record, Subject, record

Pairs = tuple[tuple[str, str], ...]


class Judged(NamedTuple):
    """What a run came to, as far as it matters for a verdict. Many runs come to the same."""

    label: str
    """How it ended; "" if it says nothing about the code under test."""
    fails: bool = False
    """Whether it breaks the property."""
    open: str = ""
    """Why it says nothing, if it does not."""
    refusal: str = ""
    """What the code asked for that the world refuses."""
    remarks: Pairs = ()
    """What people should be told, failing or not: kind, text."""
    kinds: tuple[str, ...] = ()
    """By what names its findings go for any code, those that are off left out."""
    silent: Pairs = ()
    """Wake-ups without a recorded write: who woke whom."""
    untouched: bool = True
    """Whether application_state stayed CONNECTED until the handler left its loop."""
    met_end: bool = False
    """Whether more might have happened if its time had not been limited."""


class Cost(NamedTuple):
    """By what the simplest failure is chosen: by length, and if that is equal, by name."""

    deviations: int
    """Choices that are not the default."""
    steps: int
    name: str = ""
    """Of its class, where classes are told apart."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that fails. make: returns it, as it need not have been kept; None if it goes otherwise
    here than where it was made.
    """

    cost: Cost
    label: str
    make: Callable[[], Record | None]


def judge(subject: Subject, inquiry: Inquiry, end: End) -> tuple[Judged, Record | None]:
    """Return what a run came to, and its record; None for that of a run that says nothing."""
    silent = tuple(dict.fromkeys(silent_wakes(end.trace_steps)))
    if not end.ending.judged:
        refusal = str(end.error) if end.ending is Ending.REFUSED else ""
        why = f"{end.ending}: {words_of(end.error)}"
        return Judged("", open=why, refusal=refusal, silent=silent), None
    made = record(subject, end)
    judged = Judged(
        made.outcome.label,
        fails=inquiry.fails(made.outcome),
        remarks=tuple(sorted(_remarks(made).items())),
        kinds=tuple(sorted(_kinds_of_findings(made))),
        silent=silent,
        untouched=_untouched(end),
        met_end=end.met_end,
    )
    return judged, made


def cost_of(end: End, name: str = "") -> Cost:
    """Return how simple a run is. name: of its class."""
    return Cost(sum(choice.deviates for choice in end.schedule), end.steps, name)


def _remarks(found: Record) -> dict[str, str]:
    return {
        finding.kind: finding.text
        for finding in reversed(found.outcome.findings)
        if class_named(finding.kind).telling
    }


def _kinds_of_findings(found: Record) -> set[str]:
    kinds = (kind_of(finding.kind) for finding in found.outcome.findings)
    return {kind.name for kind in kinds if kind is not None and kind.severity is not Severity.OFF}


def _untouched(end: End) -> bool:
    for event in end.events:
        if event.kind in ("left", "raised"):
            break
        if event.kind == "application_state" and event.values["state"] == "DISCONNECTED":
            return False
    return True
