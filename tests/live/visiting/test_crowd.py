"""Many clients at a server of the test's own: rates, pauses, ends. Real time, but little of it."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import trio
from wsproto import events

from sim.errors import NoAnswer
from sim.live.visiting.address import parse_address
from sim.live.visiting.crowd import Visits, _Crowd
from sim.live.visiting.gate import Gate
from sim.live.visiting.seen import PUT_OFF, Visited
from sim.model.scriptreader import parse
from sim.model.times import Draw
from sim.model.visiting import Part
from sim.validation.deployment import deploy
from tests.helpers.plans import small
from tests.helpers.visited_servers import LIMIT_S, Peer, Serve, address_of, deadline


def part(visit: int, script: str, weight: float = 1) -> Part:
    return Part(visit, script, weight, parse(script))


USUAL: dict[str, Any] = {
    "parts": (part(0, "send:hi, wait, close"),),
    "clients": 5,
    "ramp_s": 0.0,
    "away_ms": 10.0,
    "seconds": 0.4,
    "rate": 1000.0,
    "answer_s": 20.0,
    "seed": 0,
}


class Server:
    """Counts the connections of a run, and what ended them."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        """With which it refuses who comes behind the first one, 0 for none."""
        self.came: list[float] = []
        self.open = self.most = 0
        self.idle = trio.Event()
        """Set when the last one that is open ends."""
        self.codes = Counter[int]()

    async def __call__(self, peer: Peer) -> None:
        self.came.append(trio.current_time())
        if self.status and len(self.came) > 1:
            await peer.next()
            await peer.send(events.RejectConnection(status_code=self.status))
            return
        if await peer.next() is None:
            return  # the end of all visits came before its request
        await peer.send(events.AcceptConnection())
        self.open += 1
        self.most = max(self.most, self.open)
        while (event := await peer.next()) is not None:
            if isinstance(event, events.TextMessage):
                await peer.say("you said so")
            elif isinstance(event, events.CloseConnection):
                self.codes[int(event.code)] += 1
                await peer.send(event.response())
                break
        self.open -= 1
        if not self.open:
            self.idle.set()
            self.idle = trio.Event()


def visited(serve: Serve, told: list[float] | None = None, **keys: Any) -> Visited:
    """Play visits against a server in the same loop. told: gets the moments that are told."""
    told = [] if told is None else told

    async def main() -> Visited | NoAnswer:
        found: Visited | NoAnswer
        with deadline():
            async with trio.open_nursery() as nursery:
                address = await address_of(nursery, serve)
                visits = Visits(address, **{**USUAL, **keys})
                try:
                    found = await _Crowd(visits, told.append, lambda *_: None).run()
                except NoAnswer as error:
                    found = error
                if isinstance(serve, Server) and serve.open:
                    await serve.idle.wait()  # it learns of the last one in its own time
                nursery.cancel_scope.cancel()
        return found

    found = trio.run(main)
    if isinstance(found, NoAnswer):
        raise found
    return found


def test_clients_come_and_are_away_and_come_again_until_time_is_up() -> None:
    server = Server()
    found = visited(server, seconds=1.0)
    assert found.played_s == 1.0
    assert (found.stopped, found.gave_up, found.pauses) == (False, "", 0)
    assert len(found.seen) > 5
    assert len(server.came) <= len(found.seen) + 1  # and the first one, alone
    assert all(one.opened or one.cut for one in found.seen)
    assert server.most <= 5
    assert server.open == 0


def test_no_more_come_in_a_second_than_were_allowed() -> None:
    found = visited(Server(), rate=20.0, clients=50, seconds=0.5)
    assert 1 <= len(found.seen) <= 11


def test_who_is_still_there_at_the_end_closes_as_going_away() -> None:
    server = Server()
    found = visited(server, parts=(part(0, "silent"),))
    assert server.codes == Counter({1001: 5, 1000: 1})
    assert [(one.cut, one.left) for one in found.seen] == [(True, "close 1001")] * 5


def kinds(parts: tuple[Part, ...], seed: int, clients: int = 100) -> list[int]:
    """Return which visit the first session of each client is; nobody goes anywhere."""
    visits = Visits(parse_address("ws://localhost"), **{**USUAL, "parts": parts, "seed": seed})
    crowd = _Crowd(visits, lambda _: None, lambda *_: None)
    return [crowd._drawn(client, 0).visit for client in range(clients)]


def test_the_seed_and_the_weights_say_who_comes_as_what() -> None:
    parts = (part(0, "send:a", 3), part(1, "send:b"))
    assert kinds(parts, 1) == kinds(parts, 1) != kinds(parts, 2)
    assert 10 < sum(kinds(parts, 1)) < 40


def test_a_simulated_deployment_draws_the_same_kinds() -> None:
    plan = small(deployment={"clients": 12})
    first = [one.visit for one in deploy(plan, "catch") if not one.number]
    parts = tuple(part(number, "silent", one.weight) for number, one in enumerate(plan.visits))
    assert kinds(parts, 0, clients=12) == first


def test_moments_are_told_in_order_when_they_have_come() -> None:
    told: list[float] = []
    visited(Server(), told, moments=(0.05, 0.1, 9.0))
    assert told == [0.05, 0.1]


def test_a_server_that_refuses_is_left_in_peace_and_all_that_were_due_count() -> None:
    server = Server(status=503)
    found = visited(server, clients=20, seconds=0.4, away_ms=Draw(uniform=(1, 50)))
    reasons = Counter(one.refused for one in found.seen)
    assert 1 <= reasons["answered 503 Service Unavailable"] <= len(server.came) - 1
    assert len(server.came) <= 21
    assert reasons[PUT_OFF] > 0
    assert found.pauses == 1
    assert not any(one.opened for one in found.seen)


def test_a_refusal_that_is_about_what_was_asked_is_no_reason_to_pause() -> None:
    found = visited(Server(status=403))
    assert found.pauses == 0
    assert {one.refused for one in found.seen if not one.cut} == {"answered 403 Forbidden"}


def test_a_server_that_takes_nobody_for_a_minute_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Gate, "is_hopeless", lambda self, now_s: now_s > 0.1 and self.pauses > 0)
    found = visited(Server(status=503), seconds=60)
    assert found.gave_up == "the server took nobody for 60 s"
    assert found.played_s < 30


def test_a_server_that_is_gone_halfway_is_a_refusal_for_each_who_comes() -> None:
    gone = trio.Event()

    class Dies(Server):
        async def __call__(self, peer: Peer) -> None:
            if len(self.came) == 8:
                gone.set()
            if gone.is_set():
                peer.stream.socket.close()
                return
            await super().__call__(peer)

    found = visited(Dies(), seconds=1.0)
    opened = [one.opened for one in found.seen]
    assert any(opened)
    assert not all(opened)
    assert all(one.refused for one in found.seen if not one.opened and not one.cut)
    assert not any(one.refused for one in found.seen if one.opened)


# -- Ctrl-C ----------------------------------------------------------------------------------------


@pytest.fixture
def own_handler() -> Iterator[None]:
    """Leave the handler of SIGINT as it was."""
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("own_handler")
def test_at_ctrl_c_everybody_closes_and_what_was_seen_is_told() -> None:
    class Interrupts(Server):
        async def __call__(self, peer: Peer) -> None:
            if len(self.came) == 4:
                signal.raise_signal(signal.SIGINT)
            await super().__call__(peer)

    server = Interrupts()
    found = visited(server, parts=(part(0, "silent"),), seconds=60)
    assert found.stopped
    assert found.played_s < 30
    assert server.codes[1001] >= 3
    assert all(one.cut for one in found.seen)
    assert server.open == 0


@pytest.mark.usefixtures("own_handler")
def test_at_a_second_ctrl_c_nobody_waits_for_a_server_that_answers_no_close() -> None:
    class Deaf(Server):
        async def __call__(self, peer: Peer) -> None:
            if not self.came:
                return await super().__call__(peer)  # the first one, alone
            self.came.append(0)
            await peer.accept()
            signal.raise_signal(signal.SIGINT)
            assert isinstance(await peer.next(), events.CloseConnection)
            signal.raise_signal(signal.SIGINT)
            assert await peer.next() is None
            return None

    began = time.monotonic()
    found = visited(Deaf(), parts=(part(0, "silent"),), clients=1, seconds=60)
    assert found.stopped
    assert time.monotonic() - began < LIMIT_S


@pytest.mark.usefixtures("own_handler")
def test_at_ctrl_c_before_anybody_came_there_is_no_answer() -> None:
    async def serve(peer: Peer) -> None:
        signal.raise_signal(signal.SIGINT)
        await peer.next()
        await peer.next()

    with pytest.raises(NoAnswer, match="stopped before anything was played"):
        visited(serve)
