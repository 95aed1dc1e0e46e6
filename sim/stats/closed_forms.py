"""Failure rates that can be computed beforehand: exposed time over the horizon of the injection.

The injection's delay is uniform over a horizon H, so a guard fails at the rate at which the event
falls into the time in which the guard is blind to it. Each form is named by a scenario
(`sweep.closed_form`) and drawn as a line beside what was simulated.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.model.names import GUARDS, MODES, Event, Mode, Probe, RuntimeName
from sim.model.scenario import Scenario, Wait
from sim.model.times import Draw, require_number

BLIND = frozenset({"none", "pre-fix", "post-fix"})
"""Guards that never read application_state, and do not catch."""
LEGACY_CLOSE_TRIPS = 3
"""Trips over the link until legacy delivers a client's close: close, reply, FIN."""


@dataclass(frozen=True, slots=True)
class Form:
    """Where a form holds, and the exposed time of a scenario's guard in the unit of the horizon.

    events: what is injected. at: after which probe. servers: how their names begin. modes: in
    which.
    """

    exposed: Callable[[Scenario], float]
    events: tuple[Event, ...]
    at: Probe
    servers: tuple[str, ...] = ("",)
    modes: tuple[Mode, ...] = MODES


def closed_form(scenario: Scenario) -> float | None:
    """Return the failure rate of a scenario, or None where none is known.

    scenario: its sweep names the form and the horizon. There is no answer for another shape than
    the report's, for a guard of somebody's own, or for another injection than the form's.
    """
    form = FORMS.get(scenario.sweep.closed_form or "")
    horizon = scenario.sweep.horizon_ms
    if form is None or not horizon or not _holds(form, scenario, horizon):
        return None
    return min(1.0, max(0.0, form.exposed(scenario) / horizon))


def _holds(form: Form, scenario: Scenario, horizon: float) -> bool:
    if len(scenario.injections) != 1 or scenario.guard not in GUARDS:
        return False
    (injection,) = scenario.injections
    turns = tuple(range(int(horizon)))
    spread = Draw(list=turns) if form is FORMS["turns"] else Draw(uniform=(0, horizon))
    return (
        scenario.shape == "report"
        and scenario.runtime in ("asyncio-3.11", "asyncio-3.12")
        and scenario.mode in form.modes
        and scenario.server.startswith(form.servers)
        and injection.do in form.events
        and injection.at == form.at
        and spread == (injection.hops if form is FORMS["turns"] else injection.delay_ms)
    )


def _hop(runtime: RuntimeName, in_place: bool) -> int:
    return int(runtime == "asyncio-3.11" and not in_place)


def _window(scenario: Scenario) -> float:
    return require_number(scenario.window_ms) if scenario.guard in BLIND else 0.0


def _turns(scenario: Scenario) -> float:
    """The closing task acts before the receive looks; both-states sees all but wait_for's turn."""
    hop = _hop(scenario.runtime, scenario.guard == "both-no-hop")
    if scenario.guard in BLIND:
        return scenario.window_hops + hop
    return hop if scenario.guard == "both-states" else 0


def _last_send(scenario: Scenario) -> float:
    """From the message to the last send, less the close's way to the server."""
    if scenario.guard not in BLIND:
        return 0.0
    sends = 5 if scenario.handler.sends is None else scenario.handler.sends
    if isinstance(sends, tuple):
        sends = sends[0]
    return sends * scenario.handler.work_ms - scenario.clients.delay_ms


def _eaten(scenario: Scenario) -> float:
    """Until the close frame has come, two receivers collide whatever the guard has seen; from then
    on both wait for the end of the connection, after which pre-fix receives once too often.
    """
    if scenario.guard == "catch":
        return 0.0
    window_ms, trip_ms = require_number(scenario.window_ms), scenario.clients.delay_ms
    collides = min(window_ms, trip_ms)
    if scenario.guard in ("none", "pre-fix", "raw"):
        return collides + max(0.0, window_ms - LEGACY_CLOSE_TRIPS * trip_ms)
    return collides


def _preaccept(scenario: Scenario) -> float:
    wait = scenario.pauses.get("preaccept", 0.0)
    waits_ms = wait.ms if isinstance(wait, Wait) else wait
    return waits_ms - scenario.clients.delay_ms


FORMS: Mapping[str, Form] = {
    "window": Form(_window, ("server-close",), "validated"),
    "turns": Form(_turns, ("server-close",), "validated"),
    "last-send": Form(
        _last_send,
        ("client-close", "client-abort"),
        "received",
        servers=("uvicorn-websockets",),
        modes=("main",),
    ),
    "eaten": Form(_eaten, ("eaten-disconnect",), "validated", servers=("uvicorn-websockets",)),
    "preaccept": Form(
        _preaccept,
        ("client-abort",),
        "connecting",
        servers=("uvicorn-wsproto", "uvicorn-sansio"),
    ),
}
"""The forms by name."""
