"""What servers do at the edges of a connection: every switch of a profile seen from both sides.

The expected values were measured on real servers.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
import trio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sim.kernel.order import Order
from sim.kernel.world import Job
from sim.model.client import ClientSpec
from sim.model.frames import FrameKind
from sim.model.link import LinkSpec
from sim.model.profiles import PROFILES, profile_named
from sim.model.record import End, Ending
from sim.model.script import parse_script
from sim.model.ticks import from_ms, seconds
from sim.runs.stage import Fidelity, Stage, program, stage_program
from sim.schedulers.fifo import Fifo
from tests.helpers.running import run_once

LEGACY = ["uvicorn-websockets@0.35", "uvicorn-websockets@0.54"]
OLD = ["uvicorn-wsproto@0.35", "uvicorn-sansio@0.35"]
NEW = ["uvicorn-wsproto@0.54", "uvicorn-sansio@0.54"]
HYPERCORN = ["hypercorn-asyncio@0.18", "hypercorn-trio@0.18"]
UVICORN = [*LEGACY, *OLD, *NEW]
GONE = "WebSocketDisconnect(1006)"
Act = Callable[[Stage, WebSocket, list[str]], Awaitable[None]]


def ms(value: float) -> float:
    return seconds(from_ms(value))


def play(
    profile: str,
    act: Act,
    script: Sequence[Any] = ("connect", "silent"),
    fidelity: Fidelity = Fidelity.ASGI,
) -> tuple[list[str], End]:
    """Run `act` as the handler of one connection; return what it logged, and the end."""
    log: list[str] = []

    def direct(stage: Stage) -> Callable[[WebSocket], Awaitable[None]]:
        async def handler(websocket: WebSocket) -> None:
            await act(stage, websocket, log)

        return handler

    link = LinkSpec(delay=from_ms(1))
    spec = ClientSpec(parse_script(script), up=link, down=link)
    code = stage_program(fidelity, direct, [spec], profile_named(profile))
    end = run_once(code, job=Job(code, Fifo(), order=Order.FIFO))
    assert end.ending is Ending.COMPLETED, end.error
    return log, end


def over(end: End) -> object:
    """Return how the client saw its connection end."""
    (how,) = [event.values["how"] for event in end.events if event.kind == "client.over"]
    return how


async def tell(log: list[str], what: Awaitable[Any]) -> Any:
    """Log what came of `what`: its value, or the exception with its code."""
    try:
        value = await what
    except WebSocketDisconnect as error:
        log.append(f"WebSocketDisconnect({error.code})")
    except (OSError, RuntimeError) as error:
        log.append(type(error).__name__)
    else:
        log.append("nothing" if value is None else str(value))


async def receives(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
    await websocket.accept()
    await tell(log, websocket.receive_text())


@pytest.mark.parametrize("fidelity", Fidelity)
@pytest.mark.parametrize(
    ("profiles", "action", "code"),
    [
        (UVICORN, {"close": 4001}, 4001),
        (HYPERCORN, {"close": 4001}, 1006),
        (LEGACY + HYPERCORN, "fin", 1006),
        (LEGACY + HYPERCORN, "rst", 1006),
        (OLD + NEW, "fin", 1005),
        (OLD + NEW, "rst", 1005),
    ],
)
def test_the_disconnect_code_says_what_the_server_knows(
    profiles: list[str], action: Any, code: int, fidelity: Fidelity
) -> None:
    for profile in profiles:
        log, _ = play(profile, receives, ["connect", action], fidelity)
        assert log == [f"WebSocketDisconnect({code})"], profile


async def sends_late(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
    await websocket.accept()
    await trio.sleep(ms(50))
    await tell(log, websocket.send_text("late"))
    log.append(websocket.application_state.name)


@pytest.mark.parametrize(
    ("profiles", "action", "outcome"),
    [
        (UVICORN, "close", [GONE, "DISCONNECTED"]),
        (LEGACY + NEW, "fin", [GONE, "DISCONNECTED"]),
        (LEGACY + NEW, "rst", [GONE, "DISCONNECTED"]),
        (OLD, "fin", ["nothing", "CONNECTED"]),
        (OLD, "rst", ["nothing", "CONNECTED"]),
        (HYPERCORN, "close", ["nothing", "CONNECTED"]),
        (HYPERCORN, "rst", ["nothing", "CONNECTED"]),
    ],
)
def test_a_send_after_the_client_went_raises_or_is_silent(
    profiles: list[str], action: str, outcome: list[str]
) -> None:
    for profile in profiles:
        assert play(profile, sends_late, ["connect", action])[0] == outcome, profile


@pytest.mark.parametrize(
    ("profiles", "first"), [(LEGACY, GONE), (OLD + NEW + HYPERCORN, "nothing")]
)
def test_the_first_send_on_a_reset_socket(profiles: list[str], first: str) -> None:
    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.accept()
        stage.clients["c1"].drop(FrameKind.RST)
        stage.world.tick += from_ms(1)  # it has arrived, and the server has not looked
        await tell(log, websocket.send_text("first"))

    for profile in profiles:
        assert play(profile, act)[0] == [first], profile


@pytest.mark.parametrize(
    ("profiles", "outcome"),
    [(NEW, ["ClientDisconnected"]), (OLD, ["RuntimeError"]), (LEGACY + HYPERCORN, ["nothing"])],
)
def test_accept_with_the_client_gone(profiles: list[str], outcome: list[str]) -> None:
    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        stage.clients["c1"].drop(FrameKind.RST)
        await trio.sleep(ms(10))
        await tell(log, websocket.accept())

    for profile in profiles:
        assert play(profile, act)[0] == outcome, profile


@pytest.mark.parametrize("fidelity", Fidelity)
@pytest.mark.parametrize(
    ("profiles", "waiting", "later"),
    [(LEGACY, 4002, 1005), (OLD + NEW, 4002, None), (HYPERCORN, 1000, None)],
)
def test_the_servers_own_close_reaches_who_waits_in_receive(
    profiles: list[str], waiting: int, later: int | None, fidelity: Fidelity
) -> None:
    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.accept()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell, log, websocket.receive_text())
            await trio.sleep(ms(5))
            await websocket.close(4002)
        if later is not None:
            log.append(str((await stage.server.connections["c1"].receive())["code"]))

    for profile in profiles:
        log, end = play(profile, act, fidelity=fidelity)
        assert log == [f"WebSocketDisconnect({waiting})", *([str(later)] if later else [])], profile
        assert over(end) == "close 4002"


@pytest.mark.parametrize(
    ("profiles", "after"), [(LEGACY + NEW, 10), (OLD, 0)], ids=["waits for the reply", "does not"]
)
def test_a_close_that_is_never_answered_ends_in_time(profiles: list[str], after: int) -> None:
    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.accept()
        await trio.sleep(ms(5))
        stage.clients["c1"].closing = True  # as if it had sent a close: it answers none
        await websocket.close()
        while not stage.server.connections["c1"].lost:  # noqa: ASYNC110
            await trio.sleep(ms(10))
        log.append(f"lost at {trio.current_time():.0f}")

    for profile in profiles:
        assert play(profile, act)[0] == [f"lost at {after}"], profile


@pytest.mark.parametrize("fidelity", Fidelity)
@pytest.mark.parametrize("profile", UVICORN)
def test_shutdown_disconnects_with_1012_and_sends_fail(profile: str, fidelity: Fidelity) -> None:
    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.accept()
        await trio.sleep(ms(5))
        stage.server.connections["c1"].shutdown()
        await tell(log, websocket.send_text("x"))
        await tell(log, stage.server.connections["c1"].receive())

    log, end = play(profile, act, fidelity=fidelity)
    assert log[0] == GONE
    assert "1012" in log[1]
    assert over(end) == "close 1012"


@pytest.mark.parametrize("profile", HYPERCORN)
def test_hypercorn_cancels_the_application_after_its_grace(profile: str) -> None:
    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.accept()
        stage.server.connections["c1"].shutdown()
        try:
            await websocket.receive_text()
        finally:
            log.append(f"cancelled at {trio.current_time():.0f}")

    log, end = play(profile, act)
    assert log == ["cancelled at 3"]
    assert over(end) == "close 1011"


@pytest.mark.parametrize(
    ("profiles", "outcome"), [(OLD + NEW, "nothing"), (LEGACY + HYPERCORN, GONE)]
)
def test_a_close_waits_behind_an_unread_message_where_reading_pauses(
    profiles: list[str], outcome: str
) -> None:
    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.accept()
        await trio.sleep(ms(50))
        await tell(log, websocket.send_text("the client has closed long ago"))

    script = ["connect", {"send": "unread"}, {"sleep": from_ms(10)}, "close"]
    for profile in profiles:
        expected = "nothing" if profile in HYPERCORN else outcome
        assert play(profile, act, script)[0] == [expected], profile


@pytest.mark.parametrize("profile", PROFILES)
def test_a_second_receiver_is_an_error_on_legacy_only(profile: str) -> None:
    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.accept()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell, log, websocket.receive_text())
            await trio.sleep(ms(5))
            nursery.start_soon(tell, log, websocket.receive_text())

    script = ["connect", {"sleep": from_ms(20)}, {"send": "a"}, {"send": "b"}, {"close": 1000}]
    log, _ = play(profile, act, script)
    expected = ["RuntimeError", "a"] if profile in LEGACY else ["a", "b"]
    assert log == expected


@pytest.mark.parametrize(
    ("profiles", "how"),
    [
        (["uvicorn-websockets@0.54", *NEW], "lost"),
        (HYPERCORN, "close 1011"),
        (["uvicorn-websockets@0.35", *OLD], None),
    ],
)
@pytest.mark.parametrize("fidelity", Fidelity)
def test_a_handler_that_returns_without_closing(
    profiles: list[str], how: str | None, fidelity: Fidelity
) -> None:
    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.accept()

    script = ["connect", {"sleep": from_ms(100)}, {"close": 4000}]
    for profile in profiles:
        _, end = play(profile, act, script, fidelity)
        assert over(end) == (how or "close 4000"), profile


@pytest.mark.parametrize("fidelity", Fidelity)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_handler_that_never_accepts_is_a_refused_handshake(
    profile: str, fidelity: Fidelity
) -> None:
    async def closes(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.close()

    async def fails(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        raise ValueError("mine")

    for act, status in ((closes, 403), (fails, 500)):
        _, end = play(profile, act, fidelity=fidelity)
        assert over(end) == f"reject {status}"


def test_what_a_handler_raises_is_traced_without_addresses() -> None:
    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.accept()
        raise ValueError(f"bad {object()!r}")

    _, end = play("uvicorn-websockets@0.35", act)
    (raised,) = [event for event in end.events if event.kind == "app.raised"]
    assert raised.values["error"] == "ValueError: bad <object object at 0x..>"


def test_headers_subprotocols_and_the_path_reach_the_handler() -> None:
    seen: list[Any] = []

    async def handler(websocket: WebSocket) -> None:
        seen.append((websocket.url.path, websocket.query_params["q"], websocket.headers["x-user"]))
        await websocket.accept(subprotocol=websocket.scope["subprotocols"][1])
        await websocket.receive_bytes()

    script = [
        {"connect": ["a", "b"], "headers": {"X-User": "ada"}},
        {"send_bytes": "00ff"},
        "close",
    ]
    for fidelity in Fidelity:
        spec = ClientSpec(parse_script(script), path="/chat?q=1")
        end = run_once(program(fidelity, handler, [spec], PROFILES["uvicorn-websockets@0.35"]))
        assert any(event.values.get("subprotocol") == "b" for event in end.events)
    assert seen == [("/chat", "1", "ada")] * 2


def test_regression_a_ping_that_meets_the_servers_close_ends_no_world() -> None:
    """trio-websocket issue 184: its reader dies of LocalProtocolError; found by varied worlds."""

    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.accept()
        await trio.sleep(ms(5))
        await websocket.close()

    script = ["connect", {"sleep": from_ms(4)}, "ping", "silent"]
    _, end = play("uvicorn-wsproto@0.54", act, script, Fidelity.WIRE)
    kinds = [event.kind for event in end.events]
    assert kinds.index("trio_websocket.failed") < kinds.index("lost")


# -- uvicorn before 0.27 ---------------------------------------------------------------------------


async def fails_late(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
    """Send when the client has gone, and log what kind of error comes, and Starlette's state."""
    await websocket.accept()
    await trio.sleep(ms(50))
    try:
        await websocket.send_text("late")
    except Exception as error:
        log.append(f"{type(error).__name__} {isinstance(error, OSError)}")
    log.append(websocket.application_state.name)


