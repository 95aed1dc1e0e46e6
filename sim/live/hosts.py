"""The real servers, each run in one thread with its event loop, its handlers and injections."""

import asyncio
import socket
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import trio

from sim.live.port import AsyncioPort, LivePort, TrioPort
from sim.live.recorder import Recorder
from sim.live.stacks import Stack
from sim.model.stacks import ServerStack
from sim.runtimes.port import Pause

_GRACE_S = 1
"""How long a server that ends waits for its connections, in whole seconds (uvicorn)."""


class Host(ABC):
    """One server. `run` is called in its thread, everything else from any thread unless said."""

    @abstractmethod
    def run(self) -> None:
        """Serve until `stop`."""

    @abstractmethod
    def stop(self) -> None:
        """Let the server end."""

    @abstractmethod
    def kill(self) -> None:
        """Cancel a server that did not end."""

    @abstractmethod
    def call(self, act: Callable[[], object]) -> None:
        """Call `act` in the server's thread, soon; not at all once the server has ended."""

    @abstractmethod
    def port(
        self,
        recorder: Recorder,
        name: str,
        pauses: Mapping[str, Pause],
        on_probe: Callable[[str], None],
    ) -> LivePort:
        """Return the port of a connection; in the server's thread."""

    def shut_down(self, client: tuple[str, int]) -> None:
        """End the connection with `client` as a server's shutdown does; in the server's thread."""
        raise NotImplementedError


class AsyncioHost(Host):
    """A server on an asyncio loop of CPython's own."""

    _loop: asyncio.AbstractEventLoop
    _main: "asyncio.Task[None]"

    @abstractmethod
    async def serve(self) -> None:
        """Serve until `stop`."""

    def run(self) -> None:
        """Serve until `stop`."""

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            # What handlers raise is in the trace; asyncio would print it once more.
            self._loop.set_exception_handler(lambda loop, context: None)
            self._main = asyncio.ensure_future(self.serve())
            await self._main

        with (
            suppress(asyncio.CancelledError),
            asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner,
        ):
            runner.run(main())

    def kill(self) -> None:
        """Cancel the task that serves."""
        self.call(lambda: self._main.cancel())

    def call(self, act: Callable[[], object]) -> None:
        """Call `act` in the loop."""
        with suppress(RuntimeError, AttributeError):  # closed, or never begun
            self._loop.call_soon_threadsafe(act)

    def port(self, *args: Any) -> LivePort:
        """Return the port of a connection."""
        return AsyncioPort(*args)


class UvicornHost(AsyncioHost):
    """uvicorn with one of its three implementations of WebSockets."""

    def __init__(self, implementation: Any, app: Any, listener: socket.socket) -> None:
        import uvicorn

        self._listener = listener
        config = uvicorn.Config(
            app,
            ws=implementation,
            http="h11",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        if implementation == "websockets":
            _load_legacy(config)
        self._server = uvicorn.Server(config)

    async def serve(self) -> None:
        """Serve until `stop`."""
        try:
            with self._listener:
                await self._server.serve(sockets=[self._listener])
        finally:
            await self._clear()

    async def _clear(self) -> None:
        """End what a server that breaks down leaves: first its handlers, then its connections."""
        state = self._server.server_state
        tasks = list(state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE_S)
        for protocol in list(state.connections):
            protocol.transport.abort()
        await asyncio.sleep(0)

    def stop(self) -> None:
        """Let the main loop end; it looks every 100 ms."""
        self._server.should_exit = True

    def shut_down(self, client: tuple[str, int]) -> None:
        """Call the protocol's own `shutdown`, as uvicorn's server does for each connection."""
        connections: list[Any] = list(self._server.server_state.connections)
        for protocol in connections:  # of several classes; those of a WebSocket know their client
            if getattr(protocol, "client", None) == client:
                protocol.shutdown()


@contextmanager
def _deprecated() -> Iterator[None]:
    """Let nobody be told that the legacy implementation is deprecated.

    websockets says so when it is imported, and again for each connection (legacy/server.py,
    remove_path_argument), uvicorn 0.54 when it loads it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "The `websockets` implementation is deprecated")
        yield


def _load_legacy(config: Any) -> None:
    """Load uvicorn's legacy implementation, and keep it quiet."""
    with _deprecated():
        config.load()
    protocol_class = config.ws_protocol_class

    class Protocol(protocol_class):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            with _deprecated():
                super().__init__(*args, **kwargs)

    config.ws_protocol_class = Protocol


def _hypercorn_config(listener: socket.socket) -> Any:
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.errorlog = config.accesslog = None
    config.graceful_timeout = _GRACE_S
    return config


class HypercornHost(AsyncioHost):
    """hypercorn on asyncio."""

    def __init__(self, app: Any, listener: socket.socket) -> None:
        self._app = app
        self._config = _hypercorn_config(listener)
        self._stopping = asyncio.Event()

    async def serve(self) -> None:
        """Serve until `stop`."""
        from hypercorn.asyncio import serve

        await serve(self._app, self._config, shutdown_trigger=self._stopping.wait)

    def stop(self) -> None:
        """Pull the trigger of the shutdown."""
        self.call(self._stopping.set)


class TrioHost(Host):
    """hypercorn on Trio."""

    _token: trio.lowlevel.TrioToken
    _nursery: trio.Nursery

    def __init__(self, app: Any, listener: socket.socket) -> None:
        self._app = app
        self._config = _hypercorn_config(listener)
        self._stopping = trio.Event()

    def run(self) -> None:
        """Serve until `stop`."""
        trio.run(self._serve)

    async def _serve(self) -> None:
        from hypercorn.trio import serve

        self._token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as self._nursery:
            await serve(self._app, self._config, shutdown_trigger=self._stopping.wait)
            self._nursery.cancel_scope.cancel()

    def stop(self) -> None:
        """Pull the trigger of the shutdown."""
        self.call(self._stopping.set)

    def kill(self) -> None:
        """Cancel everything."""
        self.call(lambda: self._nursery.cancel_scope.cancel())

    def call(self, act: Callable[[], object]) -> None:
        """Call `act` in Trio's thread."""
        with suppress(trio.RunFinishedError, AttributeError):
            self._token.run_sync_soon(act)

    def port(self, *args: Any) -> LivePort:
        """Return the port of a connection."""
        return TrioPort(*args, nursery=self._nursery)


HOSTS: Mapping[tuple[str, str], Callable[[ServerStack, Any, socket.socket], Host]] = {
    ("uvicorn", "asyncio"): lambda stack, *args: UvicornHost(stack.implementation, *args),
    ("hypercorn", "asyncio"): lambda stack, *args: HypercornHost(*args),
    ("hypercorn", "trio"): lambda stack, *args: TrioHost(*args),
}
"""What makes a server, by its distribution and its loop."""


def host_of(stack: Stack, app: Any, listener: socket.socket) -> Host:
    """Return the server of `stack`, not yet running. It owns `listener`."""
    return HOSTS[stack.row.server, stack.row.loop](stack.row, app, listener)
