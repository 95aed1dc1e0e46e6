"""Unmodified applications on uvicorn's own classes: what they do, and what is found."""

import re
from dataclasses import replace

import pytest

from sim.errors import NoAnswer
from sim.model.app import SERVERS, Bounds, ServerName
from sim.model.findings import Severities
from sim.model.record import Ending
from sim.runs.app import AppSubject
from tests.helpers.applications import endings, kinds, subject, told, usual

LATE = Bounds(late=1)
OPEN = Bounds(start="open")
CASES: dict[str, tuple[AppSubject, set[str]]] = {
    "pre-fix": (
        subject("guarded:app", "/ws?guard=pre-fix send:hi, close"),
        {"escape", "swallowed"},
    ),
    "post-fix": (
        subject("guarded:app", "/ws?guard=post-fix send:hi, close"),
        {"escape", "swallowed"},
    ),
    "both states": (subject("guarded:app", "/ws?guard=both-states send:hi, close"), set()),
    "in time": (subject("guarded:app", "/closes silent"), set()),
    "two in a room": (
        subject("rooms:app", *["/room/{name} send:a, close"] * 2, bounds=OPEN),
        {"bystander", "escape"},
    ),
    "news": (
        subject("rooms:app", "/news send:a, send:b, close"),
        {"unseen-exception", "swallowed"},
    ),
    "echo": (subject("plain:echo"), {"escaped-disconnect"}),
    "careful echo": (subject("plain:careful"), set()),
    "ticker": (subject("plain:ticker"), {"leftover", "escaped-disconnect"}),
    "raw": (subject("plain:raw", "send:a, send:bye, close"), {"disconnect-unread"}),
    "task group": (subject("plain:grouped"), {"escaped-disconnect"}),
    "lifespan": (subject("plain:stored"), set()),
    "a def dependency": (subject("plain:odd", "/depends silent"), set()),
    "waits for ever": (subject("plain:odd", "/waits send:hi, close"), {"hang"}),
    "an answer that never comes": (subject("plain:odd", "/waits send:hi, wait"), {"hang"}),
    "outlives": (subject("plain:odd", "/late close"), {"outlives"}),
    "spins": (subject("plain:odd", "/spins close"), {"spins"}),
    "unseen": (subject("plain:odd", "/unseen close"), {"unseen-exception"}),
    "two receivers": (subject("plain:odd", "/two send:hi, close"), {"two-receivers"}),
}
STANDS = {"returned", "gone", "waiting", "cancelled", "not called"}


@pytest.mark.parametrize("name", CASES)
def test_what_is_found_is_what_goes_wrong_and_states_find_what_the_full_search_finds(
    name: str,
) -> None:
    one, expected = CASES[name]
    plain, _ = endings(one, states=False)
    found, search = endings(one)
    assert set(found) == set(plain)
    assert kinds(tuple(found)) - STANDS == expected
    assert sum(found.values()) <= sum(plain.values())
    assert getattr(search, "states", 0) > 0 or len(plain) == 1


@pytest.mark.parametrize("server", SERVERS)
def test_the_races_of_the_issue_are_found_on_all_of_uvicorns_classes(server: ServerName) -> None:
    def found(client: str) -> set[str]:
        one = subject("guarded:app", client, server=server)
        return kinds(tuple(endings(one)[0])) - STANDS - {"swallowed"}

    assert found("/ws?guard=pre-fix send:hi, close") == {"escape"}
    assert found("/ws?guard=post-fix send:hi, close") == {"escape"}
    assert found("/ws?guard=both-states send:hi, close") == set()


@pytest.mark.parametrize("target", ["plain:careful", "rooms:app", "guarded:app"])
def test_every_run_repeats_event_for_event(target: str) -> None:
    path = {"rooms:app": "/room/a ", "guarded:app": "/ws "}.get(target, "")
    one = subject(target, f"{path}send:a, close", f"{path}send:b, drop")
    first = usual(one)
    for _ in range(3):
        assert usual(one).events == first.events


def test_state_that_an_application_keeps_is_put_back_between_runs() -> None:
    one = subject("rooms:app", "/litter silent")
    texts = []
    for _ in range(3):
        got = [event for event in usual(one).events if event.kind == "client.got"]
        texts.append(got[0].values["frame"])
    assert texts == ["text 1 1 1"] * 3


def test_what_is_drawn_and_what_time_it_is_depend_on_the_run_alone() -> None:
    one = subject("plain:odd", "/draws silent")
    first, second = usual(one), usual(one)
    assert first.events == second.events
    (said,) = [event for event in first.events if event.kind == "client.got"]
    assert str(said.values["frame"]).endswith(" 1767225600.0 1234567.0")


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/connects", "asked the real resolver"),
        ("/resolves", "connected to example.org:80"),
        ("/thread", "opened a database"),
    ],
)
def test_what_leaves_the_simulation_is_no_answer_even_if_it_is_swallowed(
    path: str, what: str
) -> None:
    one = subject("plain:odd", f"{path} silent")
    end = usual(one)
    assert end.ending is Ending.REFUSED
    assert re.search(rf"{what} at .*helpers/apps/plain.py:\d+", str(end.error))
    with pytest.raises(NoAnswer):
        one.judge(end)


