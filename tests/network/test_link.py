"""One direction of a connection by itself: bytes, marks, room and faults."""

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
from sim.schedulers.uniform import Uniform
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
    st.integers(0, 4),
)
def test_whatever_the_portions_the_bytes_are_the_same(
    sends: list[bytes], portions: list[int], segment: int
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

    assert played(act, LinkSpec(segment=segment)).result == b"".join(sends)


def test_data_is_cut_into_segments_that_arrive_together_without_jitter() -> None:
    async def act(world: World, link: Link) -> int:
        return link.send(b"abcde")

    end = played(act, LinkSpec(delay=7, segment=2))
    assert end.result == 7
    assert wire(end) == [(7, b"ab".hex()), (7, b"cd".hex()), (7, b"e".hex())]


def test_jitter_is_a_choice_for_each_segment_and_never_overtakes() -> None:
    async def act(world: World, link: Link) -> int:
        return link.send(b"abc")

    end = played(act, LinkSpec(delay=10, jitter=5, segment=1), [4, 1, 5])
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


def test_faults_stand_in_the_trace_with_tick_and_link() -> None:
    async def act(world: World, link: Link) -> None:
        link.stall()
        await world.sleep_until(5)
        link.resume()
        await world.sleep_until(8)
        link.cut()

    faults = [(e.tick, e.kind, dict(e.values)) for e in played(act, LinkSpec()).events]
    name = {"link": "l"}
    assert faults == [(0, "stall", name), (5, "resume", name), (8, "cut", name)]


def test_a_stalled_link_delivers_nothing_until_it_resumes() -> None:
    async def act(world: World, link: Link) -> list[object]:
        link.send(b"ab")
        link.stall()
        await world.sleep_until(50)
        link.send(b"cd")
        during = link.take(None)
        link.resume()
        return [during, link.take(None)]

    assert played(act, LinkSpec(delay=10)).result == [None, b"ab"]


async def waits(world: World, link: Link, log: list[object]) -> None:
    while (got := link.take(None)) is None:
        await link.wait_readable()
    log.append((got, world.tick))


def test_a_reader_wakes_when_bytes_arrive_and_after_a_stall_when_it_ends() -> None:
    async def act(world: World, link: Link) -> list[object]:
        log: list[object] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits, world, link, log)
            await world.sleep_until(3)
            link.send(b"a")
        async with trio.open_nursery() as nursery:
            link.stall()
            link.send(b"b")
            nursery.start_soon(waits, world, link, log)
            await world.sleep_until(100)
            link.resume()
        return log

    assert played(act, LinkSpec(delay=10)).result == [(b"a", 13), (b"b", 100)]


def test_a_cut_loses_what_travels_and_what_is_sent_and_keeps_what_has_arrived() -> None:
    async def act(world: World, link: Link) -> list[object]:
        link.send(b"old")
        await world.sleep_until(10)
        link.send(b"lost")
        link.cut()
        link.send(b"never")
        link.mark(FIN)
        await world.sleep_until(99)
        return [link.take(None), link.take(None), link.unseen]

    end = played(act, LinkSpec(delay=10))
    assert end.result == [b"old", None, False]
    assert [data for _, data in wire(end)][-2:] == [b"never".hex(), "fin"]


def test_bytes_lost_in_a_cut_go_on_filling_the_buffer() -> None:
    async def act(world: World, link: Link) -> int:
        link.cut()
        link.send(b"abc")
        return link.room

    assert played(act, LinkSpec(buffer=10)).result == 7


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


@given(st.integers(0, 1 << 32))
def test_with_free_arrivals_the_schedule_says_how_much_is_there_but_never_nothing(
    seed: int,
) -> None:
    async def program(world: World) -> list[object]:
        link = Link(world, "l", LinkSpec(delay=1000, segment=1, free=True))
        link.send(b"abcd")
        link.mark(FIN)
        got: list[object] = []
        while not got or got[-1] is not FIN:
            got.append(link.take(None))
        return got

    end = run_once(program, Uniform(seed))
    assert isinstance(end.result, list)
    assert b"".join(end.result[:-1]) == b"abcd"
    assert all(end.result)
    assert end.tick == 0
