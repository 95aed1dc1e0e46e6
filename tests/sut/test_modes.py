"""What each mode does before, in and after the loop, in whole worlds (FACTS section 1)."""

import json
from typing import Any

import pytest

from sim.model.names import MODES, Mode
from sim.model.scenario import Clients, Handler, Scenario, Setup
from sim.model.ticks import PER_SECOND, from_ms, seconds
from sim.playing import Record, play

FIRST = {
    "main": "connection_established",
    "factory": "factory_connection_established",
    "isolated": "isolated_connection_established",
    "legacy": "legacy_connection_established",
}
ANSWERS = {
    "main": [
        "agent_started",
        "agent_thinking",
        "tool_executing",
        "tool_completed",
        "agent_completed",
    ],
    "factory": ["factory_response"],
    "isolated": ["isolated_response"],
    "legacy": ["legacy_response"],
}
every_mode = pytest.mark.parametrize("mode", MODES)


def run(mode: Mode, *script: Any, **keys: Any) -> Record:
    rows = ("connect", {"wait": 1}, *script) if script else None
    return play(Scenario(mode=mode, clients=Clients(messages=1, script=rows), **keys))


def of(record: Record, kind: str, key: str) -> list[Any]:
    return [event.values[key] for event in record.events if event.kind == kind]


def got(record: Record) -> list[str]:
    """The types of the messages that the client received."""
    frames = of(record, "client.got", "frame")
    return [json.loads(frame.removeprefix("text "))["type"] for frame in frames]


def order(record: Record) -> list[str]:
    """Probes of the set-up, states of the machine and what was sent, until the loop begins."""
    shown: list[str] = []
    for event in record.events:
        if event.values.get("at") == "top" or event.kind == "ended":
            break
        if event.kind == "probe":
            shown.append(str(event.values["at"]))
        elif event.kind == "machine":
            shown.append(f"is {event.values['state']}")
        elif event.kind == "asgi.send":
            shown.append(str(event.values["type"]).replace("websocket.", "> "))
    return shown


READY = ["is authenticated", "is services_ready", "is processing_ready", "> send"]
ACCEPT = ["preaccept", "> accept", "is accepted", "accepted"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("main", [*ACCEPT, "authenticating", *READY]),
        ("factory", ["authenticating", *ACCEPT, *READY]),
        ("isolated", [*ACCEPT, "authenticating", *READY]),
        ("legacy", [*ACCEPT, *READY]),
    ],
)
def test_the_steps_before_the_loop_come_in_the_order_of_the_mode(
    mode: Mode, expected: list[str]
) -> None:
    assert order(run(mode)) == ["connecting", *expected]


@every_mode
def test_the_client_is_told_first_that_it_may_begin_and_then_answered(mode: Mode) -> None:
    record = run(mode)
    assert got(record) == [FIRST[mode], *ANSWERS[mode]]
    assert record.outcome.classes == ("clean_disconnect(1000)",)
    assert not record.outcome.failed


@every_mode
def test_the_steps_take_the_time_that_the_scenario_gives_them(mode: Mode) -> None:
    setup = Setup(services_ms=30, authentication_ms=20, manager_ms=10)
    opened = {"main": 30, "factory": 20, "isolated": 0, "legacy": 0}
    told = {"main": 60, "factory": 30, "isolated": 30, "legacy": 0}
    record = run(mode, setup=setup)
    times = {e.kind: e.tick for e in reversed(record.events) if e.kind.startswith("client.")}
    link_ms = 2
    assert seconds(times["client.opened"]) * 1000 == pytest.approx(opened[mode] + link_ms, abs=0.01)
    assert seconds(times["client.got"]) * 1000 == pytest.approx(told[mode] + link_ms, abs=0.01)


