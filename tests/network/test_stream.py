"""The simulated connection keeps Trio's contract for streams, and TCP's for bytes."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import UserError
from sim.kernel.world import Job, World
from sim.model.link import LinkSpec
from sim.model.record import Ending
from sim.model.ticks import PER_SECOND
from sim.network.stream import SimStream, stream_pair
from sim.schedulers.uniform import Uniform
from tests.helpers.running import check_deterministic, run_once

SPECS = st.builds(
    LinkSpec,
    delay=st.integers(0, 50),
    jitter=st.integers(0, 20),
    buffer=st.integers(1, 40),
)


def in_world(program: Callable[[World], Awaitable[Any]], seed: int = 0) -> Any:
    end = run_once(program, Uniform(seed))
    if end.error is not None:
        raise end.error
    assert end.ending is Ending.COMPLETED
    return end.result


async def read_for_ever(stream: SimStream, into: bytearray) -> None:
    while True:
        into.extend(await stream.receive_some())


async def send_for_ever(stream: SimStream) -> None:
    while True:
        await stream.send_all(b"x")
        await trio.sleep(1 / PER_SECOND)


@pytest.mark.parametrize("spec", [LinkSpec(), LinkSpec(delay=100, jitter=50)], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_it_passes_trios_checks_of_half_closeable_streams(spec: LinkSpec, seed: int) -> None:
    async def program(world: World) -> None:
        async def make() -> tuple[SimStream, SimStream]:
            return stream_pair(world, "a", "b", spec, spec)

        async def make_clogged() -> tuple[SimStream, SimStream]:
            tight = LinkSpec(spec.delay, spec.jitter, buffer=16)
            one, other = stream_pair(world, "a", "b", tight, tight)
            for end in (one, other):
                await end.send_all(bytes(16))
            return one, other

        await trio.testing.check_half_closeable_stream(make, make_clogged)

    in_world(program, seed)


@given(spec=SPECS, sends=st.lists(st.binary(max_size=12), max_size=8), seed=st.integers(0, 1 << 32))
@settings(max_examples=150)
def test_bytes_are_never_lost_reordered_or_repeated(
    spec: LinkSpec, sends: list[bytes], seed: int
) -> None:
    async def program(world: World) -> bytes:
        one, other = stream_pair(world, "a", "b", spec)
        got = bytearray()

        async def write() -> None:
            for data in sends:
                await one.send_all(data)
            await one.send_eof()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            while data := await other.receive_some(5):
                got += data
        return bytes(got)

    end = check_deterministic(Job(program, Uniform(seed)))
    assert end.result == b"".join(sends)


@given(sends=st.lists(st.binary(min_size=1, max_size=5), max_size=6), seed=st.integers(0, 99))
def test_before_a_reset_only_a_prefix_arrives(sends: list[bytes], seed: int) -> None:
    async def program(world: World) -> bytes:
        one, other = stream_pair(world, "a", "b", LinkSpec(delay=10, jitter=5))
        for data in sends:
            await one.send_all(data)
        got = bytearray()

        async def read() -> None:
            with pytest.raises(trio.BrokenResourceError):
                await read_for_ever(other, got)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.sleep(12 / PER_SECOND)
            one.reset()
        return bytes(got)

    assert b"".join(sends).startswith(in_world(program, seed))


def test_a_full_buffer_makes_the_sender_wait_until_the_reader_reads() -> None:
    async def program(world: World) -> list[str]:
        one, other = stream_pair(world, "a", "b", LinkSpec(buffer=4))
        log: list[str] = []

        async def write() -> None:
            await one.send_all(b"12345678")
            log.append("sent")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            await trio.testing.wait_all_tasks_blocked()
            log.append("reading")
            assert await other.receive_some() == b"1234"
        return log

    assert in_world(program) == ["reading", "sent"]


def test_sending_to_a_closed_side_brings_a_reset_after_a_round_trip() -> None:
    async def program(world: World) -> int:
        one, other = stream_pair(world, "a", "b", LinkSpec(delay=30), LinkSpec(delay=20))
        await other.aclose()
        await one.send_all(b"too late")
        with pytest.raises(trio.BrokenResourceError):
            await send_for_ever(one)
        return world.tick

    assert in_world(program) == 50


def test_closing_with_unread_bytes_resets_as_linux_does() -> None:
    async def program(world: World) -> None:
        one, other = stream_pair(world, "a", "b")
        await one.send_all(b"unread")
        await other.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await one.receive_some()

    in_world(program)


def test_bad_link_fields_are_named_all_at_once() -> None:
    with pytest.raises(UserError) as caught:
        LinkSpec(delay=-1, jitter=1.5, buffer=0)  # type: ignore[arg-type]
    assert list(caught.value.faults) == [
        "link delay: expected an integer of at least 0, got -1",
        "link jitter: expected an integer of at least 0, got 1.5",
        "link buffer: expected an integer of at least 1, got 0",
    ]
