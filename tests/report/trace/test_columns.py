"""A column per task: narrow, in order, nothing lost but what is too long."""

import pytest
from hypothesis import given
from rich.cells import cell_len

from sim.model.events import is_noise
from sim.model.record import Event
from sim.model.ticks import from_ms
from sim.report.trace.columns import NARROWEST, TALLEST, WIDTH, columns
from sim.runs.stage import Fidelity
from tests.helpers.told_runs import EVENTS, NASTY, SHIPPED, hostile, made, played

SMALL = made(
    Event(0, "c1", "client.sent", {"connection": "c1", "frame": "close"}),
    Event(0, "c1", "wire", {"link": "c1>server", "at": 1, "data": "close"}),
    Event(
        from_ms(125), "transport:c1/handler:c1", "probe", {"connection": "c1", "at": "validated"}
    ),
    Event(from_ms(125), "transport:c1/handler:c1", "received", {"connection": "c1", "text": "a"}),
    Event(from_ms(125), "transport:c1", "lost", {"connection": "c1"}),
    Event(from_ms(125), "transport:c1/handler:c1", "ended", {"connection": "c1"}),
)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


def parts(text: str) -> tuple[list[str], list[str]]:
    """The lines of the header, and those below the rule."""
    lines = text.splitlines()
    rule = next(number for number, line in enumerate(lines) if set(line) <= {"-", "+"})
    return lines[:rule], lines[rule + 1 :]


def test_a_row_is_what_one_task_did_in_one_go() -> None:
    (head,), rows = parts(columns(SMALL))
    assert cells(head) == ["ms", "client c1", "handler:c1", "transport:c1"]
    assert [cells(row) for row in rows] == [
        ["0.000", "client.sent close", "", ""],
        ["125.000", "", "probe validated", ""],
        ["", "", "received a", ""],
        ["125.000", "", "", "lost"],
        ["125.000", "", "ended", ""],
    ]


@pytest.mark.parametrize("fidelity", Fidelity)
@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_fits(name: str, fidelity: Fidelity) -> None:
    text = columns(played(name, fidelity))
    tasks = cells(text.splitlines()[0])[1:]
    widest = WIDTH if len(tasks) <= 6 else 11 + len(tasks) * (NARROWEST + 3)
    assert max(map(cell_len, text.splitlines())) <= widest
    assert "\x1b" not in text
    times = [float(time) for time, *_ in map(cells, parts(text)[1]) if time]
    assert times == sorted(times)


def test_six_tasks_still_fit_and_can_be_read() -> None:
    record = made(
        *(
            Event(0, f"transport:c{n}/handler:c{n}", "client_state", {"state": "CONNECTED"})
            for n in range(6)
        )
    )
    (head,), rows = parts(columns(record))
    assert cells(head)[1:] == [f"handler:c{n}" for n in range(6)]
    assert max(map(cell_len, (head, *rows))) <= WIDTH
    shown = [cell for row in rows for cell in cells(row)[1:] if cell]
    assert "".join(shown) == "client_stateCONNECTED" * 6


def test_many_tasks_make_it_wider_and_not_its_columns_narrower() -> None:
    record = made(*(Event(0, f"task{number}", "lost", {}) for number in range(30)))
    head = columns(record).splitlines()[0]
    assert len(head) > WIDTH
    assert all(f"task{number}" in head for number in range(30))
    assert len("task29") <= NARROWEST


def test_every_event_that_is_shown_begins_in_its_column() -> None:
    record = played("blind-spot")
    shown = [event for event in record.events if not is_noise(event)]
    words = columns(record).split()
    for kind in {event.kind for event in shown}:
        assert words.count(kind) >= sum(event.kind == kind for event in shown)


def test_a_long_text_is_cut_with_dots() -> None:
    lines = columns(made(Event(0, "c1", "received", {"text": "word " * 50}))).splitlines()
    assert len(lines) == 2 + TALLEST - 1
    assert (
        columns(
            made(*(Event(0, f"t{n}", "received", {"text": "word " * 50}) for n in range(6)))
        ).count("...")
        == 6
    )


@pytest.mark.parametrize("text", NASTY)
def test_hostile_names_break_no_row(text: str) -> None:
    for line in columns(hostile(text)).split("\n"):
        assert line.isprintable()
        assert cell_len(line) <= WIDTH


@given(EVENTS)
def test_any_run_has_rows_of_one_shape(events: list[Event]) -> None:
    text = columns(made(*events))
    lines = text.removesuffix("\n").split("\n")
    (rule,) = (line for line in lines if line.startswith("----"))
    assert all(line.isprintable() and cell_len(line) <= len(rule) for line in lines)


def test_a_run_without_events_is_a_header() -> None:
    assert columns(made()).splitlines()[0].strip() == "ms"
