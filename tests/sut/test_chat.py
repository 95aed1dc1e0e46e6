"""Sending, closing and receiving swallow and retry as the product's do."""

from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect, WebSocketState

from sim.sut.chat import Chat
from sim.sut.guards import GUARDS, Guard
from tests.helpers.fakes import DISCONNECT, Scene, drive

NEED_ACCEPT = 'WebSocket is not connected. Need to call "accept" first.'
SEND_AFTER = 'Cannot call "send" once a close message has been sent.'


def sends(scene: Scene) -> bool:
    return drive(scene.chat.safe_send("reply", text="hi"))


def slept(scene: Scene) -> list[str]:
    return [call for call in scene.runtime.calls if call.startswith("sleep")]


def test_a_message_is_one_json_object_with_its_type_first() -> None:
    scene = Scene()
    assert sends(scene)
    assert scene.peer.outbox[-1]["text"] == '{"type": "reply", "text": "hi"}'


def test_safe_send_passes_its_probe_and_records_what_came_of_it() -> None:
    scene = Scene()
    assert sends(scene)
    assert scene.runtime.calls == ["probe sending", "pause sending"]
    assert scene.runtime.of("sent") == [{"what": "reply", "ok": True}]


def test_safe_send_does_not_try_when_the_client_is_known_to_have_gone() -> None:
    scene = Scene()
    scene.disconnect()
    assert not sends(scene)
    assert scene.peer.said == []
    assert scene.runtime.of("sent") == [{"what": "reply", "ok": False}]


def test_safe_send_does_try_when_only_the_application_state_is_disconnected() -> None:
    scene = Scene()
    scene.blind()
    assert not sends(scene)
    assert slept(scene) == ["sleep 100", "sleep 200", "sleep 400"]


def test_a_send_that_fails_passes_a_probe_of_its_own() -> None:
    scene = Scene()
    scene.disconnect()
    sends(scene)
    assert scene.runtime.calls[2:] == ["probe send_failed", "pause send_failed"]


def test_a_failed_send_is_swallowed_and_leaves_the_blind_spot() -> None:
    scene = Scene()
    scene.peer.failing = [OSError("gone")]  # Starlette makes it a WebSocketDisconnect(1006)
    assert not sends(scene)
    assert slept(scene) == []
    assert scene.websocket.client_state.name == "CONNECTED"
    assert scene.websocket.application_state.name == "DISCONNECTED"


@pytest.mark.parametrize("failures", [0, 1, 2, 3])
def test_a_runtime_error_is_retried_after_100_200_and_400_ms(failures: int) -> None:
    scene = Scene()
    scene.peer.failing = [RuntimeError("busy") for _ in range(failures)]
    assert sends(scene)
    assert slept(scene) == ["sleep 100", "sleep 200", "sleep 400"][:failures]
    assert scene.peer.said == ["reply"]


def test_the_fourth_runtime_error_is_swallowed() -> None:
    scene = Scene()
    scene.peer.failing = [RuntimeError(SEND_AFTER) for _ in range(4)]
    assert not sends(scene)
    assert scene.runtime.clock == 700
    assert (scene.peer.said, scene.peer.failing) == ([], [])


def test_a_websocket_that_is_not_connected_is_not_tried_again() -> None:
    scene = Scene()
    scene.peer.failing = [RuntimeError(NEED_ACCEPT)]
    assert not sends(scene)
    assert slept(scene) == []


def test_the_waits_between_tries_are_a_parameter() -> None:
    scene = Scene(retry_ms=())
    scene.peer.failing = [RuntimeError("busy")]
    assert not sends(scene)
    assert slept(scene) == []


def test_a_disconnect_during_the_retries_ends_them() -> None:
    scene = Scene()
    scene.peer.failing = [RuntimeError("busy"), WebSocketDisconnect(1006), None]
    assert not sends(scene)
    assert slept(scene) == ["sleep 100"]


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), OSError("x"), WebSocketDisconnect(1006), ValueError("x")]
)
def test_safe_close_swallows_everything(error: Exception) -> None:
    scene = Scene()
    scene.peer.failing = [error]
    drive(scene.chat.safe_close(1011))
    assert scene.runtime.calls == ["probe closing"]
    drive(scene.chat.safe_close(1000))  # Starlette: 'Cannot call "send" once a close ...'
    assert scene.peer.said == []


def test_safe_close_closes_with_its_code() -> None:
    scene = Scene()
    drive(scene.chat.safe_close(1011))
    assert scene.peer.said == ["close 1011"]


def test_the_clean_up_close_is_skipped_when_the_client_is_known_to_have_gone() -> None:
    scene = Scene()
    scene.disconnect()
    drive(scene.chat.close_if_connected(1000))
    assert scene.runtime.calls == []


