"""The server stacks, one row each: whatever is said of a stack anywhere follows from its row.

Another stack is a row here, its switches in sim/model/profiles.py, and in sim/live/hosts.py how its
server is run, if that is not one of the servers below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sim.model.names import RuntimeName

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ServerStack:
    """A server with the library and the event loop that it serves WebSockets with."""

    name: str
    """What recorded cells, `--stack` and reports call it."""
    family: str
    """What profiles call it: "uvicorn-sansio" in "uvicorn-sansio@0.54"; often the name."""
    server: str
    """The distribution that serves."""
    library: str
    """The distribution that speaks the protocol."""
    loop: Literal["asyncio", "trio"]
    """What the server runs on, as recorded cells call it."""
    modules: tuple[str, ...]
    """What can be imported where the stack can be served."""
    oldest: Version
    """The first release of the server that was read."""
    newest: Version
    """The last release of the server that was read."""
    offered: tuple[str, ...]
    """The releases whose profiles are offered by name."""
    implementation: str = ""
    """What uvicorn's option `ws` calls it."""

    @property
    def runtimes(self) -> tuple[RuntimeName, ...]:
        """The runtimes that it exists with."""
        return ("trio",) if self.loop == "trio" else ("asyncio-3.11", "asyncio-3.12")


_UVICORN = "uvicorn.protocols.websockets"
_ROWS = (
    ServerStack(
        name="uvicorn-websockets",
        family="uvicorn-websockets",
        server="uvicorn",
        library="websockets",
        loop="asyncio",
        modules=(f"{_UVICORN}.websockets_impl", "websockets.legacy"),
        oldest=(0, 23, 2),
        newest=(0, 54),
        offered=("0.35", "0.54"),
        implementation="websockets",
    ),
    ServerStack(
        name="uvicorn-wsproto",
        family="uvicorn-wsproto",
        server="uvicorn",
        library="wsproto",
        loop="asyncio",
        modules=(f"{_UVICORN}.wsproto_impl",),
        oldest=(0, 23, 2),
        newest=(0, 54),
        offered=("0.35", "0.54"),
        implementation="wsproto",
    ),
    ServerStack(
        name="uvicorn-websockets-sansio",
        family="uvicorn-sansio",
        server="uvicorn",
        library="websockets",
        loop="asyncio",
        modules=(f"{_UVICORN}.websockets_sansio_impl",),
        oldest=(0, 35),
        newest=(0, 54),
        offered=("0.35", "0.54"),
        implementation="websockets-sansio",
    ),
    ServerStack(
        name="hypercorn-asyncio",
        family="hypercorn-asyncio",
        server="hypercorn",
        library="wsproto",
        loop="asyncio",
        modules=("hypercorn.asyncio",),
        oldest=(0, 14, 4),
        newest=(0, 18),
        offered=("0.18",),
    ),
    ServerStack(
        name="hypercorn-trio",
        family="hypercorn-trio",
        server="hypercorn",
        library="wsproto",
        loop="trio",
        modules=("hypercorn.trio",),
        oldest=(0, 14, 4),
        newest=(0, 18),
        offered=("0.18",),
    ),
)
STACKS: Mapping[str, ServerStack] = {stack.name: stack for stack in _ROWS}
"""The stacks by name; the first is the default."""
_BY_FAMILY = {stack.family: stack for stack in _ROWS}


def find_stack(name: str) -> ServerStack | None:
    """Return the stack of that name, or of the profiles of that family; None if there is none."""
    return STACKS.get(name) or _BY_FAMILY.get(name)


def find_profile_stack(profile: str) -> ServerStack | None:
    """Return the stack of the server profile called "family@release"."""
    return find_stack(profile.partition("@")[0])


def counterfactual(runtime: RuntimeName, profile: str) -> bool:
    """Whether no such pair of a runtime and the server of a profile exists."""
    stack = find_profile_stack(profile)
    return stack is None or runtime not in stack.runtimes
