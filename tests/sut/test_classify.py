"""What ends a loop is named by the type's ancestry and the text, as Starlette really raises it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from sim.sut.classify import classify
from tests.helpers.fakes import DISCONNECT, Peer, drive

NEED_ACCEPT = 'WebSocket is not connected. Need to call "accept" first.'
RECEIVE_AFTER = 'Cannot call "receive" once a disconnect message has been received.'
SEND_AFTER = 'Cannot call "send" once a close message has been sent.'
CONCURRENT = "cannot call recv while another coroutine is already waiting for the next message"
CLASSES = [
    (NEED_ACCEPT, "need_accept_first"),
    (RECEIVE_AFTER, "receive_after_disconnect"),
    (SEND_AFTER, "send_after_close"),
    (CONCURRENT, "concurrent_recv"),
]


class WebSocketDisconnected(RuntimeError):
    """What Starlette 1.10 raises, under its own name."""


class Renamed(WebSocketDisconnected):
    """The same under a name that nobody knows."""


class Unrelated(Exception):
    """No RuntimeError, whatever its text."""


class ClientDisconnected(OSError):
    """What uvicorn raises."""


@pytest.mark.parametrize("kind", [RuntimeError, WebSocketDisconnected, Renamed])
@pytest.mark.parametrize(("text", "name"), CLASSES)
def test_a_runtime_error_is_named_by_its_text(
    text: str, name: str, kind: type[RuntimeError]
) -> None:
    assert classify(kind(text)) == name


@pytest.mark.parametrize(("text", "_name"), CLASSES)
def test_the_text_alone_is_not_enough(text: str, _name: str) -> None:
    assert classify(Unrelated(text)) == "other:Unrelated"
    assert classify(OSError(text)) == "oserror_leaked(OSError)"


@pytest.mark.parametrize("kind", [RuntimeError, WebSocketDisconnected])
def test_a_runtime_error_with_another_text_is_other(kind: type[RuntimeError]) -> None:
    assert classify(kind("something else")) == f"other:{kind.__name__}"
    assert classify(kind()) == f"other:{kind.__name__}"


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1012, 4001])
def test_a_disconnect_keeps_its_code(code: int) -> None:
    assert classify(WebSocketDisconnect(code)) == f"clean_disconnect({code})"


def test_a_disconnect_of_a_subclass_is_one_too() -> None:
    class Mine(WebSocketDisconnect):
        pass

    assert classify(Mine(1001)) == "clean_disconnect(1001)"


@pytest.mark.parametrize("kind", [ClientDisconnected, ConnectionResetError, BrokenPipeError])
def test_an_oserror_is_named_with_its_type(kind: type[OSError]) -> None:
    assert classify(kind()) == f"oserror_leaked({kind.__name__})"


def test_everything_else_is_other_with_its_type() -> None:
    assert classify(KeyError("text")) == "other:KeyError"
    assert classify(ValueError(NEED_ACCEPT)) == "other:ValueError"


Do = Callable[[Peer], Awaitable[Any]]


async def receives_before_accept(peer: Peer) -> None:
    await peer.websocket.receive_text()


async def receives_after_close(peer: Peer) -> None:
    await peer.websocket.accept()
    await peer.websocket.close()
    await peer.websocket.receive_text()


async def receives_after_failed_send(peer: Peer) -> None:
    await peer.websocket.accept()
    peer.failing = [ClientDisconnected()]
    with pytest.raises(WebSocketDisconnect):
        await peer.websocket.send_text("x")
    await peer.websocket.receive_text()


async def receives_twice(peer: Peer) -> None:
    peer.inbox.append(DISCONNECT)
    await peer.websocket.accept()
    await peer.websocket.receive()
    await peer.websocket.receive_text()


async def sends_after_close(peer: Peer) -> None:
    await peer.websocket.accept()
    await peer.websocket.close()
    await peer.websocket.send_text("x")


async def is_left(peer: Peer) -> None:
    peer.inbox.append(DISCONNECT)
    await peer.websocket.accept()
    await peer.websocket.receive_text()


async def sends_to_nobody(peer: Peer) -> None:
    await peer.websocket.accept()
    peer.failing = [ClientDisconnected()]
    await peer.websocket.send_text("x")


async def accepts_nobody(peer: Peer) -> None:
    peer.failing = [ClientDisconnected()]
    await peer.websocket.accept()


async def sends_before_accept(peer: Peer) -> None:
    await peer.websocket.receive()
    await peer.websocket.send_text("x")


async def expects_text_of_bytes(peer: Peer) -> None:
    peer.inbox.append({"type": "websocket.receive", "bytes": b"x"})
    await peer.websocket.accept()
    await peer.websocket.receive_text()


@pytest.mark.parametrize(
    ("do", "name"),
    [
        (receives_before_accept, "need_accept_first"),
        (receives_after_close, "need_accept_first"),
        (receives_after_failed_send, "need_accept_first"),
        (receives_twice, "receive_after_disconnect"),
        (sends_after_close, "send_after_close"),
        (is_left, "clean_disconnect(1001)"),
        (sends_to_nobody, "clean_disconnect(1006)"),
        (accepts_nobody, "oserror_leaked(ClientDisconnected)"),
        (sends_before_accept, "other:RuntimeError"),
        (expects_text_of_bytes, "other:KeyError"),
    ],
)
def test_what_the_installed_starlette_raises_has_its_class(do: Do, name: str) -> None:
    async def run() -> BaseException:
        try:
            await do(Peer())
        except Exception as error:
            return error
        raise AssertionError("it raised nothing")

    assert classify(drive(run())) == name
