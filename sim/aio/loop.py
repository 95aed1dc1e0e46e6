"""The event loop of a run: CPython's own, above our operating system.

It refuses, by name, what would leave the simulation; whoever tries it gets NotImplementedError, as
loops raise it that cannot do something, and the run says nothing however the code takes that.
"""

import asyncio
import contextvars
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from sim.aio.inside import note_reader
from sim.aio.names import BareLoop
from sim.aio.refuse import refuse
from sim.aio.threads import Threads
from sim.aio.turn import Selector
from sim.aio.world import CONNECTION, World

Task = asyncio.Task[Any]


class SimTask(asyncio.Task[Any]):
    """A task that is hashed by its number, and not by its address.

    So a set of tasks, such as `asyncio.wait` returns, is walked in an order that repeats. It is one
    of those in which a real one may be walked.
    """

    def __init__(self, coro: Coroutine[Any, Any, Any], number: int, **kwargs: Any) -> None:
        self._number = number
        super().__init__(coro, **kwargs)

    def __hash__(self) -> int:
        return self._number


class SimLoop(BareLoop):
    """CPython's selector loop, its system simulated."""

    def __init__(self, world: World, selector: Selector | None = None) -> None:
        """Prepare. selector: what stands for the operating system; by default it is simulated."""
        self.world = world
        self.selector = selector or Selector(world)
        super().__init__(self.selector)
        self.selector.serve(self)
        self.set_debug(False)
        self.started: list[tuple[Task, str]] = []
        """Every task that was started, with the connection that it works for."""
        self.errors: list[dict[str, Any]] = []
        """What was handed to the loop's exception handler."""
        self.threads = Threads(self)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        note_reader(self.world, sys._getframe(1))
        return self.world.loop_time()

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        """Set a timer."""
        self.world.note_timer(when)
        return super().call_at(when, callback, *args, context=context)

    def create_task(self, coro: Coroutine[Any, Any, Any], **kwargs: Any) -> Task:
        """Start a task, and remember for which connection."""
        if self.get_task_factory() is None:
            self._check_closed()
            task: Task = SimTask(coro, len(self.started), loop=self, **kwargs)
        else:
            task = super().create_task(coro, **kwargs)
        context = kwargs.get("context") or contextvars.copy_context()
        self.started.append((task, context.get(CONNECTION, "")))
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what a callback raised, for the judge, and go on as usual."""
        self.errors.append(context)
        super().call_exception_handler(context)

    def begins(self, handle: Any) -> None:
        """Take note that a callback is called now: nobody here wants to know."""

    # -- threads -------------------------------------------------------------------------------

    def run_in_executor(
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Run a function in a thread, to its end and at once; where it lands is a choice."""
        return self.threads.run(func, *args)

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:
        """Call back from another thread: it lands where threads land."""
        if self.threads.is_ours():
            return self.call_soon(callback, *args, context=context)
        return self.threads.call_back(callback, args, context)

    async def shutdown_default_executor(self, *limits: Any) -> None:
        """Do nothing: no thread outlives its call."""

    # -- what is refused -----------------------------------------------------------------------

    def _refuse(self, what: str) -> NotImplementedError:
        refuse(self.world, what, sys._getframe(2))
        return NotImplementedError(f"{what} would leave the simulation")

    async def getaddrinfo(self, host: Any, port: Any, **kwargs: Any) -> Any:
        """Refuse to ask the resolver."""
        raise self._refuse(f"asked the resolver for {host!r}")

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> Any:
        """Refuse to ask the resolver."""
        raise self._refuse(f"asked the resolver for {sockaddr!r}")

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, **kwargs: Any
    ) -> Any:
        """Refuse to connect."""
        raise self._refuse(f"connected to {host}:{port}")

    async def create_unix_connection(
        self, protocol_factory: Any, path: Any = None, **kwargs: Any
    ) -> Any:
        """Refuse to connect."""
        raise self._refuse(f"connected to {path}")

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse to listen."""
        raise self._refuse("opened a server")

    async def create_unix_server(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse to listen."""
        raise self._refuse("opened a server")

    async def create_datagram_endpoint(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse datagrams."""
        raise self._refuse("opened a datagram endpoint")

    async def connect_accepted_socket(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse sockets that are not ours."""
        raise self._refuse("took over a socket")

    async def sock_connect(self, sock: Any, address: Any) -> Any:
        """Refuse to connect."""
        raise self._refuse(f"connected to {address!r}")

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse to start a process."""
        raise self._refuse("started a process")

    async def subprocess_shell(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse to start a process."""
        raise self._refuse("started a process")

    async def connect_read_pipe(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse pipes."""
        raise self._refuse("opened a pipe")

    async def connect_write_pipe(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse pipes."""
        raise self._refuse("opened a pipe")

    def add_signal_handler(self, *args: Any) -> None:
        """Refuse signals."""
        raise self._refuse("handled a signal")

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        """Refuse to watch a descriptor that is not ours."""
        raise self._refuse("watched a descriptor")

    def add_writer(self, fd: Any, callback: Any, *args: Any) -> None:
        """Refuse to watch a descriptor that is not ours."""
        raise self._refuse("watched a descriptor")
