"""Watches Starlette's WebSocket: what it raises by itself never comes to the server's own calls.

Its methods look at both states and raise before they call anything (starlette/websockets.py), so a
RuntimeError that an application catches there is seen nowhere else. A coroutine that awaits another
one adds no turn of the loop.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from sim.hosting.observe import Observer

_METHODS = ("receive", "send", "receive_text", "receive_bytes", "receive_json")


@contextmanager
def watched(observer: Observer) -> Iterator[None]:
    """Let an observer see what the methods of every WebSocket raise."""
    try:
        from starlette.websockets import WebSocket
    except ImportError:  # then nobody uses it
        yield
        return
    kind: Any = WebSocket
    methods = {name: getattr(kind, name) for name in _METHODS}
    for name, method in methods.items():
        setattr(kind, name, _watched(method, name, observer))
    try:
        yield
    finally:
        for name, method in methods.items():
            setattr(kind, name, method)


def _watched(
    method: Callable[..., Awaitable[Any]], name: str, observer: Observer
) -> Callable[..., Awaitable[Any]]:
    @wraps(method)
    async def seen(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await method(self, *args, **kwargs)
        except RuntimeError as error:
            observer.note_raised(error, observer.connection_of(self.scope), name)
            raise

    return seen
