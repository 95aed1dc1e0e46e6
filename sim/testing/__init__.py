"""Tests that look for races: a pytest plugin, and Hypothesis strategies.

The plugin comes with the package and does nothing until it is asked for. The fixture `race` looks
at the schedules of the scenario that the marker `wsrace` names, here with a guard of one's own:

    # test_guard.py
    import pytest
    from starlette.websockets import WebSocket, WebSocketState


    def careful(websocket: WebSocket) -> bool:
        return websocket.application_state is WebSocketState.CONNECTED


    @pytest.mark.wsrace(
        "server-close", settings=["window_ms=20", "injections.0.delay_ms=5"], guard=careful
    )
    def test_careful_never_raises(race):
        race.check()


    @pytest.mark.wsrace("server-close", guard="pre-fix", max_schedules=500)
    def test_the_race_is_there(race):
        race.check(expect="some")


    @pytest.mark.wsrace("wait-for-hop", runtime="asyncio-3.12")
    @pytest.mark.parametrize("guard", ["both-states", "catch"])
    def test_other_guards(race, guard):
        found = race.guard(guard).explore()
        assert found.verdict == "race-free", found.words()

Markers of a module, a class and a function add up. See `sim.testing.race.Race` for what they take;
the class can be used without pytest, too. A failure says what came of the run, why, and how to run
it again: `pytest --wsrace-replay TOKEN` makes that one run in the test that it came from.

A handler of one's own is an async function of Starlette's WebSocket that runs on Trio. Injections
have to have a time then, which `times="all"` sets free:

    # test_handler.py
    import pytest
    from sim import Scenario
    from starlette.websockets import WebSocket, WebSocketDisconnect

    monitored = Scenario(
        clients={"messages": 1, "end": "silent"},
        injections=[{"do": "server-close", "time_ms": 20}],
    )


    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        while True:
            await websocket.send_text(await websocket.receive_text())


    async def robust(websocket: WebSocket) -> None:
        try:
            await echo(websocket)
        except (RuntimeError, WebSocketDisconnect):
            pass


    @pytest.mark.wsrace(monitored)
    def test_the_handler(race):
        race.handler(echo).check()
        race.handler(echo).check(times="all", expect="some")
        race.handler(robust).check(times="all")

What must hold of an application is a function without arguments, and what a search must meet is
said by `sometimes`: a check that never gets there is no answer.

    # seats_app.py
    from fastapi import FastAPI, WebSocket

    app = FastAPI()
    sold: list[str] = []


    @app.websocket("/seat/{name}")
    async def sell(websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        if not sold:  # there is one seat
            sold.append(name)
        await websocket.close()

    # test_seats.py
    import seats_app
    from sim.testing import sometimes


    def one_seat_is_sold_once():
        assert len(seats_app.sold) <= 1
        sometimes("sold out", seats_app.sold)


    def test_seats(wsrace_app):
        both = ["/seat/ann silent", "/seat/bob silent"]
        wsrace_app.check("seats_app:app", clients=both, invariants=one_seat_is_sold_once)

Scenario files are tests without a line of Python, if pytest's settings name them: one for every
guard of which `[expect]` says something, else one for every guard of `[sweep]`, which must be
race-free.

    # pytest.ini
    [pytest]
    wsrace_scenarios = races/*.toml
    wsrace_max_schedules = 2000
    wsrace_artifacts = failing-runs

    # races/monitor.toml
    window_ms = 20

    [clients]
    messages = 1
    pause_ms = 200

    [[injections]]
    do = "server-close"
    at = "validated"
    nth = 2
    delay_ms = 5

    [expect]
    pre-fix = "racy"
    catch = "race-free"

An application of one's own, unmodified, on asyncio and uvicorn: the fixture `wsrace_app` asks what
`wsrace check` asks, and `check` does outside of pytest. What it takes stands at `check`:

    # my_app.py
    from fastapi import FastAPI, WebSocket

    app = FastAPI()


    @app.websocket("/ws")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)


    # test_app.py
    import pytest


    def test_no_schedule_breaks_the_app(wsrace_app):
        wsrace_app.check("my_app:app", path="/ws", clients=["send:hi, close"])


    @pytest.mark.wsrace_app("my_app:app", path="/ws", fail_on=["leftover"])
    def test_nothing_is_left_over(wsrace_app):
        wsrace_app.check()

The settings, with their defaults: `wsrace_scenarios` (none), `wsrace_strategy` (dpor),
`wsrace_times` (auto: all if a scenario draws times that it does not list, else fixed),
`wsrace_max_schedules` (10000), `wsrace_artifacts` (nowhere; `--wsrace-artifacts DIR`).

For Hypothesis there are strategies. The schedulers deviate from the natural order now and then, and
a failing run shrinks to one that does so rarely:

    # test_drawn.py
    from hypothesis import given
    from sim import play
    from sim.testing.strategies import scenarios, schedulers


    @given(scenarios(guards=["catch"], modes=["main"]), schedulers())
    def test_who_catches_never_fails_by_receiving(scenario, scheduler):
        assert "need_accept_first" not in play(scenario, scheduler).outcome.classes
"""

TYPE_CHECKING = False  # what type checkers take for true, without loading `typing`
if TYPE_CHECKING:
    from sim.aio.sometimes import sometimes
    from sim.schedulers.replay import Lenient
    from sim.testing.app import AppFailed, check
    from sim.testing.failure import RaceFound
    from sim.testing.race import Race
    from sim.testing.strategies import (
        Deviating,
        client_scripts,
        injections,
        picks,
        scenarios,
        schedulers,
    )

__all__ = [
    "AppFailed",
    "Deviating",
    "Lenient",
    "Race",
    "RaceFound",
    "check",
    "client_scripts",
    "injections",
    "picks",
    "scenarios",
    "schedulers",
    "sometimes",
]
_PLACES = {
    "AppFailed": "sim.testing.app",
    "Deviating": "sim.testing.strategies",
    "Lenient": "sim.schedulers.replay",
    "Race": "sim.testing.race",
    "RaceFound": "sim.testing.failure",
    "check": "sim.testing.app",
    "client_scripts": "sim.testing.strategies",
    "injections": "sim.testing.strategies",
    "picks": "sim.testing.strategies",
    "scenarios": "sim.testing.strategies",
    "schedulers": "sim.testing.strategies",
    "sometimes": "sim.aio.sometimes",
}


if not TYPE_CHECKING:  # a checker that saw `__getattr__` would take every slip for a name

    def __getattr__(name: str) -> object:
        """Import a public name when it is asked for: the plugin has to be cheap to load."""
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    """Return what is here and what would be imported: `dir`, `help` and completion ask."""
    return sorted({*globals(), *__all__} - {"TYPE_CHECKING"})
