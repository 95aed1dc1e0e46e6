"""A run's events at the handler's probes: where they go, and that the run stays what it was."""

from typing import Any

import pytest

from sim.conformance.place import inside_receive, place_events, place_in_scenario
from sim.errors import UserError
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.runs.play import play
from sim.runs.subject import Record

SHIPPED = (
    "blind-spot", "blind-spot-abort", "wait-for-hop", "server-close", "state-change",
    "two-message-close", "original-poll", "server-shutdown", "client-close", "chat-session",
    "eaten-disconnect", "accept-race", "healthy",
)  # fmt: skip


def run(name: str, *settings: str, seed: int = 0) -> Record:
    scenario = open_scenario(name, settings)
    assert isinstance(scenario, Scenario)
    return play(scenario.resolve(seed))


def places(record: Record) -> list[tuple[str, str | None, int]]:
    return [(one.do, one.at, one.nth) for one in place_events(record)]


def made(**keys: Any) -> Record:
    return play(Scenario.model_validate(keys))


def test_a_close_that_arrives_between_two_sends_is_placed_at_the_one_before() -> None:
    record = run("blind-spot", "guard=post-fix", "injections.0.delay_ms=4")
    assert record.outcome.label == "need_accept_first"
    assert places(record) == [("client-message", "receiving", 1), ("client-close", "sending", 2)]


def test_what_a_task_of_the_server_does_is_placed_where_the_handler_was() -> None:
    record = run("server-close", "window_ms=5", "injections.0.delay_ms=2")
    assert places(record) == [("client-message", "validated", 1), ("server-close", "validated", 2)]


def test_arrival_counts_and_not_departure() -> None:
    """The close leaves before the handler's send and is in the socket after it."""
    keys: dict[str, Any] = {
        "mode": "legacy",
        "handler": {"work_ms": 10},
        "injections": [{"do": "client-close", "at": "received", "delay_ms": 5}],
    }
    early = made(**keys, clients={"messages": 1, "pause_ms": 200, "delay_ms": 1})
    late = made(**keys, clients={"messages": 1, "pause_ms": 200, "delay_ms": 8})
    assert places(early)[-1] == ("client-close", "received", 1)
    assert places(late)[-1] == ("client-close", "receiving", 2)


def test_what_a_client_answers_by_itself_is_not_placed() -> None:
    record = run("server-close", "window_ms=5", "injections.0.delay_ms=2")
    assert any("close" in str(event.values.get("data")) for event in record.events)
    assert [one.do for one in place_events(record)].count("client-close") == 0


def test_an_eaten_disconnect_is_one_event() -> None:
    record = run("eaten-disconnect", "window_ms=5", "injections.0.delay_ms=2")
    assert [do for do, *_ in places(record)] == ["client-message", "eaten-disconnect"]


def test_each_message_keeps_its_text_and_each_close_its_code() -> None:
    script = ["connect", {"wait": 1}, {"send": "not json"}, {"sleep": 5000}, {"close": 4001}]
    message, close = place_events(made(clients={"script": script}))
    assert message.text == "not json"
    assert (close.do, close.code) == ("client-close", 4001)


def test_every_client_has_its_own_events() -> None:
    record = made(mode="legacy", clients={"count": 3, "messages": 1})
    assert sorted({one.client for one in place_events(record)}) == [1, 2, 3]


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"clients": {"script": ["connect", {"send_bytes": "00"}, "silent"]}}, "binary"),
        ({"injections": [{"do": "failing-send", "at": "sending"}]}, "failing-send"),
    ],
)
def test_what_no_real_server_can_be_made_to_do_is_one_clear_line(
    keys: dict[str, Any], why: str
) -> None:
    record = made(mode="legacy", end_ms=2000, **keys)
    with pytest.raises(UserError, match=why):
        place_events(record)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("guard", ["pre-fix", "post-fix", "both-states"])
def test_placed_at_its_probes_a_run_of_the_model_ends_as_it_did(name: str, guard: str) -> None:
    """Two ways to one outcome: the times of the run, and places alone."""
    for seed in range(3):
        record = run(name, f"guard={guard}", seed=seed)
        placed = place_events(record)
        labels = [
            play(place_in_scenario(record.scenario, one)).outcome.label
            for one in (placed, inside_receive(placed))
        ]
        assert record.outcome.label in labels
