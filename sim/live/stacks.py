"""The real server stacks that are installed here, named as in the truth files."""

import platform
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from sim.errors import UserError
from sim.model.names import RuntimeName

INSTALL = "pip install 'wsrace[live]'"


@dataclass(frozen=True, slots=True)
class Stack:
    """One real stack.

    name: as in the truth files. runtime: what the handler runs on. profile: the server's name with
    its major and minor version, as a profile would be called (there need not be one). server, lib,
    starlette, python: what is installed, with full versions.
    """

    name: str
    runtime: RuntimeName
    profile: str
    server: str
    lib: str
    starlette: str
    python: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a stack is made of. modules: they can be found if the stack is there."""

    server: str
    lib: str
    profile: str
    modules: tuple[str, ...]


_UVICORN = "uvicorn.protocols.websockets"
_KINDS: Mapping[str, _Kind] = {
    "uvicorn-websockets": _Kind(
        "uvicorn",
        "websockets",
        "uvicorn-websockets",
        (f"{_UVICORN}.websockets_impl", "websockets.legacy"),
    ),
    "uvicorn-websockets-sansio": _Kind(
        "uvicorn", "websockets", "uvicorn-sansio", (f"{_UVICORN}.websockets_sansio_impl",)
    ),
    "uvicorn-wsproto": _Kind(
        "uvicorn", "wsproto", "uvicorn-wsproto", (f"{_UVICORN}.wsproto_impl",)
    ),
    "hypercorn-asyncio": _Kind("hypercorn", "wsproto", "hypercorn-asyncio", ("hypercorn.asyncio",)),
    "hypercorn-trio": _Kind("hypercorn", "wsproto", "hypercorn-trio", ("hypercorn.trio",)),
}
STACKS = tuple(_KINDS)
"""The names of all stacks that can be served."""


def installed() -> tuple[Stack, ...]:
    """Return the stacks that can be served here."""
    found = (_find(name, kind) for name, kind in _KINDS.items())
    return tuple(stack for stack in found if stack is not None)


def stack_named(name: str) -> Stack:
    """Return the stack called `name`. Raises UserError with the names there are."""
    if name not in _KINDS:
        raise UserError(f"stack: {name!r} is unknown; allowed: {', '.join(STACKS)}")
    here = {stack.name: stack for stack in installed()}
    if name not in here:
        missing = ", ".join(one for one in STACKS if one not in here)
        raise UserError(f"stack {name!r} is not installed ({INSTALL}); not here: {missing}")
    return here[name]


def none_installed() -> UserError:
    """Return the error for whoever needs a stack and finds none."""
    return UserError(f"no real server is installed: {INSTALL}")


def asyncio_runtime() -> RuntimeName:
    """Return the name of this Python's asyncio: wait_for has a task of its own up to 3.11."""
    return "asyncio-3.11" if sys.version_info < (3, 12) else "asyncio-3.12"


def _find(name: str, kind: _Kind) -> Stack | None:
    try:
        server, lib = version(kind.server), version(kind.lib)
    except PackageNotFoundError:
        return None
    if not all(map(_is_there, kind.modules)):
        return None
    return Stack(
        name=name,
        runtime="trio" if name == "hypercorn-trio" else asyncio_runtime(),
        profile=f"{kind.profile}@{'.'.join(server.split('.')[:2])}",
        server=f"{kind.server} {server}",
        lib=f"{kind.lib} {lib}",
        starlette=version("starlette"),
        python=platform.python_version(),
    )


def _is_there(module: str) -> bool:
    with suppress(ModuleNotFoundError):
        return find_spec(module) is not None
    return False