@pytest.mark.parametrize(
    ("profile", "action", "log"),
    [
        ("uvicorn-websockets@0.26", "close", ["ProtocolError False", "CONNECTED"]),
        ("uvicorn-websockets@0.26", "rst", ["ProtocolError False", "CONNECTED"]),
        ("uvicorn-websockets@0.27", "close", ["WebSocketDisconnect False", "DISCONNECTED"]),
        ("uvicorn-websockets@0.27", "rst", ["WebSocketDisconnect False", "DISCONNECTED"]),
        ("uvicorn-wsproto@0.26", "close", ["ProtocolError False", "CONNECTED"]),
        ("uvicorn-wsproto@0.26", "rst", ["CONNECTED"]),
        ("uvicorn-wsproto@0.27", "close", ["WebSocketDisconnect False", "DISCONNECTED"]),
    ],
)
def test_uvicorn_before_0_27_lets_the_librarys_error_pass_starlette_by(
    profile: str, action: str, log: list[str]
) -> None:
    assert play(profile, fails_late, ["connect", action])[0] == log


# -- legacy, once closed_event is set --------------------------------------------------------------


@pytest.mark.parametrize("profile", [*UVICORN, *HYPERCORN])
def test_on_legacy_a_send_after_the_disconnect_was_handed_out_is_a_runtime_error(
    profile: str,
) -> None:
    """Not an OSError, so Starlette passes it on as it is: asgi_send finds closed_event set."""

    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.accept()
        await tell(log, websocket.receive_text())
        await tell(log, websocket.send_text("late"))

    log, _ = play(profile, act, ["connect", {"close": 1000}])
    expected = "RuntimeError" if profile in LEGACY else "nothing" if profile in HYPERCORN else GONE
    assert log[1] == expected


