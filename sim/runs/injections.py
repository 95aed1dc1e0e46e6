"""Places a scenario's injections: at a probe of the handler, or at a time.

Inline, an event happens within the handler's own step as far as it can: a client's bytes are in the
socket although the server has not read them, a task of the server is runnable although it has not
run. Armed, a task of its own does it later: after the delay, and in an order that is a choice.

The dispatch is one for simulated and for real servers; what differs between them is the `Driver`.
What an injecting task meets (a close of a connection that is gone, say) is an event of its own and
ends nobody else, whatever its type: servers raise what they like there, and before uvicorn 0.27
that was neither an OSError nor a RuntimeError.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from sim.model.frames import Frame, FrameKind
from sim.model.names import EVENTS
from sim.model.record import Value
from sim.model.scenario import Injection
from sim.model.times import require_number
from sim.sut.chat import Chat

QUEUED = '{"type": "chat", "queued": true}'
"""The message that an injection with `queued` lets the client send just before."""
Act = Callable[[], Awaitable[None]]


class ClientSide(Protocol):
    """What an injection lets a client do, at once."""

    def act(self, frame: Frame) -> None:
        """Send a frame, unless the client has ended the connection."""

    def write(self, frame: Frame) -> None:
        """Send a message that counts as sent even where the client has begun to close."""

    def drop(self, kind: FrameKind) -> None:
        """End the TCP connection by FIN or RST."""


class Driver(Protocol):
    """How injections reach one connection: of a simulated server, or of a real one."""

    @property
    def client(self) -> ClientSide:
        """The client at the other end."""

    def record(self, kind: str, /, **values: Value) -> None:
        """Add an event of this connection to the trace."""

    def now_ms(self) -> float:
        """Return the time at which the handler stands."""

    def wait(self, name: str, delay_ms: float, by_client: bool) -> Act:
        """Return what waits for the moment of an armed injection. by_client: whose moment it is."""

    async def sleep(self, ms: float) -> None:
        """Wait in a task of the server."""

    async def turn(self) -> None:
        """Let every other task that is runnable run once."""

    def arm(self, act: Act, name: str, by_client: bool) -> None:
        """Start a task of the side that acts, which ends by itself."""

    def start(self, act: Act, name: str) -> None:
        """Start a task of the server's."""

    def prepare(self, act: Act, name: str) -> Callable[[], None]:
        """Return what makes a task of the server's runnable that does `act` at its next turn."""

    def shut_down(self) -> None:
        """End the connection as the server's shutdown does."""

    def fail_next_send(self) -> None:
        """Let the next send of the application fail."""


class Injector:
    """The injections of one connection. `bind` gives it the handler's side once there is one."""

    def __init__(self, driver: Driver, injections: Sequence[Injection]) -> None:
        self._driver = driver
        self._injections = injections
        self._probed = any(one.at is not None for one in injections)
        self._passed: dict[str, int] = {}
        self._ready: dict[int, Callable[[], None]] = {}
        self._chat: Chat | None = None

    def __standing__(self) -> object:
        """Return what of it matters for what is to come (`sim.kernel.state`).

        How often a probe was passed counts as far as an injection is placed there.
        """
        passed = {
            name: min(count, max(one.nth for one in self._injections if one.at == name))
            for name, count in self._passed.items()
            if any(one.at == name for one in self._injections)
        }
        return {**vars(self), "_passed": passed}

    def bind(self, chat: Chat) -> None:
        """Take the handler's side, and start what has a time of its own."""
        self._chat = chat
        for number, injection in enumerate(self._injections):
            if injection.time_ms is not None:
                self._arm(injection, require_number(injection.time_ms) - self._driver.now_ms())
            elif injection.placed == "inline" and _needs_task(injection):
                act = partial(self._server_acts_after, injection)
                self._ready[number] = self._driver.prepare(act, f"server-{injection.do}")

    def probe(self, name: str) -> None:
        """Do what is placed at this passing of a probe."""
        if not self._probed:
            return
        count = self._passed[name] = self._passed.get(name, 0) + 1
        for number, injection in enumerate(self._injections):
            if injection.at == name and injection.nth == count:
                if injection.placed == "inline":
                    self._do_now(number, injection)
                else:
                    self._arm(injection, require_number(injection.delay_ms))

    # -- when ----------------------------------------------------------------------------------

    def _do_now(self, number: int, injection: Injection) -> None:
        """Do at once what a client does; let a task of the server be runnable for the rest."""
        if _by_client(injection):
            self._client_acts(injection)
        if number in self._ready:
            self._ready.pop(number)()
        elif (at_once := KINDS[injection.do].at_once) is not None:
            self._record(injection)
            at_once(self._driver)

    def _arm(self, injection: Injection, delay_ms: float) -> None:
        """Let a task of the side that acts do it after the delay."""
        by_client = _by_client(injection)
        due = self._driver.wait(injection.do, delay_ms, by_client)

        async def later() -> None:
            await due()
            await self._turns(injection)
            await self._do(injection)

        self._driver.arm(later, injection.do, by_client)

    async def _do(self, injection: Injection) -> None:
        """Do everything, in a task that may wait."""
        by_client = _by_client(injection)
        if by_client:
            self._client_acts(injection)
        if not KINDS[injection.do].by_server:
            return
        if by_client:
            self._driver.start(partial(self._server_acts, injection), f"server-{injection.do}")
        else:
            await self._server_acts(injection)

    async def _turns(self, injection: Injection) -> None:
        for _ in range(int(require_number(injection.hops))):
            await self._driver.turn()

    # -- what ----------------------------------------------------------------------------------

    def _client_acts(self, injection: Injection) -> None:
        frame = KINDS[injection.do].frame
        if frame is not None:
            self._record(injection)
        client = self._driver.client
        if injection.queued:
            client.act(Frame(FrameKind.TEXT, text=QUEUED))
        if frame is FrameKind.TEXT:
            client.write(Frame(frame, text=injection.text))
        elif frame is FrameKind.CLOSE:
            client.act(Frame(frame, code=injection.code or 1000))
        elif frame is not None:
            client.drop(frame)

    async def _server_acts_after(self, injection: Injection) -> None:
        await self._turns(injection)
        await self._server_acts(injection)

    async def _server_acts(self, injection: Injection) -> None:
        kind = KINDS[injection.do]
        assert self._chat is not None, "injections act on a connection that has a handler"
        if kind.frame is None:
            self._record(injection)
        try:
            if kind.at_once is not None:
                kind.at_once(self._driver)
            if kind.act is not None:
                await kind.act(injection, self._driver, self._chat)
        except Exception as error:  # whatever a server raises: this task is nobody's but its own
            self._driver.record("swallowed", error=type(error).__name__)

    def _record(self, injection: Injection) -> None:
        self._driver.record("injected", do=injection.do)


