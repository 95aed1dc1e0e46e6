"""Injections happen where and when the scenario says, and do what their names say."""

from typing import Any

import pytest

from sim.model.names import EVENTS
from sim.model.scenario import Clients, Injection, Scenario
from sim.model.ticks import from_ms
from sim.runs.play import play
from sim.runs.subject import Record
from sim.schedulers.uniform import Uniform

CLIENT_KINDS = ["client-close", "client-abort", "client-eof"]
SERVER_KINDS = ["server-close", "server-shutdown", "state-change"]
placed_both_ways = pytest.mark.parametrize("placed", ["inline", "armed"])


def run(*injections: dict[str, Any], seed: int | None = None, **keys: Any) -> Record:
    """Run factory mode: a message every 50 ms, three in all, with these injections."""
    clients = {"messages": 3, "end": "silent", "delay_ms": 0, **keys.pop("clients", {})}
    values = {"mode": "factory", "runtime": "asyncio-3.12", "end_ms": 1000, **keys}
    scenario = Scenario.model_validate({**values, "clients": clients, "injections": injections})
    return play(scenario, None if seed is None else Uniform(seed))


def where(record: Record, kind: str, **values: Any) -> list[int]:
    """Return at which places of the trace such events stand."""
    return [
        index
        for index, event in enumerate(record.events)
        if event.kind == kind and values.items() <= event.values.items()
    ]


def first(record: Record, kind: str, **values: Any) -> int:
    return where(record, kind, **values)[0]


def ticks(record: Record, kind: str, **values: Any) -> list[int]:
    return [record.events[index].tick for index in where(record, kind, **values)]


def at(do: str, probe: str = "validated", nth: int = 2, **keys: Any) -> dict[str, Any]:
    return {"do": do, "at": probe, "nth": nth, **keys}


# -- what each kind does ---------------------------------------------------------------------------


@placed_both_ways
@pytest.mark.parametrize(
    ("do", "frame", "over"),
    [
        ("client-close", "close 1000", "close 1000"),
        ("client-abort", "rst", "lost"),
        ("client-eof", "fin", "lost"),
    ],
)
def test_a_client_kind_ends_the_connection_from_the_clients_side(
    do: str, frame: str, over: str, placed: str
) -> None:
    record = run(at(do, placed=placed))
    assert first(record, "injected", do=do) < first(record, "frame", frame=frame)
    assert where(record, "client.over", how=over)
    assert record.outcome.label.startswith("clean_disconnect")


@placed_both_ways
def test_server_close_is_a_close_by_another_task(placed: str) -> None:
    record = run(at("server-close", placed=placed), window_ms=1)
    closing = record.events[first(record, "asgi.send", type="websocket.close")]
    assert closing.task.endswith("server-close")
    assert where(record, "client.over", how="close 1001")
    assert record.outcome.label == "need_accept_first"


@placed_both_ways
def test_server_shutdown_is_met_as_a_disconnect_with_1012(placed: str) -> None:
    record = run(at("server-shutdown", placed=placed), window_ms=1)
    assert where(record, "shutdown", code=1012)
    assert record.outcome.label == "clean_disconnect(1012)"


@placed_both_ways
def test_state_change_takes_the_machine_through_all_its_states(placed: str) -> None:
    change = at("state-change", placed=placed, to=["degraded", "idle", "closing"], each_ms=5)
    record = run(change, guard="none")
    start = ticks(record, "injected")[0]
    for number, state in enumerate(("degraded", "idle", "closing")):
        assert ticks(record, "machine", state=state) == [start + number * from_ms(5)]


@placed_both_ways
def test_eaten_disconnect_is_a_close_that_a_second_receiver_takes(placed: str) -> None:
    record = run(at("eaten-disconnect", placed=placed), window_ms=1)
    assert where(record, "eaten", type="websocket.disconnect")
    assert record.outcome.label == "receive_after_disconnect"


@placed_both_ways
def test_failing_send_fails_one_send_although_the_client_is_there(placed: str) -> None:
    record = run(at("failing-send", placed=placed), guard="both-states")
    oks = [record.events[index].values["ok"] for index in where(record, "sent")]
    assert oks == [True, False]
    assert record.outcome.states == (("CONNECTED", "DISCONNECTED"),)


