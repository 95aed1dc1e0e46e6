"""An application that is run many times: loaded once, its state put back after each run."""

import sys
import types
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain
from typing import Any

from sim.aio.loop import SimLoop
from sim.aio.rewind import Rewind
from sim.aio.session import Program
from sim.aio.state import States
from sim.aio.visits import Visiting
from sim.hosting.findings import Served
from sim.hosting.target import Target
from sim.hosting.uvicorn import UvicornHost
from sim.model.app import AppCase
from sim.model.record import Ending
from sim.objects import module_of

_POLLS = 20
"""More short timers in one run than that are taken for polling."""


class Application:
    """One application of somebody's own, and what it was like before its first run."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._hosts: dict[object, UvicornHost] = {}
        self._rewind: Rewind | None = None
        self._states: States | None = None
        self._at_start: tuple[bytes, frozenset[str]] = b"", frozenset()
        self.longest_ms = 0.0
        """How far in the future a timer was at most, in any run."""
        self.polls = False
        """Whether it has set so many short timers in a run that it seems to poll."""
        self.reads_clock = False
        """Whether it has read a clock in any run: then states at two times are never the same."""
        self.situations: dict[str, bool] = {}
        """What was looked for by `sometimes`, and whether any run has met it."""
        self.shared: dict[str, None] = {}
        """Paths to state of its own that a connection has changed in a state that was told."""

    def program(
        self,
        case: AppCase,
        paths: tuple[str, ...],
        inspect: Callable[[Served], None] | None = None,
    ) -> Program:
        """Return what serves it for the clients of a case. paths: what each of them asks for.

        inspect: called with each run when all is known that is to be said of it. Raises UserError
        if uvicorn cannot load it.
        """
        host = self._host(case)
        rewind = self._rewind
        if rewind is None:
            rewind = self._rewind = Rewind(self._roots(host), self._is_own, self._finish)

        def run(loop: SimLoop) -> Ending:
            teller = self if isinstance(loop.world.scheduler, Visiting) else None
            try:
                return host.serve(loop, case, paths, teller, inspect)
            finally:
                for name, met in loop.world.situations.items():
                    self.situations[name] = self.situations.get(name, False) or met
                self.reads_clock |= loop.world.reads_clock
                self.longest_ms = max(self.longest_ms, loop.world.longest_ns / 1_000_000)
                self.polls |= loop.world.short_timers > _POLLS
                rewind.back()

        return run

    def before_states(self) -> None:
        """Take what lives now for what was there before all runs; the first time, at least."""
        if self._states is None:
            self._states = States()

    def loaded(self, case: AppCase) -> Any:
        """Return the application itself, without what uvicorn puts around it."""
        return _unwrapped(self._host(case).loaded)

    @property
    def all_shared(self) -> tuple[str, ...]:
        """What connections share, or may share: nobody can look into objects of native types."""
        opaque = self._rewind.opaque if self._rewind is not None else {}
        hidden = (f"objects of {name}, into which nobody can look" for name in sorted(opaque))
        return (*self.shared, *hidden)

    @property
    def opaque(self) -> dict[str, int]:
        """Types of objects that it leads to and nobody can look into, with how many there are."""
        found = dict(self._rewind.opaque) if self._rewind is not None else {}
        return found | (self._states.opaque if self._states is not None else {})

    def _host(self, case: AppCase) -> UvicornHost:
        key = (case.server, case.lifespan, case.root_path, case.pings)
        host = self._hosts.get(key)
        if host is None:
            host = self._hosts[key] = UvicornHost(case, self.target)
        return host

    # -- states --------------------------------------------------------------------------------

    def begin(self, given: object) -> None:
        """Take note of what its own part of the state is before the first client comes.

        given: what its lifespan hands to every connection.
        """
        if not self._at_start[0]:
            part, _, paths = self._told(given, (), ())
            self._at_start = part, frozenset(paths)

    def look(self, given: object) -> None:
        """Take note of what connections share, as long as it is not known that they do.

        In every turn: what is changed and put back between two choices may meet another connection.
        """
        if not self.shared:
            self._share(*self._told(given, (), ())[::2])

    def _share(self, part: bytes, paths: list[str]) -> None:
        if part != self._at_start[0]:
            new = [path for path in paths if path not in self._at_start[1]]
            self.shared.update(dict.fromkeys(new or paths or ["what the lifespan yields"]))

    def tell(
        self, given: object, roots: Iterable[object], skip: Iterable[object], now_s: float
    ) -> bytes:
        """Return the state that roots lead to.

        skip: what is not to be walked. now_s: the time since the run began, in seconds.
        """
        if self.reads_clock:
            part, whole, paths = self._told(given, chain([now_s], roots), skip)
        else:
            part, whole, paths = self._told(given, roots, skip, now_s)
        self._share(part, paths)
        return whole

    def _told(
        self,
        given: object,
        roots: Iterable[object],
        skip: Iterable[object],
        now_s: float | None = None,
    ) -> tuple[bytes, bytes, list[str]]:
        """Return its own part of the state, the whole, and the paths to what has changed."""
        assert self._rewind is not None, "who runs it has made one"
        assert self._states is not None, "and the other, too"
        changed = self._rewind.changed()
        own = [(number, one.now()) for number, one in changed]
        part, whole = self._states.of([own, given], roots, skip, now_s)
        return part, whole, [one.path for _, one in changed]

    # -- what it is made of --------------------------------------------------------------------

    def _roots(self, host: UvicornHost) -> list[tuple[str, Any]]:
        """Return where the application's state is looked for: in its modules, and in itself."""
        return [*self.target.modules().items(), ("app", _unwrapped(host.loaded))]

    @staticmethod
    def _finish(found: Any) -> None:
        """Let a framework build now what it would build when it is called first, in each run.

        An application of Starlette's builds its middleware then (starlette/applications.py,
        `Starlette.__call__`), which may hold state that connections share; an included router of
        FastAPI its routes (fastapi/routing.py, `_IncludedRouter`), which would look as if
        connections shared something.
        """
        if type(found).__module__ == "fastapi.routing" and hasattr(found, "original_router"):
            with suppress(Exception):
                scope = {"type": "websocket", "path": "/", "root_path": "", "headers": []}
                found.matches({**scope, "app": None})
        build = getattr(type(found), "build_middleware_stack", None)
        if build is not None and getattr(found, "middleware_stack", found) is None:
            with suppress(Exception):  # then it will raise in the run
                found.middleware_stack = found.build_middleware_stack()

    def _is_own(self, found: Any) -> bool:
        """Whether a function, class or module is the user's."""
        if isinstance(found, types.ModuleType):
            return self.target.is_own(getattr(found, "__file__", "") or "")
        module = sys.modules.get(getattr(found, "__module__", "") or "")
        return module is not None and self.target.is_own(getattr(module, "__file__", "") or "")


def _unwrapped(found: Any) -> Any:
    """Return an application without uvicorn's own middleware."""
    while module_of(type(found)).startswith("uvicorn."):
        found = found.app
    return found
