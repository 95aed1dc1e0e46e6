"""Handlers that take the end of another client for the end of their own."""

import pytest

from sim.exploration.case import CaseSearch
from sim.model.app import SERVERS, Bounds, ServerName
from sim.model.findings import Severities
from tests.helpers.applications import endings, kinds, subject

TWO = ("send:a, wait", "close")


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("path", "found"), [("/kicks", True), ("/goes-on", False), ("/says-goodbye", False)]
)
def test_it_is_noted_where_a_client_who_is_still_there_is_thrown_out_and_only_there(
    path: str, found: bool, server: ServerName
) -> None:
    clients = [f"{path} {steps}" for steps in TWO]
    one = subject("kicks:app", *clients, server=server, bounds=Bounds(start="open"))
    plain, _ = endings(one, states=False)
    by_states, _ = endings(one)
    assert set(plain) == set(by_states)
    assert ("kicked" in kinds(list(plain))) is found


def test_ones_own_end_kicks_nobody() -> None:
    for leaves in ("send:a, close", "send:a, send:b, drop", "send:a, rst"):
        found, _ = endings(subject("kicks:app", f"/kicks {leaves}"))
        assert "kicked" not in kinds(list(found))


def test_it_says_whose_end_it_was_and_at_which_line_it_was_met() -> None:
    clients = [f"/kicks {steps}" for steps in TWO]
    strict = Severities(fail_on=("kicked",))
    one = subject("kicks:app", *clients, bounds=Bounds(start="open"), severities=strict)
    search = CaseSearch(one, lambda _: None).run()
    texts = {
        (one.connection, one.text.partition(": ")[0], one.where)
        for made in search.failing.values()
        for one in made.outcome.findings
        if one.kind == "kicked"
    }
    words = "ClientDisconnected of c2's connection was caught, and the handler returned"
    assert ("c1", f"{words} without a close", "kicks.py:11") in texts