@pytest.mark.parametrize("do", ["client-close", "server-close"])
def test_the_code_of_a_close_can_be_set(do: str) -> None:
    assert where(run(at(do, code=4001), window_ms=1), "client.over", how="close 4001")


@placed_both_ways
@pytest.mark.parametrize("do", ["client-close", "server-shutdown", "state-change"])
def test_queued_lets_the_client_send_one_more_message_just_before(do: str, placed: str) -> None:
    record = run(at(do, placed=placed, queued=True))
    (message,) = where(record, "client.sent", frame='text {"type": "chat", "queued": true}')
    ends = {"client-close": ("frame", {"frame": "close 1000"}), "server-shutdown": ("shutdown", {})}
    kind, values = ends.get(do, ("machine", {"state": "closing"}))
    assert message < first(record, kind, **values)


# -- when it happens -------------------------------------------------------------------------------


@placed_both_ways
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("probe", ["top", "received", "sending"])
def test_it_happens_at_the_nth_passing_of_its_probe(probe: str, nth: int, placed: str) -> None:
    record = run(at("state-change", probe, nth, to=["degraded"], placed=placed))
    passing = where(record, "probe", at=probe)
    assert len(where(record, "injected")) == 1
    assert ticks(record, "injected") == [record.events[passing[nth - 1]].tick]
    assert passing[nth - 1] < first(record, "injected")


@pytest.mark.parametrize("do", EVENTS)
def test_a_passing_that_never_comes_is_no_error(do: str) -> None:
    record = run(at(do, nth=99))
    assert where(record, "injected") == []
    assert not record.outcome.failed
    assert record.events == run().events


@pytest.mark.parametrize("do", EVENTS)
@pytest.mark.parametrize("delay_ms", [0, 3, 7.5])
def test_an_armed_one_happens_after_its_delay(do: str, delay_ms: float) -> None:
    record = run(at(do, delay_ms=delay_ms))
    passing = where(record, "probe", at="validated")[1]
    assert ticks(record, "injected") == [record.events[passing].tick + from_ms(delay_ms)]


@pytest.mark.parametrize("do", EVENTS)
def test_one_with_a_time_happens_then(do: str) -> None:
    record = run({"do": do, "time_ms": 60})
    assert ticks(record, "injected") == [from_ms(60)]


def test_a_time_before_the_handler_begins_is_its_beginning() -> None:
    record = run({"do": "client-close", "time_ms": 1}, clients={"delay_ms": 20})
    assert ticks(record, "injected") == [from_ms(20)]


@placed_both_ways
@pytest.mark.parametrize("hops", range(5))
def test_hops_are_turns_of_the_loop_before_it_happens(hops: int, placed: str) -> None:
    """The handler waits for two turns in its window, so it sees what takes fewer."""
    record = run(at("server-close", hops=hops, placed=placed), window_hops=2, guard="both-states")
    seen = record.outcome.label == "guard_break_final"
    closed = first(record, "application_state", state="DISCONNECTED")
    assert seen is (closed < where(record, "probe", at="final_check")[1])
    assert seen is (hops < 2)


@pytest.mark.parametrize("do", CLIENT_KINDS)
@pytest.mark.parametrize("probe", ["top", "validated", "final_check"])
def test_inline_a_clients_bytes_lie_unread_at_the_handlers_next_statement(
    do: str, probe: str
) -> None:
    record = run(at(do, probe, placed="inline"))
    injected = first(record, "injected")
    assert record.events[injected - 1].values["at"] == probe
    sent = next(e for e in record.events[injected:] if e.kind == "wire")
    assert sent.task.endswith("handler:c1")  # within the handler's own step
    read = next(
        index
        for index in where(record, "frame")
        if index > injected and "text" not in str(record.events[index].values["frame"])
    )
    assert where(record, "probe", at="receiving")[1] < read


@pytest.mark.parametrize("do", SERVER_KINDS)
def test_inline_a_task_of_the_server_is_runnable_and_runs_at_the_next_turn(do: str) -> None:
    record = run(at(do, placed="inline"))
    assert where(record, "probe", at="receiving")[1] < first(record, "injected")
    record = run(at(do, placed="inline"), window_hops=1)
    injected = first(record, "injected")
    assert injected < where(record, "probe", at="final_check")[1]
    assert record.events[injected].task.endswith(f"server-{do}")


