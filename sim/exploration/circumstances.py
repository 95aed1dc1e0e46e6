"""What a failing run of an application came of: what had come by then, how late, which choice."""

from collections.abc import Iterator
from dataclasses import dataclass

from sim.errors import NoAnswer
from sim.exploration.inquiry import Inquiry
from sim.exploration.nearest import Parting, nearest_passing
from sim.model.record import Event
from sim.model.schedule import Question
from sim.runs.subject import Record

_ENDS = ("app.raised", "finding")
"""Events at which a failure is known."""
_ASKED = Inquiry(strategy="exhaustive")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What stood around one failure."""

    delivered: dict[str, str]
    """For each connection what had come of it by then, part after part: "data, data+fin"."""
    stall_ms: float
    """How late the process was at most, by then; 0 if it never had to be."""
    parting: Parting | None
    """The nearest run that passes, and where it goes another way; None if none was found."""

    def lines(self) -> Iterator[str]:
        """Yield it in words."""
        if self.delivered:
            came = "; ".join(f"{name}: {parts}" for name, parts in self.delivered.items())
            yield f"had come by then: {came}"
        if self.stall_ms:
            yield f"a stall of {self.stall_ms:g} ms is enough"
        if self.parting is not None:
            one = self.parting
            what = _what(one.passing.schedule[one.index].question)
            yield (
                f"passes where choice {one.index + 1}, {what}, is {one.passed} instead of "
                f"{one.failed}: {one.passing.outcome.label}"
            )


def _what(question: Question) -> str:
    """Return what a choice is about."""
    asker = question.asker
    known = {
        "net": "what comes from outside",
        "epoll": "who is told of first",
        "idle": "what ends the wait",
        "busy": "how far the clock is",
        "thread": "whether a thread lands",
        "idle thread": "whether a thread lands",
    }
    if asker in known:
        return known[asker]
    name, _, act = asker.partition(":")
    return {
        "": f"how much of {name}'s comes",
        "send": f"whether a reset meets a send to {name}",
        "sends": f"how much a send to {name} takes",
        "split": f"whether a frame of {name}'s comes as a whole",
    }.get(act, asker)


def circumstances_of(made: Record) -> Circumstances:
    """Return what a failing run of an application came of."""
    before = list(_before_failure(made))
    return Circumstances(_delivered(before), _stall_ms(before), _parting(made))


def _before_failure(made: Record) -> Iterator[Event]:
    failing = {one.connection for one in made.outcome.findings if one.failure}
    for event in made.end.events:
        if event.kind in _ENDS and event.values.get("connection") in failing:
            return
        yield event


def _delivered(events: list[Event]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for event in events:
        if event.kind == "arrived":
            parts = found.setdefault(str(event.values["connection"]), [])
            parts.append(_counted(str(event.values["what"]).split(",")))
    return {name: ", ".join(parts) for name, parts in found.items()}


def _counted(what: list[str]) -> str:
    """Return what came at once: "data", "2 data+fin"."""
    counts = {one: what.count(one) for one in dict.fromkeys(what)}
    return "+".join(one if count == 1 else f"{count} {one}" for one, count in counts.items())


def _stall_ms(events: list[Event]) -> float:
    late = [event.values["by_us"] for event in events if event.kind == "late"]
    return max((float(by or 0) / 1000 for by in late), default=0.0)


def _parting(made: Record) -> Parting | None:
    try:
        return nearest_passing(made, _ASKED)
    except NoAnswer:
        return None
