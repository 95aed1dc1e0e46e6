"""Which events of a trace tell something, and which only repeat what others tell."""

from sim.model.record import Event

REPEATS = frozenset({"asgi.send", "asgi.receive"})
"""Kinds of events that others tell better."""
BEGIN, FINAL, RECEIVING = "validated", "final_check", "receiving"
"""The probes around the window: it begins behind the check and ends before the receive."""
PLACES = frozenset({BEGIN, FINAL, RECEIVING})
"""Probes that matter to the race."""
TELLING = {
    "injected": "do",
    "frame": "frame",
    "lost": "connection",
    "shutdown": "connection",
    "raised": "outcome",
    "left": "outcome",
    "app.raised": "error",
    "swallowed": "error",
}
"""Kinds of events that say what a step did, each with the value that tells it."""


def is_noise(event: Event, wire: bool = False) -> bool:
    """Whether a short telling can do without an event.

    wire: whether what goes over the wire is told. Then nobody needs to be told that a client sent
    it; else that it was sent is told, and not the wire.
    """
    if event.kind == "probe":
        return event.values.get("at") not in PLACES
    if event.kind == "log":
        return event.values.get("level") in ("debug", "info")
    return event.kind in REPEATS or event.kind == ("client.sent" if wire else "wire")
