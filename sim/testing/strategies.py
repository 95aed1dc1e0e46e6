"""Hypothesis strategies: schedulers, clients, injections and whole scenarios.

What they draw is valid by construction, and shrinks to what is simple: few deviations from the
natural order, few messages, no injections, default times. Needs Hypothesis.

Hypothesis takes what needs fewer draws for simpler, so what is simple must not need more of them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from sim.model.names import (
    EVENTS,
    GUARDS,
    MODES,
    PROBES,
    RUNTIMES,
    SHAPES,
    STATES,
    Event,
    Mode,
    Probe,
    RuntimeName,
    Shape,
)
from sim.model.profiles import DEFAULT_PROFILE, PROFILES
from sim.model.scenario import NEVER_AWAITED, Clients, Handler, Injection, Scenario, Setup
from sim.model.schedule import Question
from sim.model.ticks import PER_SECOND

_MS = st.integers(0, 50)
_WINDOW: tuple[Probe, ...] = ("validated", "final_check")
_AWAITED = tuple(probe for probe in PROBES if probe not in NEVER_AWAITED)
_ENDS = ("close", "silent", "fin", "rst")
_CLOSES: tuple[Event, ...] = ("client-close", "server-close", "eaten-disconnect")


class Deviating:
    """A scheduler that takes the default but at a few choices, whatever they turn out to be.

    It is good for one run; `Deviating(one.deviations)` is it anew. deviations: by the index of a
    choice, how many options further than the default to go. The default itself does not count, and
    after the last option comes the first.
    """

    def __init__(self, deviations: Mapping[int, int]) -> None:
        self.deviations = deviations
        self._asked = 0

    def __repr__(self) -> str:
        return f"Deviating({dict(sorted(self.deviations.items()))})"

    def choose(self, question: Question) -> int:
        """Return the index of the option to take."""
        further = self.deviations.get(self._asked, 0)
        self._asked += 1
        if further == 0:
            return question.default
        others = [index for index in range(len(question.options)) if index != question.default]
        return others[(question.default + further - 1) % len(others)]


def schedulers(most: int = 200) -> st.SearchStrategy[Deviating]:
    """Schedulers that deviate from the natural order now and then, and shrink to doing so rarely.

    most: choices in a run; those that follow take their defaults.
    """
    near, far = st.integers(0, min(15, most - 1)), st.integers(0, most - 1)
    return st.dictionaries(near | far, st.integers(1, 3)).map(Deviating)


def picks(most: int = 200) -> st.SearchStrategy[list[int]]:
    """Lists of at most `most` picks for `Lenient`, which takes those that fit."""
    return st.lists(st.integers(0, 3), max_size=most)


@st.composite
def client_scripts(draw: st.DrawFn, most_rows: int = 6) -> tuple[Any, ...]:
    """Scripts of a client, as in `clients.script`: connect, at most `most_rows` rows, an end."""
    messages = st.integers(1, 9).map(lambda n: {"send": json.dumps({"type": "chat", "n": n})})
    rows = st.one_of(
        messages,
        st.integers(0, PER_SECOND // 4).map(lambda ticks: {"sleep": ticks}),
        st.integers(1, 3).map(lambda count: {"wait": count}),
        st.text("{}[]a\u20ac", max_size=4).map(lambda text: {"send": text}),
        st.binary(max_size=4).map(lambda data: {"send_bytes": data.hex()}),
        st.just("ping"),
    )
    codes = st.sampled_from((1000, 1001, 1011, 3000, 4999)).map(lambda code: {"close": code})
    end = draw(st.sampled_from(_ENDS) | codes)
    return ("connect", *draw(st.lists(rows, max_size=most_rows)), end)


@st.composite
def injections(
    draw: st.DrawFn,
    events: Sequence[Event] = EVENTS,
    probes: Sequence[Probe] = PROBES,
    clients: int = 1,
) -> Injection:
    """Injections of these events, at these probes or at a time.

    probes: empty for times alone, as a handler of your own needs them. clients: how many there are.
    """
    do = draw(st.sampled_from(events))
    given: dict[str, Any] = {"do": do, "client": draw(st.integers(1, clients))}
    if len(probes) > 0 and draw(st.booleans()):
        inline = draw(st.booleans())
        given |= {"at": draw(st.sampled_from(probes)), "nth": draw(st.integers(1, 3))}
        given |= {"placed": "inline"} if inline else {"delay_ms": draw(_MS)}
    else:
        given["time_ms"] = draw(_MS)
    given |= {"hops": draw(st.integers(0, 4)), "queued": draw(st.booleans())}
    code = draw(st.none() | st.sampled_from((1000, 1001, 1011, 4000)))
    if do in _CLOSES:
        given["code"] = code
    if do == "state-change":
        given["to"] = draw(st.lists(st.sampled_from(STATES), min_size=1, max_size=3).map(tuple))
        given["each_ms"] = draw(_MS)
    return Injection(**given)


@st.composite
def scenarios(
    draw: st.DrawFn,
    modes: Sequence[Mode] = MODES,
    shapes: Sequence[Shape] = SHAPES,
    guards: Sequence[str] = GUARDS,
    runtimes: Sequence[RuntimeName] = RUNTIMES,
    servers: Sequence[str] = (DEFAULT_PROFILE, *PROFILES),
    events: Sequence[Event] = EVENTS,
    probes: Sequence[Probe] = PROBES,
    most_clients: int = 2,
    most_injections: int = 2,
) -> Scenario:
    """Scenarios with fixed times.

    modes, shapes, guards, runtimes, servers: what they may name, the simplest first. events,
    probes: as for `injections`. most_clients: at least 1.
    """
    mode, shape = draw(st.sampled_from(modes)), draw(st.sampled_from(shapes))
    clients = draw(_clients(most_clients))
    injected = injections(events, probes, clients.count)
    given: dict[str, Any] = {
        "mode": mode,
        "shape": shape,
        "guard": draw(st.sampled_from(guards)),
        "runtime": draw(st.sampled_from(runtimes)),
        "server": draw(st.sampled_from(servers)),
        "hop": draw(st.booleans()),
        "clients": clients,
        "injections": draw(st.lists(injected, max_size=most_injections).map(tuple)),
        "handler": draw(_HANDLERS),
        "setup": draw(_SETUPS),
    }
    windowed = shape == "report" or mode in ("main", "factory")
    given["pauses"] = {
        probe: ms
        for probe, ms in draw(st.dictionaries(st.sampled_from(_AWAITED), _MS, max_size=2)).items()
        if windowed or probe not in _WINDOW
    }
    window: dict[str, Any] = {"window_ms": draw(_MS), "window_hops": draw(st.integers(0, 3))}
    return Scenario(**given, **(window if windowed else {}))


@st.composite
def _clients(draw: st.DrawFn, most: int) -> Clients:
    return Clients(
        count=draw(st.integers(1, most)),
        every_ms=draw(_MS),
        messages=draw(st.integers(0, 3)),
        pause_ms=draw(st.just(50) | _MS),
        end=draw(st.sampled_from(("close", "abort", "eof", "silent"))),
        delay_ms=draw(st.just(1) | st.integers(0, 10)),
        jitter_ms=draw(st.integers(0, 3)),
        script=draw(st.none() | client_scripts()),
    )


_HANDLERS: st.SearchStrategy[Handler] = st.just(Handler()) | st.builds(
    Handler,
    on_timeout=st.sampled_from(("heartbeat", "leave")),
    poll_ms=_MS,
    sends=st.none() | st.integers(0, 3),
    work_ms=_MS,
    retry_ms=st.just(()) | st.tuples(_MS),
    top_reads_machine=st.booleans(),
)
_SETUPS: st.SearchStrategy[Setup] = st.just(Setup()) | st.builds(
    Setup,
    accepts=st.sampled_from(("yes", "never", "connect-only")),
    authentication=st.sampled_from(("ok", "refused", "error")),
    authentication_ms=_MS,
    manager=st.sampled_from(("ok", "error")),
    manager_ms=_MS,
    services=st.sampled_from(("ok", "error", "never")),
    services_ms=_MS,
    machines=st.sampled_from(("one", "two")),
)