def test_an_application_that_does_not_start_is_no_answer() -> None:
    one = subject("plain:broken")
    end = usual(one)
    assert end.ending is Ending.FAILED
    assert "the application does not come up: LookupError('no such service')" in str(end.error)
    with pytest.raises(NoAnswer):
        one.judge(end)


def test_a_finding_says_whose_it_is_and_which_line_of_the_users() -> None:
    record = told(subject("guarded:app", "/ws send:hi, close"))
    (finding,) = [one for one in record.outcome.findings if one.failure]
    assert finding.kind == "escape"
    assert finding.connection == "c1"
    assert finding.where.startswith("guarded.py:")
    assert 'Need to call "accept" first' in finding.text


def test_a_hang_says_where_everybody_stands() -> None:
    record = told(subject("plain:odd", "/waits send:hi, wait"))
    (handler,) = [one for one in record.end.waiting if one.task == "c1"]
    assert handler.where.startswith("plain.py:")
    assert record.outcome.findings[0].text == "c1 waits for 1 message more"


def test_people_decide_what_fails() -> None:
    assert not told(subject("plain:echo")).outcome.failed
    asked = Severities(fail_on=("escaped-disconnect",))
    assert told(subject("plain:echo", severities=asked)).outcome.failed
    allowed = Severities(allow=("hang",))
    waits = subject("plain:odd", "/waits send:hi, wait", severities=allowed)
    assert not told(waits).outcome.failed


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("/blocks", "blocks", "time.sleep held up the loop for 2 s"),
        ("/twice", "swallowed", "RuntimeError: Unexpected ASGI message 'websocket.close'"),
        ("/reads-on", "swallowed", "WebSocketDisconnected: WebSocket is not connected."),
    ],
)
def test_notes_are_told_and_fail_nothing(path: str, kind: str, text: str) -> None:
    record = told(subject("plain:odd", f"{path} silent"))
    (finding,) = record.outcome.findings
    assert (finding.kind, finding.failure) == (kind, False)
    assert finding.text.startswith(text)
    assert finding.where.startswith("plain.py:")


def test_a_message_that_is_lost_is_found_only_if_somebody_asks() -> None:
    client = "/ignores send:a, silent"
    assert told(subject("plain:odd", client)).outcome.findings == ()
    asked = told(subject("plain:odd", client, severities=Severities(fail_on=("lost",))))
    assert asked.outcome.findings[0].text == "1 of 1 messages were never received"
    assert asked.outcome.failed


@pytest.mark.parametrize("server", SERVERS)
def test_a_handler_that_does_not_end_holds_up_the_shutdown(server: ServerName) -> None:
    def stopped(path: str) -> set[str]:
        one = subject("plain:odd", path, server=server)
        asked = replace(one, case=replace(one.case, shutdown_at_ms=100.0))
        return {finding.kind for finding in told(asked).outcome.findings if finding.failure}

    assert "slow-shutdown" in stopped("/late silent")
    assert stopped("/two silent") <= {"escape"}


def test_connections_that_share_state_are_told_from_those_that_do_not() -> None:
    for target, client, shared in (
        ("rooms:app", "/room/a send:a, close", {"rooms.room.members"}),
        ("rooms:app", "/tidies close", {"rooms.tidying"}),
        ("plain:careful", "send:a, close", set()),
        ("guarded:app", "/ws send:a, close", set()),
    ):
        one = subject(target, client)
        one.application.shared.clear()
        endings(one)
        found = set(one.application.shared)
        assert found >= shared
        assert bool(found) is bool(shared)


def test_a_factory_makes_the_application() -> None:
    assert told(subject("plain:make", factory=True)).outcome.label == "escaped-disconnect"


CLIENTS = {
    "hangup": "returned",
    "rst": "returned",
    "send:a, wait, close": "returned",
    "send:a, fin": "returned",
    "send:a, drop": "returned",
    "ping, close": "returned",
    "mute, sleep:1, close": "returned",
    "sleep:3600000, close": "returned",
    "send_bytes:00, silent": "escape",
}


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_do_what_their_scripts_say(client: str) -> None:
    assert told(subject("plain:careful", client)).outcome.label == CLIENTS[client]


def test_clients_wait_for_each_other() -> None:
    one = subject("plain:careful", "after:c2:1, send:first, close", "send:second, wait, close")
    order = [
        (event.kind, event.task)
        for event in usual(one).events
        if event.kind in ("client.sent", "client.got")
    ]
    assert order.index(("client.got", "c2")) < order.index(("client.sent", "c1"))


def test_an_automatic_answer_counts_for_no_wait() -> None:
    one = subject("plain:careful", "on:beat reply:alive, send:beat, wait, close")
    got = [event.values["frame"] for event in usual(one).events if event.kind == "client.got"]
    assert got == ["text beat", "text alive"]


def test_an_hour_of_silence_takes_a_few_turns() -> None:
    end = usual(subject("plain:careful", "sleep:3600000, close"))
    assert end.tick >= 3600 << 20
    assert end.steps < 40


def test_a_handler_that_a_send_ends_has_not_read_the_disconnect() -> None:
    """No log says anything, and what is done at a disconnect was not done."""
    found, _ = endings(subject("plain:raw", "send:a, close"))
    assert set(found) == {"returned", "disconnect-unread"}
    found, _ = endings(subject("plain:raw", "send:a, wait, close"))
    assert "disconnect-unread" not in set(found)
