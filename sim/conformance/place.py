"""A run's events at the handler's probes.

A trace says which probe the handler had passed last when something of the outside world was in the
server's socket, or when a task of the server acted. Placed there, inline, it happens within the
same await of the handler, whatever the clocks of a machine do.
"""

from collections.abc import Iterator, Sequence

from sim.conformance.arrange import INTO_RECEIVE_MS, USUAL
from sim.errors import UserError
from sim.model.record import Event
from sim.model.scenario import Injection, Scenario
from sim.runs.subject import Record

_ENDS = {"close": "client-close", "rst": "client-abort", "fin": "client-eof"}
_BY_CLIENT = frozenset(_ENDS.values())


def place_in_scenario(scenario: Scenario, injections: Sequence[Injection]) -> Scenario:
    """Return the scenario with its events placed, and clients that do nothing by themselves."""
    connect = (scenario.clients.script or ("connect",))[0]
    clients = scenario.clients.model_copy(
        update={
            "script": (connect, "silent"),
            "delay_ms": 0,
            "jitter_ms": 0,
            "down_ms": USUAL.reaction_ms,
        }
    )
    return scenario.model_copy(update={"clients": clients, "injections": tuple(injections)})


def inside_receive(placed: Sequence[Injection]) -> list[Injection]:
    """Return the same, but what was placed before a receive happens once it has begun."""
    return [
        one.model_copy(update={"placed": "armed", "delay_ms": INTO_RECEIVE_MS})
        if one.at == "receiving"
        else one
        for one in placed
    ]


def place_events(record: Record) -> list[Injection]:
    """Return every event of a run at the probe that the handler had passed last.

    Raises UserError for what cannot be placed.
    """
    events = record.events
    found: list[tuple[int, Injection]] = []
    for number in range(1, record.scenario.clients.count + 1):
        name = f"c{number}"
        own = [one for one in record.scenario.injections if one.client == number]
        for index, fields in (*_arrivals(name, events), *_acts(name, events, own)):
            at, nth = _last_probe(name, events[:index])
            where = {"at": at, "nth": nth, "placed": "inline", "client": number}
            found.append((index, Injection.model_validate({**fields, **where})))
    return [injection for _, injection in sorted(found, key=lambda one: one[0])]


def _last_probe(name: str, before: Sequence[Event]) -> tuple[str, int]:
    passed = [
        str(event.values["at"])
        for event in before
        if event.kind == "probe" and event.values["connection"] == name
    ]
    if not passed:
        return "connecting", 1
    return passed[-1], passed.count(passed[-1])


def _arrivals(name: str, events: Sequence[Event]) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield where in the trace each thing that the client sent was in the server's socket.

    What a client answers by itself is left to the real one.
    """
    link, eaten = f"{name}>server", _does(name, events, "eaten-disconnect")
    for index, event in enumerate(events):
        if event.kind == "wire" and event.values["link"] == link:
            there = max(index, _first_at(events, int(str(event.values["at"]))))
            kind, _, text = str(event.values["data"]).partition(" ")
            if kind == "text":
                yield there, {"do": "client-message", "text": text}
            elif kind == "bytes":
                raise UserError("--live: a binary message cannot be placed")
            elif kind in _ENDS:
                answers = _closes(events[:index], f"server>{name}")
                if not answers and not eaten:
                    code = int(text) if text else None
                    yield there, {"do": _ENDS[kind], "code": code}
                return


def _does(name: str, events: Sequence[Event], do: str) -> bool:
    return any(
        event.kind == "injected" and event.values["connection"] == name and event.values["do"] == do
        for event in events
    )


def _closes(before: Sequence[Event], link: str) -> bool:
    """Whether the server has begun to close by then."""
    return any(
        event.kind == "wire"
        and event.values["link"] == link
        and str(event.values["data"]).partition(" ")[0] in ("close", "fin", "reject")
        for event in before
    )


def _first_at(events: Sequence[Event], tick: int) -> int:
    """Return the index of the first event at `tick` or later."""
    return next((i for i, event in enumerate(events) if event.tick >= tick), len(events))


def _acts(
    name: str, events: Sequence[Event], own: Sequence[Injection]
) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield where in the trace a task of the server acted."""
    left = list(own)
    for index, event in enumerate(events):
        if event.kind != "injected" or event.values["connection"] != name:
            continue
        injection = next(one for one in left if one.do == event.values["do"])
        left.remove(injection)
        if injection.do in _BY_CLIENT or injection.do == "client-message":
            continue  # its arrival counts
        if injection.do == "failing-send":
            raise UserError("--live: failing-send: a real server fails a send only for a reason")
        kept = ("do", "code", "to", "each_ms")
        yield index, {key: getattr(injection, key) for key in kept}
