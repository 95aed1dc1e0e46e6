"""A Mermaid diagram: every line is one that Mermaid knows, boxes close, texts are only texts.

The lines that are allowed here were read by Mermaid 11 itself, for these runs and these texts.
"""

import html
import re

import pytest
from hypothesis import given

from sim.model.record import Event
from sim.model.ticks import from_ms
from sim.report.trace.mermaid import LARGEST, WINDOW, escaped, mermaid
from sim.runs.stage import Fidelity
from tests.helpers.told_runs import EVENTS, NASTY, SHIPPED, TEXTS, hostile, made, played

TEXT = r"(?:[\w _\-.,()=/']|#\d+;)+"
LINES = (
    rf"participant T\d+ as {TEXT}",
    rf"T\d+-\)T\d+: {TEXT}",
    rf"Note over T\d+: {TEXT}(?:<br/>{TEXT})*",
    re.escape(WINDOW),
    "end",
)


def check(text: str) -> list[str]:
    """Return the lines of a diagram, after a look at each."""
    first, *lines = text.removesuffix("\n").split("\n")
    assert first == "sequenceDiagram"
    lines = [line.removeprefix("    ") for line in lines]
    named = set()
    depth = 0
    for line in lines:
        assert any(re.fullmatch(known, line) for known in LINES), line
        depth += (line == WINDOW) - (line == "end")
        assert depth in (0, 1)
        if line.startswith("participant"):
            named.add(line.split()[1])
        else:
            assert set(re.findall(r"\bT\d+(?=[-:])", line.split(": ")[0] + ":")) <= named
            assert not re.search(r"(?i)\bend\b", line) or line == "end"
    assert depth == 0
    assert len(text) < 50_000
    return lines


def shown(text: str) -> str:
    """Return what Mermaid shows for an escaped text."""
    return html.unescape(re.sub(r"#(\d+);", r"&#\1;", text))


@pytest.mark.parametrize("fidelity", Fidelity)
@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_is_a_diagram(name: str, fidelity: Fidelity) -> None:
    lines = check(mermaid(played(name, fidelity)))
    assert sum("-)" in line for line in lines) > 3


@pytest.mark.parametrize("text", NASTY)
def test_hostile_texts_stay_texts(text: str) -> None:
    lines = check(mermaid(hostile(text)))
    assert lines.count("end") == 1
    assert sum("-)" in line for line in lines) == 2


@given(EVENTS)
def test_any_run_is_a_diagram(events: list[Event]) -> None:
    check(mermaid(made(*events)))


@given(TEXTS)
def test_what_is_escaped_is_shown_as_it_was(text: str) -> None:
    visible = "".join(char if char.isprintable() else "?" for char in text).strip()
    assert shown(escaped(text)) == (visible or "-")
    assert re.fullmatch(TEXT, escaped(text))
    assert not re.search(r"(?i)\bend\b", escaped(text))


def probe(ms: int, at: str, connection: str = "c1") -> Event:
    values = {"connection": connection, "at": at}
    return Event(from_ms(125 * ms), f"transport:{connection}/handler:{connection}", "probe", values)


def test_tasks_arrows_notes_and_the_window() -> None:
    record = made(
        Event(0, "c1", "wire", {"link": "c1>server", "at": 9, "data": "close 1000"}),
        probe(1, "validated"),
        Event(from_ms(125), "transport:c1", "frame", {"connection": "c1", "frame": "close 1000"}),
        Event(from_ms(125), "transport:c1", "lost", {"connection": "c1"}),
        Event(from_ms(125), "transport:c1", "wire", {"link": "server>c1", "at": 9, "data": "fin"}),
        probe(2, "final_check"),
        probe(2, "receiving"),
        probe(2, "validated"),
    )
    assert [shown(line) for line in check(mermaid(record))] == [
        "participant T1 as client c1",
        "participant T2 as transport:c1",
        "participant T3 as handler:c1",
        "T1-)T2: close 1000",
        WINDOW,
        "Note over T3: 125.000 ms<br/>probe validated",
        "Note over T2: 125.000 ms<br/>frame close 1000<br/>lost",
        "T2-)T1: fin",
        "Note over T3: 250.000 ms<br/>probe final_check",
        "end",
        "Note over T3: 250.000 ms<br/>probe receiving<br/>probe validated",
    ]


def test_a_window_in_which_nothing_happens_is_not_shaded() -> None:
    assert WINDOW not in check(mermaid(made(probe(1, "validated"), probe(2, "final_check"))))


def test_of_windows_that_overlap_the_first_is_shaded() -> None:
    events = [probe(1, "validated"), probe(2, "validated", "c2"), probe(3, "final_check")]
    events += [probe(4, "final_check", "c2"), probe(5, "validated", "c2"), probe(5, "receiving")]
    lines = check(mermaid(made(*events, probe(6, "final_check", "c2"))))
    assert lines.count(WINDOW) == 2


def test_of_a_run_too_long_for_mermaid_the_end_is_drawn() -> None:
    events = [Event(tick, "c1", "sent", {"what": "end;" * 20}) for tick in range(2000)]
    lines = check(mermaid(made(*events, Event(2000, "c1", "lost", {}))))
    assert re.fullmatch(r"Note over T1: \d+ earlier lines are left out", lines[1])
    left_out = int(lines[1].split()[3])
    assert left_out + len(lines) - 2 == 2001
    assert "lost" in lines[-1]
    assert sum(map(len, lines)) > LARGEST / 2


def test_a_run_without_events_is_an_empty_diagram() -> None:
    assert mermaid(made()) == "sequenceDiagram\n"
