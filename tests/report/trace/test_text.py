"""The two forms as lines: the short one is a part of the whole one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model.events import is_noise
from sim.model.record import Event, Value
from sim.model.ticks import from_ms
from sim.report.trace.text import lines, short, whole
from sim.runs.subject import Record
from tests.helpers.told_runs import SHIPPED, made, played


def one(kind: str, ms: float = 0, **values: Value) -> Record:
    """Return a run in which one thing happens."""
    return made(Event(from_ms(ms), "handler", kind, {"connection": "c1", **values}))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_short_form_leaves_out_what_is_hidden_and_nothing_else(name: str) -> None:
    record = played(name)
    every = whole(record).splitlines()
    assert len(every) == len(record.events)
    assert short(record).splitlines() == [
        line for line, event in zip(every, record.events, strict=True) if not is_noise(event)
    ]
    assert short(record).endswith("\n")


def test_a_line_has_time_task_kind_and_values() -> None:
    (line,) = lines(one("sent", 3.25, what="agent_started", ok=True))
    assert line.split() == ["3.250", "ms", "handler", "sent", "what=agent_started", "ok=True"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("two words", "'two words'"),
        ("a\nb", r"'a\nb'"),
        ("\x1b[31m", r"'\x1b[31m'"),
        ("a\u2028b", r"'a\u2028b'"),
        ("競走", "競走"),
        ("", ""),
        (None, "None"),
        (7, "7"),
        ("x" * 101, "x" * 97 + "..."),
    ],
)
def test_a_value_stands_in_one_line_quoted_if_need_be(value: Value, shown: str) -> None:
    (line,) = lines(one("log", text=value), everything=True)
    assert line.split("text=")[1] == shown


@given(st.text())
def test_no_value_breaks_its_line(text: str) -> None:
    (line,) = lines(one("received", text=text))
    assert len(line.splitlines()) == 1
    assert line.isprintable()
