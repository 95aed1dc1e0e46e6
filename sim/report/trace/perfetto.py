"""A run as trace events, which Perfetto and chrome://tracing load.

The format is Google's "Trace Event Format". Times are virtual, in microseconds. A tick is 0.954 of
one; what happens at one tick is spread evenly over it, so that its order can be seen.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sim import __version__
from sim.model.record import Event, Value
from sim.model.ticks import PER_SECOND
from sim.report.trace.events import labels, told, windows
from sim.runs.subject import Record, scenario_or_none

TICK = 1_000_000 / PER_SECOND
"""A tick in microseconds."""
_PROCESS = {"pid": 1}


class _Slice(NamedTuple):
    """Something that lasts: when it begins and ends, in microseconds, and on which track."""

    begin: float
    end: float
    track: str
    name: str


def perfetto(record: Record) -> str:
    """Return a run as one JSON object.

    A thread per task with its events as instants; then a thread for every state of a connection,
    and for its windows between validation and final check, with slices.
    """
    events = record.events
    times = spread([event.tick for event in events])
    tasks = labels(event.task for event in events)
    slices = sorted([*_states(record, times), *_windows(events, times)])
    tracks = dict.fromkeys(one.track for one in slices)
    threads = {name: number for number, name in enumerate([*tasks, *tracks], 1)}
    scenario = scenario_or_none(record.subject)
    title = record.subject.label if scenario is None else scenario.name
    name = {"name": f"wsrace {title}".strip()}
    rows = [{**_PROCESS, "ph": "M", "name": "process_name", "args": name}]
    for path, thread in threads.items():
        where = {**_PROCESS, "tid": thread, "ph": "M"}
        rows.append({**where, "name": "thread_name", "args": {"name": tasks.get(path, path)}})
        rows.append({**where, "name": "thread_sort_index", "args": {"sort_index": thread}})
    for event, time in zip(events, times, strict=True):
        where = {**_PROCESS, "tid": threads[event.task], "ph": "i", "s": "t"}
        what = {"name": told(event), "cat": event.kind, "args": _args(event.values)}
        rows.append({**where, "ts": time, **what})
    for one in slices:
        where = {**_PROCESS, "tid": threads[one.track], "ph": "X", "cat": "state"}
        rows.append(
            {**where, "ts": one.begin, "dur": round(one.end - one.begin, 3), "name": one.name}
        )
    about = {"wsrace": __version__, "digest": record.digest, "outcome": record.outcome.label}
    return json.dumps({"displayTimeUnit": "ms", "otherData": about, "traceEvents": rows}) + "\n"


def spread(ticks: Sequence[int]) -> list[float]:
    """Return a time in microseconds for every event, those of one tick evenly within it.

    ticks: of the events, in order. Times are rounded to nanoseconds, as Perfetto does.
    """
    counts, seen = Counter(ticks), Counter[int]()
    times = []
    for tick in ticks:
        times.append(round((tick + seen[tick] / counts[tick]) * TICK, 3))
        seen[tick] += 1
    return times


def _states(record: Record, times: Sequence[float]) -> Iterator[_Slice]:
    """Yield how long every state of every connection lasted."""
    open_states: dict[str, tuple[float, str]] = {}
    for event, time in zip(record.events, times, strict=True):
        if event.kind in record.subject.lanes:
            track = f"{event.values.get('connection', '')} {event.kind}".strip()
            if track in open_states:
                begin, name = open_states[track]
                yield _Slice(begin, time, track, name)
            open_states[track] = time, str(event.values["state"])
    for track, (begin, name) in open_states.items():
        yield _Slice(begin, times[-1], track, name)


def _windows(events: Sequence[Event], times: Sequence[float]) -> Iterator[_Slice]:
    for connection, start, stop, _ in windows(events):
        if stop is not None:
            yield _Slice(times[start], times[stop], f"{connection} window".strip(), "window")


def _args(values: Mapping[str, Value]) -> dict[str, Any]:
    """Return the values of an event, without those that are None, which Perfetto does not show."""
    return {key: value for key, value in values.items() if value is not None}
