"""One client against a server whose every frame stands in the test."""

import pytest
import trio
import trio.testing
from wsproto import events

from sim.live.visiting import session as module
from sim.live.visiting.seen import NO_CLOSE, RESET, UNCLEAR, Seen
from sim.live.visiting.session import Due, said
from sim.model.appscript import Act, Step
from sim.model.visiting import ASKED, OPEN
from tests.helpers.visited_servers import Peer, play

CLOSE, RST = Step(Act.CLOSE, number=1000), Step(Act.RST)
LONG = "sleep:100000"
"""Longer than any test: what goes on behind it was cut off."""


async def echo(peer: Peer) -> None:
    """Answer each text until the client is gone."""
    await peer.accept()
    while (event := await peer.next()) is not None:
        if isinstance(event, events.TextMessage):
            await peer.say(event.data)
        elif isinstance(event, events.CloseConnection):
            await peer.send(event.response())


def test_a_client_asks_says_waits_and_closes() -> None:
    heard: list[object] = []

    async def serve(peer: Peer) -> None:
        request = await peer.accept()
        heard.append((request.target, request.host, dict(request.extra_headers)[b"x"]))
        heard.append(await peer.text())
        await peer.say("hello")
        heard.append(await peer.close_code())

    seen = play("/chat?b=2 header:X=1 header:Host=me send:hi, wait, close:1001", serve)
    assert heard == [("/chat?b=2", "me", b"1"), "hi", 1001]
    assert seen == Seen(
        3, 1.5, opened=True, left="close 1001", ended="close 1001", awaited=1, answered=1
    )
    assert not seen.failed


def test_what_is_asked_for_is_the_address_unless_the_script_says_otherwise() -> None:
    async def serve(peer: Peer) -> None:
        request = await peer.accept()
        assert request.target == "/ws?a=1"
        assert request.host.startswith("127.0.0.1:")
        await peer.close_code()

    assert play("close", serve).opened


def test_a_script_that_does_not_say_how_it_ends_ends_by_a_close() -> None:
    async def serve(peer: Peer) -> None:
        await peer.accept()
        await peer.text()
        assert await peer.close_code() == 1000

    assert play("send:hi", serve).left == "close 1000"


@pytest.mark.parametrize(("step", "end"), [("rst", "RST"), ("drop", "FIN"), ("fin", "FIN")])
def test_a_client_leaves_without_a_close_as_it_was_told(step: str, end: str) -> None:
    ends = []

    async def serve(peer: Peer) -> None:
        await peer.accept()
        await peer.text()
        assert await peer.next() is None
        ends.append(peer.ended)

    seen = play(f"send:hi, {step}", serve)
    assert ends == [end]
    assert (seen.opened, seen.left, seen.failed) == (True, step, False)


def test_behind_a_fin_it_reads_on() -> None:
    async def serve(peer: Peer) -> None:
        await peer.accept()
        assert await peer.next() is None
        await peer.say("still here")

    seen = play("fin, wait", serve)
    assert (seen.left, seen.ended, seen.failed) == ("fin", NO_CLOSE, False)


@pytest.mark.parametrize(("step", "end"), [("hangup", "FIN"), ("hangup:rst", "RST")])
def test_who_hangs_up_is_neither_let_in_nor_refused(step: str, end: str) -> None:
    ends = []

    async def serve(peer: Peer) -> None:
        assert isinstance(await peer.next(), events.Request)
        assert await peer.next() is None
        ends.append(peer.ended)

    seen = play(step, serve)
    assert ends == [end]
    assert (seen.opened, seen.refused) == (False, "")


# -- what is placed --------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [OPEN, 1, 2])
def test_what_is_placed_happens_behind_so_many_messages_and_cuts_the_script_off(after: int) -> None:
    texts = []

    async def serve(peer: Peer) -> None:
        await peer.accept()
        while isinstance(event := await peer.next(), events.TextMessage):
            texts.append(event.data)
        assert peer.ended == "RST"

    script = ", ".join(["sleep:50, send:x"] * after + [LONG, "send:never"])
    seen = play(script, serve, [Due(after, 0.01, (RST,))])
    assert texts == ["x"] * after
    assert (seen.opened, seen.left) == (True, "rst")


