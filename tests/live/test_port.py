"""The port costs the turns that a product's own calls cost, and no more."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import pytest
import trio

from sim.live.port import AsyncioPort, LivePort, TrioPort
from sim.live.recorder import Recorder
from sim.runtimes.port import Pause

Act = Callable[[LivePort], Awaitable[object]]
PAUSES = {"top": Pause(hops=2), "validated": Pause(ticks=1 << 10)}
HOP = sys.version_info < (3, 12)


def on_asyncio(act: Act, recorder: Recorder | None = None) -> None:
    async def main() -> None:
        await act(AsyncioPort(recorder or Recorder(), "c1", PAUSES, lambda probe: None))

    asyncio.run(main())


def on_trio(act: Act, recorder: Recorder | None = None) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            port = TrioPort(
                recorder or Recorder(), "c1", PAUSES, lambda probe: None, nursery=nursery
            )
            await act(port)
            nursery.cancel_scope.cancel()

    trio.run(main)


both = pytest.mark.parametrize("play", [on_asyncio, on_trio])


class Turns:
    """Counts the turns of an asyncio loop."""

    def __init__(self) -> None:
        self.count = -1
        self._loop = asyncio.get_running_loop()
        self._next()

    def _next(self) -> None:
        self.count += 1
        if self.count < 50:
            self._loop.call_soon(self._next)


@pytest.mark.parametrize("in_place", [False, True])
def test_a_receive_on_asyncio_has_the_hop_of_this_pythons_wait_for(in_place: bool) -> None:
    seen: list[int] = []

    async def act(port: LivePort) -> None:
        turns = Turns()

        async def receiving() -> None:
            seen.append(turns.count)

        await port.receive(receiving, 1000, in_place)

    on_asyncio(act)
    assert seen == [1 if HOP and not in_place else 0]


@both
@pytest.mark.parametrize("in_place", [False, True])
def test_a_receive_that_takes_too_long_is_a_timeout_error(
    play: Callable[[Act], None], in_place: bool
) -> None:
    async def act(port: LivePort) -> None:
        with pytest.raises(TimeoutError):
            await port.receive(port.trigger().wait, 5, in_place)

    play(act)


@both
def test_pauses_are_turns_and_then_time(play: Callable[[Act], None]) -> None:
    async def act(port: LivePort) -> None:
        begun = port.now()
        await port.pause("received")
        await port.pause("validated")
        assert port.now() - begun >= 0.97

    play(act)


def test_a_pause_of_two_hops_is_two_turns() -> None:
    seen: list[int] = []

    async def act(port: LivePort) -> None:
        turns = Turns()
        await port.pause("receiving")
        seen.append(turns.count)
        await port.pause("top")
        seen.append(turns.count)

    on_asyncio(act)
    assert seen == [0, 2]


@both
def test_what_a_task_raises_is_recorded_and_ends_nothing_else(
    play: Callable[[Act, Recorder], None],
) -> None:
    recorder = Recorder()

    async def act(port: LivePort) -> None:
        async def fails() -> None:
            raise ValueError("no")

        async def waits() -> None:
            await port.trigger().wait()

        port.start(fails, "failing")
        port.cancel(port.start(waits, "waiting"))
        await port.sleep(5)

    play(act, recorder)
    (event,) = recorder.close()
    assert (event.kind, event.task) == ("task.raised", "failing")
    assert event.values == {"connection": "c1", "task": "failing", "error": "ValueError"}


@both
def test_a_stopped_handler_is_recorded_as_cancelled(
    play: Callable[[Act, Recorder], None],
) -> None:
    recorder = Recorder()

    async def act(port: LivePort) -> None:
        async def handler() -> None:
            port.stop()
            await port.sleep(1000)

        await port.run(handler)

    try:
        play(act, recorder)
    except asyncio.CancelledError:
        assert play is on_asyncio  # there it goes on to the server
    assert [event.kind for event in recorder.close()] == ["app.cancelled"]


def test_a_recorder_that_is_closed_takes_nothing_more() -> None:
    recorder = Recorder()
    recorder.event("one", connection="c1")
    events = recorder.close()
    recorder.event("two", connection="c1")
    assert [event.kind for event in events] == ["one"]
    assert recorder.close() == events
