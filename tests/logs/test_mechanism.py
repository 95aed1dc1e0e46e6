"""What tracebacks prove: made by the real Starlette where that is possible, else as reported."""

import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.websockets import WebSocket

from sim.logs.mechanism import (
    BLIND,
    ESCAPED,
    GONE,
    KEEPALIVE,
    OWN_CLOSE,
    OWN_RECEIVE,
    OWN_SEND,
    RECEIVERS,
)
from sim.logs.patterns import BY_NAME
from sim.logs.triage import Triage, add, begin_triage
from tests.logs.forms.chat import apologises, closes_again, goes_on, talks

HEAD = "2026-07-29 11:00:00,100 ERROR uvicorn.error: Exception in ASGI application"


def read(*lines: str) -> Triage:
    found = begin_triage()
    add(found, "log", ["\n".join([*lines, ""]).encode()])
    return found


def proved(found: Triage) -> dict[str, str]:
    """Each pattern that was met, with what is proved of it."""
    return {
        name: next(iter(count.proved), "")
        for name, count in found.counts.patterns.items()
        if count.hits
    }


class Gone(OSError):
    """What uvicorn raises of a send to a client that has left: `ClientDisconnected`."""


def raised(handler: Callable[[WebSocket], Awaitable[None]], fails: bool = False) -> list[str]:
    """The traceback of a handler whose client leaves after its first message."""
    messages: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hi"},
        {"type": "websocket.disconnect", "code": 1001, "reason": ""},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        if fails and message["type"] == "websocket.send":
            raise Gone
        if not messages:
            raise RuntimeError(
                f"Unexpected ASGI message {message['type']!r}, after sending 'websocket.close' or "
                "response already completed."
            )

    async def run() -> None:
        websocket = WebSocket({"type": "websocket", "headers": []}, receive, send)
        await websocket.accept()
        await handler(websocket)

    try:
        run().send(None)
    except StopIteration:
        return []
    except BaseException as error:
        return "".join(traceback.format_exception(error)).splitlines()
    raise AssertionError("it waits for something")


async def listens_again(websocket: WebSocket) -> None:
    try:
        await talks(websocket)
    except Exception:
        await websocket.receive()


@pytest.mark.parametrize(
    ("handler", "fails", "mechanism"),
    [
        (closes_again, False, OWN_CLOSE),
        (apologises, False, OWN_SEND),
        (listens_again, False, OWN_RECEIVE),
        (talks, False, ESCAPED),
    ],
)
def test_what_starlette_raises_proves_what_the_handler_did(
    handler: Callable[[WebSocket], Awaitable[None]], fails: bool, mechanism: str
) -> None:
    lines = raised(handler, fails)
    assert lines
    found = proved(read(HEAD, *lines))
    assert set(found.values()) == {mechanism}, lines


def test_a_receive_after_a_send_that_failed_is_the_blind_spot() -> None:
    """With the chain that a handler leaves which catches everything, and goes on."""
    lines = raised(goes_on, fails=True)
    assert any("Need to call" in line for line in lines), lines
    assert proved(read(HEAD, *lines)) == {"need-accept-first": BLIND}


def test_the_error_alone_proves_nothing() -> None:
    lines = [
        "Traceback (most recent call last):",
        '  File "/srv/venv/site-packages/starlette/websockets.py", line 117, in receive_text',
        'RuntimeError: WebSocket is not connected. Need to call "accept" first.',
    ]
    assert proved(read(HEAD, *lines)) == {"need-accept-first": ""}


def test_a_close_behind_a_refused_handshake_is_the_handlers_own() -> None:
    """codalab/codabench #985: closed before it accepted, then once more."""
    lines = [
        "Traceback (most recent call last):",
        '  File "/srv/uvicorn/protocols/websockets/websockets_impl.py", line 229, in asgi_send',
        "RuntimeError: Unexpected ASGI message 'websocket.close', after sending 'websocket.close'.",
    ]
    refused = "2026-07-29 11:00:00,000 INFO uvicorn: ('10.0.0.1', 1) - \"WebSocket /results/\" 403"
    assert proved(read(refused, HEAD, *lines)) == {"after-the-close": OWN_CLOSE}
    assert proved(read(refused, refused, HEAD, *lines)) == {"after-the-close": OWN_CLOSE}
    assert proved(read(HEAD, *lines)) == {"after-the-close": ""}
    mixed = [f"other | {HEAD}", *(f"web | {line}" for line in (refused, HEAD, *lines))]
    assert proved(read(mixed[1], mixed[0], *mixed[2:])) == {"after-the-close": OWN_CLOSE}


