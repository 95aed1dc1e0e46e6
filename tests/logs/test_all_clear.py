"""No log in which an error can still be read is an all-clear, however it was mixed and cut."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.commands.logs import Request, run
from sim.logs.opened import Record
from sim.logs.patterns import PATTERNS, Pattern
from sim.logs.records import Records
from sim.logs.triage import Triage, add, begin_triage

NEED = 'RuntimeError: WebSocket is not connected. Need to call "accept" first.'
FRAMES = (
    "Traceback (most recent call last):",
    '  File "/srv/venv/site-packages/uvicorn/websockets_impl.py", line 1, in run_asgi',
    "    result = await self.app(self.scope, self.asgi_receive, self.asgi_send)",
    '  File "/srv/app/chat.py", line 33, in chat',
    "    text = await websocket.receive_text()",
)
DURING = ("", "During handling of the above exception, another exception occurred:", "")
HEADS = (
    "2026-03-01 10:00:{:02},123 ERROR uvicorn.error: Exception in ASGI application",
    "[2026-03-01 10:00:{:02} +0000] [12] [ERROR] Exception in ASGI application",
    "ERROR:    Exception in ASGI application",
    "\x1b[31mERROR\x1b[0m:    Exception in ASGI application",
    "2026-03-01T10:00:{:02}.123Z [error    ] Exception in ASGI application",
    "10:00:{:02} ERROR it failed",
    'level=error msg="it failed" time=2026-03-01T10:00:{:02}Z',
)
QUIET = (
    "2026-03-01 10:00:{:02},123 INFO uvicorn.error: connection open",
    'INFO:     10.0.0.7:40000 - "WebSocket /ws" [accepted]',
    "2026-03-01T10:00:{:02}.123Z [info     ] fine",
    '{{"severity": "INFO", "message": "fine", "timestamp": "2026-03-01T10:00:{:02}Z"}}',
    "",
    "plain text of a print",
)
PREFIXES = (
    "",
    "web-1  | ",
    "[pod/web-7d9/app] ",
    "Mar  1 10:00:01 host app[12]: ",
    "2026-03-01T10:00:01.000000001Z ",
    "10:00:01 web.1 | ",
)


@st.composite
def processes(draw: st.DrawFn) -> list[str]:
    """The lines of one process: quiet ones, and errors with their tracebacks, some chained."""
    prefix = draw(st.sampled_from(PREFIXES))
    lines: list[str] = []
    for second in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            lines.append(draw(st.sampled_from(QUIET)).format(second))
            continue
        lines.append(draw(st.sampled_from(HEADS)).format(second))
        if draw(st.booleans()):
            continue  # an error without a traceback
        if draw(st.booleans()):
            lines += [*FRAMES, "KeyError: 'a'", *DURING]
        lines += [*FRAMES, draw(st.sampled_from([NEED, "ValueError: no such order"]))]
    return [f"{prefix}{line}" for line in lines]


@st.composite
def logs(draw: st.DrawFn) -> str:
    """Several processes, mixed line by line, and cut anywhere at both ends."""
    queues = draw(st.lists(processes(), min_size=1, max_size=3))
    lines = []
    while any(queues):
        queue = draw(st.sampled_from([one for one in queues if one]))
        lines.append(queue.pop(0))
    text = "\n".join(lines)
    if draw(st.booleans()):
        return f"\n{text}\n"
    start, end = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    return text[start:end]


def read(text: str, block: int = 1 << 18) -> Triage:
    found = begin_triage()
    add(found, "log", [text.encode()], block=block)
    return found


def holds_an_error(text: str) -> bool:
    """Whether an error's last line, a head or the beginning of a traceback survives whole.

    The last line of a text may be cut, so that it may be another word's beginning.
    """
    whole = text.split("\n")[1:-1]
    marks = (NEED, "Traceback (most recent call last):", "ERROR", "[error    ]", "level=error")
    return any(mark in line for line in whole for mark in marks)


def is_all_clear(found: Triage) -> bool:
    counts = found.counts
    return not (counts.kinds["bad"] or counts.unknown or counts.undated) and found.is_whole


@given(logs(), st.sampled_from([1, 7, 64, 4096]))
@settings(max_examples=500, deadline=None)
def test_what_holds_an_error_whole_is_never_an_all_clear(text: str, block: int) -> None:
    if holds_an_error(text):
        assert not is_all_clear(read(text, block)), text


@pytest.mark.slow
@given(logs(), st.sampled_from([1, 64, 4096]))
@settings(max_examples=10_000, deadline=None)
def test_what_holds_an_error_whole_is_never_an_all_clear_ten_thousand_times(
    text: str, block: int
) -> None:
    if holds_an_error(text):
        assert not is_all_clear(read(text, block)), text


@given(logs())
@settings(max_examples=100, deadline=None)
def test_how_the_bytes_arrive_changes_nothing(text: str) -> None:
    one, other = read(text), read(text, 3)
    assert one.counts.kinds == other.counts.kinds
    assert one.counts.unknown == other.counts.unknown
    assert {name: count.hits for name, count in one.counts.patterns.items()} == (
        {name: count.hits for name, count in other.counts.patterns.items()}
    )


def records_of(text: str, block: int) -> list[Record]:
    told: list[Record] = []
    found = begin_triage(also=lambda _, record: told.append(record))
    add(found, "log", [text.encode()], block=block)
    return told


@given(logs(), st.sampled_from([7, 64, 1 << 18]))
@settings(max_examples=300, deadline=None)
def test_lines_that_are_read_without_detours_make_the_same_records(text: str, block: int) -> None:
    """Plain lines of tracebacks, and plain heads, go a shorter way."""
    short = records_of(text, block)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Records, "go_on", lambda self, buffer, start, end: start)
        patch.setattr(Records, "_is_plainly_head", lambda self, line: False)
        assert records_of(text, block) == short


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda one: one.name)
def test_each_bad_pattern_alone_is_no_all_clear(pattern: Pattern) -> None:
    for text in pattern.texts if pattern.kind == "bad" else ():
        assert not is_all_clear(read(text)), text


def test_the_command_agrees(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join((HEADS[0].format(1), *FRAMES, "ValueError: x", "")))
    assert run(Request([str(log)], as_json=True)) == 3
