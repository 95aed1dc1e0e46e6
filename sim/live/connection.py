"""One connection on a real server: the handler of the scenario, run as an ASGI application."""

import threading
from typing import Any

from sim.live.client import LiveClient
from sim.live.driver import LiveDriver
from sim.live.hosts import Host
from sim.live.port import LivePort
from sim.live.recorder import TASK, Recorder
from sim.model.scenario import Scenario
from sim.runs.injections import Injector
from sim.runs.scenario import MODES, WEBSOCKETS
from sim.runs.specs import pauses_of
from sim.server.serve import describe
from sim.sut.chat import Chat
from sim.sut.guards import Guard


class LiveConnection:
    """The server's side of one client.

    began, ended: set when the handler does; ms: what lies between, in milliseconds.
    """

    def __init__(
        self, recorder: Recorder, client: LiveClient, scenario: Scenario, guard: Guard
    ) -> None:
        self.began = threading.Event()
        self.ended = threading.Event()
        self.ms = 0.0
        self._recorder = recorder
        self._client = client
        self._scenario = scenario
        self._guard = guard
        self._driver: LiveDriver | None = None
        self._port: LivePort | None = None

    async def serve(self, host: Host, scope: Any, receive: Any, send: Any) -> None:
        """Run the handler for this connection; what it raises goes on to the server."""
        name, scenario = self._client.name, self._scenario
        TASK.set(f"handler:{name}")
        websocket = WEBSOCKETS[scenario.starlette](
            {**scope, "wsrace.connection": name}, receive, send, world=self._recorder, name=name
        )
        injections = [one for one in scenario.injections if one.client == int(name[1:])]
        driver = LiveDriver(self._client, lambda: host.shut_down(scope["client"]))
        injector = Injector(driver, injections)
        driver.port = port = host.port(self._recorder, name, pauses_of(scenario), injector.probe)
        chat = Chat(websocket, port, self._guard, scenario.shape, scenario.handler, scenario.setup)
        self._driver, self._port = driver, port
        injector.bind(chat)
        self.began.set()
        port.probe("connecting")
        try:
            await port.run(lambda: MODES[scenario.mode](chat))
        except Exception as error:
            port.record("app.raised", error=describe(error))
            raise
        finally:
            self.ms = port.now()
            driver.handler_ended()
            self.ended.set()

    def settle(self, timeout_s: float) -> None:
        """Wait until no injection is armed any more, at most for `timeout_s`."""
        if self._driver is not None:
            self._driver.settled.wait(timeout_s)

    def stop(self) -> None:
        """Cancel the handler, in the server's thread."""
        if self._port is not None and not self.ended.is_set():
            self._port.stop()

    def over(self) -> None:
        """Cancel the tasks of the injections, in the server's thread."""
        if self._driver is not None:
            self._driver.over()
