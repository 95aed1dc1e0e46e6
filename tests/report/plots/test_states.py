"""A run told as a picture: the states of a connection, and what happened to it."""

from functools import lru_cache

import pytest

from sim.files.catalog import names, open_scenario
from sim.model.outcome import Outcome
from sim.model.record import End, Ending, Event, Value
from sim.model.scenario import Scenario
from sim.model.schedule import Schedule
from sim.model.ticks import from_ms
from sim.report.plots.lanes import Lane, Mark, Span
from sim.report.plots.states import timeline_parts
from sim.runs.play import play
from sim.runs.scenario import ScenarioSubject
from sim.runs.subject import Record

SHIPPED = [name for name in names() if isinstance(open_scenario(name), Scenario)]


STEP = 125.0
"""Milliseconds that are a whole number of ticks."""


def event(step: float, kind: str, connection: str | None = "c1", **values: Value) -> Event:
    where = {} if connection is None else {"connection": connection}
    return Event(from_ms(STEP * step), "handler", kind, {**where, **values})


def record(*events: Event) -> Record:
    end = End(Ending.COMPLETED, 0, 0, Schedule(()), events=events)
    return Record(ScenarioSubject(Scenario()), end.schedule, Outcome(), "digest", end)


RUN = (
    event(0, "client_state", state="CONNECTING"),
    event(0, "client_state", state="CONNECTED"),
    event(0, "application_state", state="CONNECTED"),
    event(1, "machine", state="processing_ready"),
    event(2, "received", text="one"),
    event(2, "probe", at="validated"),
    event(3, "probe", at="final_check"),
    event(4, "received", text="two"),
    event(5, "probe", at="validated"),
    event(6, "injected", do="server-close"),
    event(6, "application_state", state="DISCONNECTED"),
    event(7, "sent", what="agent_started", ok=False),
    event(7, "sent", what="agent_thinking", ok=True),
    event(9, "probe", at="final_check"),
    event(9, "raised", outcome="need_accept_first", text="..."),
    event(700, "machine", state="closed"),
    event(700, "sent", what="error", ok=False),
)


def test_lanes_start_with_the_last_message_and_end_when_the_handler_leaves() -> None:
    lanes, marks, _ = timeline_parts(record(*RUN))
    assert lanes == (
        Lane("client_state", ((4 * STEP, "CONNECTED"),)),
        Lane("application_state", ((4 * STEP, "CONNECTED"), (6 * STEP, "DISCONNECTED"))),
        Lane("state machine", ((4 * STEP, "processing_ready"),)),
    )
    assert [mark.time_ms / STEP for mark in marks] == [4, 6, 7, 9]
    assert marks[0] == Mark(4 * STEP, "client_state", "message received")
    assert marks[-1] == Mark(9 * STEP, "", "need_accept_first")


def test_what_fails_and_what_is_injected_is_marked() -> None:
    _, marks, _ = timeline_parts(record(*RUN))
    assert Mark(6 * STEP, "", "server-close") in marks
    assert Mark(7 * STEP, "application_state", "agent_started fails") in marks
    assert not any("agent_thinking" in mark.text for mark in marks)


def test_without_a_message_a_lane_starts_with_the_connection() -> None:
    quiet = [one for one in RUN if one.kind != "received"]
    lanes, _, _ = timeline_parts(record(*quiet))
    assert lanes[0].changes == ((0.0, "CONNECTED"),)
    assert lanes[2].changes == ((STEP, "processing_ready"),)


def test_without_an_end_everything_is_shown() -> None:
    lanes, _, _ = timeline_parts(record(*(one for one in RUN if one.kind != "raised")))
    assert lanes[2].changes == ((4 * STEP, "processing_ready"), (700 * STEP, "closed"))


def test_a_message_after_the_handler_left_moves_nothing() -> None:
    late = timeline_parts(record(*RUN, event(800, "received", text="three")))
    assert late == timeline_parts(record(*RUN))


def test_windows_are_spans_from_validation_to_the_final_check() -> None:
    _, _, spans = timeline_parts(record(*RUN))
    assert spans == (Span(5 * STEP, 9 * STEP, "window"),)


def test_a_window_without_a_length_or_an_end_is_no_span() -> None:
    cut = [
        event(1, "probe", at="validated"),
        event(1, "probe", at="final_check"),
        event(2, "probe", at="final_check"),
        event(3, "probe", at="validated"),
    ]
    assert timeline_parts(record(*cut))[2] == ()


def test_each_connection_has_its_own_story() -> None:
    other = [one._replace(values={**one.values, "connection": "c2"}) for one in RUN[:4]]
    lanes, marks, spans = timeline_parts(record(*other, *RUN), "c2")
    assert [lane.changes[-1][1] for lane in lanes] == ["CONNECTED", "CONNECTED", "processing_ready"]
    assert (marks, spans) == ((), ())
    assert timeline_parts(record(*RUN), "c3") == ((), (), ())


@lru_cache
def played(name: str) -> Record:
    scenario = open_scenario(name)
    assert isinstance(scenario, Scenario)
    return play(scenario.resolve("story"))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_has_a_story_in_order(name: str) -> None:
    lanes, marks, spans = timeline_parts(played(name))
    assert lanes
    for lane in lanes:
        times = [time for time, _ in lane.changes]
        assert times == sorted(set(times))
    times = [mark.time_ms for mark in marks]
    assert times == sorted(times)
    assert all(span.start_ms < span.end_ms for span in spans)
    assert {mark.lane for mark in marks} <= {"", *(lane.name for lane in lanes)}
