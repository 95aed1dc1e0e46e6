"""Failure rates that can be computed beforehand, by hand: which values of the drawn delay fail.

A guard fails where the event falls into the time in which it is blind. Each form counts in ticks,
so that it can be held against `sim.sweep.exact` tick by tick; its ends say who comes first where
two events fall into one tick. A form is named by a scenario (`sweep.closed_form`) and drawn as a
line beside what was simulated.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from sim.model.names import GUARDS, MODES, Event, Mode, Probe, RuntimeName
from sim.model.scenario import Scenario, Wait
from sim.model.ticks import from_ms
from sim.model.times import Draw, require_number
from sim.stats.masses import Share, share_of, turns_of

BLIND = frozenset({"none", "pre-fix", "post-fix"})
"""Guards that never read application_state, and do not catch."""
LEGACY_CLOSE_TRIPS = 3
"""Trips over the link until legacy delivers a client's close: close, reply, FIN."""
Range = tuple[int, int]
"""The first and the last value that fail, in ticks or turns; empty if the last is before."""


@dataclass(frozen=True, slots=True)
class Form:
    """Where a form holds, and which values of the drawn delay fail under the scenario's guard.

    events: what is injected. at: after which probe. servers: how their names begin. modes: in
    which.
    """

    failing: Callable[[Scenario], Iterator[Range]]
    events: tuple[Event, ...]
    at: Probe
    servers: tuple[str, ...] = ("",)
    modes: tuple[Mode, ...] = MODES


def closed_form(scenario: Scenario) -> float | None:
    """Return the failure rate of a scenario, or None where none is known; see `exact_form`."""
    rate = exact_form(scenario)
    return None if rate is None else float(rate)


def exact_form(scenario: Scenario) -> Share | None:
    """Return the failure rate of a scenario as a fraction, or None where none is known.

    scenario: its sweep names the form and the horizon. There is no answer for another shape than
    the report's, for a guard of somebody's own, or for another injection than the form's.
    """
    form = FORMS.get(scenario.sweep.closed_form or "")
    horizon = scenario.sweep.horizon_ms
    if form is None or not horizon or not _holds(form, scenario, horizon):
        return None
    (injection,) = scenario.injections
    ranges = [(max(0, first), last) for first, last in form.failing(scenario) if last >= 0]
    if isinstance(injection.hops, Draw):
        turns = turns_of(injection.hops)
        return sum(
            (turns.get(turn, 0) for first, last in ranges for turn in range(first, last + 1)),
            Fraction(0),
        )
    draw = injection.delay_ms
    assert isinstance(draw, Draw)
    return sum((share_of(draw, *ends) for ends in ranges if ends[0] <= ends[1]), Fraction(0))


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


def _window(scenario: Scenario) -> Iterator[Range]:
    """The task that closes acts before the window ends, or in the turn of wait_for after it."""
    window, hop = from_ms(require_number(scenario.window_ms)), _hop(scenario.runtime, False)
    if scenario.guard in BLIND:
        yield 0, window - 1 + hop
    elif scenario.guard == "both-states" and hop:
        yield window, window  # seen by no check: it comes in that very turn


def _turns(scenario: Scenario) -> Iterator[Range]:
    """The task that closes acts before the receive looks; both-states sees all but wait_for's turn.

    As the window, counted in turns instead of ticks.
    """
    hop = _hop(scenario.runtime, scenario.guard == "both-no-hop")
    if scenario.guard in BLIND:
        yield 0, scenario.window_hops + hop - 1
    elif scenario.guard == "both-states" and hop:
        yield scenario.window_hops, scenario.window_hops


def _last_send(scenario: Scenario) -> Iterator[Range]:
    """From the message to the last send, less the way of the close or reset to the server.

    A reset that comes with the last send is met by it, a close frame is read later.
    """
    if scenario.guard not in BLIND:
        return
    sends = 5 if scenario.handler.sends is None else scenario.handler.sends
    if isinstance(sends, tuple):
        sends = sends[0]
    meets = scenario.injections[0].do == "client-abort"
    last = sends * from_ms(scenario.handler.work_ms) - from_ms(scenario.clients.delay_ms)
    yield 0, last - (not meets)


def _eaten(scenario: Scenario) -> Iterator[Range]:
    """Until the close frame has come, two receivers collide whatever the guard has seen; from then
    on both wait for the end of the connection, after which pre-fix receives once too often.

    A receive that is in place meets the second receiver also where the close frame comes with the
    end of the window; in a task of its own (wait_for of 3.11) it comes one turn too late.
    """
    if scenario.guard == "catch":
        return
    window = from_ms(require_number(scenario.window_ms))
    trip = from_ms(scenario.clients.delay_ms)
    late = _hop(scenario.runtime, scenario.guard == "both-no-hop")
    collides = max(0, window - trip + late)
    if scenario.guard in ("none", "pre-fix", "raw"):
        yield 0, min(window - LEGACY_CLOSE_TRIPS * trip, collides) - 1
    yield collides, window


def _preaccept(scenario: Scenario) -> Iterator[Range]:
    """The reset comes before `accept`; one that comes with it is met by the next receive."""
    wait = scenario.pauses.get("preaccept", 0.0)
    waits = from_ms(wait.ms if isinstance(wait, Wait) else wait)
    yield 0, waits - from_ms(scenario.clients.delay_ms) - (scenario.guard == "catch")


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
