"""The seam to engines: a plan of jobs goes in, their ends come out.

An engine knows how to run one kind of world: ours on Trio (`sim.kernel`), or another event loop.
Whoever searches, shrinks or replays meets nothing but these protocols, and so knows no engine.
"""

from collections.abc import Generator
from typing import Protocol, Self

from sim.model.record import End, Limits
from sim.model.schedule import Scheduler


class Job(Protocol):
    """One world to run, ready for its engine. Frozen: what changes it returns another one."""

    @property
    def scheduler(self) -> Scheduler:
        """Who answers its choices."""

    @property
    def limits(self) -> Limits:
        """What it may use up."""

    @property
    def in_batches(self) -> bool:
        """Whether its tasks step in batches, between which alone the outside lands."""

    def under(self, scheduler: Scheduler) -> Self:
        """Return the same world under another scheduler."""

    def recording(self, steps: bool = True, lines: bool = False) -> Self:
        """Return the same world with its steps recorded; lines: with the code's lines, too."""

    def before(self, horizon: int) -> Self:
        """Return the same world, postponed where its time would move beyond a tick."""

    def engine(self) -> "Engine":
        """Return what can run it and others of its kind."""


Plan = Generator[Job, End, None]
"""Yields jobs, is sent their ends."""


class Engine(Protocol):
    """Runs worlds, one after the other. Its patches and hooks last as long as one plan."""

    def run(self, plan: Plan) -> None:
        """Run every job of `plan` and send it the ends. What the plan raises is raised here."""
