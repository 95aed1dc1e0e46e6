"""Real servers for the tests, each started once, and not before a test needs it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from sim.errors import UserError
from sim.live.serving import LiveServer, serving
from sim.live.stacks import stack_named

Serve = Callable[[str], LiveServer]


@pytest.fixture(scope="package")
def serve() -> Iterator[Serve]:
    """Return a running server by the name of its stack; skip where it is not installed."""
    running: dict[str, LiveServer] = {}
    with ExitStack() as stack:

        def start(name: str) -> LiveServer:
            if name not in running:
                try:
                    found = stack_named(name)
                except UserError as error:
                    pytest.skip(str(error))
                running[name] = stack.enter_context(serving(found))
            return running[name]

        yield start
