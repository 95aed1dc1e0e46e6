"""The loop in both shapes: what it checks where, what ends it, and what it says then."""

from collections.abc import Callable

import pytest
from starlette.websockets import WebSocket

from sim.sut.guards import GUARDS, own_guard
from sim.sut.loop import Handle, message_loop
from tests.helpers.fakes import DISCONNECT, Scene, drive

STATE_CHANGED = "WebSocket state changed between handshake validation and receive"
ROUND = ["top", "validated", "final_check", "receiving"]
LOOKS_AT_THE_TOP = ["pre-fix", "post-fix", "both-states", "both-no-hop"]


def runs(scene: Scene, polls: bool = True, handle: Handle | None = None) -> None:
    """Run the loop with a handler that answers each message."""

    async def answer(text: str) -> None:
        await scene.chat.safe_send("reply")

    drive(message_loop(scene.chat, handle or answer, polls))


def at(scene: Scene, probe: str, nth: int, act: Callable[[], object]) -> None:
    """Let something happen at the nth passing of a probe."""
    left = nth

    def on_probe(name: str) -> None:
        nonlocal left
        left -= name == probe
        if name == probe and left == 0:
            act()

    scene.runtime.on_probe = on_probe


def slept(scene: Scene) -> list[str]:
    return [call for call in scene.runtime.calls if call.startswith("sleep")]


def test_the_probes_come_in_the_order_of_the_design() -> None:
    scene = Scene("hello", DISCONNECT)
    runs(scene)
    assert scene.runtime.probes == [*ROUND, "received", "sending", *ROUND]


def test_what_is_scripted_at_a_probe_is_awaited_right_after_it() -> None:
    scene = Scene(DISCONNECT)
    runs(scene)
    calls = scene.runtime.calls
    assert calls[:2] == ["probe top", "pause top"]
    assert calls[-1] == "probe receiving"  # nothing is awaited between it and the receive


@pytest.mark.parametrize("shape", ["report", "original"])
@pytest.mark.parametrize("guard", GUARDS)
def test_a_healthy_loop_answers_every_message_until_the_client_goes(guard: str, shape: str) -> None:
    scene = Scene("1", "2", "3", DISCONNECT, guard=guard, shape=shape)
    runs(scene)
    assert scene.peer.said == ["reply"] * 3
    assert scene.ending == ["clean_disconnect(1001)"]
    assert scene.runtime.of("received") == [{"text": "1"}, {"text": "2"}, {"text": "3"}]
    assert slept(scene) == []
    assert scene.runtime.logs == []


# -- the check at the top --------------------------------------------------------------------------


@pytest.mark.parametrize("guard", LOOKS_AT_THE_TOP)
def test_the_check_at_the_top_leaves_quietly_when_the_client_has_gone(guard: str) -> None:
    scene = Scene("hello", guard=guard)
    scene.disconnect()
    runs(scene)
    assert (scene.ending, scene.runtime.probes) == (["guard_break_top"], ["top"])
    assert (scene.runtime.logs, scene.peer.said) == ([], [])


@pytest.mark.parametrize("guard", LOOKS_AT_THE_TOP)
def test_the_check_at_the_top_leaves_quietly_when_the_machine_is_not_operational(
    guard: str,
) -> None:
    scene = Scene("hello", guard=guard)
    scene.chat.become("closing")
    runs(scene)
    assert scene.ending == ["guard_break_top"]


def test_the_check_at_the_top_may_be_told_not_to_ask_the_machine() -> None:
    scene = Scene("hello", DISCONNECT, top_reads_machine=False)
    scene.chat.become("closing")
    runs(scene)
    assert scene.ending == ["clean_disconnect(1001)"]


@pytest.mark.parametrize("guard", LOOKS_AT_THE_TOP)
def test_the_check_at_the_top_does_not_read_the_application_state(guard: str) -> None:
    scene = Scene("hello", guard=guard)
    scene.blind()
    runs(scene)
    assert "validated" in scene.runtime.probes


