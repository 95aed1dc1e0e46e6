"""A cell's columns -> the scenario that arranges the same thing.

The handler is the one that the recorded cells were made with: the product's, with other parameters
(a receive timeout ends it, no retries, no greeting, `pre` reads client_state only, the poll lasts
0.2 s). Nothing here knows what comes of a cell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sim.conformance.cells import Cell
from sim.conformance.stacks import NotCovered, Setting, setting_of
from sim.model.scenario import Scenario

KINDS: Mapping[str, str] = {
    "client_close": "client-close",
    "client_rst": "client-abort",
    "client_eof": "client-eof",
    "server_close": "server-close",
    "server_shutdown": "server-shutdown",
    "sm_closing": "state-change",
    "disc_eaten": "eaten-disconnect",
}
GUARDS: Mapping[str, str] = {
    "none": "none",
    "pre": "pre-fix",
    "post": "post-fix",
    "both": "both-states",
    "both_nohop": "both-no-hop",
    "catch": "catch",
    "raw": "raw",
    "orig_pre": "pre-fix",
    "orig_post": "post-fix",
}
POINTS: Mapping[str, tuple[str, int]] = {
    "preaccept": ("preaccept", 1),
    "top": ("top", 2),
    "gap": ("validated", 2),
    "recv": ("receiving", 2),
    "proc1": ("received", 1),
    "procN": ("received", 1),
    "sendfail": ("received", 1),
}
"""Where the event is placed: a probe, and which passing of it. Each handler serves M1 first."""
PAUSED: Mapping[str, str] = {
    "preaccept": "preaccept",
    "top": "top",
    "gap": "validated",
    "proc1": "received",
    "procN": "sending",
}
"""The probe at which the handler awaits what the column `wait` says."""
NO_EVENT: Mapping[str, str] = {"noaccept": "never", "connect_only": "connect-only"}
SENDS: Mapping[str, int] = {"procN": 5, "sendfail": 12}
INTO_RECEIVE_MS = 5
"""How long after the handler has entered receive the event of the point `recv` comes."""
BETWEEN_SENDS_MS = 5
"""How far apart the sends of the point `sendfail` are."""
CLOSE_MS = 30
"""When the client of sm_closing sends its close frame, after the event."""
POLL_MS, RECEIVE_TIMEOUT_MS, END_MS = 200, 350, 5000


@dataclass(frozen=True, slots=True)
class Timing:
    """How the clocks of a real machine run, in milliseconds.

    late_ms: how late a sleep of the handler ends; a loop wakes late, never early. reaction_ms: from
    what the server sends to the client's answer, which is another thread's. message_ms: when the
    client of sm_closing sends its last message, after the event.
    """

    late_ms: float = 0.4
    reaction_ms: float = 0.1
    message_ms: float = 15

    def slept(self, asked_ms: float) -> float:
        """Return how long a sleep of `asked_ms` takes."""
        return asked_ms + self.late_ms


EXACT = Timing(late_ms=0)
"""For a real server, which adds its own."""
USUAL = Timing()
"""Sleeps of CPython's loops on an idle machine, and a client that answers between two of them."""
ENVELOPE = (
    USUAL,
    replace(USUAL, late_ms=0.05),
    replace(USUAL, late_ms=1.5),
    replace(USUAL, late_ms=30),
    replace(USUAL, reaction_ms=8),
    replace(USUAL, message_ms=30),
)
"""What a busy machine adds: sleeps that end at once, late or very late (the loop stalls), a client
whose thread waits for its turn (CPython's switch interval is 5 ms) or sends late. The same for all
cells; only cells whose outcome was seen to vary are held against all of it."""


