"""Processes that tests start and stop."""

import signal


def heed_interrupts() -> None:
    """Let a child stop at SIGINT, before it begins.

    It would inherit that the tests ignore it, as they do when a shell runs them in the background.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
