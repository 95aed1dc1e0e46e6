"""Clients do what their scripts say, on both fidelities alike, and end whatever the server does."""

from typing import Any

import pytest
import trio
from starlette.websockets import WebSocket, WebSocketDisconnect

from sim.errors import UserError
from sim.model.client import ClientSpec
from sim.model.frames import Frame, FrameKind
from sim.model.link import LinkSpec
from sim.model.profiles import PROFILES
from sim.model.record import End, Ending
from sim.model.script import parse_script
from sim.model.ticks import PER_SECOND, from_ms
from sim.runs.stage import Fidelity, Stage, program, stage_program
from tests.helpers.running import run_once
from tests.helpers.worlds import echo

PROFILE = PROFILES["uvicorn-wsproto@0.54"]
both_fidelities = pytest.mark.parametrize("fidelity", Fidelity)


def play(fidelity: Fidelity, script: list[Any], handler: Any = echo, **spec: Any) -> End:
    end = run_once(
        program(fidelity, handler, [ClientSpec(parse_script(script), **spec)], PROFILE), None, None
    )
    assert end.ending is Ending.COMPLETED, end.error
    return end


def values(end: End, kind: str) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in event.values.items() if key != "connection"}
        for event in end.events
        if event.kind == kind
    ]


@both_fidelities
def test_messages_of_both_kinds_and_malformed_ones_arrive_in_order(fidelity: Fidelity) -> None:
    seen: list[Any] = []

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        for _ in range(3):
            message = await websocket.receive()
            seen.append(message.get("text", message.get("bytes")))
        await websocket.close()

    play(
        fidelity,
        ["connect", {"send": "{malformed"}, {"send_bytes": "00ff"}, {"send": "é"}],
        handler,
    )
    assert seen == ["{malformed", b"\x00\xff", "é"]


@both_fidelities
def test_wait_counts_messages_and_sleep_does_not_lose_any(fidelity: Fidelity) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        for number in range(3):
            await websocket.send_text(str(number))
        with pytest.raises(WebSocketDisconnect):
            await websocket.receive_text()

    end = play(fidelity, ["connect", {"sleep": PER_SECOND}, {"wait": 3}, {"close": 4321}], handler)
    assert [row["frame"] for row in values(end, "client.got")] == ["text 0", "text 1", "text 2"]
    assert values(end, "client.over") == [{"how": "close 4321"}]
    assert end.tick >= PER_SECOND


@both_fidelities
def test_a_script_stops_where_the_connection_is_over(fidelity: Fidelity) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(4000)

    end = play(fidelity, ["connect", {"wait": 1}, {"send": "never"}], handler)
    assert values(end, "client.over") == [{"how": "close 4000"}]
    assert values(end, "client.stopped") == [{"at": "send", "because": "close 4000"}]


@both_fidelities
def test_a_ping_is_answered_by_the_server_not_by_the_handler(fidelity: Fidelity) -> None:
    end = play(fidelity, ["connect", "ping", {"sleep": from_ms(1)}, "close"])
    assert [row["type"] for row in values(end, "asgi.receive")] == ["websocket.disconnect"]


@both_fidelities
def test_a_client_starts_when_its_spec_says(fidelity: Fidelity) -> None:
    end = play(fidelity, ["connect", "close"], start=5 * PER_SECOND)
    assert min(event.tick for event in end.events) == 5 * PER_SECOND


@both_fidelities
def test_a_close_without_an_answer_is_given_up_after_ten_seconds(fidelity: Fidelity) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await trio.sleep(100)  # the message stays unread, so reading stays paused

    end = play(fidelity, ["connect", {"send": "x"}, {"sleep": from_ms(5)}, "close"], handler)
    (over,) = [event for event in end.events if event.kind == "client.over"]
    if fidelity is Fidelity.ASGI:  # trio-websocket's reader answers, whatever the handler does
        assert over.values["how"] == "lost"
        assert over.tick == 10 * PER_SECOND + from_ms(5)
    else:
        assert over.values["how"] == "close 1000"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"start": -1}, "client start: expected a tick of at least 0, got -1"),
        ({"start": True}, "client start: expected a tick of at least 0, got True"),
        ({"path": "ws"}, "client path: expected a path that begins with /, got 'ws'"),
        ({"script": ()}, "client script: it is empty; the first row must be connect"),
    ],
)
def test_a_bad_spec_is_one_clear_line(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(UserError) as caught:
        ClientSpec(**{"script": parse_script(["connect"]), **fields})
    assert list(caught.value.faults) == [fault]


def test_links_may_differ_in_each_direction() -> None:
    up, down = LinkSpec(delay=from_ms(10)), LinkSpec(delay=from_ms(30))
    end = play(Fidelity.ASGI, ["connect", {"send": "x"}, {"wait": 1}, "close"], up=up, down=down)
    (got,) = [event for event in end.events if event.kind == "client.got"]
    assert got.tick == 2 * (from_ms(10) + from_ms(30))


TEXT = Frame(FrameKind.TEXT, text="late")


def writes(fidelity: Fidelity, script: list[Any], *, at_ms: float, close: bool = False) -> End:
    """Let a client write from outside its script, `at_ms` after the accept."""

    def direct(stage: Stage) -> Any:
        async def handler(websocket: WebSocket) -> None:
            await websocket.accept()
            if close:
                await websocket.close(4000)
            await trio.sleep(at_ms / 1000)
            with stage.world.outside():
                stage.clients["c1"].write(TEXT)
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return

        return handler

    end = run_once(
        stage_program(fidelity, direct, [ClientSpec(parse_script(script))], PROFILE), None, None
    )
    assert end.ending is Ending.COMPLETED, end.error
    return end


@both_fidelities
def test_what_is_written_from_outside_the_script_arrives_and_is_counted(fidelity: Fidelity) -> None:
    end = writes(fidelity, ["connect", {"sleep": from_ms(50)}, "close"], at_ms=5)
    assert values(end, "client.sent") == [{"frame": "text late"}]
    received = [row["type"] for row in values(end, "asgi.receive")]
    assert received == ["websocket.receive", "websocket.disconnect"]


@pytest.mark.parametrize(("script", "close"), [(["connect", "close"], False), (["connect"], True)])
@both_fidelities
def test_what_is_written_once_all_is_over_is_counted_and_never_arrives(
    fidelity: Fidelity, script: list[Any], close: bool
) -> None:
    """As with a raw socket: the kernel takes the bytes, and nobody reads them."""
    end = writes(fidelity, script, at_ms=20, close=close)
    assert values(end, "client.sent") == [{"frame": "text late"}]
    assert "websocket.receive" not in [row["type"] for row in values(end, "asgi.receive")]