def test_what_is_placed_within_the_handshake_leaves_before_the_answer() -> None:
    async def serve(peer: Peer) -> None:
        assert isinstance(await peer.next(), events.Request)
        assert await peer.next() is None

    seen = play("send:never", serve, [Due(ASKED, 0, (RST,))])
    assert (seen.opened, seen.refused, seen.left) == (False, "", "rst")


def test_a_message_may_be_placed_and_a_script_that_is_done_waits_for_what_is_still_to_come() -> (
    None
):
    async def serve(peer: Peer) -> None:
        await peer.accept()
        assert [await peer.text(), await peer.text()] == ["x", "late"]
        assert await peer.close_code() == 1000

    due = Due(1, 0.05, (Step(Act.SEND, "late"), CLOSE))
    assert play("send:x", serve, [due]).left == "close 1000"


def test_a_message_that_is_placed_alone_holds_nobody_back() -> None:
    async def serve(peer: Peer) -> None:
        await peer.accept()
        assert [await peer.text(), await peer.text()] == ["x", "late"]
        assert await peer.close_code() == 1000

    assert play("send:x", serve, [Due(1, 0.05, (Step(Act.SEND, "late"),))]).left == "close 1000"


def test_an_answer_that_its_own_leaving_cuts_off_was_not_awaited() -> None:
    async def serve(peer: Peer) -> None:
        await peer.accept()
        await peer.text()
        await peer.close_code()

    seen = play("send:x, wait, close", serve, [Due(1, 0.01, (CLOSE,))])
    assert (seen.awaited, seen.answered, seen.lost) == (0, 0, 0)


# -- answers ---------------------------------------------------------------------------------------


def test_an_answer_that_does_not_come_is_lost_and_the_script_goes_on() -> None:
    async def serve(peer: Peer) -> None:
        await peer.accept()
        assert [await peer.text(), await peer.text()] == ["a", "b"]
        await peer.say("to b")
        await peer.close_code()

    seen = play("send:a, wait, send:b, wait, close", serve, answer_s=0.1)
    assert (seen.awaited, seen.answered, seen.lost) == (2, 1, 1)


@pytest.mark.parametrize(("fresh", "lost"), [(True, 1), (False, 0)])
def test_what_came_before_a_message_is_no_answer_to_it_in_visits_of_scenarios(
    fresh: bool, lost: int
) -> None:
    """Three answers to the first message must not stand for one to the second."""

    async def serve(peer: Peer) -> None:
        await peer.accept()
        await peer.text()
        for _ in range(3):
            await peer.say("to a")
        await peer.text()
        await peer.close_code()

    script = "send:a, wait, sleep:100, send:b, wait, close"
    assert play(script, serve, answer_s=0.1, fresh=fresh).lost == lost


def test_messages_that_are_replied_to_count_for_no_wait() -> None:
    async def serve(peer: Peer) -> None:
        await peer.accept()
        await peer.say("ping 1")
        assert await peer.text() == "pong"
        await peer.say("real")
        await peer.close_code()

    seen = play("on:ping reply:pong, wait, close", serve)
    assert (seen.awaited, seen.answered) == (1, 1)


def test_pings_are_answered_unless_it_is_mute() -> None:
    async def serve(peer: Peer) -> None:
        await peer.accept()
        await peer.send(events.Ping(b"1"))
        assert isinstance(await peer.next(), events.Pong)
        await peer.say("go on")
        assert await peer.text() == "mute now"
        await peer.send(events.Ping(b"2"))
        await peer.close_code()

    play("wait, mute, send:mute now, sleep:50, close", serve)


# -- how a server ends it --------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "failed"), [(1000, False), (1011, True), (1012, False)])
def test_a_close_of_the_server_ends_the_script(code: int, failed: bool) -> None:
    async def serve(peer: Peer) -> None:
        await peer.accept()
        await peer.text()
        await peer.send(events.CloseConnection(code))
        answer = await peer.next()
        assert isinstance(answer, events.CloseConnection)
        assert answer.code == code

    seen = play(f"send:hi, wait, {LONG}", serve)
    assert (seen.left, seen.ended, seen.failed) == ("", f"close {code}", failed)
    assert seen.lost == 1


def test_a_server_that_answers_a_close_with_1011_has_an_error() -> None:
    async def serve(peer: Peer) -> None:
        await peer.accept()
        assert isinstance(await peer.next(), events.CloseConnection)
        await peer.stream.send_all(b"\x88\x02\x03\xf3")

    seen = play("close", serve)
    assert (seen.left, seen.ended, seen.failed) == ("close 1000", "close 1011", True)


