"""Guards: what a handler checks before it receives, and where.

Each says which states it reads at the loop top and right before the receive. A guard of your own is
a `Guard`, or a function of the WebSocket that returns whether to go on: it then stands right before
the receive, behind pre-fix's check at the top.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from starlette.websockets import WebSocket

Read = Literal["client_state", "application_state", "machine"]
Check = Callable[[WebSocket], bool]


@dataclass(frozen=True, slots=True)
class Guard:
    """How one variant of the handler protects its receive."""

    name: str
    summary: str
    top: tuple[Read, ...] = ()
    """The states that must be CONNECTED (or the machine operational) at the loop top."""
    final: tuple[Read, ...] | None = None
    """The same right before the receive; None: no second check."""
    in_place: bool = False
    """Whether the timeout runs around the receive without a task of its own."""
    catches: bool = False
    """Whether a RuntimeError counts as the disconnect."""
    raw: bool = False
    """Whether it calls `receive()` instead of `receive_text()`."""
    robust: bool = False
    """Whether it holds where pre-fix does not, so that failing runs are compared with it."""
    warning: str = "Guard stopped the receive for connection {}"
    """What it logs when it leaves."""
    check: Check | None = None
    """Somebody's own code, right before the receive: whether to go on."""


PRE_FIX = Guard(
    "pre-fix",
    "client_state and the state machine at the loop top",
    top=("client_state", "machine"),
)
GUARDS: Mapping[str, Guard] = {
    guard.name: guard
    for guard in (
        Guard("none", "no check at all"),
        PRE_FIX,
        replace(
            PRE_FIX,
            name="post-fix",
            summary="the published fix: the same two once more right before the receive",
            final=("client_state", "machine"),
            warning=(
                "WebSocket state changed between handshake validation and receive for connection {}"
            ),
        ),
        replace(
            PRE_FIX,
            name="both-states",
            summary="client_state and application_state right before the receive",
            final=("client_state", "application_state"),
            robust=True,
        ),
        replace(
            PRE_FIX,
            name="both-no-hop",
            summary="both-states, with the timeout in place instead of wait_for's task",
            final=("client_state", "application_state"),
            in_place=True,
            robust=True,
        ),
        Guard(
            "catch",
            "no check; a RuntimeError of receive is the disconnect",
            catches=True,
            robust=True,
        ),
        Guard("raw", "no check; receive() instead of receive_text()", raw=True, robust=True),
    )
}
"""The guards by name."""


def own_guard(name: str, found: object) -> Guard:
    """Return somebody's own guard. Raises TypeError if `found` is neither a Guard nor callable."""
    if isinstance(found, Guard):
        return replace(found, name=name)
    if callable(found):
        return replace(PRE_FIX, name=name, summary="of your own", check=found)
    raise TypeError(f"{name}: expected a Guard or a function, got {type(found).__name__}")
