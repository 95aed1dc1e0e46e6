"""The port: all that the code under test may ask of where it runs.

Each fidelity supplies one. The handlers know nothing else of time, tasks or logs, so the same code
runs in a simulated world and on a real server.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, Protocol, TypeVar

T = TypeVar("T")


class Runtime(Protocol):
    """Where a handler runs. `connection` names the connection that it serves."""

    connection: str

    async def sleep(self, ms: float) -> None:
        """Wait for `ms` milliseconds."""

    async def pause(self, probe: str) -> None:
        """Await what the scenario has scripted at `probe`; without a script do not yield."""

    async def receive(
        self, receiving: Callable[[], Awaitable[T]], timeout_ms: float, in_place: bool
    ) -> T:
        """Await `receiving()` for at most `timeout_ms`.

        As `asyncio.wait_for` does it on this runtime, or with `in_place` as `asyncio.timeout` does.
        Raises TimeoutError.
        """

    def start(self, run: Callable[[], Awaitable[None]], name: str) -> Any:
        """Start a task and return a handle. What it raises is recorded and ends nothing else."""

    def cancel(self, task: Any) -> None:
        """Cancel a task started here."""

    def now(self) -> float:
        """Return the time in milliseconds."""

    def log(self, level: str, text: str) -> None:
        """Write a line to the product's log."""

    def probe(self, name: str) -> None:
        """Pass a named place. Synchronous: it adds no scheduling point."""

    def note(self, name: str, write: bool) -> None:
        """Note a read or a write of named shared state."""

    def refuse(self, why: str, error: BaseException | None = None) -> NoReturn:
        """End the run without an answer: what the handler runs with cannot be judged."""

    def record(self, kind: str, **values: str | int | bool | None) -> None:
        """Record what the checkers need to judge a run."""
