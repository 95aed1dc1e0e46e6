"""Small scenarios whose schedules can all be looked at, shared by the tests of the exploration."""

from typing import Any

from sim.exploration.inquiry import Inquiry
from sim.exploration.search import explore
from sim.exploration.verdict import Exploration
from sim.model.scenario import Scenario
from sim.runs.subject import Record

SILENT = {"script": ["connect", "silent"]}
ANSWERED = {"script": ["connect", {"send": "{}"}, {"wait": 1}]}
CLOSE: dict[str, Any] = {
    "clients": SILENT,
    "window_hops": 1,
    "injections": [{"do": "server-close", "at": "validated"}],
}
"""The server closes the connection while the handler is in its window."""
BLIND: dict[str, Any] = {
    "clients": ANSWERED,
    "handler": {"sends": 1, "work_ms": 1},
    "injections": [{"do": "client-abort", "at": "received"}],
}
"""The client resets the connection while the handler sends."""


def scene(base: dict[str, Any], **changes: Any) -> Scenario:
    keys = {"name": "scene", "runtime": "any-order", "handler": {"sends": 0}, "end_ms": 5000}
    return Scenario.model_validate({**keys, **base, **changes})


def failure_of(scenario: Scenario, inquiry: Inquiry) -> tuple[Exploration, Record]:
    found = explore(scenario, inquiry)
    assert found.failure is not None
    return found, found.failure
