"""What is asked of an application of somebody's own: where it is, who connects, within what bounds.

Plain frozen data, so that it can stand in tokens.
"""

from dataclasses import dataclass, field, fields
from typing import Literal, get_args

from sim.errors import UserError
from sim.model.appscript import Script

ServerName = Literal["websockets-sansio", "wsproto", "websockets"]
"""uvicorn's classes for WebSockets, by the names of its own option --ws."""
SERVERS: tuple[ServerName, ...] = get_args(ServerName)
Start = Literal["request", "open"]
"""From where on what happens is a choice: from the first byte, or once every client is open."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far from its usual ways the system may go. Raises UserError for what cannot be.

    What is outside of them is not looked at, so every verdict has to say them.
    """

    late: int = 0
    """How many turns of the loop may find the clock further than it had to be."""
    stall_ms: float = 100.0
    """By how much, at most: how long the process may be held up."""
    grain_ms: float = 1.0
    """How much later than its timer a wait may end at any time: epoll counts milliseconds."""
    latency_ms: float = 1000.0
    """How long what a client sends may take, where the server reads."""
    until_ms: float = 60_000.0
    """How long a run goes on after the last thing that a client does of its own accord."""
    gone_ms: float = 30_000.0
    """How long a run goes on after the last client's connection has ended."""
    partial: int = 0
    """How many sends may take only a part, or nothing."""
    splits: int = 0
    """How many frames may come in two parts, the second later: it is cut in the middle."""
    start: Start = "request"
    """From where on what happens is a choice."""

    def __post_init__(self) -> None:
        faults = []
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name != "start" and (isinstance(value, bool) or not 0 <= value < 1e12):
                faults.append(f"{one.name}: expected a number of at least 0, got {value!r}")
        if self.start not in get_args(Start):
            faults.append(f"start: {self.start!r} is unknown; allowed: request, open")
        if faults:
            raise UserError(*faults)


@dataclass(frozen=True, slots=True)
class AppCase:
    """One question to an application: these clients, on this server, within these bounds."""

    target: str
    """"module:name" of the application, or of what makes one."""
    clients: tuple[Script, ...]
    server: ServerName = "websockets-sansio"
    bounds: Bounds = field(default_factory=Bounds)
    factory: bool = False
    """Whether the target makes the application."""
    lifespan: Literal["auto", "on", "off"] = "auto"
    root_path: str = ""
    pings: bool = False
    """Whether the server sends pings of its own."""
    shutdown_at_ms: float | None = None
    """When the server is told to stop; None for never."""
    grace_ms: float = 10_000.0
    """How long it may take to stop."""
    invariants: tuple[str, ...] = ()
    """Functions, "module:function", that must hold after every turn of the loop."""
    at_end: tuple[str, ...] = ()
    """Functions that must hold when a run is over."""

    @property
    def connections(self) -> tuple[str, ...]:
        """What all connections are called: of each client its WebSocket's, then its requests'."""
        named = enumerate(self.clients, 1)
        return tuple(name for number, one in named for name in one.connections(f"c{number}"))
