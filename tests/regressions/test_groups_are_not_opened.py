"""Each member of an exception group is a finding of its own, with its name and line.

Everything that left a handler through a nursery was `other:ExceptionGroup` and a failure, so that a
disconnect was one there and none elsewhere, and `concurrent_recv` was nowhere to be seen.
"""

from typing import Any

import pytest

from sim.exploration.verdict import Exploration, Verdict
from sim.model.outcome import Outcome
from sim.model.scenario import Scenario
from sim.runs.subject import Record
from sim.testing.race import Race
from tests.helpers import reported_handlers as handlers

SANSIO, WEBSOCKETS, WSPROTO = (
    f"uvicorn-{name}@0.54" for name in ("sansio", "websockets", "wsproto")
)
HYPERCORN = "hypercorn-asyncio@0.18"


def explored(handler: Any, server: str, **clients: Any) -> Exploration:
    scenario = Scenario.model_validate(
        {"clients": {"messages": 0, "end": "close", **clients}, "server": server, "end_ms": 8000}
    )
    return Race(scenario, handler=handler).explore()


def outcome(handler: Any, server: str, **clients: Any) -> Outcome:
    found = explored(handler, server, **clients)
    record: Record | None = found.failure
    assert record is not None
    return record.outcome


@pytest.mark.parametrize("server", [SANSIO, WSPROTO])
def test_a_group_of_disconnects_is_no_failure_but_is_told(server: str) -> None:
    found = explored(handlers.closing_by_a_timer, server)
    assert set(found.outcomes) == {"disconnect_group(1006)"}
    assert found.verdict is Verdict.RACE_FREE
    assert found.remarks["disconnect_group(1006)"][0] == found.looked


def test_a_group_with_a_failure_is_called_by_it_and_names_its_line() -> None:
    """uvicorn-websockets refuses a close once the client's has been handed out."""
    found = outcome(handlers.closing_by_a_timer, WEBSOCKETS)
    assert found.classes == ("other:RuntimeError",)
    (failing,) = [one for one in found.findings if one.failure]
    assert "Unexpected ASGI message" in failing.text
    assert failing.where.startswith("tests.helpers.reported_handlers:")


def test_a_server_that_says_nothing_raises_nothing() -> None:
    assert set(explored(handlers.closing_by_a_timer, HYPERCORN).outcomes) == {"returned"}


def test_the_label_is_the_first_failing_member_in_the_order_of_raising() -> None:
    found = outcome(handlers.raising_twice, SANSIO, end="silent")
    assert found.classes == ("other:KeyError",)
    assert [one.kind for one in found.findings] == ["other:KeyError", "other:ValueError"]
    assert len({one.where for one in found.findings}) == 2


RECEIVERS = {"script": ["connect", {"sleep": 105_000}, {"send": "{}"}, "silent"]}


def test_receivers_that_the_server_minds_are_concurrent_recv() -> None:
    found = outcome(handlers.receiving_each_round, WEBSOCKETS, **RECEIVERS)
    assert found.classes == ("concurrent_recv",)
    assert "cannot call recv while another coroutine" in found.findings[0].text


@pytest.mark.parametrize("server", [SANSIO, WSPROTO, HYPERCORN])
def test_receivers_that_wait_at_once_are_a_finding_of_their_own(server: str) -> None:
    found = explored(handlers.receiving_each_round, server, **RECEIVERS)
    assert found.verdict is Verdict.RACE_FREE
    assert set(found.outcomes) == {"waiting"}
    runs, text = found.remarks["several_receivers"]
    assert runs == found.looked
    assert text.startswith("3 tasks waited at once")