# -- the check before the receive ------------------------------------------------------------------


def test_post_fix_leaves_with_a_warning_that_names_the_connection() -> None:
    scene = Scene("hello", guard="post-fix")
    at(scene, "validated", 1, lambda: scene.chat.become("closing"))
    runs(scene)
    assert scene.ending == ["guard_break_final"]
    ((level, text),) = [row for row in scene.runtime.logs if "state changed" in row[1]]
    assert level == "warning"
    assert text.startswith(STATE_CHANGED)
    assert text == GUARDS["post-fix"].warning.format("c7")
    assert "c7" in text


def test_pre_fix_serves_on_where_post_fix_leaves() -> None:
    scene = Scene("hello", DISCONNECT)
    at(scene, "validated", 1, lambda: scene.chat.become("closing"))
    runs(scene)
    assert scene.ending == ["guard_break_top"]
    assert scene.peer.said == ["reply"]


@pytest.mark.parametrize(
    ("guard", "ending"),
    [
        ("none", "need_accept_first"),
        ("pre-fix", "need_accept_first"),
        ("post-fix", "need_accept_first"),
        ("both-states", "guard_break_final"),
        ("both-no-hop", "guard_break_final"),
        ("catch", "caught:need_accept_first"),
        ("raw", "clean_disconnect(1001)"),
    ],
)
def test_the_blind_spot_ends_each_guard_in_its_own_way(guard: str, ending: str) -> None:
    scene = Scene(DISCONNECT, guard=guard)
    at(scene, "validated", 1, scene.blind)
    runs(scene)
    assert scene.ending == [ending]


@pytest.mark.parametrize(
    ("guard", "ending"),
    [
        ("none", "receive_after_disconnect"),
        ("pre-fix", "receive_after_disconnect"),
        ("post-fix", "guard_break_final"),
        ("both-states", "guard_break_final"),
        ("both-no-hop", "guard_break_final"),
        ("catch", "caught:receive_after_disconnect"),
        ("raw", "receive_after_disconnect"),
    ],
)
def test_a_disconnect_taken_by_another_receiver_does_so_too(guard: str, ending: str) -> None:
    scene = Scene(guard=guard)
    at(scene, "validated", 1, scene.disconnect)
    runs(scene)
    assert scene.ending == [ending]


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_function_of_your_own_decides_right_before_the_receive(goes_on: bool) -> None:
    seen: list[WebSocket] = []

    def mine(websocket: WebSocket) -> bool:
        seen.append(websocket)
        return goes_on

    scene = Scene(DISCONNECT, guard=own_guard("m:n", mine))
    runs(scene)
    assert seen == [scene.websocket]
    assert scene.ending == ["clean_disconnect(1001)" if goes_on else "guard_break_final"]


# -- the poll of the original shape ----------------------------------------------------------------


def test_the_poll_lasts_three_seconds_and_then_the_same_error_comes() -> None:
    scene = Scene("hello", shape="original")
    scene.blind()
    runs(scene)
    assert slept(scene)[:300] == ["sleep 10"] * 300
    assert scene.ending == ["need_accept_first"]
    assert scene.runtime.probes[: len(ROUND)] == ROUND


def test_its_length_and_step_are_parameters() -> None:
    scene = Scene("hello", shape="original", poll_ms=200, poll_step_ms=50, retry_ms=())
    scene.blind()
    runs(scene)
    assert slept(scene) == ["sleep 50"] * 4


def test_it_goes_on_as_soon_as_both_states_are_connected() -> None:
    scene = Scene("hello", DISCONNECT, shape="original")
    connected = scene.websocket.application_state
    scene.blind()
    waits = 0

    def mended() -> None:
        nonlocal waits
        waits += 1
        if waits == 7:
            scene.websocket.application_state = connected

    sleeping = scene.runtime.sleep

    async def sleep(ms: float) -> None:
        await sleeping(ms)
        mended()

    scene.runtime.sleep = sleep  # type: ignore[method-assign]
    runs(scene)
    assert slept(scene) == ["sleep 10"] * 7
    assert scene.ending == ["clean_disconnect(1001)"]