# -- the kinds -------------------------------------------------------------------------------------


async def _close(injection: Injection, driver: Driver, chat: Chat) -> None:
    await chat.websocket.close(injection.code or 1001)


async def _shut_down(injection: Injection, driver: Driver, chat: Chat) -> None:
    driver.shut_down()


async def _change_state(injection: Injection, driver: Driver, chat: Chat) -> None:
    for number, state in enumerate(injection.to):
        if number and injection.each_ms:
            await driver.sleep(injection.each_ms)
        chat.become(state)


async def _eat(injection: Injection, driver: Driver, chat: Chat) -> None:
    """Be a second receiver that takes the next message, whatever it is."""
    message = await chat.websocket.receive()
    driver.record("eaten", type=str(message["type"]))


@dataclass(frozen=True, slots=True)
class Kind:
    """What an injection does: a client's frame, an act of a task of the server's, or both."""

    summary: str
    """In a line, for `wsrace list`."""
    frame: FrameKind | None = None
    """What the client sends, or how it ends the TCP connection."""
    act: Callable[[Injection, Driver, Chat], Awaitable[None]] | None = None
    """What a task of the server does."""
    at_once: Callable[[Driver], None] | None = None
    """What a task of the server does without waiting; inline, the handler's own step does it."""

    @property
    def by_server(self) -> bool:
        """Whether the server does something."""
        return self.act is not None or self.at_once is not None


KINDS: Mapping[str, Kind] = {
    "client-close": Kind("the client sends a close frame", FrameKind.CLOSE),
    "client-abort": Kind("the client resets the connection", FrameKind.RST),
    "client-eof": Kind("the client ends the connection without a close frame", FrameKind.FIN),
    "client-message": Kind(
        "the client sends one more message, whatever it has heard", FrameKind.TEXT
    ),
    "server-close": Kind("another task of the server closes the WebSocket", act=_close),
    "server-shutdown": Kind("the server shuts down", act=_shut_down),
    "state-change": Kind("the application's state machine moves", act=_change_state),
    "eaten-disconnect": Kind(
        "the client closes, and a second receiver takes the disconnect", FrameKind.CLOSE, _eat
    ),
    "failing-send": Kind("the next send fails", at_once=lambda driver: driver.fail_next_send()),
}
"""The kinds by the name that `do` gives; `sim.model.names.Event` lists the same names."""
assert tuple(KINDS) == EVENTS, "a kind needs its name in sim.model.names, and a row here"


def _by_client(injection: Injection) -> bool:
    """Whether the client acts first, at least by the message that is queued."""
    return KINDS[injection.do].frame is not None or injection.queued


def _needs_task(injection: Injection) -> bool:
    return KINDS[injection.do].act is not None
