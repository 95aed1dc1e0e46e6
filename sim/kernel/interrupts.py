"""Ctrl-C between two worlds.

An interrupt in the middle of a step may be raised wherever Python stands: in a finaliser, which
swallows it, in a hook of Trio's, which logs it, in code under test, which may take it for its own.
So the first one is kept until the world that is running is over; a second one is raised at once,
for worlds that do not come to an end.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def kept_interrupts() -> Iterator[Callable[[], None]]:
    """Keep the first interrupt from the keyboard. Yields what raises it, if there was one.

    Nothing is changed outside the main thread, or where somebody else handles interrupts. One that
    was kept and not asked for is raised on leaving.
    """
    kept = False

    def keep(number: int, frame: object) -> None:
        nonlocal kept
        if kept:
            raise KeyboardInterrupt
        kept = True

    def raise_kept() -> None:
        nonlocal kept
        if kept:
            kept = False
            raise KeyboardInterrupt

    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield raise_kept
        return
    signal.signal(signal.SIGINT, keep)
    try:
        yield raise_kept
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    raise_kept()
