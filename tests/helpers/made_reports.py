"""Cases and pages that the tests of the report share: real runs, small ones."""

from functools import lru_cache

from sim.exploration.counterexample import counterexample
from sim.exploration.explain import with_lines
from sim.exploration.inquiry import Inquiry
from sim.exploration.search import explore
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.report.html.beside import Walk, beside
from sim.report.html.cases import Case, case
from sim.report.html.page import Page, html_of
from sim.report.trace.walk import moments_of
from sim.runs.play import play
from sim.runs.subject import Record
from sim.schedulers.fifo import Fifo
from tests.helpers.scenes import CLOSE, scene

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u202egnp.exe\x1b[31m"
"""What a name may hold that would like to be more than a text."""


@lru_cache
def hop() -> Record:
    """The counterexample of both states in the hop, with steps of several tasks."""
    found = counterexample(explore(scene(CLOSE, guard="both-states", hop=True), Inquiry()))
    assert found is not None
    return found.record


@lru_cache
def timed() -> Record:
    """A failing run whose order leaves no choice, with a window of 5 ms: another time helps."""
    injection = {"do": "server-close", "at": "validated", "nth": 2, "delay_ms": 2.0}
    return play(
        Scenario.model_validate(
            {
                "name": "timed", "runtime": "asyncio-3.11", "window_ms": 5,
                "clients": {"messages": 1, "pause_ms": 200}, "injections": [injection],
            }
        ),
        Fifo(),
    )  # fmt: skip


@lru_cache
def unmoved() -> Record:
    """A failing run without an injection: neither order nor time has anything to change."""
    opened = open_scenario("wait-for-hop")
    assert isinstance(opened, Scenario)
    data = {**opened.model_dump(exclude_unset=True), "guard": "none"}
    found = counterexample(explore(Scenario.model_validate(data), Inquiry()))
    assert found is not None
    assert not found.record.scenario.injections
    return found.record


@lru_cache
def evil() -> Record:
    """A failing run in which names and messages are hostile."""
    injection = {"do": "server-close", "at": "validated", "nth": 2, "delay_ms": 2.0}
    script = ["connect", {"send": EVIL}, {"send": '{"type": "chat", "n": 1}'}, {"sleep": 1 << 20}]
    return play(
        Scenario.model_validate(
            {
                "name": EVIL, "runtime": "asyncio-3.11", "window_ms": 5,
                "clients": {"script": script}, "injections": [injection],
            }
        ),
        Fifo(),
    )  # fmt: skip


def walk_of(record: Record) -> Walk:
    """What is told of one run alone."""
    (found,) = beside([moments_of(with_lines(record), "c1")]).walks
    return found


def page(*cases: Case, title: str = "A page") -> str:
    return html_of(
        Page(
            title=title, about="about", summary=["One sentence."], table_title="Rates", tables=(),
            again=["wsrace reproduce"], limits=["Not a forecast."], cases=cases,
        )
    )  # fmt: skip


@lru_cache
def hop_page() -> str:
    return page(case(hop(), "The hop", "wsrace replay wsr1.x"))