def test_armed_under_any_order_its_turn_is_a_choice() -> None:
    keys: dict[str, Any] = {"runtime": "any-order", "window_hops": 2, "guard": "both-states"}
    records = [run(at("server-close"), seed=seed, **keys) for seed in range(20)]
    left = ["guard_break_final" in record.outcome.classes for record in records]
    assert 0 < sum(left) < 20
    assert not any(record.outcome.failed for record in records)


# -- several ---------------------------------------------------------------------------------------


def test_it_acts_on_its_own_client_alone() -> None:
    record = run(at("server-close", client=2), window_ms=1, clients={"count": 3})
    assert where(record, "injected") == where(record, "injected", connection="c2")
    assert record.outcome.classes == ("time_up", "need_accept_first", "time_up")


def test_two_injections_combine() -> None:
    fails = at("failing-send", "received", 1, placed="inline")
    changes = at("state-change", "top", 2, to=["degraded"], placed="inline")
    record = run(fails, changes, pauses={"received": 1})
    assert [record.events[i].values["do"] for i in where(record, "injected")] == [
        "failing-send",
        "state-change",
    ]
    assert where(record, "machine", state="degraded")
    assert record.outcome.label == "need_accept_first"


def test_two_at_the_same_passing_happen_in_the_order_of_the_scenario() -> None:
    both = [at("state-change", to=[to], placed="inline") for to in ("degraded", "idle")]
    record = run(*both, window_hops=1)
    assert first(record, "machine", state="degraded") < first(record, "machine", state="idle")


def test_a_close_after_an_abort_is_swallowed_where_the_product_swallows() -> None:
    record = run(at("client-abort"), at("server-close", delay_ms=20), window_ms=50)
    assert where(record, "swallowed", error="WebSocketDisconnect")


def test_an_inline_failing_send_fails_the_very_next_send() -> None:
    record = run(at("failing-send", "received", 1, placed="inline"))
    sent = [event.values["ok"] for event in record.events if event.kind == "sent"]
    assert sent[0] is False


@pytest.mark.parametrize("do", ["eaten-disconnect", "server-close", "state-change"])
def test_regression_a_task_of_the_server_is_never_one_of_the_outside(do: str) -> None:
    """Started by a client's side, it inherited that side and could land between any batches."""
    queued = do != "eaten-disconnect"
    injection = Injection.model_validate({"do": do, "at": "validated", "nth": 2, "queued": queued})
    scenario = Scenario(
        runtime="asyncio-3.12",
        window_hops=3,
        clients=Clients(messages=1, pause_ms=200, delay_ms=0),
        injections=(injection,),
    )
    for seed in range(10):
        for choice in play(scenario, Uniform(seed)).schedule:
            options = [str(option) for option in choice.question.options]
            assert not any(f"server-{do}" in option for option in options)


# -- a client's message ----------------------------------------------------------------------------


@placed_both_ways
def test_client_message_is_one_more_message_that_the_handler_serves(placed: str) -> None:
    plain, record = run(), run(at("client-message", placed=placed))
    sent = where(record, "client.sent", frame='text {"type": "chat", "later": true}')
    assert len(sent) == len(where(record, "injected", do="client-message")) == 1
    assert where(record, "injected") < sent
    assert len(where(record, "received")) == len(where(plain, "received")) + 1
    assert record.outcome.lost == 0


def test_a_client_message_after_the_clients_close_frame_counts_and_is_lost() -> None:
    """A raw socket takes it; nobody reads it."""
    record = run(at("client-close"), at("client-message", delay_ms=20), window_ms=50)
    assert len(where(record, "injected")) == 2
    later = where(record, "client.sent", frame='text {"type": "chat", "later": true}')
    assert len(later) == record.outcome.lost == 1


def test_a_client_message_after_the_server_has_closed_is_lost() -> None:
    record = run(at("server-close"), at("client-message", delay_ms=20), window_ms=50)
    assert record.outcome.lost >= 1
    assert where(record, "client.sent", frame='text {"type": "chat", "later": true}')


def test_an_inline_client_message_lies_unread_at_the_handlers_next_statement() -> None:
    record = run(at("client-message", "validated", 2, placed="inline"))
    injected = first(record, "injected")
    read = next(
        index
        for index in where(record, "frame")
        if "later" in str(record.events[index].values["frame"])
    )
    assert injected < where(record, "probe", at="receiving")[1] < read
