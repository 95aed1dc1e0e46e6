"""What an application does, as its server sees it: calls, messages, and what leaves it.

The application is wrapped, and so are its `receive` and `send`: a coroutine that awaits another one
adds no turn of the loop. Every exception that leaves it is told with its owner, the connection that
it speaks of. That is the one whose `receive` or `send` raised it, or whose WebSocket object was
asked last on the way to where it rose.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NamedTuple

from sim.aio.world import CONNECTION, World
from sim.hosting.target import Target
from sim.sut.classify import classify

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_DISCONNECTS = {
    ("starlette.websockets", "WebSocketDisconnect"),
    ("starlette.requests", "ClientDisconnect"),
    ("uvicorn.protocols.utils", "ClientDisconnected"),
}
BARE = ("uvicorn.protocols.utils", "ClientDisconnected")
"""What all of uvicorn's classes swallow without a line in the log."""
_TEXT = 200


def type_of(error: BaseException) -> tuple[str, str]:
    """Return module and name of an exception's type."""
    return type(error).__module__, type(error).__name__


def is_disconnect(error: BaseException) -> bool:
    """Whether an exception says that the client has gone, and nothing else."""
    return any((kind.__module__, kind.__name__) in _DISCONNECTS for kind in type(error).__mro__)


def leaves_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, or those of a group and of the groups in it."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from leaves_of(one)
    else:
        yield error


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it rose from."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or at.__context__


def words_for(error: BaseException) -> str:
    """Return type and first line of an exception."""
    text = str(error).partition("\n")[0][:_TEXT]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@dataclass(slots=True)
class Escaped:
    """An exception that left the application."""

    error: BaseException
    connection: str
    """Whose handler it left."""
    owner: str
    """Whose connection it speaks of, "" if nobody knows."""
    grouped: bool
    """Whether it left in an exception group."""
    from_request: bool = False
    """Whether it left the handler of a request: the server answers that it failed."""


class Met(NamedTuple):
    """What a handler met of another connection."""

    error: BaseException
    whose: str
    where: str
    """The user's line at which it did."""


@dataclass(slots=True)
class Call:
    """One call of the application, for a WebSocket or a request."""

    connection: str
    is_request: bool = False
    """Whether it is for a request of HTTP."""
    ended: bool = False
    pending: int = 0
    """How many of its receives wait now."""
    closes: bool = False
    """Whether the application has sent a close."""
    met: "Met | None" = None
    """What another connection has raised in it since it received last."""
    task: "asyncio.Task[Any] | None" = None


