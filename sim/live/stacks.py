"""The real server stacks that are installed here, named as in the truth files."""

import platform
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from sim.errors import UserError
from sim.model.names import RuntimeName
from sim.model.stacks import STACKS, ServerStack, find_stack

INSTALL = "pip install 'wsrace[live]'"


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack that is installed here."""

    name: str
    """As in the truth files."""
    runtime: RuntimeName
    """What the handler runs on."""
    profile: str
    """The family with the server's major and minor version; there need not be such a profile."""
    server: str
    """The server and its full version."""
    lib: str
    """The library and its full version."""
    starlette: str
    """The full version of Starlette."""
    python: str
    """The full version of Python."""

    @property
    def row(self) -> ServerStack:
        """What is known of it wherever it is installed."""
        return STACKS[self.name]


def find_installed() -> tuple[Stack, ...]:
    """Return the stacks that can be served here."""
    return tuple(here for stack in STACKS.values() if (here := _find(stack)) is not None)


def stack_named(name: str) -> Stack:
    """Return the installed stack called `name`, or that of the profiles of the family `name`.

    Raises UserError with the names there are.
    """
    stack = find_stack(name)
    if stack is None:
        raise UserError(f"stack: {name!r} is unknown; allowed: {', '.join(STACKS)}")
    here = {stack.name: stack for stack in find_installed()}
    if stack.name not in here:
        missing = ", ".join(known for known in STACKS if known not in here)
        raise UserError(f"stack {stack.name!r} is not installed ({INSTALL}); not here: {missing}")
    return here[stack.name]


def none_installed() -> UserError:
    """Return the error for whoever needs a stack and finds none."""
    return UserError(f"no real server is installed: {INSTALL}")


def asyncio_runtime() -> RuntimeName:
    """Return the name of this Python's asyncio: wait_for has a task of its own up to 3.11."""
    return "asyncio-3.11" if sys.version_info < (3, 12) else "asyncio-3.12"


def _find(stack: ServerStack) -> Stack | None:
    try:
        server, lib = version(stack.server), version(stack.library)
    except PackageNotFoundError:
        return None
    if not all(map(_is_there, stack.modules)):
        return None
    here = asyncio_runtime()
    return Stack(
        name=stack.name,
        runtime=here if here in stack.runtimes else stack.runtimes[0],
        profile=f"{stack.family}@{'.'.join(server.split('.')[:2])}",
        server=f"{stack.server} {server}",
        lib=f"{stack.library} {lib}",
        starlette=version("starlette"),
        python=platform.python_version(),
    )


def _is_there(module: str) -> bool:
    with suppress(ModuleNotFoundError):
        return find_spec(module) is not None
    return False
