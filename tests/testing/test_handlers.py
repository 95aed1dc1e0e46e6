"""Handlers that are not ours: what counts as a failure, and what a scenario may ask of them."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
import trio
import trio.lowlevel
from starlette.websockets import WebSocket, WebSocketDisconnect

from sim.errors import UserError
from sim.exploration.verdict import Exploration, Verdict
from sim.model.names import EVENTS, RUNTIMES
from sim.model.scenario import Clients, Injection, Scenario
from sim.runs.handler import MODULO
from sim.runs.own import Handler
from sim.runs.play import make
from sim.runs.replay import replay
from sim.testing.failure import RaceFound
from sim.testing.race import Race

CLOSE = Injection(do="server-close", time_ms=20)
TIMED = sorted(set(EVENTS) - {"state-change"})


def scenario(*injections: Injection, **clients: Any) -> Scenario:
    return Scenario(clients=Clients(**{"messages": 1, **clients}), injections=injections)


def found(handler: Handler, one: Scenario, **options: Any) -> Exploration:
    return Race(one, handler=handler).explore(**options)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())


async def greeting(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("hello")
    while True:
        await websocket.receive_text()


async def robust(websocket: WebSocket) -> None:
    try:
        await greeting(websocket)
    except (RuntimeError, OSError, WebSocketDisconnect):
        return


async def returning(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


async def wrong(websocket: WebSocket) -> None:
    await websocket.accept()
    raise ValueError("mine")


async def sleeping(websocket: WebSocket) -> None:
    await trio.sleep_forever()


async def grouped(websocket: WebSocket) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo, websocket)


async def busy(websocket: WebSocket) -> None:
    while True:
        await trio.lowlevel.checkpoint()


async def threads(websocket: WebSocket) -> None:
    threading.Thread(target=print).start()


# -- what counts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "outcome", "failure"),
    [
        (echo, "clean_disconnect(1000)", False),
        (returning, "returned", False),
        (robust, "returned", False),
        (wrong, "other:ValueError", True),
        (sleeping, "deadlock", True),
        (grouped, "disconnect_group(1000)", False),
    ],
)
@pytest.mark.parametrize("strategy", ["dpor", "exhaustive"])
def test_whatever_a_handler_raises_but_a_disconnect_is_a_failure(
    handler: Handler, outcome: str, failure: bool, strategy: str
) -> None:
    verdict = found(handler, scenario(), strategy=strategy)
    assert set(verdict.outcomes) == {outcome}
    assert verdict.verdict is (Verdict.ALWAYS if failure else Verdict.RACE_FREE)
    assert verdict.complete
    assert (verdict.bound == MODULO) == (strategy == "dpor")
    assert verdict.failing == (verdict.looked if failure else 0)


def test_a_handler_that_never_waits_is_no_pass() -> None:
    verdict = found(busy, scenario())
    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert "1 runs ended by step_limit" in verdict.bound
    assert verdict.schedules == 1


def test_a_handler_that_starts_threads_is_no_pass() -> None:
    with pytest.raises(UserError, match=r"no verdict: .* started a thread at .*test_handlers"):
        found(threads, scenario())


def test_a_handler_that_differs_from_run_to_run_is_no_pass() -> None:
    runs: list[None] = []

    async def moody(websocket: WebSocket) -> None:
        runs.append(None)
        await websocket.accept()
        for _ in range(len(runs) % 3):
            await trio.sleep(0.001)

    verdict = found(moody, scenario(CLOSE), times="all")
    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert "keeps state from one run to the next" in verdict.words()
    assert "factory" in verdict.words()


@pytest.mark.parametrize("handler", [greeting, robust, grouped], ids=lambda one: one.__name__)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_one_schedule_per_class_shows_every_outcome_there_is(
    handler: Handler, runtime: str
) -> None:
    one = scenario(CLOSE, messages=0, end="silent").model_copy(update={"runtime": runtime})
    every = found(handler, one, times="all", strategy="exhaustive")
    classes = found(handler, one, times="all")
    assert every.complete
    assert classes.complete
    assert classes.looked <= every.looked
    assert set(classes.outcomes) == set(every.outcomes)
    assert classes.verdict is every.verdict


def test_an_exploration_is_the_same_each_time() -> None:
    one = scenario(CLOSE, messages=1)
    first, second = (found(greeting, one, times="all", max_schedules=300) for _ in range(2))
    assert first.outcomes == second.outcomes
    assert first.failure is not None
    assert second.failure is not None
    assert first.failure.schedule == second.failure.schedule
    assert first.failure.events == second.failure.events


# -- what a scenario asks ------------------------------------------------------------------------


@pytest.mark.parametrize("event", TIMED)
@pytest.mark.parametrize("handler", [greeting, robust], ids=lambda one: one.__name__)
def test_every_event_that_has_a_time_meets_the_handler(event: Any, handler: Handler) -> None:
    one = scenario(Injection(do=event, time_ms=20), pause_ms=100)
    verdict = found(handler, one)
    assert verdict.complete
    assert verdict.looked > 0
    record = make(Race(one, handler=handler).subject)
    assert [event.values["do"] for event in record.events if event.kind == "injected"] == [event]
    if handler is robust:
        assert verdict.verdict is Verdict.RACE_FREE


def test_each_client_meets_a_handler_and_its_own_injections() -> None:
    seen: list[str] = []

    async def handler(websocket: WebSocket) -> None:
        seen.append(websocket.scope["wsrace.connection"])
        await echo(websocket)

    second = Injection(do="client-abort", time_ms=20, client=2)
    one = scenario(second, count=2, pause_ms=100)
    record = make(Race(one, handler=handler).subject)
    assert set(seen) == {"c1", "c2"}
    assert record.outcome.classes == ("clean_disconnect(1000)", "clean_disconnect(1006)")


def test_a_message_that_the_handler_never_gets_is_lost() -> None:
    async def hasty(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_text()

    one = scenario(messages=2, pause_ms=0)
    assert found(echo, scenario(messages=2), property="no-loss").verdict is Verdict.RACE_FREE
    verdict = found(hasty, one, property="no-loss")
    assert verdict.failure is not None
    assert verdict.failure.outcome.lost == 1
    assert found(hasty, one).verdict is Verdict.RACE_FREE


PROBE = Injection(do="server-close", at="validated")
STATE = Injection(do="state-change", time_ms=1)


@pytest.mark.parametrize(
    ("injections", "options", "lines"),
    [
        ([PROBE], {}, ["injections.0.at: 'validated' is a probe of our handler; give the"]),
        ([CLOSE, PROBE], {}, ["injections.1.at: 'validated' is a probe of our handler"]),
        ([STATE], {}, ["injections.0.do: your handler has no state machine of ours"]),
        ([], {"property": "completes"}, ["property: 'completes' is about our chat turns"]),
        ([STATE, PROBE], {}, ["injections.0.do: ", "injections.1.at: "]),
    ],
)
def test_what_a_handler_cannot_be_asked_is_one_clear_line_each(
    injections: Sequence[Injection], options: dict[str, Any], lines: list[str]
) -> None:
    for call in (Race.explore, Race.check):
        with pytest.raises(UserError) as error:
            call(Race(scenario(*injections), handler=echo), **options)
        assert len(error.value.faults) == len(lines)
        for fault, line in zip(error.value.faults, lines, strict=True):
            assert fault.startswith(line)


def test_times_that_are_drawn_have_to_be_free_or_few() -> None:
    drawn = Injection.model_validate({"do": "server-close", "time_ms": {"uniform": [0, 9]}})
    listed = Injection.model_validate({"do": "server-close", "time_ms": {"list": [1, 2]}})
    assert found(echo, scenario(drawn), max_schedules=5).inquiry.times == "all"
    with pytest.raises(UserError, match=r"injections\.0\.time_ms: it is drawn"):
        found(echo, scenario(drawn), times="fixed")
    assert "all 2 combinations" in found(echo, scenario(listed)).scope


def test_what_only_our_handler_knows_is_left_aside() -> None:
    ours = Scenario.model_validate({"window_ms": {"uniform": [1, 2]}, "clients": {"messages": 1}})
    assert found(echo, ours, times="fixed").verdict is Verdict.RACE_FREE


# -- a run again ---------------------------------------------------------------------------------


def test_the_picks_of_a_failure_are_that_failing_run() -> None:
    race = Race(scenario(CLOSE, end="silent"), handler=echo)
    race.check()
    with pytest.raises(RaceFound) as first:
        race.check(times="all", strategy="exhaustive")
    picks, record = first.value.picks, first.value.record
    assert record is not None
    name = f"{__name__}:echo"
    assert f"replay: wsrace replay {first.value.token} --handler {name}" in str(first.value)
    with pytest.raises(RaceFound) as again:
        race.check(picks=picks, times="all")
    assert again.value.record is not None
    assert again.value.record.events == record.events
    assert replay(first.value.token, handler=name).events == record.events


def test_a_guard_takes_the_place_of_a_handler() -> None:
    race = Race("healthy", handler=wrong)
    assert race.explore().verdict is Verdict.ALWAYS
    assert race.guard("catch").explore().verdict is Verdict.RACE_FREE
