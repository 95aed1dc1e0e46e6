"""Requests to other routes of an application, made by its clients."""

from dataclasses import replace
from time import monotonic

import pytest

from sim.aio.session import ready
from sim.live.steered.attempt import execute
from sim.model.app import SERVERS, Bounds, ServerName
from sim.model.record import Event
from sim.runs.keep import token_of
from sim.runs.replay import Allowed, replayed
from sim.runs.subject import Record
from tests.helpers.applications import FOLDER, endings, kinds, subject, told

NOTE = 'post:/notify {"text": "hi, all"}'
CAREFUL = NOTE.replace("/notify", "/notify/careful")


def of(record: Record, kind: str) -> list[Event]:
    return [one for one in record.end.events if one.kind == kind]


def test_a_request_reaches_its_route_and_its_answer_reaches_the_client() -> None:
    made = told(subject("notify:app", f"wait, {NOTE}, wait, close", NOTE))
    assert [one.values["what"] for one in of(made, "client.asked")] == ["POST /notify"] * 2
    names = [one.values["connection"] for one in of(made, "client.answered")]
    assert names == ["c2.post", "c1.post"]
    assert all("hi, all" in str(one.values["frame"]) for one in of(made, "client.got"))
    assert made.outcome.classes == ("returned", "200", "200")
    assert not made.outcome.findings


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ('put:/echo {"a": [1, 2]}', '{"a": [1, 2]} as application/json for 127.0.0.1:8000'),
        ('put:/echo "a, b"', "a, b as text/plain for 127.0.0.1:8000"),
        ("put:/echo plain words", "plain words as text/plain for 127.0.0.1:8000"),
        ("put:/echo", " as nothing for 127.0.0.1:8000"),
        (
            "header:Content-Type=text/x header:Host=example.org put:/echo x",
            "x as text/x for example.org",
        ),
    ],
)
def test_a_body_is_sent_as_it_is_typed_with_the_clients_headers(step: str, said: str) -> None:
    made = told(subject("notify:app", step))
    assert [one.values["text"] for one in of(made, "log")] == [said.strip()]
    assert made.outcome.classes == ("200",)


def test_an_answer_is_awaited_before_the_next_step() -> None:
    made = told(subject("notify:app", "get:/work, get:/broken, get:/work"))
    told_of = [one for one in made.end.events if one.kind in ("client.asked", "client.answered")]
    assert [(one.kind, one.values["connection"]) for one in told_of] == [
        (kind, name)
        for name in ("c1.get", "c1.get2", "c1.get3")
        for kind in ("client.asked", "client.answered")
    ]
    assert made.outcome.classes == ("200", "escape", "200")


def test_a_request_that_nobody_answers_is_a_hang_at_the_users_line() -> None:
    (found,) = told(subject("notify:app", "get:/never")).outcome.findings
    assert (found.kind, found.text) == ("hang", "c1 waits for an answer to GET /never")
    assert found.where.startswith("notify.py:")


def test_work_that_a_request_begins_is_no_leftover_of_it() -> None:
    found, _ = endings(subject("notify:app", "get:/work"))
    assert kinds(list(found)) == {"200"}


def test_a_client_that_leaves_fails_the_request_of_another_one() -> None:
    found, _ = endings(subject("notify:app", "close", NOTE, bounds=Bounds(start="open")))
    assert kinds(list(found)) == {"returned", "200", "bystander"}
    careful, _ = endings(subject("notify:app", "close", CAREFUL, bounds=Bounds(start="open")))
    assert kinds(list(careful)) == {"returned", "200"}


def test_states_and_every_schedule_come_to_the_same_endings() -> None:
    one = subject("notify:app", f"{NOTE}, wait, close", "rst")
    by_states, _ = endings(one)
    assert set(by_states) == set(endings(one, states=False)[0])
    assert "bystander" in kinds(list(by_states))


@pytest.mark.parametrize("server", SERVERS)
def test_a_run_with_requests_goes_the_same_on_the_real_kernel(server: ServerName) -> None:
    with ready():
        made = told(
            subject("notify:app", f"wait, {NOTE}, close", f"sleep:5, {NOTE}", server=server)
        )
        found = execute(made, 5, monotonic)
    assert (found.confirmed, found.why) == (5, "")


def test_a_run_with_requests_is_made_again_from_what_is_recorded() -> None:
    made = told(subject("notify:app", NOTE, "wait, drop"))
    allowed = Allowed(app="notify:app", app_dir=str(FOLDER))
    assert replayed(token_of(made), allowed).same_trace


def test_a_client_without_a_websocket_is_left_out_of_no_schedule() -> None:
    """Others that wait until all are open are not held up by it."""
    made = told(subject("notify:app", NOTE, "close", bounds=Bounds(start="open")))
    assert made.outcome.classes == ("200", "returned")
    assert replace(made.outcome, classes=()).findings == ()
