"""Builds the program of a world: a server with its handler, and clients, on one fidelity.

asgi   Starlette's WebSocket; the server and the clients exchange whole frames
wire   trio-websocket and wsproto on both ends, bytes over simulated streams
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum

import trio

from sim.client.asgi import AsgiClient
from sim.client.base import Client
from sim.client.wire import WireClient
from sim.kernel.world import Program, World
from sim.model.client import ClientSpec
from sim.model.switches import ServerProfile
from sim.network.frames import FrameLink
from sim.network.masks import hashed_masks
from sim.network.stream import stream_pair
from sim.server.asgi import serve_frames
from sim.server.observed import ObservedWebSocket
from sim.server.serve import Handler, Server
from sim.server.wire import serve_stream


class Fidelity(StrEnum):
    """How much of a run is real."""

    ASGI = "asgi"
    WIRE = "wire"


Connect = Callable[[Server, str, ClientSpec], tuple[Client, Callable[[], Awaitable[None]]]]
"""Returns a client and what the server does to serve it."""


def _connect_frames(
    server: Server, name: str, spec: ClientSpec
) -> tuple[Client, Callable[[], Awaitable[None]]]:
    up = FrameLink(server.world, f"{name}>server", spec.up)
    down = FrameLink(server.world, f"server>{name}", spec.down)

    async def serve() -> None:
        await serve_frames(server, name, spec.path, up, down)

    return AsgiClient(server.world, name, spec, up, down), serve


def _connect_stream(
    server: Server, name: str, spec: ClientSpec
) -> tuple[Client, Callable[[], Awaitable[None]]]:
    near, far = stream_pair(server.world, name, "server", spec.up, spec.down)

    async def serve() -> None:
        await serve_stream(server, name, far)

    return WireClient(server.world, name, spec, near), serve


CONNECTORS: dict[Fidelity, Connect] = {
    Fidelity.ASGI: _connect_frames,
    Fidelity.WIRE: _connect_stream,
}


@dataclass(frozen=True, slots=True)
class Stage:
    """What a run is made of, for whoever places events: the world, the server, the clients."""

    world: World
    server: Server
    clients: Mapping[str, Client]


Direct = Callable[[Stage], Handler]
"""Returns the handler of a run; it may also start tasks of its own in `stage.server`."""


def program(
    fidelity: Fidelity, handler: Handler, clients: Sequence[ClientSpec], profile: ServerProfile
) -> Program:
    """Return a program in which `handler` serves `clients`, called c1, c2 and so on.

    The run is over when every client has ended and the handler has returned for each of them.
    """
    return stage_program(fidelity, lambda _: handler, clients, profile)


def stage_program(
    fidelity: Fidelity,
    direct: Direct,
    clients: Sequence[ClientSpec],
    profile: ServerProfile,
    websocket: type[ObservedWebSocket] = ObservedWebSocket,
) -> Program:
    """Return a program like `program`'s, whose handler is made by `direct` for each run.

    websocket: the class that the handler gets one of.
    """
    connect = CONNECTORS[fidelity]

    async def run(world: World) -> None:
        with hashed_masks(world) if fidelity is Fidelity.WIRE else nullcontext():
            await _play(world, connect, direct, clients, profile, websocket)

    return run


async def _play(
    world: World,
    connect: Connect,
    direct: Direct,
    specs: Sequence[ClientSpec],
    profile: ServerProfile,
    websocket: type[ObservedWebSocket],
) -> None:
    """Run the clients, as tasks of the outside world, and the server's side of each."""
    async with trio.open_nursery() as nursery:
        server = Server(world, profile, nursery, websocket)
        cast = [connect(server, f"c{number}", spec) for number, spec in enumerate(specs, 1)]
        clients = {client.name: client for client, _ in cast}
        server.handler = direct(Stage(world, server, clients))
        for client, serve in cast:
            nursery.start_soon(serve, name=f"transport:{client.name}")
            with world.outside():
                nursery.start_soon(client.run, name=client.name)
