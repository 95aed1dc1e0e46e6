"""A real server starts, serves one trial after the other, and ends without leaving anything."""

import gc
import os
import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest
from starlette.websockets import WebSocket

from sim.errors import UserError, WsraceError
from sim.live.serving import serving
from sim.live.stacks import Stack, find_installed
from sim.live.trial import patience_ms
from sim.model.stacks import STACKS
from sim.runs.specs import client_specs
from sim.sut.guards import own_guard
from tests.helpers.live_scenarios import SILENCE_MS, first, inline, labels, scenario
from tests.live.conftest import Serve

every_stack = pytest.mark.parametrize("stack", STACKS)


def found(name: str) -> Stack:
    for stack in find_installed():
        if stack.name == name:
            return stack
    pytest.skip(f"{name} is not installed")


def left_open() -> tuple[int, int]:
    """Return how many threads and files there are."""
    gc.collect()
    return threading.active_count(), len(os.listdir("/dev/fd"))


@every_stack
def test_nothing_is_left_of_a_server_and_its_trials(stack: str) -> None:
    one = found(stack)
    with serving(one) as server:  # what is loaded and opened once
        server.run(scenario(inline("client-close")))
    before = left_open()
    with serving(one) as server:
        for do in ("client-close", "client-abort", "client-eof", "server-close"):
            server.run(scenario(inline(do), window_hops=3))
    assert left_open() == before


@every_stack
def test_a_server_ends_on_an_error_while_a_connection_is_open(stack: str) -> None:
    one = found(stack)
    with suppress(KeyboardInterrupt), serving(one) as server, ExitStack() as connections:
        address = server.address
        connections.enter_context(socket.create_connection(address))
        begun = time.monotonic()
        raise KeyboardInterrupt
    assert time.monotonic() - begun < 5
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(address)


@every_stack
def test_a_trial_over_time_is_time_up_and_the_next_one_runs(serve: Serve, stack: str) -> None:
    server = serve(stack)
    endless = scenario(handler={"receive_timeout_ms": 60_000})
    (run,) = server.run(endless, limit_ms=100)
    assert run.outcome.time_up
    assert run.outcome.label == "time_up"
    assert labels(server.run(scenario(inline("client-abort")), 2)) <= {
        "clean_disconnect(1005)",
        "clean_disconnect(1006)",
    }


@every_stack
def test_the_whole_mode_runs(serve: Serve, stack: str) -> None:
    """Main mode as it is shipped: a chat turn of five events for each message, then a close."""
    keys = {"mode": "main", "shape": "original", "handler": {"sends": None}}
    messages = [{"send": f'{{"type": "chat", "n": {number}}}'} for number in (1, 2)]
    script = ["connect", {"wait": 1}, messages[0], {"wait": 5}, messages[1], {"wait": 5}]
    (run,) = serve(stack).run(scenario(**keys, script=[*script, {"close": 1000}]))
    outcome = run.outcome
    assert (outcome.turns, outcome.complete, outcome.lost) == (2, 2, 0)
    assert outcome.label.startswith("clean_disconnect")
    assert run.events[first(run, "client.over")].values["how"] == "close 1000"


@every_stack
def test_a_refused_authentication_is_a_refused_handshake(serve: Serve, stack: str) -> None:
    (run,) = serve(stack).run(scenario(mode="factory", setup={"authentication": "refused"}))
    assert run.outcome.label == "refused(1008)"
    assert run.events[first(run, "client.over")].values["how"] == "reject 403"


def test_somebodys_own_guard_is_asked(serve: Serve) -> None:
    asked: list[str] = []

    def never(websocket: WebSocket) -> bool:
        asked.append(websocket.application_state.name)
        return len(asked) == 1

    guard = own_guard("tests:never", never)
    (run,) = serve("uvicorn-wsproto").run(scenario(guard="tests:never"), guard=guard)
    assert run.outcome.label == "guard_break_final"
    assert asked == ["CONNECTED", "CONNECTED"]
    with pytest.raises(UserError, match="code of your own"):
        serve("uvicorn-wsproto").run(scenario(guard="tests:never"))


def test_a_guard_that_raises_is_a_refusal(serve: Serve) -> None:
    def fails(websocket: WebSocket) -> bool:
        raise ValueError("from a guard")

    guard = own_guard("tests:fails", fails)
    (run,) = serve("uvicorn-wsproto").run(scenario(), guard=guard)
    assert run.outcome.label == "other:RefusedOperation"
    assert run.outcome.failed


def test_a_handler_that_does_not_yield_is_not_waited_for() -> None:
    release = threading.Event()

    def blocks(websocket: WebSocket) -> bool:
        return release.wait(20)

    guard = own_guard("tests:blocks", blocks)
    with serving(found("uvicorn-wsproto")) as server:
        try:
            (run,) = server.run(scenario(), guard=guard, limit_ms=50)
            assert run.outcome.label == "time_up"
            with pytest.raises(WsraceError, match="the handler of an earlier trial does not end"):
                server.run(scenario())
        finally:
            release.set()


def test_several_clients_have_a_connection_each(serve: Serve) -> None:
    event = {**inline("client-abort"), "client": 2}
    (run,) = serve("uvicorn-wsproto").run(scenario(event, clients={"count": 2}))
    assert sorted(run.outcome.classes) == ["clean_disconnect(1005)", "hang"]


def test_a_server_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    one = found("uvicorn-wsproto")

    async def fails(self: object, sockets: list[socket.socket]) -> None:
        for each in sockets:
            each.close()
        raise OSError("no room")

    monkeypatch.setattr("uvicorn.Server.serve", fails)
    with pytest.raises(WsraceError, match="did not start: no room"), serving(one):
        pass


@pytest.mark.parametrize("times", [1, 3])
def test_a_server_that_breaks_down_is_started_anew(
    monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    one = found("uvicorn-wsproto")
    left, busy = list(range(times)), set[int]()

    def check(websocket: WebSocket) -> bool:
        busy.add(threading.get_ident())
        return True

    async def on_tick(self: object, counter: int) -> bool:
        if left and threading.get_ident() in busy:  # not the servers of other tests
            busy.clear()
            left.pop()
            raise RuntimeError("a defect of the server")
        return getattr(self, "should_exit", False)

    monkeypatch.setattr("uvicorn.Server.on_tick", on_tick)
    guard = own_guard("tests:check", check)
    with serving(one) as server:
        waits = scenario(handler={"receive_timeout_ms": 800})
        if times == 1:
            assert labels(server.run(waits, guard=guard)) == {"hang"}
        else:
            with pytest.raises(WsraceError, match="uvicorn-wsproto breaks down: RuntimeError: a "):
                server.run(waits, guard=guard)
        assert server.breakdowns == ["RuntimeError: a defect of the server"] * times


def test_a_trial_may_take_as_long_as_its_scenario_waits() -> None:
    one = scenario({"do": "client-close", "time_ms": 500}, script=["connect", {"sleep": 1 << 20}])
    assert patience_ms(one, client_specs(one.clients)) == SILENCE_MS + 200 + 500 + 1000 + 10_000
    assert patience_ms(scenario(end_ms=7), client_specs(one.clients)) == 7
