"""Serves an application as uvicorn does, with its own protocol classes, above a simulated system.

One run: lifespan startup, one connection for each client, everything that happens until nothing can
happen any more or time is up, then shutdown, and what is left is cancelled as `asyncio.run` does.
`uvicorn.Server` itself, which only listens, handles signals and ticks, is not used: connections are
made as asyncio's own `accept` makes them, and its `shutdown` is followed step by step where one is
asked for (uvicorn/server.py).
"""

import asyncio
import contextvars
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from typing import Any, Protocol

import uvicorn
from uvicorn.server import ServerState

from sim.aio.loop import SimLoop
from sim.aio.names import drop
from sim.aio.tcp import Port
from sim.aio.turn import Spins
from sim.aio.world import CONNECTION, EndOfRun, to_ns
from sim.errors import UserError
from sim.hosting.findings import Served, tell
from sim.hosting.observe import Observer
from sim.hosting.promises import Promises
from sim.hosting.roots import roots_of
from sim.hosting.starlette import watched
from sim.hosting.target import Target
from sim.model.app import AppCase, ServerName
from sim.model.record import Ending
from sim.model.schedule import Kind
from sim.peer.client import HOST, PeerClient, acquaint
from sim.peer.request import Request

_STARTUP_MS = 600_000.0
"""How much virtual time startup, and shutdown, may take."""


class NotStarted(Exception):
    """The application did not come up, so nothing can be said about it."""


class InOrder(set[Any]):
    """A set that is walked in the order in which it was filled, and not by addresses.

    uvicorn walks its connections when it stops; which one first is an accident of memory there.
    """

    def __init__(self) -> None:
        super().__init__()
        self._order: dict[int, Any] = {}

    def add(self, one: Any) -> None:
        """Add a member."""
        super().add(one)
        self._order.setdefault(id(one), one)

    def discard(self, one: Any) -> None:
        """Take a member out, if it is in."""
        super().discard(one)
        self._order.pop(id(one), None)

    def remove(self, one: Any) -> None:
        """Take a member out. Raises KeyError if it is not in."""
        super().remove(one)
        self._order.pop(id(one), None)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._order.values()))


class Teller(Protocol):
    """Tells the states of runs."""

    def begin(self, given: object) -> None:
        """Take note of the state before the first client comes. given: what lifespan yields."""

    def look(self, given: object) -> None:
        """Take note of what connections share, between two turns."""

    def tell(
        self, given: object, roots: Iterable[object], skip: Iterable[object], now_s: float
    ) -> bytes:
        """Return the state that roots lead to.

        skip: what is not to be walked. now_s: the time since the run began, in seconds.
        """