@pytest.mark.parametrize("authentication", ["refused", "error"])
@pytest.mark.parametrize(
    ("mode", "opened", "said", "over"),
    [
        ("main", True, ["error"], "close 1008"),
        ("factory", False, [], "reject 403"),
        ("isolated", True, [], "close 1008"),
    ],
)
def test_a_client_that_is_not_authenticated_is_refused_with_1008(
    mode: Mode, opened: bool, said: list[str], over: str, authentication: Any
) -> None:
    record = run(mode, "silent", setup=Setup(authentication=authentication))
    assert bool(of(record, "client.opened", "subprotocol")) is opened
    assert got(record) == said
    assert of(record, "client.over", "how") == [over]
    assert record.outcome.classes == ("refused(1008)",)
    assert not record.outcome.failed


def test_legacy_does_not_authenticate() -> None:
    setup = Setup(authentication="error", authentication_ms=5, manager="error", services="error")
    assert got(run("legacy", setup=setup)) == [FIRST["legacy"], *ANSWERS["legacy"]]


@pytest.mark.parametrize("mode", ["main", "factory", "isolated"])
def test_without_a_manager_the_connection_is_closed_with_1011(mode: Mode) -> None:
    record = run(mode, "silent", setup=Setup(manager="error"))
    assert of(record, "client.over", "how") == ["close 1011"]
    assert got(record) == []
    assert record.outcome.classes == ("manager_failed",)
    assert record.outcome.failed


def test_main_asks_for_its_services_before_it_accepts() -> None:
    record = run("main", "silent", setup=Setup(services="error", services_ms=5))
    assert order(record) == ["connecting"]
    assert of(record, "client.over", "how") == ["reject 500"]
    assert record.outcome.classes == ("services_failed",)
    assert record.outcome.failed


def test_services_that_never_come_are_given_up_after_the_database_timeout() -> None:
    record = run("main", "silent", setup=Setup(services="never"), end_ms=601_000)
    (left,) = [event for event in record.events if event.kind == "left"]
    assert left.values["outcome"] == "services_failed"
    assert left.tick == 600 * PER_SECOND + from_ms(1)  # the link's delay


@pytest.mark.parametrize("mode", ["factory", "isolated", "legacy"])
def test_the_other_modes_do_not_ask_for_services(mode: Mode) -> None:
    assert not run(mode, setup=Setup(services="never")).outcome.failed


@every_mode
def test_the_setup_race_gives_up_after_ten_polls_of_100_ms(mode: Mode) -> None:
    record = run(mode, "silent", setup=Setup(machines="two"))
    text = (
        "Connection state machine never reached ready state: ApplicationConnectionState.CONNECTING"
    )
    (finding,) = record.outcome.findings
    assert (finding.kind, finding.failure, finding.text) == ("never_ready", True, text)
    assert text in of(record, "log", "text")
    assert of(record, "client.over", "how") == ["close 1011"]
    (left,) = [event for event in record.events if event.kind == "left"]
    assert left.tick == from_ms(1) + 10 * from_ms(100)


def test_the_setup_race_leaves_the_final_machine_in_connecting_and_refuses_it() -> None:
    record = run("main", "silent", setup=Setup(machines="two"))
    assert of(record, "machine", "state") == ["connecting"]
    refusal = "Invalid state transition for c1: connecting -> services_ready"
    assert of(record, "log", "text")[0] == refusal


@every_mode
def test_the_handler_cleans_up_and_closes_with_1000_when_it_left_on_its_own(mode: Mode) -> None:
    handler = Handler(receive_timeout_ms=50, on_timeout="leave")
    record = run(mode, "silent", handler=handler)
    assert record.outcome.classes == ("hang",)
    assert of(record, "client.over", "how") == ["close 1000"]
    assert "WebSocket cleanup for connection c1" in of(record, "log", "text")


@every_mode
def test_the_clean_up_does_not_close_when_the_client_has_gone(mode: Mode) -> None:
    record = run(mode)
    assert "websocket.close" not in of(record, "asgi.send", "type")
    assert of(record, "ended", "connection") == ["c1"]


