"""An adapter that makes the installed Starlette behave as versions before 0.36.0 did.

They differ in one thing that matters here: an OSError of the server's `send` reaches the handler as
it is. Since 0.36.0 it becomes WebSocketDisconnect(1006), and application_state DISCONNECTED
(starlette/websockets.py, `send`; the code of 0.35.1 awaits the server's send bare).
"""

from typing import Any

from sim.server.observed import ObservedWebSocket


class _PassedBy(Exception):
    """An OSError on its way past Starlette's `except OSError`."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class OlderWebSocket(ObservedWebSocket):
    """A real WebSocket whose `send` leaves an OSError of the server as it is."""

    def __init__(self, scope: Any, receive: Any, send: Any, **observed: Any) -> None:
        async def passing_by(message: Any) -> None:
            try:
                await send(message)
            except OSError as error:
                raise _PassedBy(error) from None

        super().__init__(scope, receive, passing_by, **observed)

    async def send(self, message: Any) -> None:
        """Send one ASGI message. Raises what Starlette and the server raise."""
        try:
            await super().send(message)
        except _PassedBy as passed:
            raise passed.error from None
