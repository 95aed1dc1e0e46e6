"""The names that scenarios may use. Each is built somewhere else; a test holds them together."""

from typing import Literal, get_args

Mode = Literal["main", "factory", "isolated", "legacy"]
Shape = Literal["report", "original"]
RuntimeName = Literal["asyncio-3.11", "asyncio-3.12", "trio", "any-order"]
Probe = Literal[
    "connecting",
    "preaccept",
    "accepted",
    "authenticating",
    "top",
    "validated",
    "final_check",
    "receiving",
    "received",
    "sending",
    "send_failed",
    "closing",
]
"""Places in the handler, in the order in which it passes them."""
Event = Literal[
    "client-close",
    "client-abort",
    "client-eof",
    "client-message",
    "server-close",
    "server-shutdown",
    "state-change",
    "eaten-disconnect",
    "failing-send",
]
"""What an injection may do."""
State = Literal[
    "connecting",
    "accepted",
    "authenticated",
    "services_ready",
    "processing_ready",
    "processing",
    "idle",
    "degraded",
    "reconnecting",
    "closing",
    "closed",
    "failed",
]
"""States of the application's own state machine, those of the backend of issue #1061."""

MODES: tuple[Mode, ...] = get_args(Mode)
SHAPES: tuple[Shape, ...] = get_args(Shape)
RUNTIMES: tuple[RuntimeName, ...] = get_args(RuntimeName)
PROBES: tuple[Probe, ...] = get_args(Probe)
EVENTS: tuple[Event, ...] = get_args(Event)
STATES: tuple[State, ...] = get_args(State)
GUARDS = ("none", "pre-fix", "post-fix", "both-states", "both-no-hop", "catch", "raw")
