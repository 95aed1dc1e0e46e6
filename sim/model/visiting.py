"""What visitors of a running server do: a script, and what happens beside it at drawn moments."""

from dataclasses import dataclass

from sim.model.appscript import Script, Step
from sim.model.times import Time

ASKED = -1
"""`Placed.after`: the handshake's request has been sent, its answer has not been waited for."""
OPEN = 0
"""`Placed.after`: the connection is open."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Something that a client does beside its script, once, at a moment that may be drawn."""

    after: int
    """When its delay begins: so many messages have been sent; `OPEN`, or `ASKED`."""
    delay_ms: Time
    steps: tuple[Step, ...]
    """What it does then; a step by which it leaves cuts its script off."""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of visit, as it is played from outside."""

    visit: int
    """Which visit of the plan it is, from 0."""
    label: str
    weight: float
    """How often it comes, relative to the other parts."""
    script: Script
    placed: tuple[Placed, ...] = ()
    fresh: bool = False
    """Whether a wait counts what comes after the last message that was sent. In scripts as people
    type them it counts all that has come, as in `wsrace check`."""
