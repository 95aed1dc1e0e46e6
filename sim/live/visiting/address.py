"""Where a running server is, as it is typed: ws://HOST:PORT/PATH."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from sim.errors import UserError
from sim.model.plain import fault

_EXAMPLE = "ws://127.0.0.1:8000/ws"
_SENDABLE = re.compile(r"[!-~]+")
"""What may stand in a request's first line and in its Host (RFC 9112, 3.2)."""


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and what its clients ask for unless their scripts say it."""

    secure: bool
    """Whether the connection is one of TLS."""
    host: str
    """A name, or an address without brackets."""
    port: int
    target: str
    """The path, with the query if there is one."""

    @property
    def authority(self) -> str:
        """What the header Host says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _usual(self.secure) else f"{host}:{self.port}"

    @property
    def is_here(self) -> bool:
        """Whether it is this machine, as far as that can be told without asking anybody."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"{'wss' if self.secure else 'ws'}://{self.authority}{self.target}"


def parse_address(typed: str) -> Address:
    """Return the address in what was typed. Raises UserError with one line."""
    try:
        parts = urlsplit(typed)
        port = parts.port
    except ValueError as error:
        raise _fault(typed, str(error)) from None
    if parts.scheme not in ("ws", "wss"):
        meant = {"http": "ws", "https": "wss"}.get(parts.scheme)
        raise _fault(typed, f"{parts.scheme}:// is not WebSocket's" if meant else "", meant)
    if not parts.hostname or not _SENDABLE.fullmatch(typed):
        raise _fault(
            typed, "" if _SENDABLE.fullmatch(typed) else "what is not ASCII is to be quoted"
        )
    if port == 0:
        raise _fault(typed, "port 0 is nobody's")
    if parts.username is not None or parts.fragment:
        raise _fault(typed, "neither a user nor a fragment (#) goes with it")
    secure = parts.scheme == "wss"
    return Address(secure, parts.hostname, port or _usual(secure), _target(parts))


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _usual(secure: bool) -> int:
    return 443 if secure else 80


def _fault(typed: str, why: str, meant: str | None = None) -> UserError:
    example = _EXAMPLE if meant is None else _EXAMPLE.replace("ws://", f"{meant}://")
    detail = f": {why}" if why else ""
    return UserError(fault(f"--url: expected for example {example}, got {typed!r}{detail}"))
