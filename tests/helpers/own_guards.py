"""Guards of somebody's own, some of which look at the time."""

import time

import trio
from starlette.websockets import WebSocket, WebSocketState


def both(ws: WebSocket) -> bool:
    return ws.client_state is ws.application_state is WebSocketState.CONNECTED


def early(ws: WebSocket) -> bool:
    return trio.current_time() < 0.06  # the rate would hang on more than the order of events


def patient(ws: WebSocket) -> bool:
    with trio.move_on_after(1):  # noqa: ASYNC100  (setting a deadline reads no time)
        both(ws)
    return both(ws)


_calls: list[float] = []


def counting(ws: WebSocket) -> bool:
    """Says no once in a while, whatever happens: it keeps state from run to run."""
    _calls.append(time.monotonic())
    return len(_calls) % 7 != 0