class UvicornHost:
    """One application on uvicorn, its configuration loaded once; `serve` makes one run."""

    def __init__(self, case: AppCase, target: Target) -> None:
        """Load it. case: says on which server and how. Raises UserError for an app that is none."""
        self._target = target
        self._config = _config(case, target)
        self.loaded: Any = self._config.loaded_app
        """The application as uvicorn calls it."""

    def serve(
        self,
        loop: SimLoop,
        case: AppCase,
        paths: tuple[str, ...],
        teller: Teller | None = None,
        inspect: Callable[[Served], None] | None = None,
    ) -> Ending:
        """Make one run. paths: what each client asks for. teller: tells states, if somebody asks.

        inspect: called when all is known that is to be said of it.

        Raises EndOfRun where the run says nothing about the application, and what the scheduler
        raises.
        """
        world = loop.world
        observer = Observer(world, self._target)
        self._config.loaded_app = observer.wrap(self.loaded)
        state = ServerState()
        state.connections, state.tasks = InOrder(), InOrder()
        served = Served(loop, observer, [], state)
        served.promises = Promises(case.invariants, case.at_end)
        loop.selector.before_turn = lambda: self._look(served)
        try:
            lifespan = self._start(loop, served)
            if teller is not None:
                # each leads to the other; who is in them is told in their order
                sets = (served.state.connections, served.state.tasks)
                given = getattr(lifespan, "state", None)
                teller.begin(given)
                loop.selector.visits.tell = lambda alarms: teller.tell(
                    given, roots_of(served, alarms), sets, world.now_ns / 1e9
                )
                loop.selector.visits.look = lambda: teller.look(given)
            try:
                with watched(observer):
                    served.ending = self._connections(served, case, paths, lifespan)
                self._look(served, at_end=True)
                tell(served, lifespan, to_ns(case.grace_ms))
                if inspect is not None:
                    inspect(served)
            finally:
                world.settles = served.stopping = True
                if served.ending is not Ending.STEP_LIMIT:
                    self._stop(loop, served, lifespan)
        finally:
            self._config.loaded_app = self.loaded
        return served.ending

    @staticmethod
    def _look(served: Served, at_end: bool = False) -> None:
        """Look at the application between two turns, or when a run is over."""
        observer, promises = served.observer, served.promises
        observer.look()
        if promises is None or not promises.any or not served.clients or served.stopping:
            return
        for name, said in promises.broken(at_end):
            if name not in observer.broken:
                observer.broken[name] = said
                served.loop.world.event("broken", name, text=said)

    # -- startup -------------------------------------------------------------------------------

    def _start(self, loop: SimLoop, served: Served) -> Any:
        """Let the application start. Raises EndOfRun if it does not."""
        lifespan = self._config.lifespan_class(self._config)
        loop.world.horizon_ns = to_ns(_STARTUP_MS)
        try:
            loop.run_until_complete(lifespan.startup())
        except EndOfRun as reached:
            why = f"the application does not come up: {reached.ending}"
            raise EndOfRun(Ending.FAILED, NotStarted(why)) from None
        if lifespan.should_exit:
            error = served.observer.lifespan_error
            why = "the application does not come up" + (f": {error!r}" if error else "")
            raise EndOfRun(Ending.FAILED, NotStarted(why))
        served.supports_lifespan = not getattr(lifespan, "error_occurred", True)
        served.before = len(loop.started)
        return lifespan

    # -- serving -------------------------------------------------------------------------------

    def _connections(
        self, served: Served, case: AppCase, paths: tuple[str, ...], lifespan: Any
    ) -> Ending:
        """Let the clients come, and go on until nothing more can happen."""
        loop, world = served.loop, served.loop.world
        world.horizon_ns = world.now_ns + to_ns(world.bounds.until_ms)
        for number, (script, path) in enumerate(zip(case.clients, paths, strict=True), 1):
            name = f"c{number}"
            port = self._port(loop, served, name) if script.connects else None
            client = PeerClient(world, name, port, script, path)
            served.clients.append(client)
            client.held = world.bounds.start == "open"
            client.connect = self._requests(served, lifespan, script.headers)
            if port is None:
                loop.call_soon(client.start, context=contextvars.Context())
            else:
                self._soon(served, lifespan, port, client.start)
        acquaint(served.clients)
        for client in served.clients:
            client.on_change = _then(client.on_change, lambda: self._changed(loop, served))
        if case.shutdown_at_ms is not None:
            due = world.now_ns + to_ns(case.shutdown_at_ms)
            world.at(due, lambda: self._be_told_to_stop(served, lifespan), "the server")
            world.acted(due)
        world.settles = world.bounds.start == "open"
        try:
            loop.run_forever()
        except EndOfRun as reached:
            served.spins = isinstance(reached.error, Spins)
            return reached.ending
        raise AssertionError("a loop that nobody stops does not end")

    def _requests(
        self, served: Served, lifespan: Any, headers: tuple[tuple[str, str], ...]
    ) -> Callable[[Request], None]:
        """Return what opens the connection of a request: the kernel tells of it in the next turn.

        headers: the client's own.
        """
        loop, world = served.loop, served.loop.world

        def connect(request: Request) -> None:
            def come() -> None:
                if served.told_to_stop_ns is not None:  # nobody listens any more
                    request.refuse()
                    return
                port = self._port(loop, served, request.name)
                start = partial(request.start, port, HOST, headers)
                self._soon(served, lifespan, port, start)

            world.at(world.now_ns, come, request.name)

        return connect

    def _soon(self, served: Served, lifespan: Any, port: Port, start: Callable[[], None]) -> None:
        """Let the server accept a connection, and then the client begin."""
        loop = served.loop
        context = contextvars.copy_context()
        context.run(CONNECTION.set, port.name)
        loop.call_soon(self._accept, loop, served, lifespan, port, start, context=context)

    def _accept(self, loop: SimLoop, served: Served, lifespan: Any, port: Port, start: Any) -> None:
        protocol = self._config.http_protocol_class(  # type: ignore[call-arg]
            config=self._config,
            server_state=served.state,
            app_state=getattr(lifespan, "state", {}),
            _loop=loop,
        )
        loop.open_transport(port, protocol, port.getpeername())
        start()

    def _port(self, loop: SimLoop, served: Served, name: str) -> Port:
        world = loop.world
        port = world.open_port(name)
        options = ("not yet", "reset")
        port.has_come = lambda unit: (
            world.is_overdue(unit) or world.ask(Kind.ARRIVAL, options, 0, f"{name}:send") == 1
        )
        port.takes = lambda count: _taken(loop, name, count)
        served.observer.by_address[port.getpeername()] = name
        return port

    def _changed(self, loop: SimLoop, served: Served) -> None:
        world = loop.world
        held = [client for client in served.clients if client.held]
        if held and all(client.opened or client.over for client in served.clients):
            world.settles = served.stopping
            for client in held:
                client.held = False
            for client in held:
                client.step()
        if all(client.has_left for client in served.clients):
            world.all_have_left()
            if served.told_to_stop_ns is not None:
                world.acted(served.told_to_stop_ns)

    def _be_told_to_stop(self, served: Served, lifespan: Any) -> None:
        """Begin what uvicorn does on a signal, by its own code."""
        loop = served.loop
        loop.world.event("told to stop", "(server)")
        served.told_to_stop_ns = loop.world.now_ns
        server = uvicorn.Server(self._config)
        server.server_state, server.lifespan, server.servers = served.state, lifespan, []

        async def stop() -> None:
            await server.shutdown()
            served.has_stopped = True

        loop.call_soon(loop.create_task, stop(), context=contextvars.Context())

    # -- shutdown ------------------------------------------------------------------------------

    def _stop(self, loop: SimLoop, served: Served, lifespan: Any) -> None:
        """Stop the application, and cancel what is left, as `asyncio.run` does."""
        world = loop.world
        world.event("stop", "(server)")
        loop.selector.forgive()
        world.horizon_ns = world.now_ns + to_ns(_STARTUP_MS)
        try:
            if served.told_to_stop_ns is None:
                loop.run_until_complete(lifespan.shutdown())
            left = [task for task, _ in loop.started if not task.done()]
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        except EndOfRun as reached:
            world.event("shutdown", "(server)", ended=str(reached.ending))
        for task, _ in loop.started:  # nobody need hear of what was looked at, or cut
            if not task.done():
                drop(task)
            elif not task.cancelled():
                task.exception()