def scenario_of(cell: Cell, setting: Setting | None = None, timing: Timing = USUAL) -> Scenario:
    """Return the scenario of a cell. Raises NotCovered with the reason.

    setting: the stack, where it is known already.
    """
    where = setting or setting_of(cell)
    if cell.guard not in GUARDS:
        raise NotCovered(f"guard {cell.guard!r} is unknown")
    original = cell.guard.startswith("orig_")
    data: dict[str, Any] = {
        "mode": "factory" if original else "legacy",
        "shape": "original" if original else "report",
        "guard": GUARDS[cell.guard],
        "runtime": where.runtime,
        "server": where.server,
        "starlette": where.starlette,
        "end_ms": END_MS,
        "handler": {
            "receive_timeout_ms": RECEIVE_TIMEOUT_MS,
            "on_timeout": "leave",
            "poll_ms": POLL_MS,
            "retry_ms": [],
            "swallows": "everything",
            "top_reads_machine": original,
            "sends": [SENDS.get(cell.point, 1), 1],
            "until_failed": cell.point == "sendfail",
            "apart_ms": timing.slept(BETWEEN_SENDS_MS) if cell.point == "sendfail" else 0,
        },
        "setup": {
            "greets": False,
            "accepts": NO_EVENT.get(cell.point, "yes"),
            "machines": "ready",
        },
        "clients": {
            "delay_ms": 0,
            "down_ms": timing.reaction_ms,
            "script": _script(cell),
        },
        "injections": _injections(cell, timing),
    }
    data |= _waits(cell, timing)
    return Scenario.model_validate(data)


def _script(cell: Cell) -> list[Any]:
    """Return what the client does by itself: it sends M1 where the handler gets so far."""
    before_m1 = cell.point in NO_EVENT or cell.point == "preaccept"
    return ["connect", *([] if before_m1 else [{"send": "{}"}]), "silent"]


def _waits(cell: Cell, timing: Timing) -> dict[str, Any]:
    """Return what the handler awaits after the event, at the probe of the cell's point."""
    wait = cell.wait
    if wait in ("0", "-", ""):
        return {}
    probe = PAUSED.get(cell.point)
    if probe is None:
        raise NotCovered(f"wait {wait!r} at point {cell.point!r}: nothing is awaited there")
    nth = list(range(1, SENDS["procN"] + 1)) if cell.point == "procN" else [POINTS[cell.point][1]]
    if wait.isdecimal():
        hops = int(wait)
        if hops > 1000:
            raise NotCovered(f"wait {wait!r}: at most 1000 hops")
        return {"pauses": {probe: {"hops": hops, "nth": nth}}}
    digits = wait.removesuffix("ms")
    if digits == wait or not digits.isdecimal() or len(digits) > 4:
        raise NotCovered(f"wait {wait!r} is unknown")
    return {"pauses": {probe: {"ms": timing.slept(int(digits)), "nth": nth}}}


def _injections(cell: Cell, timing: Timing) -> list[dict[str, Any]]:
    """Return the event of a cell, and what the client of sm_closing does after it."""
    if cell.kind == "none" and cell.point in NO_EVENT:
        return []
    if cell.kind == "server_shutdown_full":
        raise NotCovered(
            "kind 'server_shutdown_full': how long a whole server takes to stop is set where it "
            "is started, which a cell does not say"
        )
    if cell.kind not in KINDS:
        raise NotCovered(f"kind {cell.kind!r} is unknown")
    if cell.point in NO_EVENT:
        raise NotCovered(f"kind {cell.kind!r} at point {cell.point!r}: nothing happens there")
    if cell.point not in POINTS:
        raise NotCovered(f"point {cell.point!r} is unknown")
    probe, nth = POINTS[cell.point]
    place = {"at": probe, "nth": nth}
    begins_ms = INTO_RECEIVE_MS if cell.point == "recv" else 0
    event = {"do": KINDS[cell.kind], **place, "queued": cell.queued}
    event |= {"delay_ms": begins_ms} if begins_ms else {"placed": "inline"}
    if cell.kind != "sm_closing":
        return [event]
    return [
        event,
        {"do": "client-message", **place, "delay_ms": begins_ms + timing.message_ms},
        {"do": "client-close", **place, "delay_ms": begins_ms + CLOSE_MS},
    ]
