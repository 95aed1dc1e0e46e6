"""When a scheduler is shown the state of its run.

It is shown before something is chosen on new ground. To tell a state costs more than a turn, so it
is not told elsewhere, but for one case: a run in which for long nothing is chosen and nothing is
seen to happen, as where code polls. Such a run is watched for a while, now and then, for whether it
goes round: if it does, nothing new is to be seen before the outside world acts.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from sim.aio.world import World

_QUIET = 64
"""Turns in which nothing happens, after which a run is watched for as many, and then at each power
of two."""


@runtime_checkable
class Visiting(Protocol):
    """A scheduler that is shown the state of its run before choices on new ground."""

    @property
    def on_new_ground(self) -> bool:
        """Whether the run has come further than all before it."""

    def visit(self, tell: Callable[[], tuple[bytes, object, tuple[int, ...]]]) -> bool:
        """Take note of a state.

        tell: returns it, how long nothing has happened, and how much time is left of what only
        limits: a state with more of it leads to all that one with less leads to.

        Returns whether the run goes round for good, and need not be looked at again before the
        outside world acts. Raises Redundant if the run need not go on.
        """


class Visits:
    """Shows one run to its scheduler, if that wants to see it."""

    def __init__(self, world: World) -> None:
        self._world = world
        scheduler = world.scheduler
        self._visitor = scheduler if isinstance(scheduler, Visiting) else None
        self._round_since = -1
        """How often the outside world had acted when the run began to go round for good."""
        self._events = self._quiet = 0
        """How many events there were, and for how many turns nothing has happened since."""
        self._passed: set[tuple[bytes, bool, int]] = set()
        """The states that were met while it was watched, but for when the outside world acts."""
        self.look: Callable[[], None] = lambda: None
        """Called in each turn that no run before made."""
        self.tell: Callable[[bool], bytes] | None = None
        """Tells the state of the run, with when the outside world acts or without; None if nobody
        can."""

    def show(self, busy: bool, waited: int, chooses: Callable[[], bool]) -> None:
        """Show a turn that begins.

        busy: whether callbacks are ready. waited: for how many turns nothing has happened. chooses:
        tells whether something is going to be chosen. Raises Redundant if the state was seen.
        """
        world, tell, visitor = self._world, self.tell, self._visitor
        if world.settles or tell is None or visitor is None or world.acts == self._round_since:
            return
        if not visitor.on_new_ground:
            return
        self.look()
        if chooses():
            self._quiet = 0
            met = tell
            goes_round = visitor.visit(
                lambda: (met(True) + bytes([busy]), waited, self._time_left())
            )
        else:
            goes_round = self._is_watched() and self._returns((tell(False), busy, waited))
        self._round_since = world.acts if goes_round else -1

    def _is_watched(self) -> bool:
        """Whether so little has happened that it may be going round."""
        events = len(self._world.events)
        self._quiet = self._quiet + 1 if events == self._events else 0
        self._events = events
        since = 1 << (self._quiet.bit_length() - 1) if self._quiet else 0
        if self._quiet == since:
            self._passed.clear()
        return self._quiet >= _QUIET and self._quiet - since < _QUIET

    def _returns(self, state: tuple[bytes, bool, int]) -> bool:
        """Whether it was in a state before while it was watched. Nothing was chosen since."""
        known = state in self._passed
        self._passed.add(state)
        return known

    def _time_left(self) -> tuple[int, ...]:
        """Return how long the run may go on, clients wait, and what is under way may take."""
        world = self._world
        patience = [port.peer.patience_ns for port in world.ports]
        sent = [unit.sent_ns - world.now_ns for port in world.ports for unit in port.under_way]
        return (world.from_now(world.horizon_ns) or 0, *patience, *sent)
