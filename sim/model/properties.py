"""What can be asked to hold in every run: a row for each property."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Property:
    """One thing that must hold in every run."""

    name: str
    summary: str
    breaks: Callable[[Outcome], bool]
    """Whether an outcome breaks it."""
    timeless: bool = False
    """Whether no run breaks it by being ended by its time: with more time it would, too."""


_ROWS = (
    Property("no-error", "no failure", lambda outcome: outcome.failed, timeless=True),
    Property("no-loss", "every message is received", lambda outcome: outcome.lost > 0),
    Property(
        "completes",
        "no failure, and every chat turn sends all of its events",
        lambda outcome: outcome.failed or outcome.complete < outcome.turns,
    ),
)
PROPERTIES: Mapping[str, Property] = {row.name: row for row in _ROWS}
"""The properties by name, the one that is taken by default first."""
