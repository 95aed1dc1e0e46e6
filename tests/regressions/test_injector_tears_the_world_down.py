"""What an injecting task meets is its own: it neither ends the world nor counts as the handler's.

The model's injector let through what was no OSError, RuntimeError or WebSocketDisconnect. uvicorn
before 0.27 raises something else when one closes a connection whose client has gone, so that a
`server-close` ended the whole world, and `reproduce` said that `catch` fails in 50 of 50 runs.
"""

from typing import Any

import pytest

from sim.exploration.inquiry import Inquiry
from sim.exploration.search import explore
from sim.exploration.verdict import Verdict
from sim.model.names import EVENTS
from sim.model.profiles import PROFILES
from sim.model.record import Ending
from sim.model.scenario import Scenario
from sim.runs.play import play


def gone(do: str, server: str = "uvicorn-websockets@0.26") -> Scenario:
    """A monitor acts on a connection whose client has gone, while the handler works."""
    data: dict[str, Any] = {
        "server": server,
        "mode": "legacy",
        "guard": "catch",
        "runtime": "asyncio-3.12",
        "handler": {"work_ms": 50, "sends": 3, "swallows": "everything"},
        "clients": {"messages": 1, "pause_ms": 5},
        "injections": [{"do": do, "time_ms": 40}],
    }
    return Scenario.model_validate(data)


def test_catch_fails_in_no_run_and_what_the_closing_task_met_is_an_event_of_its_own() -> None:
    record = play(gone("server-close"))
    met = [event for event in record.events if event.kind == "swallowed"]
    assert [event.values["error"] for event in met] == ["ProtocolError"]
    assert met[0].task.endswith("/server-close")
    assert not record.outcome.failed
    assert record.outcome.label == "caught:need_accept_first"  # as catch promises


def test_the_question_has_an_answer() -> None:
    found = explore(gone("server-close"), Inquiry())
    assert found.verdict is Verdict.RACE_FREE, found.words()
    assert found.bound == ""


@pytest.mark.parametrize("do", EVENTS)
@pytest.mark.parametrize("server", [*PROFILES, "uvicorn-websockets@0.23.2", "uvicorn-wsproto@0.26"])
def test_no_injection_on_any_server_ends_the_world(do: str, server: str) -> None:
    record = play(gone(do, server))
    assert record.end.ending is not Ending.FAILED, record.end.error
