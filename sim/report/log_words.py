"""What the counts of a log say, in sentences: is it this race, and did the fix change anything?"""

from collections.abc import Iterable

from sim.logs.counting import Counts, PatternCount
from sim.logs.patterns import ERROR, PATTERNS, WARNING
from sim.logs.times import NANOS, written


def conclusion(counts: Counts) -> list[str]:
    """Return a few sentences that follow from the counts and from nothing else."""
    if not any(counts.kinds.values()):
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
        f"{pattern.name} {_times(counts.patterns[pattern.name].hits)} ({_join(pattern.of, 'or')})"
        for pattern in PATTERNS
        if pattern.kind == "bad" and pattern.name != ERROR and counts.patterns[pattern.name].hits
    ]
    said = f"{bad:,} bad {'line' if bad == 1 else 'lines'}. "
    if error:
        said += (
            f"Consistent with the race of issue #1061: {ERROR} {_times(error)} (blind spot, server "
            "close or hop)"
        )
        return f"{said}; besides, {_join(others)}." if others else f"{said}."
    return f"{said}Not the error of issue #1061 itself ({ERROR}), but {_join(others)}."


def _the_fix(counts: Counts) -> list[str]:
    error, warning = counts.patterns[ERROR], counts.patterns[WARNING]
    if not warning.hits:
        if not error.hits:
            return []
        return [
            f"The warning of the published fix ({WARNING}) stands nowhere: it is not deployed, or "
            "it had nothing to see, because in the blind spot and after a server's close neither "
            "client_state nor the machine changes."
        ]
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
            f"After its first warning ({written(first)}) the error was not logged again, but {why}."
        ]
    later = sum(
        errors
        for start, (*_, errors) in counts.stretches
        if start > first // NANOS // counts.stretches.unit_s * counts.stretches.unit_s
    )
    return [
        f"The race is still there: the error was logged until {written(error.span.last)}, after "
        f"the first warning at {written(first)} ({_times(later)} in later "
        f"{unit_name(counts.stretches.unit_s)}s); {why}."
    ]


def unit_name(unit_s: int) -> str:
    """Return what to call a stretch of so many seconds."""
    names = {60: "minute", 3600: "hour", 86_400: "day"}
    return names.get(unit_s, f"{unit_s // 86_400}-day stretch")


def _times(number: int) -> str:
    return {0: "never", 1: "once"}.get(number, f"{number:,} times")


def _join(parts: Iterable[str], word: str = "and") -> str:
    found = list(parts)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} {word} {found[-1]}"
