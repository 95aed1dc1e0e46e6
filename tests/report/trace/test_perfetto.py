"""Trace events: valid JSON, a thread per task, times that keep the order of the run."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model.record import Event
from sim.model.ticks import PER_SECOND, from_ms
from sim.report.trace.perfetto import TICK, perfetto, spread
from sim.runs.stage import Fidelity
from tests.helpers.told_runs import EVENTS, NASTY, SHIPPED, hostile, made, played


def loaded(text: str) -> dict[str, Any]:
    """Return a trace, after a look at every event of it (see the Trace Event Format)."""
    document: dict[str, Any] = json.loads(text)
    assert document["displayTimeUnit"] == "ms"
    names = {}
    for row in document["traceEvents"]:
        assert row["ph"] in "MiX"
        assert isinstance(row["name"], str)
        assert row["pid"] == 1
        if row["ph"] == "M" and row["name"] == "thread_name":
            names[row["tid"]] = row["args"]["name"]
        if row["ph"] != "M":
            assert row["tid"] in names
            assert isinstance(row["ts"], float)
            assert row["ts"] >= 0
        if row["ph"] == "i":
            assert row["s"] == "t"
        if row["ph"] == "X":
            assert row["dur"] >= 0
    assert sorted(names) == list(range(1, len(names) + 1))
    return document


def rows(document: dict[str, Any], phase: str) -> list[dict[str, Any]]:
    return [row for row in document["traceEvents"] if row["ph"] == phase]


def threads(document: dict[str, Any]) -> dict[int, str]:
    return {
        row["tid"]: row["args"]["name"]
        for row in rows(document, "M")
        if row["name"] == "thread_name"
    }


@pytest.mark.parametrize("fidelity", Fidelity)
@pytest.mark.parametrize("name", SHIPPED)
def test_every_event_of_a_run_is_an_instant_on_the_thread_of_its_task(
    name: str, fidelity: Fidelity
) -> None:
    record = played(name, fidelity)
    document = loaded(perfetto(record))
    instants = rows(document, "i")
    assert [row["cat"] for row in instants] == [event.kind for event in record.events]
    tasks = {row["tid"]: event.task for row, event in zip(instants, record.events, strict=True)}
    assert len(set(tasks.values())) == len(tasks) == len({event.task for event in record.events})
    times = [row["ts"] for row in instants]
    assert times == sorted(times)
    assert len(set(times)) == len(times)
    assert document["otherData"]["digest"] == record.digest


def test_an_event_stands_within_its_tick() -> None:
    record = played("server-close")
    for row, event in zip(rows(loaded(perfetto(record)), "i"), record.events, strict=True):
        assert event.tick * TICK - 0.001 <= row["ts"] < (event.tick + 1) * TICK


@given(st.lists(st.integers(0, 5) | st.integers(0, 1 << 40), max_size=40).map(sorted))
def test_times_rise_with_ticks_and_within_a_tick(ticks: list[int]) -> None:
    times = spread(ticks)
    assert all(time < later for time, later in pairwise(times))
    for tick, time in zip(ticks, times, strict=True):
        assert tick * TICK - 0.001 <= time < (tick + 1) * TICK


def test_a_second_is_a_million_microseconds() -> None:
    assert spread([0, PER_SECOND]) == [0.0, 1_000_000.0]


def test_states_and_windows_are_slices_from_change_to_change() -> None:
    def at(ms: int, kind: str, **values: str) -> Event:
        return Event(from_ms(ms * 125), "h", kind, {"connection": "c1", **values})

    record = made(
        at(0, "client_state", state="CONNECTING"),
        at(1, "client_state", state="CONNECTED"),
        at(2, "probe", at="validated"),
        at(3, "machine", state="closing"),
        at(4, "probe", at="final_check"),
        at(5, "client_state", state="DISCONNECTED"),
        at(6, "ended"),
    )
    document = loaded(perfetto(record))
    names = threads(document)
    found = {
        (names[row["tid"]], row["name"], row["ts"] / 125_000, row["dur"] / 125_000)
        for row in rows(document, "X")
    }
    assert found == {
        ("c1 client_state", "CONNECTING", 0, 1),
        ("c1 client_state", "CONNECTED", 1, 4),
        ("c1 client_state", "DISCONNECTED", 5, 1),
        ("c1 machine", "closing", 3, 3),
        ("c1 window", "window", 2, 2),
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_slices_of_one_thread_do_not_overlap(name: str) -> None:
    ends: dict[int, float] = {}
    for row in rows(loaded(perfetto(played(name))), "X"):
        assert row["ts"] >= ends.get(row["tid"], 0) - 0.001
        ends[row["tid"]] = row["ts"] + row["dur"]


@pytest.mark.parametrize("text", NASTY)
def test_hostile_texts_stay_texts(text: str) -> None:
    document = loaded(perfetto(hostile(text)))
    assert rows(document, "i")[0]["args"] == {text: text, "connection": text}
    assert len(rows(document, "i")) == 7


@given(EVENTS)
def test_any_run_is_a_trace(events: list[Event]) -> None:
    document = loaded(perfetto(made(*events)))
    assert len(rows(document, "i")) == len(events)