@pytest.mark.parametrize("profile", LEGACY)
def test_on_legacy_before_it_was_handed_out_the_same_send_is_a_disconnect(profile: str) -> None:
    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        await websocket.accept()
        await trio.sleep(ms(20))
        await tell(log, websocket.send_text("late"))
        await tell(log, websocket.receive())
        log.append(str(websocket.client_state is WebSocketState.DISCONNECTED))

    log, _ = play(profile, act, ["connect", {"close": 4001}])
    assert log[0] == GONE
    assert "4001" in log[1]
    assert log[2] == "True"


@pytest.mark.parametrize("profile", LEGACY)
def test_on_legacy_two_receivers_may_wait_for_the_end_of_the_tcp_connection(profile: str) -> None:
    """The client's close frame has been read, its FIN has not: nobody waits for a message now."""

    async def act(stage: Stage, websocket: WebSocket, log: list[str]) -> None:
        connection = stage.server.connections["c1"]
        await websocket.accept()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell, log, connection.receive())
            await trio.sleep(ms(6.5))  # after the frame, before the FIN
            nursery.start_soon(tell, log, connection.receive())

    log, _ = play(profile, act, ["connect", {"sleep": from_ms(4)}, {"close": 4001}])
    assert [("4001" in line, "RuntimeError" in line) for line in log] == [(True, False)] * 2
