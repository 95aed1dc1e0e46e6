"""Starlette's own WebSocket, with the reads and writes of its two states noted.

Nothing else is changed: both attributes are plain ones in Starlette (starlette/websockets.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast

from starlette.websockets import WebSocket, WebSocketState

from sim.model.record import Value


class Notes(Protocol):
    """Where accesses and events are noted: a world, or the recorder of a live run."""

    def read(self, name: str) -> None:
        """Note a read of named state."""

    def write(self, name: str) -> None:
        """Note a write of named state."""

    def event(self, kind: str, /, **values: Value) -> None:
        """Note that something happened."""


class ObservedWebSocket(WebSocket):
    """A real WebSocket whose `client_state` and `application_state` are recorded per step.

    world: where the accesses are noted. name: the connection, as in "c1.client_state".
    """

    def __init__(self, scope: Any, receive: Any, send: Any, *, world: Notes, name: str) -> None:
        self._world = world
        self._name = name
        self._state_names = (f"{name}.client_state", f"{name}.application_state")
        super().__init__(scope, receive, send)

    @property
    def client_state(self) -> WebSocketState:
        """Starlette's state of what the client has said."""
        self._world.read(self._state_names[0])
        return self._client_state

    @client_state.setter
    def client_state(self, state: WebSocketState) -> None:
        self._world.write(self._state_names[0])
        self._world.event("client_state", connection=self._name, state=state.name)
        self._client_state = state

    @property
    def application_state(self) -> WebSocketState:
        """Starlette's state of what the application has said."""
        self._world.read(self._state_names[1])
        return self._application_state

    @application_state.setter
    def application_state(self, state: WebSocketState) -> None:
        self._world.write(self._state_names[1])
        self._world.event("application_state", connection=self._name, state=state.name)
        self._application_state = state


NOTES, CONNECTION = "wsrace.notes", "wsrace.connection"
"""Keys of the ASGI scope: where accesses are noted, and the connection."""


def _noted(state: str) -> property:
    """Return a property that notes what is done with one of the states of any WebSocket."""

    def read(self: WebSocket) -> WebSocketState:
        notes = self.scope.get(NOTES)
        if notes is not None:
            notes.read(f"{self.scope[CONNECTION]}.{state}")
        return cast(WebSocketState, self.__dict__[state])

    def write(self: WebSocket, value: WebSocketState) -> None:
        notes = self.scope.get(NOTES)
        if notes is not None:
            connection = self.scope[CONNECTION]
            notes.write(f"{connection}.{state}")
            notes.event(state, connection=connection, state=value.name)
        self.__dict__[state] = value

    return property(read, write)


@contextmanager
def every_websocket_observed() -> Iterator[None]:
    """Note the states of whatever WebSocket is made meanwhile, as an application makes its own.

    Frameworks and endpoints make one from the scope that they are handed (starlette/routing.py,
    endpoints.py), so the one that our server made tells nothing.
    """
    for state in ("client_state", "application_state"):
        setattr(WebSocket, state, _noted(state))
    try:
        yield
    finally:
        for state in ("client_state", "application_state"):
            delattr(WebSocket, state)