def test_when_it_is_over_the_check_at_the_top_is_repeated() -> None:
    scene = Scene("hello", shape="original")
    at(scene, "validated", 1, scene.disconnect)
    runs(scene)
    assert scene.runtime.clock == 3000
    assert scene.ending == ["guard_break_hs_timeout"]
    assert scene.runtime.logs == []


def test_the_repeated_check_asks_the_machine_too() -> None:
    scene = Scene("hello", shape="original")

    def both() -> None:
        scene.blind()
        scene.chat.become("closing")

    at(scene, "validated", 1, both)
    runs(scene)
    assert scene.ending == ["guard_break_hs_timeout"]


@pytest.mark.parametrize(("shape", "polls"), [("report", True), ("original", False)])
def test_the_report_shape_and_the_other_modes_do_not_poll(shape: str, polls: bool) -> None:
    scene = Scene("hello", shape=shape, retry_ms=())
    scene.blind()
    runs(scene, polls)
    assert slept(scene) == []
    assert scene.ending == ["need_accept_first"]


# -- what ends the loop ----------------------------------------------------------------------------


def test_a_receive_timeout_sends_a_heartbeat_and_the_loop_goes_on() -> None:
    scene = Scene()
    at(scene, "top", 3, lambda: scene.peer.inbox.append(DISCONNECT))
    runs(scene)
    assert scene.peer.said == ["heartbeat", "heartbeat"]
    assert scene.runtime.clock == 240_000
    assert scene.ending == ["clean_disconnect(1001)"]
    assert len(scene.runtime.of("timeout")) == 2


def test_a_receive_timeout_ends_the_loop_where_the_scenario_says_so() -> None:
    scene = Scene(on_timeout="leave", receive_timeout_ms=350)
    runs(scene)
    assert scene.ending == ["hang"]
    assert scene.peer.said == []


def test_a_heartbeat_that_fails_leaves_the_blind_spot() -> None:
    scene = Scene()
    scene.peer.failing = [OSError("gone")]
    runs(scene)
    assert scene.ending == ["need_accept_first"]


def test_any_other_exception_is_logged_told_to_the_client_and_closes_with_1011() -> None:
    async def breaks(text: str) -> None:
        raise KeyError(text)

    scene = Scene("hello")
    runs(scene, handle=breaks)
    assert scene.ending == ["other:KeyError"]
    assert scene.peer.said == ["error", "close 1011"]
    assert scene.runtime.logs == [("error", "Error in message loop: 'hello'")]
    assert scene.runtime.probes[len(ROUND) :] == ["received", "sending", "closing"]


def test_nothing_is_said_to_a_client_that_is_known_to_have_gone() -> None:
    async def breaks(text: str) -> None:
        scene.disconnect()
        raise ValueError("x")

    scene = Scene("hello")
    runs(scene, handle=breaks)
    assert scene.ending == ["other:ValueError"]
    assert scene.peer.said == []
    assert len(scene.runtime.logs) == 1


def test_the_error_is_recorded_with_its_text() -> None:
    scene = Scene("hello")
    scene.blind()
    runs(scene)
    (raised,) = scene.runtime.of("raised")
    assert raised["text"] == 'WebSocket is not connected. Need to call "accept" first.'


def test_catch_treats_a_runtime_error_of_the_receive_alone_as_the_disconnect() -> None:
    async def breaks(text: str) -> None:
        raise RuntimeError("mine")

    scene = Scene("hello", guard="catch")
    runs(scene, handle=breaks)
    assert scene.ending == ["other:RuntimeError"]


def test_a_disconnect_while_a_message_is_handled_is_a_normal_end() -> None:
    async def sends(text: str) -> None:
        await scene.chat.send("unsafe")

    scene = Scene("hello")
    scene.peer.failing = [OSError("gone")]
    runs(scene, handle=sends)
    assert scene.ending == ["clean_disconnect(1006)"]
    assert scene.runtime.logs == []
