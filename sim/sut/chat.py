"""One connection under test: its WebSocket, guard, state machine, and what all modes do alike.

`safe_send` and `safe_close` swallow as those of the backend of issue #1061 do.
"""

import json
from collections.abc import Coroutine
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sim.model.names import State
from sim.model.scenario import Handler, Setup
from sim.sut.classify import classify
from sim.sut.guards import Check, Guard, Read
from sim.sut.runtime import Runtime
from sim.sut.state_machine import StateMachine

CONNECTED = WebSocketState.CONNECTED
NEVER_RETRIED = "WebSocket is not connected"


class Chat:
    """What a mode has at hand.

    shape: report or original. machines: one state machine per connection id; `machine` is the one
    that the loop asks.
    """

    def __init__(
        self,
        websocket: WebSocket,
        runtime: Runtime,
        guard: Guard,
        shape: str,
        handler: Handler,
        setup: Setup,
    ) -> None:
        self.websocket = websocket
        self.runtime = runtime
        self.guard = guard
        self.shape = shape
        self.handler = handler
        self.setup = setup
        self._answered = 0
        self.machine = self.new_machine(
            runtime.connection, "processing_ready" if setup.machines == "ready" else "connecting"
        )

    def new_machine(self, connection_id: str, state: State = "connecting") -> StateMachine:
        """Return a fresh state machine for a connection id."""
        runtime, name = self.runtime, f"{connection_id}.machine"

        def observe(write: bool) -> None:
            runtime.note(name, write)

        return StateMachine(connection_id, observe, runtime.log, state)

    def become(self, state: State) -> bool:
        """Ask the machine for `state`; return whether it is there now."""
        there = self.machine.transition(state)
        self.runtime.record("machine", state=self.machine.state)
        return there

    async def at(self, probe: str) -> None:
        """Pass a probe, and await what is scripted there."""
        self.runtime.probe(probe)
        await self.runtime.pause(probe)

    # -- checks --------------------------------------------------------------------------------

    def passes(self, reads: tuple[Read, ...]) -> bool:
        """Return whether every state in `reads` allows to go on, read in that order."""
        return all(self._allows(read) for read in reads)

    def _allows(self, read: Read) -> bool:
        if read == "machine":
            return self.machine.operational
        return getattr(self.websocket, read) is CONNECTED

    def asks(self, check: Check) -> bool:
        """Return what somebody's own guard says.

        One that raises, or says neither True nor False, is no guard: what would come of the run
        says nothing about the race, so the run is refused.
        """
        name = self.guard.name
        try:
            answer: object = check(self.websocket)
        except Exception as error:
            self.runtime.refuse(f"guard {name} raised {type(error).__name__}: {error}", error)
        if isinstance(answer, Coroutine):
            answer.close()
        if not isinstance(answer, bool):
            self.runtime.refuse(
                f"guard {name} returned {type(answer).__name__}; expected True (receive) or False"
            )
        return answer

    def leave(self, outcome: str) -> None:
        """Record that the loop ends without an exception."""
        self.runtime.record("left", outcome=outcome)

    def failed(self, error: BaseException) -> None:
        """Record the exception that ends the loop."""
        self.runtime.record("raised", outcome=classify(error), text=str(error))

    def next_sends(self) -> int | None:
        """Return how many sends the next message gets, None for the mode's own number."""
        sends = self.handler.sends
        if not isinstance(sends, tuple):
            return sends
        self._answered += 1
        return sends[min(self._answered, len(sends)) - 1]

    # -- sending and closing -------------------------------------------------------------------

    async def send(self, kind: str, **values: Any) -> None:
        """Send one JSON message. Raises what Starlette raises."""
        await self.websocket.send_text(json.dumps({"type": kind, **values}))

    async def safe_send(self, kind: str, **values: Any) -> bool:
        """Send one message if the client is connected; return whether that went well."""
        await self.at("sending")
        sent = await self._try_to_send(kind, values)
        self.runtime.record("sent", what=kind, ok=sent)
        if not sent:
            await self.at("send_failed")
        return sent

    async def _try_to_send(self, kind: str, values: dict[str, Any]) -> bool:
        waits = iter(self.handler.retry_ms)
        while True:
            if self.websocket.client_state is not CONNECTED:
                return False
            try:
                await self.send(kind, **values)
            except WebSocketDisconnect:
                return False
            except RuntimeError as error:
                wait_ms = next(waits, None)
                if wait_ms is None or NEVER_RETRIED in str(error):
                    return False
                await self.runtime.sleep(wait_ms)
            except Exception:
                if self.handler.swallows != "everything":
                    raise
                return False
            else:
                return True

    async def safe_close(self, code: int) -> None:
        """Close, and swallow whatever that raises."""
        self.runtime.probe("closing")
        try:
            await self.websocket.close(code)
        except Exception as error:
            self.runtime.log("debug", f"close failed: {type(error).__name__}")

    async def close_if_connected(self, code: int) -> None:
        """Close unless the client is known to have gone."""
        if self.websocket.client_state is CONNECTED:
            await self.safe_close(code)

    # -- receiving -----------------------------------------------------------------------------

    async def receive(self) -> str:
        """Return the next message.

        Raises TimeoutError, WebSocketDisconnect, and whatever else Starlette raises.
        """
        guard, timeout_ms = self.guard, self.handler.receive_timeout_ms
        websocket, runtime = self.websocket, self.runtime
        if not guard.raw:
            return await runtime.receive(websocket.receive_text, timeout_ms, guard.in_place)
        message = await runtime.receive(websocket.receive, timeout_ms, guard.in_place)
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code") or 1005)
        return str(message.get("text") or "")
