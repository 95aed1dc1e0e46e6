"""What is the same on every fidelity: one connection is served by a pump and by the application."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import trio
from starlette.websockets import WebSocket

from sim.kernel.world import World
from sim.model.frames import Frame
from sim.model.switches import ServerProfile
from sim.server.connection import Outlet, ServerConnection
from sim.server.observed import CONNECTION, NOTES, ObservedWebSocket

Handler = Callable[[WebSocket], Awaitable[None]]
"""The code under test: it gets Starlette's own WebSocket and nothing else."""

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


def asgi_scope(
    path: str, headers: Iterable[tuple[bytes, bytes]], subprotocols: Sequence[str]
) -> dict[str, Any]:
    """Return the ASGI scope of a WebSocket connection (ASGI specification, version 2.3)."""
    raw_path, _, query = path.partition("?")
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": raw_path,
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in headers],
        "client": ("client", 1),
        "server": ("server", 80),
        "subprotocols": list(subprotocols),
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }


class Server:
    """A fake server: a profile and the handler that it runs for each connection.

    nursery: where its tasks run. websocket: the class that the handler gets one of. handler: set
    before the first client comes. connections: all that came, by the client's name, for injections.
    """

    handler: Handler

    def __init__(
        self,
        world: World,
        profile: ServerProfile,
        nursery: trio.Nursery,
        websocket: type[ObservedWebSocket] = ObservedWebSocket,
    ) -> None:
        self.world = world
        self.profile = profile
        self.nursery = nursery
        self._websocket = websocket
        self.connections: dict[str, ServerConnection] = {}

    async def serve(
        self,
        name: str,
        scope: dict[str, Any],
        outlet: Outlet,
        arrivals: Callable[[], Awaitable[Sequence[Frame]]],
    ) -> None:
        """Serve the connection `name` until it is over; its handler runs in a task of its own.

        Returns when the connection is lost, which may be before the handler has returned.
        """
        connection = ServerConnection(self.world, name, self.profile, outlet, self._soon)
        self.connections[name] = connection
        self.nursery.start_soon(self._run_app, connection, scope, name=f"handler:{name}")
        await connection.pump(arrivals)

    def _soon(self, callback: Callable[[], Awaitable[None]]) -> None:
        self.nursery.start_soon(callback, name="later")

    async def _run_app(self, connection: ServerConnection, scope: dict[str, Any]) -> None:
        """Run the handler as servers do: what it raises is logged, and ends the connection."""
        websocket = self._websocket(
            {**scope, NOTES: self.world, CONNECTION: connection.name},
            connection.receive,
            connection.send,
            world=self.world,
            name=connection.name,
        )
        failed = False
        try:
            if self.profile.shutdown_code is not None:
                await self.handler(websocket)
            else:
                with trio.CancelScope() as lifetime:
                    connection.serves_in(lifetime)
                    await self.handler(websocket)
                if lifetime.cancelled_caught:
                    self.world.event("app.cancelled", connection=connection.name)
        except Exception as error:
            failed = True
            self.world.event("app.raised", connection=connection.name, error=describe(error))
        connection.app_done(failed)


def describe(error: BaseException) -> str:
    """Return type and text of an error in one line, without addresses."""
    text = ""
    with suppress(Exception):
        text = str(error)
    return _ADDRESS.sub("0x..", f"{type(error).__name__}: {text}" if text else type(error).__name__)
