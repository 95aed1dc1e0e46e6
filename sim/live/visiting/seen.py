"""What clients of a running server saw."""

from dataclasses import dataclass
from typing import Final

UNCLEAR: Final = "what it sent is not WebSocket"
NO_CLOSE: Final = "no close frame"
RESET: Final = "reset"
SERVER_ERROR: Final = "close 1011"
ERRORS: Final = frozenset({NO_CLOSE, RESET, UNCLEAR, SERVER_ERROR, "close 1002", "close 1007"})
"""How a server ends a connection that it has an error on. Frames that cannot be read are told as
1002, text that is not UTF-8 as 1007, whoever noticed it."""
PUT_OFF: Final = "put off while it refused"
"""Why a client did not even try: the server had refused others just before."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One session. One that is neither opened nor refused left before there was an answer."""

    visit: int
    """Which visit of the plan, from 0."""
    began_s: float
    """Seconds since the visits began."""
    opened: bool = False
    refused: str = ""
    """Why it was not opened, as told to people; "" if it was, or if it left first."""
    status: int = 0
    """The status of an answer that refuses; 0 for none."""
    left: str = ""
    """How the client left, if it left first: "close 1000" and the like, or "fin", "drop", "rst"."""
    ended: str = ""
    """How the server ended it, or answered: "close 1000" and the like, `NO_CLOSE`, `RESET`,
    `UNCLEAR`; "" if it did not, or was not waited for."""
    awaited: int = 0
    """Answers that were waited for, but for those that its own leaving cut off."""
    answered: int = 0
    cut: bool = False
    """Whether the end of all visits ended it."""

    @property
    def failed(self) -> bool:
        """Whether the server had an error, as far as a client can tell."""
        if not self.opened:
            return self.status >= 500
        if self.left:
            return self.ended == SERVER_ERROR  # even its answer to a close says it
        return self.ended in ERRORS

    @property
    def lost(self) -> int:
        """Answers that never came although the client was there for them."""
        return self.awaited - self.answered


@dataclass(frozen=True, slots=True)
class Visited:
    """All that clients saw."""

    seen: tuple[Seen, ...]
    played_s: float
    """How long they came, in seconds."""
    pauses: int
    """How often all of them waited because the server refused."""
    stopped: bool = False
    """Whether a person stopped them."""
    gave_up: str = ""
    """Why they gave up, "" if they did not."""
