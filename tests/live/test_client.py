"""The raw client, against a server that is a bare socket: what it does to TCP, and when."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import wsproto
from wsproto import events

from sim.live.client import LiveClient
from sim.live.recorder import Recorder
from sim.model.client import ClientSpec
from sim.model.frames import Frame, FrameKind
from sim.model.script import parse_script


class Peer:
    """A server by hand: accepts one connection, answers the handshake, sees what comes."""

    def __init__(self, *script: Any) -> None:
        self.recorder = Recorder()
        self._listener = socket.create_server(("127.0.0.1", 0))
        spec = ClientSpec(parse_script(["connect", *script]))
        self.client = LiveClient(
            self.recorder, "c1", spec, self._listener.getsockname(), "/ws/1/c1"
        )
        self.client.start()
        self.socket, _ = self._listener.accept()
        self.socket.settimeout(5)
        self.protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._seen: list[events.Event] = []
        self.request = self.next()

    def accept(self) -> None:
        self.send(events.AcceptConnection())

    def send(self, event: events.Event) -> None:
        self.socket.sendall(self.protocol.send(event))

    def next(self) -> events.Event:
        """Return what the client has sent next."""
        while not self._seen:
            data = self.socket.recv(1 << 16)
            assert data, "the client has ended the stream"
            self.protocol.receive_data(data)
            self._seen += self.protocol.events()
        return self._seen.pop(0)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.recorder.close()]

    def close(self) -> None:
        self.socket.close()
        self._listener.close()
        self.client.stop()
        assert self.client.finished(5)


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    made: list[Peer] = []
    yield made
    for peer in made:
        peer.close()


def test_it_follows_its_script_and_waits_for_messages(peers: list[Peer]) -> None:
    peer = Peer({"wait": 1}, {"send": "hi"}, {"send_bytes": "00ff"}, "ping", {"close": 4000})
    peers.append(peer)
    assert isinstance(peer.request, events.Request)
    assert peer.request.target == "/ws/1/c1"
    peer.accept()
    peer.send(events.TextMessage(data="welcome"))
    seen = [peer.next() for _ in range(4)]
    assert isinstance(seen[0], events.TextMessage)
    assert seen[0].data == "hi"
    assert isinstance(seen[1], events.BytesMessage)
    assert bytes(seen[1].data) == b"\x00\xff"
    assert isinstance(seen[2], events.Ping)
    assert isinstance(seen[3], events.CloseConnection)
    assert seen[3].code == 4000
    peer.send(seen[3].response())
    peer.socket.close()
    assert peer.client.finished(5)
    assert peer.client.over == "close 4000"
    assert peer.kinds() == [
        "client.opened",
        "client.got",
        "client.sent",
        "client.sent",
        "client.over",
    ]


def test_it_answers_pings_and_the_servers_close_by_itself(peers: list[Peer]) -> None:
    peer = Peer("silent")
    peers.append(peer)
    peer.accept()
    peer.send(events.Ping(payload=b"x"))
    assert isinstance(pong := peer.next(), events.Pong)
    assert pong.payload == b"x"
    peer.send(events.CloseConnection(code=1001))
    assert isinstance(answer := peer.next(), events.CloseConnection)
    assert answer.code == 1001
    peer.socket.close()
    assert peer.client.finished(5)
    assert peer.client.over == "close 1001"


def test_a_refused_handshake_is_told_with_its_status(peers: list[Peer]) -> None:
    peer = Peer("silent")
    peers.append(peer)
    peer.send(events.RejectConnection(status_code=403))
    peer.socket.close()
    assert peer.client.finished(5)
    assert peer.client.over == "reject 403"


def test_a_reset_is_there_when_the_call_returns_although_the_client_waits(
    peers: list[Peer],
) -> None:
    peer = Peer("silent")
    peers.append(peer)
    peer.accept()
    peer.send(events.Ping())
    peer.next()  # its thread waits for the next frame by now, or is about to
    peer.client.drop(FrameKind.RST)
    peer.socket.setblocking(False)
    with pytest.raises(ConnectionResetError):
        peer.socket.recv(1)
    assert peer.client.over == "lost"
    assert peer.client.finished(5)


def test_an_eof_is_there_when_the_call_returns_and_reading_goes_on(peers: list[Peer]) -> None:
    peer = Peer("silent")
    peers.append(peer)
    peer.accept()
    peer.send(events.Ping())
    peer.next()
    peer.client.drop(FrameKind.FIN)
    peer.socket.setblocking(False)
    assert peer.socket.recv(1) == b""
    peer.socket.setblocking(True)
    peer.send(events.TextMessage(data="still there?"))
    peer.socket.close()
    assert peer.client.finished(5)
    assert "client.got" in peer.kinds()


def test_frames_of_two_threads_do_not_mix_when_the_server_does_not_read(
    peers: list[Peer],
) -> None:
    size = 4_000_000
    peer = Peer({"send": "a" * size}, "silent")
    peers.append(peer)
    peer.accept()
    peer.protocol.receive_data(first := peer.socket.recv(1 << 16))
    assert first
    peer.client.act(Frame(FrameKind.TEXT, text="b"))
    texts = [""]
    while True:
        for event in peer.protocol.events():
            assert isinstance(event, events.TextMessage)
            texts[-1] += event.data
            if event.message_finished:
                texts.append("")
        if len(texts) == 3:
            break
        peer.protocol.receive_data(peer.socket.recv(1 << 20))
    assert texts == ["a" * size, "b", ""]


def test_after_a_close_of_its_own_nothing_is_sent(peers: list[Peer]) -> None:
    peer = Peer("silent")
    peers.append(peer)
    peer.accept()
    peer.client.act(Frame(FrameKind.CLOSE, code=1000))
    peer.client.act(Frame(FrameKind.TEXT, text="too late"))
    peer.client.write(Frame(FrameKind.TEXT, text="counts as sent"))
    assert isinstance(peer.next(), events.CloseConnection)
    peer.socket.close()
    assert peer.client.finished(5)
    sent = [event for event in peer.recorder.close() if event.kind == "client.sent"]
    assert [event.values["frame"] for event in sent] == ["text counts as sent"]


def test_nobody_there_is_a_lost_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    spec = ClientSpec(parse_script(["connect", "silent"]))
    client = LiveClient(Recorder(), "c1", spec, address, "/")
    client.start()
    assert client.finished(5)
    assert client.over == "lost"


def test_bytes_that_are_no_websocket_are_a_lost_connection(peers: list[Peer]) -> None:
    peer = Peer("silent")
    peers.append(peer)
    peer.socket.sendall(b"\x00garbage\r\n\r\n")
    assert peer.client.finished(5)
    assert peer.client.over == "lost"
