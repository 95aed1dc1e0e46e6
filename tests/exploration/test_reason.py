"""Why an application fails: found for code that nobody has told anything about."""

import re

import pytest
from starlette.websockets import WebSocket

from sim.exploration.case import CaseSearch
from sim.exploration.reason import Explained, Reason, reasons_of
from sim.kernel.series import run_once
from sim.model.app import SERVERS, Bounds, ServerName
from sim.runs.app import AppSubject
from sim.runs.subject import Record
from sim.schedulers.replay import Replay
from tests.helpers.applications import subject

OPEN = Bounds(start="open")


def failure(one: AppSubject, kind: str) -> Record:
    failing = CaseSearch(one, lambda _: None).run().failing
    return next(made for label, made in failing.items() if label.startswith(kind))


def explained(one: AppSubject, kind: str) -> Explained:
    return next(why for why in reasons_of(failure(one, kind)) if why.finding.kind == kind)


def reason(one: AppSubject, kind: str) -> Reason:
    found = explained(one, kind).reason
    assert found is not None
    return found


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("guard", ["pre-fix", "post-fix"])
def test_the_blind_spot_is_told_as_if_starlette_were_known(guard: str, server: ServerName) -> None:
    one = subject("guarded:app", f"/ws?guard={guard} send:hi, close", server=server)
    found = reason(one, "escape")
    first, second, woken, third = found.lines()
    assert re.fullmatch(r"  woken by c1's socket \(turn \d+\).*", woken)
    state = "because c1's WebSocket.application_state was DISCONNECTED"
    assert re.fullmatch(rf"{state} \(starlette/websockets\.py:\d+\)", first)
    assert re.fullmatch(
        r"  written by the handler of c1 at [\d.]+ ms, turn \d+ \(starlette/websockets\.py:\d+\), "
        r"called from guarded\.py:\d+ `await websocket\.send_text\(text\)`",
        second,
    )
    assert re.fullmatch(
        r"  guarded\.py:\d+ `return websocket\.client_state == CONNECTED` had read client_state "
        r"CONNECTED in turn \d+: it does not look at application_state",
        third,
    )


def test_of_a_broadcast_it_is_told_whose_object_it_was_and_who_wrote_it() -> None:
    one = subject("rooms:app", *["/room/{name} send:a, close"] * 2, bounds=OPEN)
    told = [
        why.reason
        for made in CaseSearch(one, lambda _: None).run().failing.values()
        for why in reasons_of(made)
        if why.reason is not None and why.reason.state == "application_state"
    ]
    assert told
    for each in told:
        assert each.writer is not None
        assert {each.owner, each.writer.connection} == {"c1", "c2"}
        assert each.writer.source == "await member.send_text(text)"


def test_what_came_from_a_client_is_told_as_that_and_a_callback_is_not() -> None:
    one = subject("rooms:app", *["/room/{name} send:a, close"] * 2, bounds=OPEN)
    told = [
        line
        for made in CaseSearch(one, lambda _: None).run().failing.values()
        for why in reasons_of(made)
        if why.reason is not None and why.reason.private
        for line in why.reason.lines()
    ]
    assert any("written as the server read from c" in line for line in told)
    shut = reason(subject("stateful:app", "/later sleep:100, send:a, close"), "escape")
    assert shut.writer is not None
    assert list(shut.lines())[1].startswith("  written by a callback of c1 at ")


def test_of_a_task_it_is_told_which_one_wrote() -> None:
    one = subject("rooms:app", "/news send:a, send:b, close")
    found = reason(one, "unseen-exception")
    assert found.writer is not None
    assert found.writer.task == "news.<locals>.send"
    assert found.writer.own.startswith("rooms.py:")


def test_state_of_the_servers_own_is_told_and_that_nobody_looked_is_not() -> None:
    found = reason(subject("plain:raw", "send:bye, send:a, close"), "escape")
    assert (found.state, found.value, found.private) == ("close_sent", "True", True)
    assert found.writer is not None
    assert found.writer.source == 'await send({"type": "websocket.close"})'
    assert not any("looked" in line for line in found.lines())


def test_a_class_of_somebodys_own_is_no_less_well_known() -> None:
    clients = ("/auction send:shut, close", "/auction send:bid, send:bid, close")
    found = reason(subject("stateful:app", *clients, bounds=OPEN), "escape")
    assert (found.kind, found.state, found.value) == ("Auction", "stage", "SHUT")
    assert found.writer is not None
    assert found.writer.connection == "c1"
    assert found.writer.source == "auction.stage = Stage.SHUT"
    assert found.overlooked
    assert [one.name for one in found.looked] == ["bids"]
    assert list(found.lines())[-1].endswith("it does not look at stage")


def test_a_check_that_came_too_early_is_told_as_that() -> None:
    found = reason(subject("stateful:app", "/lease silent"), "escape")
    assert (found.kind, found.state, found.value) == ("Lease", "left", "0")
    assert not found.overlooked
    assert list(found.lines())[-1].endswith("before that was written")


def test_what_was_written_later_in_the_same_turn_was_written_after_the_look() -> None:
    found = reason(subject("stateful:app", "/turn silent"), "escape")
    assert found.writer is not None
    assert found.writer.turn == found.looked[-1].turn
    assert list(found.lines())[-1].endswith("before that was written")


def test_what_was_tested_counts_and_not_what_it_is_afterwards() -> None:
    found = reason(subject("stateful:app", "/reopens silent"), "escape")
    assert (found.state, found.value) == ("stage", "SHUT")
    assert found.writer is not None
    assert found.writer.source == "own.stage = Stage.SHUT"


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (subject("stateful:app", "/message send:hello, close"), "PermissionError: say please"),
        (subject("reported:app", "/json send:no, close"), "JSONDecodeError"),
    ],
)
def test_where_no_state_was_tested_nothing_is_made_up(one: AppSubject, text: str) -> None:
    found = explained(one, "escape")
    assert found.finding.text.startswith(text)
    assert found.reason is None


def test_what_rises_in_an_except_of_theirs_has_a_reason_of_its_own() -> None:
    found = reason(subject("stateful:replaces", "send:a, close"), "escape")
    assert (found.kind, found.state, found.value) == ("Lock", "_locked", "False")


def test_instruments_change_nothing_and_are_taken_away() -> None:
    one = subject("guarded:app", "/ws?guard=pre-fix send:hi, close")
    before = dict(vars(WebSocket))
    made = failure(one, "escape")
    reasons_of(made)
    assert dict(vars(WebSocket)) == before
    assert run_once(one.job(Replay(made.schedule))).events == made.end.events