@every_mode
def test_a_receive_timeout_is_answered_by_a_heartbeat(mode: Mode) -> None:
    handler = Handler(receive_timeout_ms=100)
    script = ({"sleep": from_ms(250)}, {"send": "{}"}, "silent")
    record = run(mode, *script, handler=handler, end_ms=1000)
    assert got(record)[:3] == [FIRST[mode], "heartbeat", "heartbeat"]
    assert got(record)[3 : 3 + len(ANSWERS[mode])] == ANSWERS[mode]


def test_main_is_processing_while_it_routes_and_back_after() -> None:
    record = run("main")
    assert of(record, "machine", "state")[-2:] == ["processing", "processing_ready"]
    at = [e.kind for e in record.events if e.kind in ("machine", "received", "sent")]
    assert at[-8:] == ["received", "machine", *["sent"] * 5, "machine"]


@pytest.mark.parametrize("mode", ["factory", "isolated", "legacy"])
def test_the_other_modes_stay_ready(mode: Mode) -> None:
    assert of(run(mode), "machine", "state")[-1] == "processing_ready"
    assert len(of(run(mode), "machine", "state")) == 4


def test_malformed_json_gets_an_error_message_and_main_goes_on() -> None:
    record = run("main", {"send": "{malformed"}, {"wait": 1}, {"send": "{}"}, {"wait": 5}, "close")
    assert got(record) == [FIRST["main"], "error", *ANSWERS["main"]]
    assert of(record, "machine", "state").count("processing") == 1
    assert record.outcome.classes == ("clean_disconnect(1000)",)


@pytest.mark.parametrize("mode", ["factory", "isolated", "legacy"])
def test_the_other_modes_do_not_read_the_message(mode: Mode) -> None:
    record = run(mode, {"send": "{malformed"}, {"wait": 1}, "close")
    assert got(record) == [FIRST[mode], *ANSWERS[mode]]


def test_isolated_hands_the_message_to_its_bridge_before_it_answers() -> None:
    record = run("isolated")
    kinds = [e.kind for e in record.events if e.kind in ("bridge", "received", "sent")]
    assert kinds == ["received", "bridge", "sent"]


def test_the_number_of_sends_per_message_is_a_parameter() -> None:
    assert got(run("factory", handler=Handler(sends=3)))[1:] == ["factory_response"] * 3
    assert got(run("main", handler=Handler(sends=2)))[1:] == ANSWERS["main"][:2]
    assert got(run("main", handler=Handler(sends=0)))[1:] == []


@every_mode
@pytest.mark.parametrize("accepts", ["never", "connect-only"])
def test_a_handler_that_goes_on_without_accepting_fails_in_its_receive(
    mode: Mode, accepts: Any
) -> None:
    handler = Handler(top_reads_machine=False)
    guard = "none"
    record = run(mode, "silent", setup=Setup(accepts=accepts), guard=guard, handler=handler)
    assert record.outcome.classes == ("need_accept_first",)
    assert "websocket.accept" not in of(record, "asgi.send", "type")


@pytest.mark.parametrize(
    ("mode", "polls"), [("main", True), ("factory", True), ("isolated", False), ("legacy", False)]
)
def test_only_main_and_factory_poll_in_the_original_shape(mode: Mode, polls: bool) -> None:
    """The server closes at the second loop top, before the poll."""
    record = play(
        Scenario.model_validate(
            {
                "mode": mode,
                "shape": "original",
                "runtime": "asyncio-3.12",
                "clients": {"messages": 1, "end": "silent"},
                "pauses": {"top": 1},
                "injections": [{"do": "server-close", "at": "top", "nth": 2, "placed": "inline"}],
            }
        )
    )
    (raised,) = [event for event in record.events if event.kind == "raised"]
    tops = [event for event in record.events if event.values.get("at") == "top"]
    waited = seconds(raised.tick - tops[1].tick)
    assert raised.values["outcome"] == "need_accept_first"
    assert waited == pytest.approx(3.001 if polls else 0.001, abs=0.0005)
