"""Rooms of pycrdt-websocket, its server started and stopped with the application."""

from typing import Any

from pycrdt.websocket import ASGIServer, WebsocketServer
from pycrdt.websocket.websocket_server import exception_logger


def served(server: WebsocketServer) -> Any:
    """Return an application that runs a server as long as it is up."""
    rooms = ASGIServer(server)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await rooms(scope, receive, send)
            return
        await receive()
        async with server:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    return app


app = served(WebsocketServer())
logging = served(WebsocketServer(exception_handler=exception_logger))
