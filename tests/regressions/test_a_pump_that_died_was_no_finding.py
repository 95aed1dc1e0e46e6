"""A client that left ended the task that sends to all, and that was race-free: it was a disconnect.

An exception that says that a client has gone, and ends a task that nobody awaits, counted as
harmless whoever the task worked for. Of a task of its own it is; of one that the lifespan began, or
the first client for all that follow, nobody gets a message any more.
"""

import pytest

from sim.exploration.case import CaseSearch
from sim.model.app import SERVERS, Bounds, ServerName
from tests.helpers.applications import endings, kinds, subject

OPEN = Bounds(start="open")


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(("route", "found"), [("/tell", True), ("/tell/careful", False)])
def test_who_leaves_ends_the_applications_task(route: str, found: bool, server: ServerName) -> None:
    one = subject("pumps:app", "/ws close", f"post:{route}", server=server, bounds=OPEN)
    by_states, _ = endings(one)
    assert ("bystander" in kinds(list(by_states))) is found
    assert set(by_states) == set(endings(one, states=False)[0])


def test_it_says_whose_end_it_was_which_task_it_ended_and_where() -> None:
    search = CaseSearch(
        subject("pumps:app", "/ws close", "post:/tell", bounds=OPEN), lambda _: None
    )
    (made,) = search.run().failing.values()
    (finding,) = (one for one in made.outcome.findings if one.failure)
    words = "c1's connection ends the task pump of the application: WebSocketDisconnect"
    assert finding.text.startswith(words)
    assert finding.where == "pumps.py:18"


def test_a_task_that_the_first_client_began_for_all_dies_with_it() -> None:
    clients = ("/lazy wait, close", "/lazy silent", "post:/poke, post:/poke")
    one = subject("pumps:app", *clients, bounds=OPEN)
    search = CaseSearch(one, lambda _: None).run()
    texts = {one.text for made in search.failing.values() for one in made.outcome.findings}
    words = "c1's connection ends the task pump of c1, which sends to c2 as well"
    assert any(text.startswith(words) for text in texts), texts


def test_a_task_of_its_own_may_end_with_its_client() -> None:
    bounds = Bounds(start="open", until_ms=3000, gone_ms=2000)
    for leaves in ("close", "drop", "rst"):
        one = subject("pumps:app", f"/own sleep:1500, {leaves}", "/own close", bounds=bounds)
        assert "bystander" not in kinds(list(endings(one)[0]))
