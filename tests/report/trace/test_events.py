"""What tasks are called and events say: short, told apart, printable."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model.record import Event, Value
from sim.model.scenario import Scenario
from sim.report.trace.events import (
    Window,
    description_of,
    folded,
    labels,
    state_names,
    told,
    windows,
)
from sim.runs.handler import HandlerSubject
from sim.runs.own import OwnHandler
from tests.helpers.told_runs import made

ECHO = HandlerSubject(Scenario(), own=OwnHandler("my_app:echo", print))
HANDLER = "transport:c1/handler:c1"


def test_a_name_is_the_end_of_a_path_that_no_other_task_has() -> None:
    names = labels(
        [
            *("c1", "transport:c1", HANDLER, f"{HANDLER}/server-close"),
            *("transport:c2/handler:c2/server-close", "c2", "c1"),
        ]
    )
    assert list(names.values()) == [
        *("client c1", "transport:c1", "handler:c1", "handler:c1/server-close"),
        *("handler:c2/server-close", "client c2"),
    ]


def test_a_name_that_is_the_end_of_another_is_whole() -> None:
    assert labels(["a/b", "b", "c/a/b"]) == {"a/b": "a/b", "b": "b", "c/a/b": "c/a/b"}


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)))
def test_different_tasks_have_different_names_in_the_order_given(tasks: list[str]) -> None:
    names = labels(tasks)
    assert list(names) == list(dict.fromkeys(tasks))
    assert len(set(names.values())) == len(names)
    assert all(task.endswith(name) for task, name in names.items())


@pytest.mark.parametrize(
    ("task", "shown"),
    [
        ("c1/_reader_task", "c1"),
        ("transport:c1/_reader_task", "transport:c1"),
        (f"{HANDLER}/wait_for", f"{HANDLER}/wait_for"),
        (f"{HANDLER}/wait_for#12", f"{HANDLER}/wait_for"),
        (f"{HANDLER}/server-close#2", f"{HANDLER}/server-close#2"),
        ("wait_for#2", "wait_for#2"),
    ],
)
def test_helpers_are_told_as_the_task_that_they_help(task: str, shown: str) -> None:
    assert folded(task) == shown


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("machine", {"state": "accepted"}, "machine accepted"),
        ("probe", {"at": "validated"}, "probe validated"),
        ("sent", {"what": "agent_started", "ok": True}, "sent agent_started"),
        ("sent", {"what": "error", "ok": False}, "sent error not ok"),
        ("raised", {"outcome": "x", "text": "why"}, "raised x why"),
        ("client.stopped", {"at": "close", "because": "lost"}, "client.stopped at=close because=l"),
        ("lost", {}, "lost"),
        ("client.opened", {"subprotocol": ""}, "client.opened"),
        ("x", {"a": 1, "b": None}, "x a=1 b=None"),
    ],
)
def test_an_event_says_its_kind_and_values(kind: str, values: dict[str, Value], said: str) -> None:
    event = Event(0, "t", kind, {"connection": "c1", **values})
    assert told(event).startswith(said)


@given(st.text(), st.dictionaries(st.text(), st.text() | st.booleans() | st.none(), max_size=3))
def test_an_event_is_one_printable_line(kind: str, values: dict[str, Value]) -> None:
    assert told(Event(0, "t", kind, values)).isprintable()


def test_long_values_are_cut() -> None:
    assert told(Event(0, "t", "log", {"text": "x" * 10**6})) == f"log {'x' * 97}..."


def test_windows_are_found_per_connection_in_the_order_in_which_they_begin() -> None:
    probes = [
        *(("c1", "validated"), ("c2", "validated"), ("c2", "final_check"), ("c2", "final_check")),
        *(("c1", "validated"), ("c1", "top"), ("c1", "final_check"), ("c1", "receiving")),
        *(("c2", "validated"), ("c3", "final_check"), ("c3", "receiving")),
    ]
    events = [Event(0, "t", "probe", {"connection": c, "at": at}) for c, at in probes]
    assert windows(events) == [
        *(Window("c1", 0), Window("c2", 1, 2), Window("c1", 4, 6, 7), Window("c2", 8)),
    ]


def test_a_run_has_the_states_of_its_subject_and_no_others() -> None:
    ours = made()
    assert state_names(ours) == {
        "client_state": "client_state",
        "application_state": "application_state",
        "machine": "state machine",
    }
    assert list(state_names(replace(ours, subject=ECHO))) == ["client_state", "application_state"]


def test_what_was_run_is_described_by_guard_or_by_handler() -> None:
    ours = made()
    assert description_of(ours)[:3] == ["main mode", "report shape", "guard pre-fix"]
    theirs = description_of(replace(ours, subject=ECHO))
    assert theirs == ["handler my_app:echo", *description_of(ours)[3:]]