def _then(first: Any, second: Any) -> Any:
    def both() -> None:
        first()
        second()

    return both


def _taken(loop: SimLoop, name: str, count: int) -> int:
    """Return how many of so many bytes the kernel takes."""
    world = loop.world
    if world.partial_left <= 0 or count < 2:
        return count
    picked = world.ask(Kind.VALUE, ("all", "half", "none"), 0, f"{name}:sends")
    world.partial_left -= picked > 0
    return (count, count // 2, 0)[picked]


def usual_server() -> ServerName:
    """Return the class that uvicorn takes here unless somebody says which.

    Raises UserError if it can take none.
    """
    with warnings.catch_warnings():  # of the library that older releases take
        warnings.simplefilter("ignore")
        auto = import_module("uvicorn.protocols.websockets.auto")
    taken: Any = auto.AutoWebSocketsProtocol
    names: dict[str, ServerName] = {
        "WebSocketsSansIOProtocol": "websockets-sansio",
        "WSProtocol": "wsproto",
        "WebSocketProtocol": "websockets",
    }
    if taken is None or taken.__name__ not in names:
        raise UserError("check: uvicorn finds no WebSocket library; pip install websockets")
    return names[taken.__name__]


def _config(case: AppCase, target: Target) -> uvicorn.Config:
    """Return uvicorn's configuration, loaded: the application imported and wrapped as it does."""
    pings: dict[str, Any] = {} if case.pings else {"ws_ping_interval": None}
    config = uvicorn.Config(
        target.found,
        loop="asyncio",
        http="h11",
        ws=case.server,
        lifespan=case.lifespan,
        log_config=None,
        access_log=False,
        ws_per_message_deflate=False,
        root_path=case.root_path,
        factory=target.factory,
        **pings,
    )
    try:
        with warnings.catch_warnings():  # of uvicorn's own, about its older class
            warnings.simplefilter("ignore")
            config.load()
    except SystemExit:
        raise UserError(
            f"app {target.name!r}: uvicorn cannot load it; is --factory right?"
        ) from None
    except Exception as error:
        raise UserError(f"app {target.name!r}: {type(error).__name__}: {error}") from None
    return config
