"""The network of the asgi fidelity: order, what a reset does, and what a reader may see."""

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.kernel.world import World
from sim.model.frames import Frame, FrameKind
from sim.model.link import LinkSpec
from sim.model.record import Ending
from sim.model.ticks import PER_SECOND
from sim.network.frames import FrameLink
from sim.schedulers.uniform import Uniform
from tests.helpers.running import run_once


def text(number: int) -> Frame:
    return Frame(FrameKind.TEXT, text=str(number))


@given(
    spec=st.builds(LinkSpec, delay=st.integers(0, 9), jitter=st.integers(0, 9)),
    count=st.integers(1, 8),
    seed=st.integers(0, 99),
)
@settings(deadline=None)
def test_frames_are_never_lost_reordered_or_repeated(spec: LinkSpec, count: int, seed: int) -> None:
    async def program(world: World) -> list[str]:
        link = FrameLink(world, "a>b", spec)
        got: list[Frame] = []

        async def write() -> None:
            for number in range(count):
                link.send(text(number))
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            while len(got) < count:
                got += await link.get()
        return [frame.text for frame in got]

    assert run_once(program, Uniform(seed)).result == [str(number) for number in range(count)]


def test_a_reset_overtakes_what_has_not_arrived() -> None:
    async def program(world: World) -> tuple[bool, list[str]]:
        link = FrameLink(world, "a>b", LinkSpec(delay=5))
        link.send(text(1))
        link.send(Frame(FrameKind.RST))
        before = link.reset
        kinds = [str(frame.kind) for frame in await link.get()]
        return before, kinds

    assert run_once(program).result == (False, ["rst"])


def test_a_closed_reader_gets_nothing_even_if_it_waits() -> None:
    async def program(world: World) -> list[Frame]:
        link = FrameLink(world, "a>b", LinkSpec())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.checkpoint)
            world_got: list[Frame] = []

            async def read() -> None:
                world_got.extend(await link.get())

            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            link.close_reader()
        link.send(text(1))
        return world_got + await link.get()

    assert run_once(program).result == []


@pytest.mark.parametrize("end", [FrameKind.FIN, FrameKind.RST])
def test_regression_the_end_of_a_stream_is_a_read_of_its_own(end: FrameKind) -> None:
    """Read together with a message it was noticed at once, although reading pauses after one."""

    async def program(world: World) -> list[int]:
        link = FrameLink(world, "a>b", LinkSpec())
        link.send(text(1))
        link.send(Frame(FrameKind.CLOSE, code=1000))
        link.send(Frame(end))
        return [len(await link.get()), len(await link.get())]

    assert run_once(program).result == [2, 1]


def test_regression_a_reader_that_gave_up_leaves_no_timer_behind() -> None:
    """Time moved on to an arrival that nobody waited for, and a deadlock was found late."""

    async def program(world: World) -> None:
        link = FrameLink(world, "a>b", LinkSpec(delay=100))
        link.send(text(1))
        with trio.move_on_at(10 / PER_SECOND):
            await link.get()
        await trio.sleep_forever()

    end = run_once(program)
    assert (end.ending, end.tick) == (Ending.DEADLOCK, 10)
