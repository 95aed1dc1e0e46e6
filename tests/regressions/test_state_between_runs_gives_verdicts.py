"""Runs that depend on the runs before them have no verdict but the cause and the remedy.

A connection manager at module level made `send_after_close` of one client alone; after other runs
in one process the state had filled up, and hid. The counterexample passed in a fresh process.
"""

import os

import pytest

from sim.exploration.verdict import Verdict
from sim.model.scenario import Scenario
from sim.testing.failure import RaceFound
from sim.testing.race import Race
from tests.helpers import reported_handlers as handlers

ONE = Scenario.model_validate(
    {"clients": {"messages": 1, "end": "close"}, "server": "uvicorn-sansio@0.54"}
)
THREE = Scenario.model_validate(
    {
        "clients": {"messages": 1, "end": "close", "count": 3, "every_ms": 10},
        "server": "uvicorn-sansio@0.54",
    }
)


@pytest.fixture(autouse=True)
def fresh() -> None:
    handlers.manager.there.clear()
    handlers.shown.clear()


def test_state_that_is_kept_is_told_with_the_event_and_the_remedy() -> None:
    found = Race(ONE, handler=handlers.managed).explore()
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.failure is None
    words = found.words()
    assert "handlers:managed keeps state from one run to the next" in words
    assert "run again in the same order, it went otherwise: event " in words
    assert "factory=True" in words
    assert "--factory" in words


def test_a_check_of_it_fails_without_calling_it_racy() -> None:
    with pytest.raises(RaceFound) as raised:
        Race(ONE, handler=handlers.managed).check()
    assert "keeps state" in str(raised.value)
    assert "racy" not in str(raised.value)
    assert raised.value.token == ""


def test_state_that_has_filled_up_shows_in_a_new_process() -> None:
    """Here no run differs from another any more, as in any long pytest session."""
    Race(ONE, handler=handlers.raises_once).explore()
    assert handlers.shown
    found = Race(ONE, handler=handlers.raises_once).explore()
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "a run goes otherwise in a new process" in found.words()
    assert "other:LookupError instead of returned" in found.words()


HASHED_ALIKE = os.environ.get("PYTHONHASHSEED", "random") != "random"
a_set = pytest.param(
    handlers.sending_a_set,
    marks=pytest.mark.skipif(HASHED_ALIKE, reason="PYTHONHASHSEED makes all processes alike"),
)


@pytest.mark.parametrize("handler", [handlers.sending_chance, a_set])
def test_chance_and_the_order_of_a_set_are_found_in_the_same_way(handler: object) -> None:
    found = Race(ONE, handler=handler).explore()  # type: ignore[arg-type]
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "reads a clock, chance or addresses" in found.words()


def test_with_a_factory_one_client_never_sends_after_a_close() -> None:
    found = Race(ONE, handler=f"{handlers.__name__}:make_managed", factory=True).explore()
    assert found.verdict is Verdict.RACE_FREE
    assert "send_after_close" not in found.outcomes
    assert "no other process" not in found.bound


def test_with_a_factory_the_send_after_close_of_three_clients_is_real() -> None:
    race = Race(THREE, handler=f"{handlers.__name__}:make_managed", factory=True)
    found = race.explore(times="all", max_schedules=300)
    assert found.fails
    assert any("send_after_close" in label for label in found.outcomes)


def test_a_handler_that_no_other_process_can_import_is_said_to_be_unseen() -> None:
    async def local(ws: object) -> None:
        await handlers.echo(ws)  # type: ignore[arg-type]

    found = Race(ONE, handler=local).explore()
    assert found.verdict is Verdict.RACE_FREE
    assert "no other process can import" in found.bound
