"""Tracebacks of every source are one record with their head: one time, one severity, one hit."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.logs.counting import Between
from sim.logs.patterns import ERROR
from sim.logs.times import Assumed, from_text
from sim.logs.triage import Triage, add, begin_triage
from tests.helpers.reading_logs import GOOD, NEED, WARNING, entry

AT = "2026-07-29 11:00:00,100"
LATER = "2026-07-29 11:05:00,100"
TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "/srv/app/chat.py", line 31, in chat',
    "    text = await websocket.receive_text()",
    '  File "/srv/venv/site-packages/starlette/websockets.py", line 117, in receive_text',
    f"    raise RuntimeError('{NEED}')",
    f"RuntimeError: {NEED}",
]
OTHER = [
    "Traceback (most recent call last):",
    '  File "/srv/app/chat.py", line 40, in chat',
    "    orders[number].send(text)",
    "KeyError: 'c7'",
]
DURING = ["", "During handling of the above exception, another exception occurred:", ""]
HEAD = f"{AT} ERROR uvicorn.error: Exception in ASGI application"


def at(text: str) -> int:
    found = from_text(text)
    assert found is not None
    return found.ns


def read(*lines: str, between: Between | None = None, block: int = 1 << 18) -> Triage:
    found = begin_triage(between)
    add(found, "log", ["\n".join([*lines, ""]).encode()], block=block)
    return found


def bad(found: Triage) -> tuple[int, int, int]:
    """Bad records, those of them without a time, and errors that are not known."""
    return found.counts.kinds["bad"], found.counts.timeless, found.counts.unknown


HEADS = {
    "logging": f"{AT} ERROR uvicorn.error: Exception in ASGI application",
    "loguru": "2026-07-29 11:00:00.100 | ERROR    | app:chat:12 - it failed",
    "gunicorn": "[2026-07-29 11:00:00 +0000] [14] [ERROR] Exception in ASGI application",
    "iso": "2026-07-29T11:00:00Z ERROR it failed",
    "access log": "[29/Jul/2026:11:00:00 +0000] ERROR it failed",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("block", [7, 100, 1 << 18])
def test_a_traceback_counts_once_at_the_time_of_its_head(head: str, block: int) -> None:
    found = read(f"{AT} INFO app: before", head, *TRACEBACK, f"{LATER} INFO after", block=block)
    assert bad(found) == (1, 0, 0)
    count = found.counts.patterns[ERROR]
    assert (count.hits, count.timeless) == (1, 0)
    assert count.severities == {"info" if "INFO" in head else "error": 1}
    assert count.example is not None
    assert count.example.text == f"RuntimeError: {NEED}"


def test_a_head_without_a_time_has_none_though_others_do() -> None:
    found = read(f"{AT} INFO x", "ERROR:    Exception in ASGI application", *TRACEBACK)
    assert bad(found) == (1, 1, 0)
    assert found.counts.patterns[ERROR].severities == {"error": 1}


def test_a_traceback_below_a_line_that_is_no_head_is_of_unknown_time() -> None:
    assert bad(read("client left", *TRACEBACK)) == (1, 1, 0)
    assert bad(read(*TRACEBACK)) == (1, 1, 0)
    assert bad(read("", "", *TRACEBACK, *TRACEBACK)) == (2, 2, 0)


def test_chained_tracebacks_are_one_record() -> None:
    direct = "The above exception was the direct cause of the following exception:"
    for between in (DURING, ["", direct, ""]):
        found = read(HEAD, *OTHER, *between, *TRACEBACK, f"{LATER} INFO after")
        assert bad(found) == (1, 0, 0)
        assert read(HEAD, *TRACEBACK, *between, *OTHER).counts.kinds["bad"] == 1


def test_an_exception_group_is_one_record_with_its_margins() -> None:
    group = [
        "  + Exception Group Traceback (most recent call last):",
        '  |   File "/srv/app/main.py", line 3, in run',
        "  |     async with trio.open_nursery():",
        "  | ExceptionGroup: Exceptions from Trio nursery (1 sub-exception)",
        "  +-+---------------- 1 ----------------",
        "    | Traceback (most recent call last):",
        '    |   File "/srv/app/chat.py", line 31, in chat',
        "    |     text = await websocket.receive_text()",
        f"    | RuntimeError: {NEED}",
        "    +------------------------------------",
    ]
    assert bad(read(HEAD, *group, f"{LATER} INFO after {NEED}")) == (2, 0, 0)
    assert bad(read(HEAD, *group[:-1])) == (1, 0, 0)


PREFIXES = {
    "compose": ("web_1    | ", "worker-2 | "),
    "kubectl": ("[pod/web-7d9/app] ", "[pod/web-8c1/app] "),
    "syslog": ("Jul 29 11:00:00 host app[12]: ", "Jul 29 11:00:00 host app[13]: "),
}


@pytest.mark.parametrize("prefixes", PREFIXES.values(), ids=PREFIXES)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_sources_that_are_mixed_line_by_line_are_told_apart(
    prefixes: tuple[str, str], data: st.DataObject
) -> None:
    one = [HEAD, *TRACEBACK, f"{LATER} INFO one"]
    other = [f"{LATER} ERROR app: it failed", *OTHER, *DURING, *TRACEBACK, f"{LATER} INFO other"]
    queues = [one.copy(), other.copy()]
    lines = []
    while any(queues):
        which = data.draw(st.sampled_from([number for number in (0, 1) if queues[number]]))
        lines.append(f"{prefixes[which]}{queues[which].pop(0)}".rstrip())
    found = read(*lines)
    assert bad(found) == (2, 0, 0)
    span = found.counts.patterns[ERROR].span
    times = [from_text(text) for text in (AT, LATER)]
    assert [span.first, span.last] == [time.ns for time in times if time is not None]


def test_without_sources_two_tracebacks_at_once_are_never_given_a_wrong_time() -> None:
    """Where one of them is open, lines are its own; of two, nobody can say whose they are."""
    one, other = [HEAD, *TRACEBACK], [f"{LATER} ERROR app: it failed", *TRACEBACK]
    in_turn = [*one[:4], other[0], *one[4:], *other[1:]]
    assert bad(read(*in_turn))[0] == 2
    mixed = [line for pair in zip(one, other, strict=True) for line in pair]
    found = read(*mixed)
    count, later = found.counts.patterns[ERROR], from_text(LATER)
    assert later is not None
    assert (count.hits, count.timeless) == (2, 1)
    assert (count.span.first, count.span.last) == (later.ns, later.ns)
    assert found.counts.unknown == 1  # the head of the other one is told, too


def test_an_error_that_nobody_knows_is_counted_and_told() -> None:
    found = read(f"{AT} INFO x", f"{AT} ERROR app: it failed", *OTHER, f"{AT} CRITICAL app: gone")
    assert bad(found) == (0, 0, 2)
    first, second = found.counts.first_unknown
    assert (first.file, first.line) == ("log", 2)
    assert first.first == (f"{AT} ERROR app: it failed", OTHER[0], "KeyError: 'c7'")
    assert second.first == (f"{AT} CRITICAL app: gone",)


def test_what_is_no_error_is_none() -> None:
    quiet = ["no ERRORS here", f"{AT} INFO app: 0 ERRORs", f"{AT} WARNING app: FATALITY"]
    assert bad(read(*quiet)) == (0, 0, 0)


def test_where_times_are_asked_for_an_error_without_one_is_told() -> None:
    since = from_text("2026-07-29T10:00:00Z")
    assert since is not None
    found = read(*TRACEBACK, HEAD, *TRACEBACK, *OTHER, between=Between(since.ns))
    assert found.counts.kinds["bad"] == 1
    assert found.counts.undated == 2


def test_the_lines_of_a_split_entry_are_one_record() -> None:
    """As Cloud Run splits what is written to standard error: an entry for each line."""
    entries = [entry(line) for line in (HEAD, *TRACEBACK, f"{LATER} INFO after")]
    found = read(*(json.dumps(one) for one in entries))
    assert bad(found) == (1, 0, 0)
    assert found.counts.patterns[ERROR].hits == 1


def test_an_entry_with_its_traceback_is_one_record() -> None:
    for told in (
        {"severity": "ERROR", "message": "it failed", "exc_info": "\n".join(TRACEBACK)},
        {"level": "error", "event": "it failed", "exception": "\n".join(TRACEBACK)},
    ):
        found = read(json.dumps({"timestamp": "2026-07-29T11:00:00Z", **told}))
        assert bad(found) == (1, 0, 0)
        assert found.counts.patterns[ERROR].severities == {"error": 1}


@pytest.mark.parametrize("level", ["error", "ERROR", "critical", "fatal"])
def test_an_entry_of_an_error_that_nobody_knows_is_one(level: str) -> None:
    found: dict[str, Any] = {"level": level, "msg": "it failed", "time": "2026-07-29T11:00:00Z"}
    assert bad(read(json.dumps(found))) == (0, 0, 1)
    assert bad(read(json.dumps(found | {"level": "info"}))) == (0, 0, 0)


def test_the_case_of_reports_gives_the_counts_of_single_lines() -> None:
    """200 minutes, an error every other minute (codalab/codabench #985 and others)."""
    blocks, lines = [], []
    for minute in range(200):
        at = f"2026-07-29 {9 + minute // 60:02}:{minute % 60:02}:00,100"
        accepted = f'{at} INFO uvicorn.error: 10.0.0.7:4{minute % 10}112 - "WebSocket" [accepted]'
        blocks.append(accepted)
        lines.append(accepted)
        if minute % 2 == 0:
            blocks += [f"{at} ERROR uvicorn.error: Exception in ASGI application", *TRACEBACK]
            lines.append(f"{at} ERROR uvicorn.error: {NEED}")
    since = from_text("2026-07-29T11:00:00Z")
    assert since is not None
    for log in (blocks, lines):
        found = read(*log)
        assert bad(found) == (100, 0, 0)
        assert len(list(found.counts.stretches)) == 100
        found = read(*log, between=Between(since.ns))
        assert (found.counts.kinds["bad"], found.counts.outside) == (40, 60)


@given(st.lists(st.sampled_from([HEAD, *TRACEBACK, *OTHER, *DURING, f"web | {HEAD}", "x"])))
@settings(deadline=None)
def test_every_line_that_raised_belongs_to_exactly_one_record(lines: list[str]) -> None:
    found = read(*lines)
    raised = sum(NEED in line for line in lines)
    records = found.counts.patterns[ERROR].hits
    assert (records > 0) is (raised > 0)
    assert records <= raised
    assert found.counts.kinds["bad"] == records


def test_memory_does_not_grow_with_sources(tmp_path: Path) -> None:
    lines = [f"s{number} | {HEAD}" for number in range(5_000)]
    found = read(*lines)
    assert found.counts.unknown == 5_000


@pytest.mark.parametrize(
    "lines",
    [
        [HEAD, *TRACEBACK[:2], "starlette.websockets.WebSocketDisconnect: (1001, None)", *DURING],
        [f"{AT} INFO {GOOD}"],
        [f"{AT} WARNING {WARNING}"],
    ],
    ids=["disconnect", "good", "warning"],
)
def test_an_unknown_error_is_told_whatever_else_its_record_holds(lines: list[str]) -> None:
    """A disconnect that was caught, or a good line above, made it known: a false all-clear."""
    found = read(*lines, *OTHER)
    assert (found.counts.kinds["bad"], found.counts.unknown) == (0, 1)
    assert found.counts.patterns["escaped-disconnect"].hits == 0


def test_an_error_below_a_good_record_does_not_vanish_in_it() -> None:
    assert read(f"{AT} INFO {GOOD}", "  ERROR it failed").counts.unknown == 1
    good = {"severity": "INFO", "message": GOOD, "timestamp": "2026-07-29T11:00:00Z"}
    for message in ({}, {"message": " it failed"}, {"message": ""}, {"error": "it failed"}):
        error = {"severity": "ERROR", "timestamp": "2026-07-29T11:00:00Z", **message}
        found = read(json.dumps(good), json.dumps(error))
        assert (found.counts.kinds["good"], found.counts.unknown) == (1, 1), message


@pytest.mark.parametrize("level", ["error", "fatal", "critical"])
def test_severities_of_logfmt_are_severities(level: str) -> None:
    found = read(f'time="2026-07-29T11:00:00Z" level={level} msg="it failed"')
    assert bad(found) == (0, 0, 1)
    assert bad(read('time="2026-07-29T11:00:00Z" level=info msg="level=error"')) == (0, 0, 0)


@pytest.mark.parametrize(
    "entry",
    [
        '{"level":50,"msg":"it failed"}',
        '{"level": 60, "msg": "it failed"}',
        '{"version":"1.1","level":3,"short_message":"it failed"}',
        '{"levelno": 40, "message": "it failed"}',
        '{"severityNumber":17,"body":"it failed"}',
        '{"severity":500,"message":"it failed"}',
        '{"PRIORITY" : "3", "MESSAGE" : "it failed"}',
        '{"log.level":"error","message":"it failed"}',
        '{"log":{"level":"error"},"message":"it failed"}',
    ],
)
def test_a_severity_in_any_words_or_numbers_is_an_error(entry: str) -> None:
    assert read(entry).counts.unknown == 1


@pytest.mark.parametrize(
    "entry",
    ['{"level":30,"msg":"it failed"}', '{"level":6,"short_message":"x"}', '{"PRIORITY":"6"}'],
)
def test_a_severity_below_an_error_is_none(entry: str) -> None:
    assert read(entry).counts.unknown == 0


@pytest.mark.parametrize(
    ("entry", "unknown"),
    [
        ({"severity": "DEFAULT", "textPayload": "ERROR:app:it failed"}, 1),
        ({"severity": "INFO", "message": "2026-03-01 10:00:00,123 ERROR app: it failed"}, 1),
        ({"stream": "stderr", "log": "[ERROR] it failed\n"}, 1),
        ({"severity": "INFO", "message": "retrying after ERROR"}, 0),
        ({"level": "info", "message": "it failed"}, 0),
    ],
)
def test_an_entry_is_as_bad_as_its_message_begins(entry: dict[str, str], unknown: int) -> None:
    assert read(json.dumps(entry)).counts.unknown == unknown


NEED_LINE = f"RuntimeError: {NEED}"


@pytest.mark.parametrize(
    "lines",
    [
        # a stamp before each line, and an old line of the same process above
        (
            "2026-07-29T10:00:00.1Z INFO:     started",
            "2026-07-29T11:30:00.1Z Traceback (most recent call last):",
            '2026-07-29T11:30:00.1Z   File "/b.py", line 1, in b',
            f"2026-07-29T11:30:00.1Z {NEED_LINE}",
        ),
        (
            "2026-07-29T10:00:00.1Z ERROR it failed",
            "2026-07-29T11:30:00.1Z Traceback (most recent call last):",
            '2026-07-29T11:30:00.1Z   File "/b.py", line 1, in b',
            f"2026-07-29T11:30:00.1Z {NEED_LINE}",
        ),
        (
            '{"timestamp": "2026-07-29T10:00:00Z", "severity": "ERROR", "textPayload": "x"}',
            *(
                json.dumps({"timestamp": "2026-07-29T11:30:00Z", "textPayload": text})
                for text in (TRACEBACK[0], TRACEBACK[1], NEED_LINE)
            ),
        ),
    ],
)
def test_a_traceback_with_times_of_its_own_is_not_at_the_time_of_an_older_line(
    lines: tuple[str, ...],
) -> None:
    found = read(*lines, between=Between(since=at("2026-07-29T11:00:00Z")))
    assert bad(found) == (1, 0, 0)


def test_a_traceback_below_a_line_that_is_no_error_has_a_time_that_nobody_knows() -> None:
    lines = ["2026-07-29 10:00:00,000 INFO started", *TRACEBACK]
    found = read(*lines, between=Between(since=at("2026-07-29T11:00:00Z")))
    assert found.counts.undated == 1


@pytest.mark.parametrize(
    "lines",
    [
        # siblings of a group, of which the last is a disconnect
        (
            "ERROR:    Exception in ASGI application",
            "  + Exception Group Traceback (most recent call last):",
            '  |   File "/srv/app/main.py", line 3, in run',
            "  | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)",
            "  +-+---------------- 1 ----------------",
            "    | Traceback (most recent call last):",
            '    |   File "/srv/app/chat.py", line 31, in chat',
            "    | KeyError: 'x'",
            "    +---------------- 2 ----------------",
            "    | Traceback (most recent call last):",
            '    |   File "/srv/app/chat.py", line 41, in talk',
            "    | starlette.websockets.WebSocketDisconnect: (1001, '')",
            "    +------------------------------------",
        ),
        # a chain that is cut in its second traceback
        (
            "ERROR:    Exception in ASGI application",
            "Traceback (most recent call last):",
            '  File "/srv/app/chat.py", line 31, in chat',
            "starlette.websockets.WebSocketDisconnect: (1001, '')",
            "",
            "During handling of the above exception, another exception occurred:",
            "",
            "Traceback (most recent call last):",
            '  File "/srv/app/chat.py", line 33, in chat',
        ),
        # a chain that begins with something else
        (
            "ERROR:    Exception in ASGI application",
            *OTHER,
            *DURING,
            "Traceback (most recent call last):",
            '  File "/srv/app/chat.py", line 33, in chat',
            "starlette.websockets.WebSocketDisconnect: (1006, '')",
        ),
        # a good word in an error
        ("ERROR: WebSocket connection established successfully but the database is gone",),
        # a library for clients
        (
            "ERROR:    Exception in ASGI application",
            "Traceback (most recent call last):",
            '  File "/srv/app/chat.py", line 33, in chat',
            "httpx_ws._exceptions.WebSocketDisconnect: (1001, None)",
        ),
        # colours within the words that are looked for
        ("2026-07-29T10:00:00Z [\x1b[31m\x1b[1merror    \x1b[0m] database is gone",),
        ("level=\x1b[31merror\x1b[0m msg=x",),
        ('{"log":"\\u001b[31mERROR\\u001b[0m:    it failed\\n","stream":"stderr"}',),
    ],
)
def test_an_error_stays_unknown_whatever_else_its_record_holds(lines: tuple[str, ...]) -> None:
    assert read(*lines).counts.unknown == 1


def test_a_box_that_is_cut_swallows_nothing() -> None:
    edge = "╭──── Traceback (most recent call last) ────╮"
    assert read(edge, NEED_LINE).counts.kinds["bad"] == 1


def test_exceptions_of_an_entry_that_are_no_list_are_none() -> None:
    entry = {"level": "error", "exception": [{"exc_type": "E", "frames": [], "exceptions": 5}]}
    assert read(json.dumps(entry)).counts.unknown == 1


UNKNOWN = [
    "error: it failed",
    "Error: it failed",
    "fatal: it failed",
    "2026-03-01 10:00:00,123 Error: it failed",
    "2026-03-01 10:00:00,123 [Error] it failed",
    "2026/03/01 10:00:00 [crit] 12#12: *1 it failed",
    "2026/03/01 10:00:00 [emerg] it failed",
    "2026-03-01 10:00:00,123 CRIT it failed",
    "SEVERE: it failed",
    "PANIC: it failed",
    "[E 260301 10:00:00 web:1871] it failed",
    'level="error" event="it failed"',
    "level='error' event='it failed'",
    "lvl=error msg=x",
    "severity=error msg=x",
    'at=error code=H12 desc="Request timeout"',
    "Fatal Python error: Segmentation fault",
    "[2026-03-01 10:00:00] production.ERROR: it failed",
    "app.ERROR: it failed",
    "[31mERROR[0m:    Exception in ASGI application",
    "ValueError: no such order",
    "my.module.SomeException: it failed",
    '{"level":"error","msg":"database is go',
    '{"level":"error","msg":"bad \\x escape"}',
    '{"level":50,"msg":"bad \\x escape"}',
    'web-1  | {"level":"error","msg":"it failed"}',
    '[pod/a/b] {"level":50,"msg":"it failed"}',
    'Mar  1 10:00:00 host app[7]: {"level":"error","msg":"it failed"}',
    '2026-03-01T10:00:00Z stderr F {"level":"error","msg":"it failed"}',
    '{"log":"{\\"level\\":\\"error\\",\\"msg\\":\\"boom\\"}\\n","stream":"stdout"}',
    '{"Level":"Error","MessageTemplate":"it failed"}',
    '{"@l":"Fatal","@m":"it failed"}',
    '{"level":"crit","msg":"it failed"}',
    '{"severity_text":"ERROR","body":"it failed"}',
    '{"data":[{"attributes":{"status":"error","message":"it failed"}}]}',
]


@pytest.mark.parametrize("line", UNKNOWN)
def test_an_error_is_one_in_whatever_words_it_says_so(line: str) -> None:
    assert read("2026-03-01 09:00:00,123 INFO started", line).counts.unknown == 1


CRI = "2026-03-01T10:00:0{}.000000001Z stderr F "
PREFIXED = {
    "cri": (CRI.format(1), CRI.format(2)),
    "heroku": (
        "2026-03-01T10:00:01.1+00:00 app[web.1]: ",
        "2026-03-01T10:00:02.1+00:00 app[web.1]: ",
    ),
    "swarm": ("app_web.1.x1@node | ", "app_web.1.x1@node | "),
    "agent": ("2026-03-01T10:00:01Z\tstderr\t", "2026-03-01T10:00:02Z\tstderr\t"),
}


@pytest.mark.parametrize("prefixes", PREFIXED.values(), ids=PREFIXED)
def test_two_errors_behind_prefixes_are_two_records(prefixes: tuple[str, str]) -> None:
    lines = [
        f"{prefix}{line}"
        for prefix in prefixes
        for line in ("ERROR:    Exception in ASGI application", *OTHER, *DURING, *TRACEBACK)
    ]
    assert read(*lines).counts.kinds["bad"] == 2


def test_a_message_of_many_lines_before_a_chain_parts_no_record() -> None:
    lines = [HEAD, *OTHER, "[SQL: SELECT 1]", "(Background on this error at: https://sqlalche.me)"]
    assert bad(read(*lines, *DURING, *TRACEBACK)) == (1, 0, 0)


def test_a_log_that_goes_over_midnight_is_not_of_the_day_that_somebody_says() -> None:
    found = begin_triage(assumed=Assumed(day=date(2026, 3, 1)))
    lines = ["23:59:58 ERROR it failed", "00:05:00 ERROR it failed"]
    add(found, "log", ["\n".join(lines).encode()])
    assert found.counts.lacking == {"date": 1}


def test_a_log_that_goes_over_new_year_is_not_of_the_year_that_somebody_says() -> None:
    found = begin_triage(assumed=Assumed(year=2025))
    lines = ["Dec 31 23:59:58 h a[1]: ERROR it failed", "Jan 01 00:05:00 h a[1]: ERROR it failed"]
    add(found, "log", ["\n".join(lines).encode()])
    assert found.counts.lacking == {"year": 1}
