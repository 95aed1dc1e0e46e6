"""A run of an application on the real kernel: what came of it, for people and for programs."""

from collections.abc import Iterator
from typing import Any

from sim.live.steered.executed import Executed


def executed_lines(found: Executed) -> Iterator[str]:
    """Yield how often a run went the same on the real kernel, and how it went else."""
    if found.refused:
        yield f"real    not executed: {found.refused}"
        return
    count = len(found.attempts)
    asked = "" if count == found.asked else f" ({found.asked} were asked for: time was up)"
    yield f"real    confirmed {found.confirmed} of {count} on Linux TCP, epoll and clock{asked}"
    if found.different:
        yield f"        {found.different} of {count} went another way: {found.why}"
    if found.not_placed:
        why = f": {found.why}" if not found.different else ""
        yield f"        {found.not_placed} of {count} could not be placed{why}"
    if found.left_out_s >= 1:
        yield f"        without its last {found.left_out_s:.0f} s, in which nothing is seen"


def executed_document(found: Executed) -> dict[str, Any]:
    """Return the same as plain data."""
    return {
        "asked": found.asked,
        "executed": len(found.attempts),
        "confirmed": found.confirmed,
        "not_placed": found.not_placed,
        "different": found.different,
        "why": found.refused or found.why,
        "left_out_s": round(found.left_out_s, 3),
    }
