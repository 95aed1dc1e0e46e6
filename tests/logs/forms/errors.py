"""A stream of events at fixed times: errors that the real Starlette raises, and quiet lines."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.websockets import WebSocket
from uvicorn.protocols.utils import ClientDisconnected

from sim.logs.mechanism import BLIND, ESCAPED, OWN_CLOSE, OWN_SEND
from sim.logs.times import NANOS
from tests.logs.forms import chat

BEGIN: Final = 1_772_359_200
"""2026-03-01T10:00:00Z, in seconds."""
EVERY: Final = 7
"""Seconds from one error to the next."""
_PART: Final = 125_000_000
"""Nanoseconds of each event's time below a second: some forms have them, some do not."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What goes wrong, and what a reader should say of it. pattern: "" for an error that nobody
    knows. proved: by its traceback. cause: the pattern of what was raised first.
    """

    handler: Callable[[WebSocket], Awaitable[None]]
    pattern: str
    proved: str = ""
    cause: str = ""
    fails: bool = False
    """Whether sends fail."""


KINDS: Final = (
    Kind(chat.goes_on, "need-accept-first", BLIND, "client-disconnected", fails=True),
    Kind(chat.closes_again, "after-the-close", OWN_CLOSE),
    Kind(chat.talks, "escaped-disconnect", ESCAPED),
    Kind(chat.apologises, "after-the-close", OWN_SEND),
    Kind(chat.orders, ""),
    Kind(chat.swallows, "need-accept-first", fails=True),
)


ONLY: Final[Mapping[str, Sequence[Kind]]] = {
    "all": KINDS,
    "unknown": [kind for kind in KINDS if not kind.pattern],
    "quiet": [],
}


@dataclass(frozen=True, slots=True)
class Event:
    """What is logged at a time. kind: None for a quiet line."""

    ns: int
    text: str
    kind: Kind | None = None


def stream(errors: int, kinds: Sequence[Kind] = KINDS) -> Iterator[Event]:
    """Yield so many errors with quiet lines around them; of no kinds, only the quiet lines."""
    for number in range(errors):
        at = (BEGIN + EVERY * number) * NANOS + _PART
        client = f"10.0.0.7:{40_000 + number % 1000}"
        yield Event(at, f'{client} - "WebSocket /ws" [accepted]')
        if kinds:
            yield Event(at + NANOS, "Exception in ASGI application", kinds[number % len(kinds)])
        yield Event(at + 2 * NANOS, "connection closed")


async def trouble(kind: Kind) -> None:
    """Run a handler whose client sends "hi" and leaves. Raises what the handler does not catch."""
    messages: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hi"},
        {"type": "websocket.disconnect", "code": 1001, "reason": ""},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def asgi_send(message: Any) -> None:
        if kind.fails and message["type"] == "websocket.send":
            raise ClientDisconnected
        if not messages:  # as uvicorn says it
            raise RuntimeError(
                f"Unexpected ASGI message '{message['type']}', after sending 'websocket.close' or "
                "response already completed."
            )

    websocket = WebSocket({"type": "websocket", "headers": []}, receive, asgi_send)
    await websocket.accept()
    await kind.handler(websocket)


def caught(kind: Kind) -> BaseException:
    """Return what a handler raises, with its traceback."""
    try:
        trouble(kind).send(None)
    except StopIteration:
        raise AssertionError("it raises nothing") from None
    except Exception as error:
        return error
    raise AssertionError("it waits for something")
