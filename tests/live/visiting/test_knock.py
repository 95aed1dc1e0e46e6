"""The first connection: one line for each way in which there is nobody to visit."""

import socket
from collections.abc import Callable

import pytest
import trio
from wsproto import events

from sim.errors import NoAnswer
from sim.live.visiting import knock as module
from sim.live.visiting import session
from sim.live.visiting.address import Address, parse_address
from sim.live.visiting.knock import knock
from sim.model.scriptreader import parse
from sim.model.visiting import Part
from tests.helpers.visited_servers import Peer, Serve, address_of, deadline


def parts(*scripts: str) -> list[Part]:
    return [Part(number, typed, 1, parse(typed)) for number, typed in enumerate(scripts)]


def line_of(serve: Serve, *scripts: str, change: Callable[[Address], Address] | None = None) -> str:
    """Return what is told of a server; "" if clients come in."""

    async def main() -> str:
        with deadline():
            async with trio.open_nursery() as nursery:
                address = await address_of(nursery, serve)
                try:
                    await knock(change(address) if change else address, parts(*scripts))
                    told = ""
                except NoAnswer as error:
                    told = str(error).replace(str(address.port), "PORT")
                nursery.cancel_scope.cancel()
        return told

    return trio.run(main)


async def let_in(peer: Peer) -> None:
    await peer.accept()
    await peer.close_code()


def test_a_server_that_lets_a_client_in_is_there_and_the_client_is_gone_again() -> None:
    codes = []

    async def serve(peer: Peer) -> None:
        await peer.accept()
        codes.append(await peer.close_code())

    assert line_of(serve, "send:hi") == ""
    assert codes == [1000]


def test_every_path_that_is_asked_for_is_tried_once() -> None:
    asked = []

    async def serve(peer: Peer) -> None:
        asked.append((await peer.accept()).target)
        await peer.close_code()

    assert line_of(serve, "send:a", "send:b", "/other send:c", "/other send:d") == ""
    assert asked == ["/ws?a=1", "/other"]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (404, "answered 404 Not Found; is the path right?"),
        (403, "answered 403 Forbidden; is the path right, and may these clients come in?"),
        (401, "answered 401 Unauthorized; do the clients need a header?"),
        (503, "answered 503 Service Unavailable; is it ready?"),
        (200, "answered 200 OK; is there a WebSocket at this path?"),
        (301, "answered 301 Moved Permanently"),
    ],
)
def test_an_answer_that_lets_nobody_in_is_told_with_what_may_be_wrong(
    status: int, told: str
) -> None:
    async def serve(peer: Peer) -> None:
        await peer.next()
        await peer.stream.send_all(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())

    assert line_of(serve, "send:hi") == f"ws://127.0.0.1:PORT/ws?a=1: {told}"


def test_the_path_is_told_that_was_refused() -> None:
    async def serve(peer: Peer) -> None:
        request = await peer.next()
        assert isinstance(request, events.Request)
        await peer.send(events.RejectConnection(status_code=404))

    assert line_of(serve, "/nowhere send:hi").startswith(
        "ws://127.0.0.1:PORT/nowhere: answered 404"
    )


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"\0\1rubbish\r\n\r\n", "it does not speak WebSocket"),
        (b"", "ended the connection without an answer to the handshake"),
    ],
)
def test_who_speaks_something_else_is_told_in_one_line(answer: bytes, told: str) -> None:
    async def serve(peer: Peer) -> None:
        await peer.next()
        if answer:
            await peer.stream.send_all(answer)

    assert line_of(serve, "send:hi") == f"ws://127.0.0.1:PORT/ws?a=1: {told}"


def test_a_server_that_hangs_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in (module, session):
        monkeypatch.setattr(one, "HANDSHAKE_S", 0.1)

    async def serve(peer: Peer) -> None:
        await peer.next()
        await peer.next()

    told = "no answer to the handshake within 0.1 s"
    assert line_of(serve, "send:hi") == f"ws://127.0.0.1:PORT/ws?a=1: {told}"


def test_tls_with_who_speaks_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(peer: Peer) -> None:
        await peer.stream.receive_some(4096)
        await peer.stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    def secure(address: Address) -> Address:
        return parse_address(str(address).replace("ws:", "wss:"))

    assert line_of(serve, "send:hi", change=secure).endswith(": it does not speak TLS")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_port_at_which_nobody_listens_refuses(host: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, and not listened at
        address = parse_address(f"ws://{host}:{unused.getsockname()[1]}/")
        with pytest.raises(NoAnswer, match="connection refused; is the server running"):
            trio.run(knock, address, parts("send:hi"))


def test_a_name_that_nobody_has_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_: object, **__: object) -> None:
        raise trio.socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(trio.socket, "getaddrinfo", nobody)
    with pytest.raises(NoAnswer, match=r"ws://nobody/: no such host: 'nobody'"):
        trio.run(knock, parse_address("ws://nobody/"), parts("send:hi"))


def test_another_address_of_the_name_is_tried_when_one_refuses() -> None:
    """`localhost` is ::1 first in many places, where a server on 127.0.0.1 does not listen."""

    def by_name(address: Address) -> Address:
        return parse_address(str(address).replace("127.0.0.1", "localhost"))

    assert line_of(let_in, "send:hi", change=by_name) == ""