def received(scene: Scene) -> str:
    return drive(scene.chat.receive())


@pytest.mark.parametrize("guard", GUARDS)
def test_every_guard_receives_the_text_within_the_heartbeat_timeout(guard: str) -> None:
    scene = Scene("hello", guard=guard)
    assert received(scene) == "hello"
    assert scene.runtime.receives == [(120_000, guard == "both-no-hop")]


@pytest.mark.parametrize("guard", GUARDS)
def test_every_guard_gets_a_disconnect_as_an_exception_with_its_code(guard: str) -> None:
    with pytest.raises(WebSocketDisconnect) as caught:
        received(Scene(DISCONNECT, guard=guard))
    assert caught.value.code == 1001


@pytest.mark.parametrize("guard", [name for name in GUARDS if name != "raw"])
def test_receive_text_depends_on_the_application_state(guard: str) -> None:
    scene = Scene("hello", guard=guard)
    scene.blind()
    with pytest.raises(RuntimeError, match="Need to call"):
        received(scene)


def test_raw_receive_does_not_look_at_the_application_state() -> None:
    scene = Scene("hello", guard="raw")
    scene.blind()
    assert received(scene) == "hello"


def test_a_raw_disconnect_without_a_code_is_1005() -> None:
    with pytest.raises(WebSocketDisconnect) as caught:
        received(Scene({"type": "websocket.disconnect"}, guard="raw"))
    assert caught.value.code == 1005


def test_nothing_in_time_is_a_timeout() -> None:
    scene = Scene(receive_timeout_ms=50)
    with pytest.raises(TimeoutError):
        received(scene)
    assert scene.runtime.clock == 50


@pytest.mark.parametrize(
    ("leave", "passing"),
    [
        ("client_state", {("application_state",), ("machine",)}),
        ("application_state", {("client_state",), ("machine",)}),
        ("machine", {("client_state",), ("application_state",)}),
    ],
)
def test_a_check_passes_exactly_if_all_that_it_reads_allows_it(leave: str, passing: Any) -> None:
    scene = Scene()
    assert scene.chat.passes(("client_state", "application_state", "machine"))
    if leave == "client_state":
        scene.disconnect()
    elif leave == "application_state":
        scene.blind()
    else:
        scene.chat.become("closing")
    reads: Any = (("client_state",), ("application_state",), ("machine",))
    assert {one for one in reads if scene.chat.passes(one)} == passing
    assert scene.chat.passes(())


def test_the_machine_is_noted_and_recorded_under_the_connections_name() -> None:
    scene = Scene()
    scene.runtime.notes.clear()
    assert scene.chat.become("processing")
    assert scene.runtime.notes[0] == ("c7.machine", True)
    assert scene.runtime.of("machine")[-1] == {"state": "processing"}
    assert not scene.chat.become("accepted")
    assert scene.runtime.of("machine")[-1] == {"state": "processing"}


def test_two_machines_know_nothing_of_each_other() -> None:
    chat: Chat = Scene(ready=False).chat
    assert chat.new_machine("c7-preliminary").transition("accepted")
    assert chat.machine.state == "connecting"
    assert chat.machine.connection_id == "c7"


def test_a_guard_of_your_own_may_be_raw() -> None:
    scene = Scene("hello", guard=Guard("m:n", "mine", raw=True, in_place=True))
    assert received(scene) == "hello"
    assert scene.runtime.receives == [(120_000, True)]


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("odd"), Exception("odd")])
def test_what_safe_send_swallows_beyond_disconnects_is_a_parameter(error: Exception) -> None:
    strict, lax = Scene(), Scene(swallows="everything")
    strict.peer.failing = [error]
    lax.peer.failing = [error]
    with pytest.raises(type(error)):
        drive(strict.chat.safe_send("x"))
    assert drive(lax.chat.safe_send("x")) is False
    assert lax.websocket.application_state is WebSocketState.CONNECTED
    assert drive(lax.chat.safe_send("y")) is True


@pytest.mark.parametrize("swallows", ["disconnects", "everything"])
def test_a_runtime_error_is_tried_again_whatever_else_is_swallowed(swallows: str) -> None:
    scene = Scene(swallows=swallows, retry_ms=(1,))
    scene.peer.failing = [RuntimeError("busy")]
    assert drive(scene.chat.safe_send("x")) is True
    assert "sleep 1" in scene.runtime.calls


def test_the_numbers_of_sends_are_counted_by_message_and_by_connection() -> None:
    for _ in range(2):
        chat = Scene(sends=(4, 0, 2)).chat
        assert [chat.next_sends() for _ in range(5)] == [4, 0, 2, 2, 2]
    assert [Scene(sends=3).chat.next_sends() for _ in range(2)] == [3, 3]
    assert Scene().chat.next_sends() is None
