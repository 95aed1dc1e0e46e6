"""An application that is run many times: loaded once, its state put back after each run."""

import sys
import types
from typing import Any

from sim.aio.loop import SimLoop
from sim.aio.rewind import Rewind
from sim.aio.session import Program
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
            self._rewind = Rewind(self._roots(host), self._is_own)
        rewind = self._rewind

        def run(loop: SimLoop) -> Ending:
            try:
                return host.serve(loop, case, paths)
            finally:
                self.changed.update(dict.fromkeys(rewind.back()))

        return run

    @property
    def opaque(self) -> dict[str, int]:
        """Types of objects that it reaches and nobody can look into, with how many there are."""
        return dict(self._rewind.opaque) if self._rewind is not None else {}

    def _roots(self, host: UvicornHost) -> list[tuple[str, Any]]:
        modules = self.target.modules()
        return [*modules.items(), ("app", host.loaded)]

    def _is_own(self, found: Any) -> bool:
        """Whether a function, class or module is the user's."""
        if isinstance(found, types.ModuleType):
            return self.target.is_own(getattr(found, "__file__", "") or "")
        module = sys.modules.get(getattr(found, "__module__", "") or "")
        return module is not None and self.target.is_own(getattr(module, "__file__", "") or "")
