"""Hypothesis strategies: schedulers, clients, injections and whole scenarios.

What they draw is valid by construction, and shrinks to what is simple: few deviations from the
natural order, few messages, no injections, default times. Needs Hypothesis.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import currently_in_test_context, note
from hypothesis import strategies as st
from hypothesis.errors import StopTest

from sim.errors import Redundant
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
from sim.model.schedule import Question, Scheduler
from sim.model.ticks import PER_SECOND

_LONGEST = 40
"""After so many defaults in a row it is asked anew."""
_GAPS = st.sampled_from(
    [0] * 8 + [gap for gap in range(1, _LONGEST + 1) for _ in range(max(1, 12 // gap))]
)
"""0: nothing deviates any more. Otherwise the next choice but so many, less one, does. Small ones
are drawn more often: races are close together."""
_MS = st.integers(0, 50)
_WINDOW: tuple[Probe, ...] = ("validated", "final_check")
_ENDS = ("close", "silent", "fin", "rst")
_CLOSES: tuple[Event, ...] = ("client-close", "server-close", "eaten-disconnect")


class Drawn:
    """Answers with what Hypothesis draws when it is asked.

    It draws how many choices to leave at their defaults before the next that deviates, so a run
    takes few draws and shrinks to one with few deviations. A failing example tells each deviation
    in a note. picks: the answers so far, as for `race.check(picks=...)`.
    """

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._deviates = self._plan()
        self._over = False
        self.picks: list[int] = []

    def __repr__(self) -> str:
        return f"Drawn(picks={self.picks})"

    def choose(self, question: Question) -> int:
        """Return the index of the option to take. Raises Redundant when nothing more is drawn."""
        try:
            picked = self._other(question) if self._next() else question.default
        except StopTest:  # Hypothesis ends this run; as such it must not pass through Trio
            self._over = True
            raise Redundant("Hypothesis draws no more") from None
        if picked != question.default and currently_in_test_context():
            note(f"choice {len(self.picks)}: {question.describe()}: {question.options[picked]}")
        self.picks.append(picked)
        return picked

    def _next(self) -> bool:
        if self._over:
            raise Redundant("Hypothesis draws no more")
        return next(self._deviates)

    def _plan(self) -> Iterator[bool]:
        """Yield for each choice whether it deviates."""
        while gap := self._draw(_GAPS):
            yield from [False] * (gap - 1)
            yield gap < _LONGEST
        while True:
            yield False

    def _other(self, question: Question) -> int:
        """Return an option that is not the default."""
        other = self._draw(st.integers(0, len(question.options) - 2))
        return other + (other >= question.default)


@st.composite
def schedulers(draw: st.DrawFn) -> Scheduler:
    """Schedulers that draw their answers, and shrink to few deviations from the natural order."""
    return Drawn(draw)


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
    if do in _CLOSES:
        given["code"] = draw(st.none() | st.sampled_from((1000, 1001, 1011, 4000)))
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
    awaited = [
        probe
        for probe in PROBES
        if probe not in NEVER_AWAITED and (windowed or probe not in _WINDOW)
    ]
    given["pauses"] = draw(st.dictionaries(st.sampled_from(awaited), _MS, max_size=2))
    if windowed:
        given |= {"window_ms": draw(_MS), "window_hops": draw(st.integers(0, 3))}
    return Scenario(**given)


@st.composite
def _clients(draw: st.DrawFn, most: int) -> Clients:
    given: dict[str, Any] = {"count": draw(st.integers(1, most)), "every_ms": draw(_MS)}
    if draw(st.booleans()):
        given["script"] = draw(client_scripts())
    else:
        given |= {"messages": draw(st.integers(0, 3)), "pause_ms": draw(st.just(50) | _MS)}
        given["end"] = draw(st.sampled_from(("close", "abort", "eof", "silent")))
    given["delay_ms"] = draw(st.just(1) | st.integers(0, 10))
    given["jitter_ms"] = draw(st.integers(0, 3))
    return Clients(**given)


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
