"""One direction of a connection by itself: bytes, marks, room."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from sim.kernel.world import World
from sim.model.link import LinkSpec
from sim.model.record import End, Ending
from sim.model.schedule import Kind
from sim.network.link import Link, Mark
from sim.schedulers.replay import Follow
from tests.helpers.running import run_once

Act = Callable[[World, Link], Awaitable[Any]]
FIN, RST = Mark.FIN, Mark.RST


def played(act: Act, spec: LinkSpec, picks: list[int] | None = None) -> End:
    """Run `act` on a link called l."""

    async def program(world: World) -> Any:
        return await act(world, Link(world, "l", spec))

    end = run_once(program, Follow(picks or []))
    assert end.ending is Ending.COMPLETED, end.error
    return end


def wire(end: End) -> list[tuple[object, object]]:
    """Return what went on the wire: when each arrives, and what."""
    return [(e.values["at"], e.values["data"]) for e in end.events if e.kind == "wire"]


def test_bytes_that_have_arrived_are_taken_joined() -> None:
    async def act(world: World, link: Link) -> list[object]:
        link.send(b"ab")
        link.send(b"cd")
        early = link.take(None)
        await world.sleep_until(10)
        return [early, link.take(None), link.take(None)]

    assert played(act, LinkSpec(delay=10)).result == [None, b"abcd", None]


def test_taking_at_most_some_leaves_the_rest_in_order() -> None:
    async def act(world: World, link: Link) -> list[object]:
        for data in (b"abc", b"d", b"efgh"):
            link.send(data)
        return [link.take(most) for most in (2, 1, 3, 100, 1)]

    assert played(act, LinkSpec()).result == [b"ab", b"c", b"def", b"gh", None]


@given(
    st.lists(st.binary(min_size=1, max_size=6), max_size=6),
    st.lists(st.integers(1, 9), max_size=12),
)
def test_whatever_the_portions_the_bytes_are_the_same(
    sends: list[bytes], portions: list[int]
) -> None:
    async def act(world: World, link: Link) -> bytes:
        for data in sends:
            link.send(data)
        got = b""
        for most in [*portions, None]:
            part = link.take(most)
            assert part is None or (isinstance(part, bytes) and len(part) <= (most or 99))
            got += part or b""
        assert link.room == link.spec.buffer
        return got

    assert played(act, LinkSpec()).result == b"".join(sends)


def test_jitter_is_a_choice_for_each_segment_and_never_overtakes() -> None:
    async def act(world: World, link: Link) -> int:
        return [link.send(data) for data in (b"a", b"b", b"c")][-1]

    end = played(act, LinkSpec(delay=10, jitter=5), [4, 1, 5])
    assert [at for at, _ in wire(end)] == [14, 14, 15]
    assert end.result == 15
    assert {(c.question.kind, c.question.asker) for c in end.schedule} == {(Kind.VALUE, "l")}
    assert {len(c.question.options) for c in end.schedule} == {6}


def test_room_shrinks_by_sending_and_grows_only_by_taking() -> None:
    async def act(world: World, link: Link) -> list[int]:
        rooms = [link.room]
        link.send(b"abcd")
        rooms.append(link.room)
        await world.sleep_until(10)
        rooms.append(link.room)
        link.take(3)
        rooms.append(link.room)
        link.send(bytes(20))
        rooms.append(link.room)
        return rooms

    assert played(act, LinkSpec(delay=10, buffer=10)).result == [10, 6, 6, 9, 0]


def test_a_mark_takes_no_room_and_no_jitter() -> None:
    async def act(world: World, link: Link) -> list[int]:
        return [link.mark(FIN), link.room]

    end = played(act, LinkSpec(delay=3, jitter=9, buffer=5))
    assert end.result == [3, 5]
    assert end.schedule == ()
    assert wire(end) == [(3, "fin")]


def test_fin_comes_after_the_data_and_stays() -> None:
    async def act(world: World, link: Link) -> list[object]:
        link.send(b"ab")
        link.mark(FIN)
        await world.sleep_until(5)
        return [link.take(1), link.take(9), link.take(9), link.take(None)]

    assert played(act, LinkSpec(delay=5)).result == [b"a", b"b", FIN, FIN]


def test_fin_does_not_overtake_jittered_data() -> None:
    async def act(world: World, link: Link) -> list[object]:
        link.send(b"ab")
        at = link.mark(FIN)
        await world.sleep_until(13)
        return [at, link.take(None)]

    assert played(act, LinkSpec(delay=5, jitter=9), [9]).result == [14, None]


def test_rst_drops_what_travels_and_leaves_what_has_arrived() -> None:
    async def act(world: World, link: Link) -> list[object]:
        link.send(b"old")
        await world.sleep_until(10)
        link.send(b"new")
        link.mark(RST)
        before = link.take(None)
        await world.sleep_until(20)
        return [before, link.take(None)]

    assert played(act, LinkSpec(delay=10)).result == [b"old", RST]


def test_rst_drops_a_fin_on_its_way() -> None:
    async def act(world: World, link: Link) -> object:
        link.mark(FIN)
        link.mark(RST)
        await world.sleep_until(10)
        return link.take(None)

    assert played(act, LinkSpec(delay=10)).result is RST


def test_rst_arrives_ahead_of_what_it_drops() -> None:
    async def act(world: World, link: Link) -> int:
        link.send(b"ab")
        return link.mark(RST)

    assert played(act, LinkSpec(delay=10, jitter=20), [20]).result == 10


def test_unseen_means_bytes_travelling_or_unread_not_marks() -> None:
    async def act(world: World, link: Link) -> list[bool]:
        seen = [link.unseen]
        link.send(b"ab")
        seen.append(link.unseen)
        await world.sleep_until(10)
        seen.append(link.unseen)
        link.take(1)
        seen.append(link.unseen)
        link.take(1)
        link.mark(FIN)
        seen.append(link.unseen)
        return seen

    assert played(act, LinkSpec(delay=10)).result == [False, True, True, True, False]


async def waits(world: World, link: Link, log: list[object]) -> None:
    while (got := link.take(None)) is None:
        await link.wait_readable()
    log.append((got, world.tick))


def test_a_reader_wakes_when_bytes_arrive() -> None:
    async def act(world: World, link: Link) -> list[object]:
        log: list[object] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits, world, link, log)
            await world.sleep_until(3)
            link.send(b"a")
        return log

    assert played(act, LinkSpec(delay=10)).result == [(b"a", 13)]


@pytest.mark.parametrize(("until", "expected"), [(None, 20), (15, 15), (30, 20)])
def test_a_writer_waits_for_a_reader_or_until_the_tick_it_is_given(
    until: int | None, expected: int
) -> None:
    async def act(world: World, link: Link) -> list[int]:
        woke: list[int] = []
        link.send(b"ab")

        async def reads() -> None:
            await world.sleep_until(20)
            link.take(None)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(reads)
            await link.wait_writable(lambda: until)
            woke.append(world.tick)
        return woke

    assert played(act, LinkSpec(buffer=1)).result == [expected]