@dataclass
class Observer:
    """What was seen of an application in one run."""

    world: World
    target: Target
    by_address: dict[Any, str] = field(default_factory=dict)
    """Connections by the client's address, which stands in every scope."""
    calls: list[Call] = field(default_factory=list)
    escaped: list[Escaped] = field(default_factory=list)
    raised: list[tuple[BaseException, str, str]] = field(default_factory=list)
    """What receive and send raised: error, connection, which of the two."""
    lifespan_error: BaseException | None = None
    received: Counter[str] = field(default_factory=Counter)
    """How many messages the application has received on each connection."""
    disconnected: dict[str, None] = field(default_factory=dict)
    """The connections of whose end it was told."""
    two_receivers: dict[str, None] = field(default_factory=dict)
    sent_to: "dict[asyncio.Task[Any], dict[str, None]]" = field(default_factory=dict)
    """On whose connections each task has sent."""
    kicked: dict[str, Met] = field(default_factory=dict)
    """Connections whose handler returned on what another one raised."""
    broken: dict[str, str] = field(default_factory=dict)
    """Promises that were broken, with what was said of them first."""

    def wrap(self, inner: Application) -> Application:
        """Return an application that is the same and is watched."""

        async def observed(scope: Any, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await self._lifespan(inner, scope, receive, send)
            elif scope["type"] == "websocket":
                await self._websocket(inner, scope, receive, send)
            else:
                await self._request(inner, scope, receive, send)

        return observed

    def look(self) -> None:
        """Look at the application between two turns."""
        for call in self.calls:
            if call.pending > 1 and not call.is_request:
                self.two_receivers[call.connection] = None

    async def _lifespan(self, inner: Any, scope: Any, receive: Receive, send: Send) -> None:
        try:
            await inner(scope, receive, send)
        except BaseException as error:
            self.lifespan_error = error
            raise

    async def _websocket(self, inner: Any, scope: Any, receive: Receive, send: Send) -> None:
        call = Call(CONNECTION.get(), task=asyncio.current_task())
        await self._call(call, inner, scope, self._receive(call, receive), self._send(call, send))

    async def _request(self, inner: Any, scope: Any, receive: Receive, send: Send) -> None:
        call = Call(CONNECTION.get(), is_request=True, task=asyncio.current_task())
        await self._call(call, inner, scope, receive, self._send(call, send))

    async def _call(self, call: Call, inner: Any, scope: Any, receive: Receive, send: Send) -> None:
        name = call.connection
        self.calls.append(call)
        self.world.event("app.called", name, connection=name, path=str(scope.get("path", "")))
        try:
            await inner(scope, receive, send)
            self._returned(call)
            self.world.event("app.returned", name, connection=name)
        except asyncio.CancelledError:
            self.world.event("app.cancelled", name, connection=name)
            raise
        except BaseException as error:
            self._left(call, error)
            raise
        finally:
            call.ended = True

    def _receive(self, call: Call, receive: Receive) -> Receive:
        async def observed() -> Message:
            call.pending += 1
            try:
                message = await receive()
            except Exception as error:
                self._raised(call, error, "receive")
                raise
            finally:
                call.pending -= 1
            call.met = None
            self._message("asgi.receive", call, message)
            self.received[call.connection] += message["type"] == "websocket.receive"
            if message["type"] == "websocket.disconnect":
                self.disconnected[call.connection] = None
            return message

        return observed

    def _send(self, call: Call, send: Send) -> Send:
        async def observed(message: Message) -> None:
            self._message("asgi.send", call, message)
            if (task := asyncio.current_task()) is not None:
                self.sent_to.setdefault(task, {})[call.connection] = None
            call.closes = call.closes or message["type"] == "websocket.close"
            try:
                await send(message)
            except Exception as error:
                self._raised(call, error, "send")
                raise
            self._goes_on()

        return observed

    def _goes_on(self) -> None:
        """A handler has sent something: what it met before did not end it."""
        by = CONNECTION.get()
        for call in self.calls:
            if call.connection == by:
                call.met = None

    def _message(self, kind: str, call: Call, message: Message) -> None:
        values = {"type": str(message.get("type"))}
        for key in ("text", "bytes", "code", "reason", "status"):
            if message.get(key) is not None:
                value = message[key]
                values[key] = value.hex() if isinstance(value, bytes) else str(value)
        self.world.event(kind, call.connection, connection=call.connection, **values)

    def _raised(self, call: Call, error: Exception, which: str) -> None:
        self.note_raised(error, call.connection, which)

    def note_raised(self, error: BaseException, connection: str, which: str) -> None:
        """Take note of what a call on a connection raised: of the innermost one that raised it."""
        if any(error is known for known, _, _ in self.raised):
            return
        self.raised.append((error, connection, which))
        by = CONNECTION.get()
        for call in self.calls if by != connection else ():
            if call.connection == by:
                own = self.target.own_frame(sys._getframe(1))
                at = "" if own is None else self.target.place(own.f_code.co_filename, own.f_lineno)
                call.met = Met(error, connection, at)
        self.world.event(
            "asgi.raised", connection, connection=connection, call=which, error=words_for(error)
        )

    def _returned(self, call: Call) -> None:
        """Take note of a handler that ends by what is another connection's, its own being open."""
        if call.is_request or call.met is None or call.closes:
            return
        port = next(one for one in self.world.ports if one.name == call.connection)
        if call.connection not in self.disconnected and not port.is_over:
            self.kicked[call.connection] = call.met

    def _left(self, call: Call, error: BaseException) -> None:
        grouped = isinstance(error, BaseExceptionGroup)
        for one in leaves_of(error):
            owner = self.owner_of(one)
            left = Escaped(one, call.connection, owner, grouped, call.is_request)
            self.escaped.append(left)
            self.world.event(
                "app.raised",
                call.connection,
                connection=call.connection,
                error=words_for(one),
                outcome=classify(one),
                owner=owner,
                where=self.line_of(one),
            )

    # -- whose, and where ----------------------------------------------------------------------

    def owner_of(self, error: BaseException) -> str:
        """Return the connection that an exception speaks of, "" if nobody knows."""
        known = {id(raised): connection for raised, connection, _ in self.raised}
        for one in chain_of(error):
            if id(one) in known:
                return known[id(one)]
            for frame in reversed(frames_through(one)):
                owner = self._asked(frame)
                if owner:
                    return owner
        return ""

    def _asked(self, frame: FrameType) -> str:
        """Return whose WebSocket a frame is a method of, "" if it is of none."""
        if frame.f_code.co_argcount == 0 or frame.f_code.co_varnames[0] != "self":
            return ""
        asked: Any = frame.f_locals.get("self")
        try:
            scope = object.__getattribute__(asked, "scope")
        except (AttributeError, TypeError):
            return ""
        return self.connection_of(scope)

    def connection_of(self, scope: object) -> str:
        """Return whose scope it is, "" if nobody knows."""
        if not isinstance(scope, MutableMapping) or scope.get("type") != "websocket":
            return ""
        address = scope.get("client")
        return self.by_address.get(tuple(address), "") if address else ""

    def line_of(self, error: BaseException) -> str:
        """Return the innermost line of the user's that an exception rose at, "" if it has none."""
        at = error.__traceback__
        found = ""
        while at is not None:
            if self.target.is_own(at.tb_frame.f_code.co_filename):
                found = self.target.place(at.tb_frame.f_code.co_filename, at.tb_lineno)
            at = at.tb_next
        return found


def frames_through(error: BaseException) -> list[FrameType]:
    """Return the frames that an exception came through, outermost first."""
    found = []
    at = error.__traceback__
    while at is not None:
        found.append(at.tb_frame)
        at = at.tb_next
    return found
