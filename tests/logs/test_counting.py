"""What lines and entries say: times, severities, connections; and what they add up to."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.logs.counting import Between, Counts, Span
from sim.logs.entry import said_by_entry, texts, unwrap
from sim.logs.patterns import ERROR
from sim.logs.records import Records
from sim.logs.said import SEVERITIES, Said, said_by_line
from sim.logs.scanning import Before
from sim.logs.times import NANOS, Instant
from sim.logs.triage import add, begin_triage
from tests.helpers.reading_logs import GOOD, NEED, WARNING, document, entry, hits, triage

TEN = Instant(1_757_844_000 * NANOS, True)
WHEN = "2025-09-14T10:00:00Z"


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        (f"{WHEN} ERROR {NEED}", "error"),
        (f"[{WHEN}] [CRITICAL] {NEED}", "critical"),
        (f"WARNING:app:{NEED}", "warning"),
        (f"WARN {NEED}", "warning"),
        (f"INFO:     {NEED}", "info"),
        (f"RuntimeError: {NEED}", "none"),
        (NEED, "none"),
    ],
)
def test_the_severity_of_a_line_is_what_stands_in_front(line: str, severity: str) -> None:
    assert said_by_line(line).severity == severity


@pytest.mark.parametrize(
    ("text", "connection"),
    [
        (WARNING, "c1"),
        ("receive for connection 9f1c-ab.7:2 now", "9f1c-ab.7:2"),
        ("receive for connection 'main_user@host'.", "main_user@host"),
        ("[connection_id=c7] x", "c7"),
        ("connection_id: 'c7'", "c7"),
        ('{"connection_id": "c7"', "c7"),
        (r"{\"connection_id\": \"c7\"", "c7"),
        ("connectionId=c7,", "c7"),
        ("connection id c7", "c7"),
        ("Invalid state transition for c1: connecting -> x", "c1"),
        ("Too many refused transitions for c1: -> failed", "c1"),
        ("for connection {id}", ""),
        ("the connection was lost", ""),
        (f"for connection {'x' * 500}", "x" * 128),
    ],
)
def test_connections_are_found_in_texts(text: str, connection: str) -> None:
    assert said_by_line(text).connection == connection


def test_far_into_a_long_line_the_connection_is_looked_for_around_the_pattern() -> None:
    line = f"for connection a {'x' * 5000} {WARNING} {'y' * 5000} for connection b"
    assert said_by_line(line, line.index("state changed")).connection == "c1"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"textPayload": NEED}, Said(NEED)),
        ({"textPayload": NEED, "timestamp": WHEN}, Said(NEED, TEN)),
        ({"textPayload": NEED, "timestamp": "x", "receiveTimestamp": WHEN}, Said(NEED, TEN)),
        ({"textPayload": f"{WHEN} {NEED}"}, Said(f"{WHEN} {NEED}", TEN)),
        ({"message": NEED, "time": 1_757_844_000}, Said(NEED, TEN)),
        ({"message": NEED, "ts": 1_757_844_000_000}, Said(NEED, TEN)),
        ({"message": NEED, "timestamp": {"seconds": 1_757_844_000, "nanos": 0}}, Said(NEED, TEN)),
        ({"message": NEED, "timestampSeconds": 1_757_844_000}, Said(NEED, TEN)),
        ({"message": NEED, "timestamp": True}, Said(NEED)),
        ({"jsonPayload": {"message": NEED, "asctime": WHEN}}, Said(NEED, TEN)),
        ({"severity": "ERROR", "textPayload": NEED}, Said(NEED, severity="error")),
        ({"jsonPayload": {"message": NEED, "level": "warn"}}, Said(NEED, severity="warning")),
        ({"severity": "LOUD", "textPayload": NEED}, Said(NEED, severity="other")),
        ({"severity": 500, "textPayload": NEED}, Said(NEED, severity="error")),
        ({"severity": 3, "textPayload": NEED}, Said(NEED)),
        ({"severityNumber": 17, "m": NEED}, Said(NEED, severity="error")),
        ({"levelno": 40, "m": NEED}, Said(NEED, severity="error")),
        ({"level": 40, "msg": NEED}, Said(NEED, severity="warning")),
        ({"level": 50, "msg": NEED}, Said(NEED, severity="error")),
        ({"level": 3, "short_message": NEED}, Said(NEED, severity="error")),
        ({"level": True, "msg": NEED}, Said(NEED)),
        ({"PRIORITY": "3", "MESSAGE": NEED}, Said(NEED, severity="error")),
        (
            {
                "PRIORITY": "6",
                "MESSAGE": f"ERROR: {NEED}",
                "__REALTIME_TIMESTAMP": f"{TEN.ns // 1000}",
            },
            Said(f"ERROR: {NEED}", TEN, severity="error"),
        ),
        ({"textPayload": NEED, "labels": {"connection_id": "c7"}}, Said(NEED, connection="c7")),
        (
            {"jsonPayload": {"message": NEED, "x": [{"connectionId": 7}]}},
            Said(NEED, connection="7"),
        ),
        ({"message": WARNING, "connection_id": ""}, Said(WARNING, connection="c1")),
        ({"protoPayload": {"status": {"message": NEED}}}, Said(NEED)),
        ({"message": f"Traceback\n  a\nRuntimeError: {NEED}\nend"}, Said(f"RuntimeError: {NEED}")),
        (
            {"m": NEED, "resource": {"labels": {"service_name": "a", "revision_name": "a-1"}}},
            Said(NEED, revision="a/a-1"),
        ),
        ({"m": NEED, "resource": {"labels": {"revision_name": 3}}}, Said(NEED)),
        ({"m": NEED, "resource": "x"}, Said(NEED)),
    ],
)
def test_an_entry_says_it_in_its_fields_or_else_in_its_text(
    fields: dict[str, Any], said: Said
) -> None:
    text = next(one for one in texts(fields) if "handshake" in one or "Need to call" in one)
    at = max(text.find("handshake"), text.find("Need to call"))
    assert said_by_entry(fields, text, at) == said


def test_texts_are_found_down_to_a_bound() -> None:
    deep: dict[str, Any] = {"a": NEED}
    for _ in range(100):
        deep = {"a": [deep]}
    assert list(texts(deep)) == []
    assert list(texts({"a": ["x", {"b": "y"}], "c": 1, "d": None, "e": "z"})) == ["z", "x", "y"]


def test_the_answer_of_a_service_is_taken_apart_but_no_entry_is() -> None:
    one, two = {"message": "a"}, {"message": "b"}
    for name in ("entries", "events"):
        assert unwrap({name: [one, two], "nextPageToken": "x"}) == [one, two]
        others: list[dict[str, Any]] = [
            {name: [one, "x"]},
            {name: []},
            {name: "x"},
            {name: [one], "message": "x", "level": "y"},
        ]
        for other in others:
            assert unwrap(other) == [other]


def test_an_entry_counts_once_however_often_it_says_it_and_a_line_as_well() -> None:
    twice = entry(NEED, jsonPayload={"message": NEED, "exc": f"Traceback\n{NEED}"})
    assert hits(triage(json.dumps(twice).encode())) == {ERROR: 1}
    assert hits(triage(f"{NEED} {NEED}".encode())) == {ERROR: 1}


def test_a_traceback_in_lines_counts_where_a_line_carries_the_text() -> None:
    log = f'Traceback (most recent call last):\n  File "a.py", line 1\nRuntimeError: {NEED}\n'
    found = triage(log.encode())
    assert hits(found) == {ERROR: 1}
    assert found.counts.timeless == 1


def test_a_line_of_two_kinds_counts_as_the_worse_one() -> None:
    found = triage(f"{WHEN} {GOOD} {WARNING} {NEED}\n{GOOD} {WARNING}".encode()).counts
    assert found.kinds == {"bad": 1, "warning": 1, "good": 0}
    counted = {name: one.hits for name, one in found.patterns.items() if one.hits}
    assert counted == {ERROR: 1, "state-changed": 2, "established": 2}


def test_first_last_severities_and_minutes_are_kept() -> None:
    log = (
        f"2025-09-14T10:01:30.5Z ERROR {NEED}\n"
        f"2025-09-14T10:00:10Z ERROR {NEED}\n"
        f"2025-09-14T10:00:20Z INFO {GOOD}\n"
        f"2025-09-14 10:03:00,123 WARNING {WARNING}\n"
        f"CRITICAL {NEED}\n"
    )
    found = document(log.encode())
    rows = {one["name"]: one for one in found["patterns"]}
    assert rows[ERROR]["first"] == "2025-09-14T10:00:10Z"
    assert rows[ERROR]["last"] == "2025-09-14T10:01:30.5Z"
    assert rows[ERROR]["timeless"] == 1
    assert rows[ERROR]["severities"] == {"critical": 1, "error": 2}
    assert rows["never-ready"]["first"] is None
    assert found["minutes"] == [
        {"start": "2025-09-14T10:00:00Z", "bad": 1, "warning": 0, "good": 1},
        {"start": "2025-09-14T10:01:00Z", "bad": 1, "warning": 0, "good": 0},
        {"start": "2025-09-14T10:03:00Z", "bad": 0, "warning": 1, "good": 0},
    ]
    assert (found["timeless"], found["unzoned"], found["unit_seconds"]) == (1, 1, 60)


def test_connections_and_revisions_are_those_of_bad_lines_and_warnings() -> None:
    resource = {"labels": {"service_name": "a", "revision_name": "a-1"}}
    rows = [entry(text, resource=resource, labels={"connection_id": f"c{number}"})
            for number, text in enumerate([NEED, WARNING, GOOD, NEED])]  # fmt: skip
    found = document(json.dumps([*rows, rows[0]]).encode())
    assert found["connections"] == [
        {"id": "c0", "count": 2, "bad": 2, "warning": 0},
        {"id": "c1", "count": 1, "bad": 0, "warning": 1},
        {"id": "c3", "count": 1, "bad": 1, "warning": 0},
    ]
    assert found["revisions"] == [{"name": "a/a-1", "count": 4, "bad": 3, "warning": 1}]


def test_of_a_great_many_connections_the_busy_ones_are_listed_with_a_bound() -> None:
    lines = [f"{NEED} for connection {'busy' if number % 3 else number}" for number in range(6000)]
    found = document("\n".join(lines).encode())
    assert found["connections"][0]["id"] == "busy"
    count, missed = found["connections"][0]["count"], found["connections_missed"]
    assert count <= 4000 <= count + missed
    assert missed <= 6


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [(None, None, 4), (1, None, 2), (None, 1, 1), (1, 2, 1), (0, 9, 3), (5, None, 0), (2, 1, 0)],
)
def test_only_the_times_asked_for(since: int | None, until: int | None, expected: int) -> None:
    log = "".join(f"2025-09-14T10:0{minute}:00Z {NEED}\n" for minute in range(3)) + NEED
    ends = [None if one is None else TEN.ns + one * 60 * NANOS for one in (since, until)]
    found = begin_triage(Between(*ends))
    add(found, "log", [log.encode()])
    assert found.counts.kinds["bad"] == expected
    assert found.counts.outside == 4 - expected


def test_spans_and_long_examples() -> None:
    assert Span().with_time(None) == Span()
    assert Span().with_time(3).with_time(1).with_time(2) == Span(1, 3)
    counts = Counts()
    counts.begin("f")
    records = Records(counts.add)
    records.text(f"{'x' * 9000}{NEED}{'y' * 9000}", 3, Before())
    records.finish()
    example = counts.patterns[ERROR].example
    assert example is not None
    assert "Need to call" in example.text
    assert len(example.text) == 300


def test_what_chunks_raise_comes_out_and_what_was_read_is_counted() -> None:
    def chunks() -> Any:
        yield f"{NEED}\n".encode() * 100_000
        raise OSError("gone")

    found = begin_triage()
    with pytest.raises(OSError, match="gone"):
        add(found, "log", chunks())
    assert found.counts.kinds["bad"] > 0
    assert found.files[0].lines > 0


def test_severities_have_one_order() -> None:
    assert len(set(SEVERITIES)) == len(SEVERITIES)


FIELDS = st.sampled_from(
    [
        "message", "textPayload", "jsonPayload", "protoPayload", "timestamp", "time", "ts",
        "receiveTimestamp", "timestampSeconds", "timestampNanos", "seconds", "nanos", "severity",
        "level", "labels", "connection_id", "connectionId", "resource", "service_name",
        "revision_name", "entries", "events",
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.sampled_from([NEED, WARNING, GOOD, WHEN, "ERROR", "", "\ud800", "\x80é", "a\nb", 10**400])
    | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(FIELDS, VALUES, max_size=5), max_size=4))
def test_any_entries_are_counted(rows: list[dict[str, Any]]) -> None:
    """Whatever type stands in a field that is known by name."""
    found = document(json.dumps(rows).encode())
    assert found["unreadable"] == {}
    assert found["entries"] == len(rows)
    json.dumps(found, allow_nan=False)
