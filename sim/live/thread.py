"""The thread of a real server: started, waited for, and surely ended."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sim.errors import WsraceError
from sim.live.hosts import host_of
from sim.live.stacks import Stack

_START_S, _STOP_S, _KILL_S = 10.0, 4.0, 2.0
_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "asyncio")


class ServerThread(threading.Thread):
    """A server on an address of its own. `host` runs it; `error` is what it has raised.

    A daemon, so that a handler that never yields cannot hold Python up.
    """

    def __init__(self, stack: Stack, app: Any) -> None:
        super().__init__(name=f"wsrace-{stack.name}", daemon=True)
        self._stack = stack
        self.error: BaseException | None = None
        # asyncio turns Nagle's algorithm off only where the protocol is named (base_events.py,
        # _set_nodelay); with it, a close frame behind a message waits 40 ms for an acknowledgement.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.bind(("127.0.0.1", 0))
            listener.listen(16)
            self.address: tuple[str, int] = listener.getsockname()
            self.host = host_of(stack, app, listener)
        except BaseException:
            listener.close()
            raise

    def run(self) -> None:
        """Serve; keep what the server raises."""
        try:
            self.host.run()
        except BaseException as error:
            self.error = error

    def wait_until_it_answers(self) -> None:
        """Ask for a page that is not there until there is an answer. Raises WsraceError."""
        until = time.monotonic() + _START_S
        while self.is_alive() and time.monotonic() < until:
            with suppress(OSError), socket.create_connection(self.address, 1) as asking:
                asking.sendall(b"GET / HTTP/1.1\r\nHost: live\r\nConnection: close\r\n\r\n")
                if asking.recv(1):
                    while asking.recv(1 << 16):
                        pass
                    return
            time.sleep(0.01)
        why = self.error or "no answer"
        raise WsraceError(f"{self._stack.name} did not start: {why}")

    def end(self) -> None:
        """End the server. Raises WsraceError if it does not end."""
        if self.ident is None:
            return
        self.host.stop()
        self.join(_STOP_S)
        if self.is_alive():
            self.host.kill()
            self.join(_KILL_S)
        if self.is_alive():
            raise WsraceError(f"{self._stack.name} did not end: a handler does not yield")


@contextmanager
def quiet() -> Iterator[None]:
    """Let the servers' loggers say nothing. A filter, so that two at a time do not collide."""

    def nothing(record: logging.LogRecord) -> bool:
        return False

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(nothing)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(nothing)
