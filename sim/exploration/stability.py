"""Whether runs depend on their choices alone: state that is kept from one to the next gives false
verdicts, and hides real failures once it has filled up.

The first schedule of a search is run twice before it, again after every new outcome and at the end,
and, where somebody's own code runs, once in a process of its own, in which nothing has filled up.
Wherever it goes otherwise than at first there is no verdict but the cause. What differs only
between processes (hash order, addresses) shows in the same way.
"""

from sim.kernel.trace import digest
from sim.model.plain import printable
from sim.model.record import End, Event
from sim.runs.fresh import Answer, FreshProcess
from sim.runs.subject import Record, Subject, record

_REMEDY = (
    "make its state anew for each run (name a factory of the handler instead: "
    "handler(..., factory=True), --factory), and put fakes in place of clocks and chance"
)
_OURS = "this is a fault of wsrace: please report it"


class FirstRun:
    """The first run of a search, to which its repetitions are compared."""

    def __init__(self, subject: Subject, end: End, elsewhere: bool) -> None:
        """Keep the run. elsewhere: let another process make it, too, if it is to be had."""
        self._subject = subject
        self._end = end
        self._fresh: FreshProcess | None = None
        self.unseen = ""
        """Why no other process could tell, if it was asked for and could not."""
        if not elsewhere or not subject.has_own_code or not end.ending.judged:
            return
        if subject.modules() is not None:
            self._fresh = FreshProcess([record(subject, end)])
        else:
            self.unseen = f"no other process can import {subject.label} to compare"

    def compare(self, again: End) -> str:
        """Return how a repetition in this process goes otherwise, "" if it does not."""
        first = self._end
        if first.events == again.events and first.ending is again.ending:
            return ""
        what = _difference(first.events, again.events)
        return _unstable(self._subject, f"run again in the same order, it went otherwise: {what}")

    def elsewhere(self) -> str:
        """Return how a repetition in another process goes otherwise, "" if it does not."""
        if self._fresh is None:
            return ""
        answer = self._fresh.answers()[0]
        if answer.error:
            self.unseen = f"no other process could make its runs to compare: {answer.error}"
            return ""
        if answer.digest == digest(self._end.events):
            return ""
        return went_otherwise(record(self._subject, self._end), answer)

    def close(self) -> None:
        """Want no more."""
        if self._fresh is not None:
            self._fresh.close()


def went_otherwise(made: Record, answer: Answer) -> str:
    """Return what is to be said of a run that goes otherwise in a new process."""
    return _unstable(
        made.subject,
        "a run goes otherwise in a new process, in which none went before it: "
        f"{answer.outcome} instead of {made.outcome.label}",
    )


def usual_went_otherwise(subject: Subject) -> str:
    """Return what is to be said where the usual run goes otherwise after others, anywhere."""
    return _unstable(subject, "its usual run went otherwise where others had been made before it")


def fails_elsewhere(subject: Subject) -> str:
    """Return what is to be said where a run that failed elsewhere does not fail here."""
    what = "a run that failed where it was made, or when it was kept, goes otherwise here"
    return f"{_unstable(subject, what)} (--anew forgets what was kept)"


def kept_otherwise(subject: Subject) -> str:
    """Return what is to be said where what was kept of a search is not what it comes to now."""
    what = "a part of the search that was kept comes to something else now"
    return f"{_unstable(subject, what)} (--anew forgets what was kept)"


def taken_otherwise(subject: Subject, error: BaseException | None) -> str:
    """Return what is to be said of a run that did not meet the choices of one before it."""
    return _unstable(subject, f"a run did not meet the choices of one before it: {error}")


def _unstable(subject: Subject, what: str) -> str:
    if not subject.has_own_code:
        return f"runs do not depend on their choices alone: {what}; {_OURS}"
    cause = "keeps state from one run to the next, or reads a clock, chance or addresses"
    return printable(f"{subject.label} {cause}: {what}. To do: {_REMEDY}")


def _difference(first: tuple[Event, ...], again: tuple[Event, ...]) -> str:
    """Return the first event in which two traces differ."""
    pairs = zip(first, again, strict=False)
    at = next((index for index, (one, other) in enumerate(pairs) if one != other), None)
    if at is None:
        at = min(len(first), len(again))
    return f"event {at} was {_show(first, at)}, then {_show(again, at)}"


def _show(events: tuple[Event, ...], at: int) -> str:
    if at >= len(events):
        return "missing"
    event = events[at]
    values = ", ".join(f"{key}={value!r}" for key, value in event.values.items())
    return f"{event.kind}({values})"
