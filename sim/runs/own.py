"""Code of somebody's own: guards and handlers, imported only when a person names them."""

import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from types import ModuleType

import trio
from starlette.websockets import WebSocket

from sim.errors import UserError
from sim.sut.guards import GUARDS, Guard, own_guard

_OURS = __name__.partition(".")[0]
Handler = Callable[[WebSocket], Awaitable[None]]
"""Somebody's handler: it gets Starlette's WebSocket and nothing else."""


@dataclass(frozen=True, slots=True)
class OwnHandler:
    """A handler that is not ours."""

    name: str
    """"module:name", as in a token."""
    target: Callable[..., object]
    """The handler, or what makes one."""
    factory: bool = False
    """Whether `target` makes a handler: then each run gets one that is new."""
    importable: bool = True
    """Whether another process finds it by its name."""

    def make(self) -> Handler:
        """Return the handler of one run. Raises UserError if the factory makes none."""
        made = self.target() if self.factory else self.target
        if not callable(made):
            what = type(made).__name__
            raise UserError(f"handler {self.name!r}: the factory made no handler but {what}")
        handler: Handler = made
        return handler

    @property
    def file(self) -> str | None:
        """Where another process finds it even if not by its name; None if it cannot."""
        module, _, path = self.name.partition(":")
        file = getattr(inspect.unwrap(self.target), "__code__", None)
        known = getattr(sys.modules.get(module), "__file__", None)
        return None if "<locals>" in path else known or (file and file.co_filename)

    @property
    def home(self) -> str:
        """The top-level package or module that it comes from."""
        return self.name.partition(":")[0].partition(".")[0]


def may_run_own_code(task: trio.lowlevel.Task) -> bool:
    """Whether a task of the server may run code of somebody's own: a handler's, or what it starts.

    Such code may share objects that nobody notes: a registry of connections, a list of rooms.
    """
    frame = getattr(task.coro, "cr_frame", None)
    module = str(frame.f_globals.get("__name__", "")) if frame is not None else ""
    return task.name.startswith("handler:") or module.partition(".")[0] != _OURS


def guard_named(name: str) -> Guard:
    """Return a guard of ours. Somebody's own has to be imported by whoever was told to."""
    if name in GUARDS:
        return GUARDS[name]
    raise UserError(f"guard {name!r}: {_ONLY_IF_NAMED}: --guard {name}")


_ONLY_IF_NAMED = "code of your own runs only if you name it"


def guard_allowed(name: str, allowed: Collection[str]) -> Guard | None:
    """Return somebody's own guard, None for one of ours.

    name: of the guard. allowed: what a person has named. Raises UserError for code that nobody has,
    and if there is no such guard.
    """
    if ":" not in name:
        return None
    if name not in allowed:
        raise UserError(f"guard {name!r}: {_ONLY_IF_NAMED}: --guard {name}")
    return import_guard(name)


def own_guard_of(name: str) -> Guard | None:
    """Return the guard that a person named if it is somebody's own, None for one of ours."""
    return import_guard(name) if ":" in name else None


def import_guard(name: str) -> Guard:
    """Return the guard "module:name" that a person named. Raises UserError if there is none."""
    found = _imported("guard", name)
    try:
        return own_guard(name, found)
    except TypeError as error:
        raise UserError(f"guard {error}") from None


def import_handler(name: str, factory: bool = False) -> OwnHandler:
    """Return the handler "module:name" that a person named, or what makes it.

    Raises UserError if there is none.
    """
    if ":" not in name:
        raise UserError(f"handler {name!r}: expected MODULE:NAME")
    return own_handler(_imported("handler", name), factory, name)


def handler_allowed(name: str, allowed: str | None, factory: bool = False) -> OwnHandler:
    """Return the handler that a recorded run names, if a person has named it, too.

    Raises UserError otherwise, and if there is no such handler.
    """
    if allowed != name:
        raise UserError(f"handler {name!r}: {_ONLY_IF_NAMED}: --handler {name}")
    return import_handler(name, factory)


def own_handler(found: object, factory: bool = False, name: str = "") -> OwnHandler:
    """Return an object as somebody's own handler. Raises UserError if it cannot be one.

    factory: it is no handler but makes one. name: what it was asked for by, if it was.
    """
    is_plain = inspect.isfunction(found) and not inspect.iscoroutinefunction(found)
    if not callable(found):
        raise UserError(
            f"handler {name or found!r}: expected an async function of the WebSocket, "
            f"got {type(found).__name__}"
        )
    name = name or name_of(found)
    if is_plain and not factory:
        raise UserError(
            f"handler {name!r}: expected an async function of the WebSocket; "
            "if this one returns the handler, ask for it as a factory"
        )
    return OwnHandler(name, found, factory, is_importable(name, found))


def name_of(found: object) -> str:
    """Return "module:name" of a function or an object of somebody's own."""
    module = getattr(found, "__module__", None) or type(found).__module__
    return f"{module}:{getattr(found, '__qualname__', type(found).__qualname__)}"


def is_importable(name: str, given: object) -> bool:
    """Whether `given` is what "module:name" stands for, so that a token can name it."""
    module, _, attribute = name.partition(":")
    if module == "__main__":
        return False  # in another process that is another program
    try:
        return _attribute(sys.modules[module], attribute) is given
    except (KeyError, AttributeError):
        return False


def _imported(what: str, name: str) -> object:
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever somebody's module raises when it is imported
        why = f"{type(error).__name__}: {error}"
        raise UserError(f"{what} {name!r}: cannot import {module_name!r}: {why}") from None
    try:
        return _attribute(module, attribute)
    except AttributeError:
        raise UserError(f"{what} {name!r}: {module_name!r} has no {attribute!r}") from None


def _attribute(module: ModuleType, path: str) -> object:
    found: object = module
    for part in path.split("."):
        found = getattr(found, part)
    return found
