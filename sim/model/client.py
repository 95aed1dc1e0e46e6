"""What one fake client is like: its script, when it starts, and the links to and from it."""

from dataclasses import dataclass, field

from sim.errors import UserError
from sim.model.link import LinkSpec
from sim.model.script import Action

CLOSE_TIMEOUT_S = 10
"""How long a client waits for the answer to its close frame, as the websockets library does."""
LOST = "lost"
"""How a connection ended that nobody closed."""


@dataclass(frozen=True, slots=True)
class ClientSpec:
    """One client. Raises UserError when it is made with a start before the world's.

    script: what it does, from `parse_script`. start: the tick at which it begins. up: the link
    from it to the server. down: the link back. path: the path it asks for.
    """

    script: tuple[Action, ...]
    start: int = 0
    up: LinkSpec = field(default_factory=LinkSpec)
    down: LinkSpec = field(default_factory=LinkSpec)
    path: str = "/ws"

    def __post_init__(self) -> None:
        faults = []
        if not self.script:
            faults.append("client script: it is empty; the first row must be connect")
        if not isinstance(self.start, int) or isinstance(self.start, bool) or self.start < 0:
            faults.append(f"client start: expected a tick of at least 0, got {self.start!r}")
        if not self.path.startswith("/"):
            faults.append(f"client path: expected a path that begins with /, got {self.path!r}")
        if faults:
            raise UserError(*faults)
