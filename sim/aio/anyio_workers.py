"""anyio's worker threads inside runs: they land where all threads land.

anyio keeps a pool of its own (anyio/_backends/_asyncio.py, `run_sync_in_worker_thread`), by which
FastAPI runs `def` handlers and dependencies. Its threads would set their results while nothing is
watched, and a run would end as a hang that is none. What stands before and behind the pool is the
same here: the checkpoint, the limiter, the shielded scope, the context.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from sim.aio.inside import running
from sim.aio.threads import run_in_thread

_BACKEND = "anyio._backends._asyncio"


@contextmanager
def landing_workers() -> Iterator[None]:
    """Let anyio's worker threads land as choices say, if there is an anyio."""
    try:
        module: Any = importlib.import_module(_BACKEND)  # else it would be loaded within a run
    except ImportError:
        yield
        return
    backend = module.AsyncIOBackend
    real = backend.__dict__["run_sync_in_worker_thread"]
    backend.run_sync_in_worker_thread = classmethod(_replaced(module, real.__func__))
    try:
        yield
    finally:
        backend.run_sync_in_worker_thread = real


def _replaced(module: Any, real: Callable[..., Any]) -> Callable[..., Any]:
    async def run(
        cls: Any,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        abandon_on_cancel: bool = False,
        limiter: Any = None,
    ) -> Any:
        if running() is None:
            return await real(cls, func, args, abandon_on_cancel, limiter)
        await cls.checkpoint()
        async with limiter or cls.current_default_thread_limiter():
            with module.CancelScope(shield=not abandon_on_cancel):
                return await run_in_thread(copy_context().run, func, *args)

    return run
