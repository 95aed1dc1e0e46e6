"""Pools of processes end with the work that they are at, and leave Ctrl-C to who opened them."""

import signal
import time
from concurrent.futures import CancelledError, Future

import pytest

from sim.workers import open_pool


def ignored() -> bool:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_workers_ignore_interrupts_and_this_process_does_not() -> None:
    before = signal.getsignal(signal.SIGINT)
    with open_pool(1) as pool:
        assert pool.submit(ignored).result()
    assert signal.getsignal(signal.SIGINT) is before


def test_what_was_not_begun_is_dropped_when_the_caller_stops() -> None:
    futures: list[Future[None]] = []

    def stop_at_the_first() -> None:
        with open_pool(1) as pool:
            futures.extend(pool.submit(time.sleep, 0.2) for _ in range(100))
            futures[0].result()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_at_the_first()
    assert futures[0].done()
    with pytest.raises(CancelledError):
        futures[-1].result()
