"""An application that is run many times: loaded once, its state put back after each run."""

import sys
import types
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from sim.aio.loop import SimLoop
from sim.aio.rewind import Rewind
from sim.aio.session import Program
from sim.aio.state import States
from sim.aio.turn import Visiting
from sim.hosting.target import Target
from sim.hosting.uvicorn import UvicornHost
from sim.model.app import AppCase
from sim.model.record import Ending


class Application:
    """One application of somebody's own, and what it was like before its first run."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._hosts: dict[object, UvicornHost] = {}
        self._rewind: Rewind | None = None
        self._states: States | None = None
        self.own_part = b""
        """Its own part of the state that was told last."""
        self.changed: dict[str, None] = {}
        """Paths to state that a run has changed."""

    def program(self, case: AppCase, paths: tuple[str, ...]) -> Program:
        """Return what serves it for the clients of a case. paths: what each of them asks for.

        Raises UserError if uvicorn cannot load it.
        """
        key = (case.server, case.lifespan, case.root_path, case.pings)
        host = self._hosts.get(key)
        if host is None:
            host = self._hosts[key] = UvicornHost(case, self.target)
        if self._rewind is None:
            self._rewind = Rewind(self._roots(host), self._is_own, self._finish)
        rewind = self._rewind

        def run(loop: SimLoop) -> Ending:
            tell = self._tell if isinstance(loop.world.scheduler, Visiting) else None
            try:
                return host.serve(loop, case, paths, tell)
            finally:
                self.changed.update(dict.fromkeys(rewind.back()))

        return run

    def _tell(self, roots: Iterable[object], skip: Iterable[object]) -> bytes:
        """Return the state that roots lead to. skip: what is not to be walked."""
        assert self._rewind is not None, "who runs it has made one"
        if self._states is None:
            self._states = States()
        own = [(number, one.now()) for number, one in self._rewind.changed()]
        self.own_part, whole = self._states.of(own, roots, skip)
        return whole

    @property
    def opaque(self) -> dict[str, int]:
        """Types of objects that it reaches and nobody can look into, with how many there are."""
        return dict(self._rewind.opaque) if self._rewind is not None else {}

    def _roots(self, host: UvicornHost) -> list[tuple[str, Any]]:
        """Return where the application's state is looked for: in its modules, and in itself."""
        loaded = host.loaded
        while type(loaded).__module__.startswith("uvicorn."):  # its own middleware
            loaded = loaded.app
        return [*self.target.modules().items(), ("app", loaded)]

    @staticmethod
    def _finish(found: Any) -> None:
        """Let an application of Starlette's build its middleware now, and not in each run.

        It does so when it is called first (starlette/applications.py, `Starlette.__call__`), and
        what it builds may hold state that connections share.
        """
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
