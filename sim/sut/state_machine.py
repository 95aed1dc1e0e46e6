"""The application's own state machine of a connection, as one table.

All changes of state happen in `transition`; whatever is not in the table is refused.
"""

from collections.abc import Callable, Mapping
from typing import Final

from sim.model.names import State

TRANSITIONS: Final[Mapping[State, tuple[State, ...]]] = {
    "connecting": ("accepted", "failed", "closed"),
    "accepted": ("authenticated", "failed", "closed"),
    "authenticated": ("services_ready", "degraded", "failed", "closed"),
    "services_ready": ("processing_ready", "degraded", "failed", "closed"),
    "processing_ready": ("processing", "idle", "degraded", "closing", "failed", "closed"),
    "processing": ("idle", "processing_ready", "degraded", "closing", "failed", "closed"),
    "idle": ("processing", "processing_ready", "degraded", "closing", "failed", "closed"),
    "degraded": (
        "processing_ready",
        "processing",
        "idle",
        "reconnecting",
        "closing",
        "failed",
        "closed",
    ),
    "reconnecting": ("services_ready", "processing_ready", "degraded", "failed", "closed"),
    "closing": ("closed",),
    "closed": (),
    "failed": ("connecting",),
}
OPERATIONAL: Final = frozenset({"processing_ready", "processing", "idle", "degraded"})
REFUSALS_UNTIL_FAILED: Final = 5
"""After so many refusals in a row the next valid transition is forced to failed."""

Observe = Callable[[bool], None]
"""Called with True before the state is written, with False before it is read."""
Log = Callable[[str, str], None]


class StateMachine:
    """One connection's state."""

    def __init__(
        self, connection_id: str, observe: Observe, log: Log, state: State = "connecting"
    ) -> None:
        self.connection_id = connection_id
        self._in_a_row = 0
        self._state: State = state
        self._observe = observe
        self._log = log

    @property
    def state(self) -> State:
        """The state now."""
        self._observe(False)
        return self._state

    @property
    def operational(self) -> bool:
        """Whether messages may be processed in this state."""
        return self.state in OPERATIONAL

    def transition(self, to: State) -> bool:
        """Go to `to` if the table allows it. Return whether the machine is in `to` now."""
        self._observe(True)
        before = self._state
        if to not in TRANSITIONS[before]:
            self._in_a_row += 1
            self._log(
                "warning",
                f"Invalid state transition for {self.connection_id}: {before} -> {to}",
            )
            return False
        forced = self._in_a_row >= REFUSALS_UNTIL_FAILED
        if forced:
            self._log("error", f"Too many refused transitions for {self.connection_id}: -> failed")
        self._in_a_row = 0
        self._state = "failed" if forced else to
        return self._state == to