def test_an_accept_to_nobody_is_told_by_its_call() -> None:
    lines = [
        "Traceback (most recent call last):",
        '  File "/srv/app/chat.py", line 9, in chat',
        "    await websocket.accept()",
        '  File "/srv/venv/site-packages/starlette/websockets.py", line 101, in accept',
        "uvicorn.protocols.utils.ClientDisconnected",
    ]
    found = read(HEAD, *lines)
    assert proved(found) == {"client-disconnected": GONE}
    assert found.counts.patterns["client-disconnected"].own == {"/srv/app/chat.py:9": 1}


def test_a_disconnect_that_was_handled_is_none() -> None:
    found = read(HEAD, *raised(closes_again))
    assert found.counts.patterns["escaped-disconnect"].hits == 0
    assert found.counts.kinds == {"bad": 1, "warning": 0, "good": 0}


def test_a_collection_that_changes_is_what_cpython_raises() -> None:
    def fails(walk: Callable[[], object]) -> list[str]:
        try:
            walk()
        except (RuntimeError, ValueError) as error:
            return "".join(traceback.format_exception(error)).splitlines()
        raise AssertionError("nothing was raised")

    def grows(found: Any, add: Callable[[int], object]) -> None:
        for one in found:
            add(one + 1)

    some: dict[int, int] = {1: 1}
    others = {1}
    for walk in (
        lambda: grows(some, lambda one: some.setdefault(one, 1)),
        lambda: grows(others, others.add),
        lambda: [1, 2].remove(3),
    ):
        assert "registry-changed" in proved(read(HEAD, *fails(walk)))


def test_a_receive_after_a_disconnect_that_is_not_in_its_chain_has_two_candidates() -> None:
    text = 'RuntimeError: Cannot call "receive" once a disconnect message has been received.'
    lines = [
        "Traceback (most recent call last):",
        '  File "/srv/venv/site-packages/starlette/websockets.py", line 61, in receive',
    ]
    assert proved(read(HEAD, *lines, text)) == {"receive-after-disconnect": ""}


def test_websockets_own_words_prove_two_receivers() -> None:
    text = BY_NAME["concurrent-receive"].texts[0]
    assert proved(read(f"{HEAD}: {text}")) == {"concurrent-receive": RECEIVERS}


def test_a_send_after_the_keepalive_timed_out_is_told_by_its_reason() -> None:
    lines = [
        "Traceback (most recent call last):",
        '  File "/srv/app/chat.py", line 9, in talk',
        '  File "/venv/site-packages/uvicorn/websockets_impl.py", line 1, in asgi_send',
        "websockets.exceptions.ConnectionClosedError: sent 1011 (internal error) keepalive ping "
        "timeout; no close frame received",
    ]
    found = proved(read(HEAD, *lines))
    assert found == {"connection-closed": KEEPALIVE, "keepalive-timeout": KEEPALIVE}


def test_the_error_that_a_call_came_too_late_is_no_disconnect() -> None:
    """Starlette from 1.7 raises WebSocketDisconnected for it."""
    lines = [
        "Traceback (most recent call last):",
        '  File "/venv/site-packages/starlette/websockets.py", line 124, in receive_text',
        "starlette.websockets.WebSocketDisconnected: WebSocket is not connected. Need to call "
        '"accept" first.',
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        "Traceback (most recent call last):",
        '  File "/venv/site-packages/starlette/websockets.py", line 188, in close',
        "RuntimeError: Unexpected ASGI message 'websocket.close', after sending 'websocket.close'.",
    ]
    assert OWN_CLOSE not in proved(read(HEAD, *lines)).values()
