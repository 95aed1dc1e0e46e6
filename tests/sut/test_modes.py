"""What each mode does before, in and after the loop, in whole worlds."""

import json
from typing import Any

import pytest

from sim.model.names import MODES, Mode
from sim.model.scenario import Clients, Handler, Scenario, Setup
from sim.model.ticks import PER_SECOND, from_ms, seconds
from sim.runs.play import play
from sim.runs.subject import Record

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


# -- parameters of the handler ---------------------------------------------------------------------


def answers(*sizes: int, **handler: Any) -> Record:
    """Run legacy mode: a message every 50 ms, and the numbers of sends that each of them gets."""
    return play(
        Scenario(
            mode="legacy",
            clients=Clients(messages=4, pause_ms=50, delay_ms=0),
            handler=Handler(sends=sizes, **handler),
        )
    )


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [((3,), [3, 3, 3, 3]), ((5, 1), [5, 1, 1, 1]), ((0, 2, 4, 1, 9), [0, 2, 4, 1])],
)
def test_of_a_list_each_message_gets_its_own_number_of_sends_and_the_rest_the_last(
    sizes: tuple[int, ...], expected: list[int]
) -> None:
    counts: list[int] = []
    for event in answers(*sizes).events:
        if event.kind == "received":
            counts.append(0)
        elif event.kind == "sent" and counts:
            counts[-1] += 1
    assert counts == expected


def test_sends_are_apart_by_their_time_and_the_last_is_followed_by_none() -> None:
    record = answers(3, 1, apart_ms=4)
    first = next(event.tick for event in record.events if event.kind == "received")
    sent = [event.tick - first for event in record.events if event.kind == "sent"]
    assert sent[:3] == [0, from_ms(4), 2 * from_ms(4)]
    tops = [event.tick - first for event in record.events if event.values.get("at") == "top"]
    assert tops[1] == 2 * from_ms(4)


def gone(**handler: Any) -> Record:
    """Let the client go while the first message is worked at, so that the third send fails."""
    return play(
        Scenario.model_validate(
            {
                "mode": "legacy",
                "runtime": "asyncio-3.12",
                "clients": {"messages": 1, "end": "silent", "delay_ms": 0},
                "handler": {"sends": 6, "retry_ms": [], **handler},
                "injections": [{"do": "failing-send", "at": "sending", "nth": 3}],
                "pauses": {"sending": {"hops": 1}},
                "end_ms": 1000,
            }
        )
    )


def went(record: Record) -> list[bool]:
    """Whether each send for the first message went well."""
    tops = [n for n, event in enumerate(record.events) if event.values.get("at") == "top"]
    return [bool(e.values["ok"]) for e in record.events[: tops[1]] if e.kind == "sent"]


def test_until_failed_the_sends_after_one_that_failed_are_left_out() -> None:
    whole, cut = went(gone()), went(gone(until_failed=True))
    assert len(whole) == 6
    assert whole.index(False) == 2
    assert cut == whole[:3]


def test_after_a_send_that_failed_nothing_is_awaited() -> None:
    record = gone(until_failed=True, apart_ms=5)
    failed = [event.tick for event in record.events if event.kind == "sent"][-1]
    after = next(e for e in record.events if e.tick >= failed and e.values.get("at") == "top")
    assert after.tick == failed


def test_without_a_greeting_the_client_hears_nothing_until_it_is_answered() -> None:
    rows = ("connect", {"send": "{}"}, {"wait": 1}, "close")
    for mode in MODES:
        record = play(Scenario(mode=mode, setup=Setup(greets=False), clients=Clients(script=rows)))
        assert got(record) == ANSWERS[mode][: len(got(record))]
        assert got(record)
        assert "WebSocket connection established successfully" in of(record, "log", "text")


@every_mode
def test_a_ready_machine_is_operational_from_the_start_and_never_touched_by_the_setup(
    mode: Mode,
) -> None:
    record = run(mode, "silent", setup=Setup(machines="ready"), end_ms=500)
    assert of(record, "machine", "state") == []
    assert "probe" in [event.kind for event in record.events if event.values.get("at") == "top"]
    assert record.outcome.classes == ("time_up",)
    assert got(record) == [FIRST[mode]]


def test_a_ready_machine_leaves_its_state_when_it_is_told_to() -> None:
    change = {"do": "state-change", "at": "top", "to": ["closing"], "placed": "inline"}
    record = play(
        Scenario.model_validate(
            {
                "mode": "factory",
                "guard": "pre-fix",
                "setup": {"machines": "ready"},
                "clients": {"messages": 1},
                "injections": [change],
            }
        )
    )
    assert of(record, "machine", "state") == ["closing"]
    assert record.outcome.classes == ("guard_break_top",)
