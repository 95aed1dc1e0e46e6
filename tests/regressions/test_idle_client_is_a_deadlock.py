"""A client that is connected and has nothing more to say is no deadlock; two that wait are one."""

from typing import Any

import pytest
import trio

from sim.exploration.verdict import Exploration, Verdict
from sim.model.scenario import Scenario
from sim.testing.race import Race
from tests.helpers import reported_handlers as handlers

SERVERS = [
    "uvicorn-sansio@0.54",
    "uvicorn-websockets@0.54",
    "uvicorn-wsproto@0.54",
    "hypercorn-asyncio@0.18",
]
every_server = pytest.mark.parametrize("server", SERVERS)


def explored(handler: Any, server: str, *script: Any, **keys: Any) -> Exploration:
    data = {"clients": {"script": ["connect", *script]}, "server": server, **keys}
    return Race(Scenario.model_validate(data), handler=handler).explore()


@every_server
def test_an_idle_client_is_waited_for_and_nothing_is_wrong(server: str) -> None:
    found = explored(handlers.echo, server, "silent")
    assert (found.verdict, set(found.outcomes)) == (Verdict.RACE_FREE, {"waiting"})


@every_server
def test_a_script_that_has_come_to_its_end_is_idle_too(server: str) -> None:
    found = explored(handlers.echo, server, {"send": "a"}, {"wait": 1})
    assert set(found.outcomes) == {"waiting"}


@every_server
def test_a_script_that_waits_for_the_server_is_a_deadlock_that_names_both(server: str) -> None:
    found = explored(handlers.echo_after_two, server, {"send": "a"}, {"wait": 1}, {"send": "b"})
    assert set(found.outcomes) == {"deadlock"}
    assert found.failure is not None
    (finding,) = [one for one in found.failure.outcome.findings if one.failure]
    assert "handler:c1 waits at tests.helpers.reported_handlers:" in finding.text
    assert finding.text.endswith("the client waits for message 1")


@every_server
def test_a_handler_that_waits_although_its_client_has_gone_is_a_deadlock(server: str) -> None:
    found = explored(handlers.waiting_for_nothing, server, "close")
    assert set(found.outcomes) == {"deadlock"}
    assert found.failure is not None
    text = found.failure.outcome.findings[0].text
    assert "its connection is over" in text or "the end of the connection" in text


def test_a_client_that_is_never_let_in_waits_for_an_answer() -> None:
    async def silent(ws: Any) -> None:
        await trio.sleep_forever()

    found = explored(silent, SERVERS[0], "silent")
    assert found.failure is not None
    assert "the client waits for an answer to its request" in found.failure.outcome.findings[0].text


def test_one_idle_client_does_not_hide_another_that_is_stuck() -> None:
    """Of two clients of one script each is judged for itself."""
    found = explored(handlers.echo_after_two, SERVERS[0], {"send": "a"}, "silent")
    assert set(found.outcomes) == {"waiting"}
    both = {"clients": {"script": ["connect", {"send": "a"}, {"wait": 1}], "count": 2}}
    stuck = Race(Scenario.model_validate(both), handler=handlers.echo_after_two).explore()
    assert set(stuck.outcomes) == {"deadlock"}