def test_an_end_without_a_close_is_an_error_of_the_server() -> None:
    async def serve(peer: Peer) -> None:
        await peer.accept()

    seen = play(f"silent, {LONG}", serve)
    assert (seen.left, seen.ended, seen.failed) == ("", NO_CLOSE, True)


def test_so_is_a_reset_and_bytes_that_are_no_frame() -> None:
    async def resets(peer: Peer) -> None:
        await peer.accept()
        peer.stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async def rambles(peer: Peer) -> None:
        await peer.accept()
        await peer.stream.send_all(b"\xff\xff rubbish")
        await peer.next()

    assert play("silent", resets).ended == RESET
    seen = play("silent", rambles)
    assert (seen.ended, seen.failed) == ("close 1002", True)


def test_a_server_that_never_answers_a_close_is_waited_for_only_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT_S", 0.1)

    async def serve(peer: Peer) -> None:
        await peer.accept()
        assert isinstance(await peer.next(), events.CloseConnection)
        assert await peer.next() is None

    seen = play("close", serve)
    assert (seen.left, seen.ended, seen.failed) == ("close 1000", "", False)


# -- refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "failed"), [(403, False), (500, True), (503, True)])
def test_a_refusing_answer_is_told_and_5xx_is_an_error(status: int, failed: bool) -> None:
    async def serve(peer: Peer) -> None:
        await peer.next()
        await peer.send(events.RejectConnection(status_code=status))

    seen = play("send:hi, wait", serve)
    assert (seen.opened, seen.status, seen.failed) == (False, status, failed)
    assert seen.refused == said(status)
    assert seen.awaited == 0


def test_a_status_without_a_name_is_told_by_its_number() -> None:
    assert (said(404), said(999)) == ("answered 404 Not Found", "answered 999")


@pytest.mark.parametrize(
    ("answer", "refused"),
    [(b"", NO_CLOSE), (b"\0rubbish\r\n\r\n", UNCLEAR), (b"HTTP/1.1 101 X\r\n\r\n", UNCLEAR)],
)
def test_what_is_no_answer_to_a_handshake_is_a_refusal(answer: bytes, refused: str) -> None:
    async def serve(peer: Peer) -> None:
        await peer.next()
        if answer:
            await peer.stream.send_all(answer)

    assert play("close", serve).refused == refused


def test_no_answer_to_a_handshake_is_waited_for_only_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HANDSHAKE_S", 0.1)

    async def serve(peer: Peer) -> None:
        await peer.next()
        assert await peer.next() is None

    assert play("close", serve).refused == "no answer to the handshake within 0.1 s"


# -- told to leave ---------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [f"send:hi, {LONG}", "send:hi, wait", "send:hi, silent"])
def test_who_is_told_to_leave_closes_as_going_away(script: str) -> None:
    there = trio.Event()

    async def serve(peer: Peer) -> None:
        await peer.accept()
        await peer.text()
        there.set()
        assert await peer.close_code() == 1001

    seen = play(script, serve, leave_when=there.wait)
    assert (seen.cut, seen.left, seen.lost) == (True, "close 1001", 0)


def test_who_is_told_to_leave_within_the_handshake_is_gone_at_once() -> None:
    there = trio.Event()

    async def serve(peer: Peer) -> None:
        await peer.next()
        there.set()
        assert await peer.next() is None

    seen = play("send:hi", serve, leave_when=there.wait)
    assert (seen.cut, seen.opened, seen.refused) == (True, False, "")


def test_a_server_that_reads_nothing_holds_nobody_who_is_told_to_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Part of a frame has gone out, so no close can follow; the connection ends all the same."""
    monkeypatch.setattr(module, "GOODBYE_S", 0.1)
    there, gone = trio.Event(), trio.Event()

    async def serve(peer: Peer) -> None:
        await peer.accept()
        await trio.testing.wait_all_tasks_blocked(0.05)
        there.set()
        await gone.wait()

    async def leave() -> None:
        await there.wait()
        gone.set()

    seen = play(f"send:{'x' * 20_000_000}, wait", serve, leave_when=leave)
    assert (seen.opened, seen.cut) == (True, True)
