"""What a network link is like: frozen data, checked when it is made."""

from dataclasses import dataclass, fields

from sim.errors import UserError


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """One direction of a connection. Raises UserError naming every field that is out of range."""

    delay: int = 0
    """Ticks from sending to arrival."""
    jitter: int = 0
    """Up to so many ticks more, a value choice for each segment; order is kept."""
    buffer: int = 65_536
    """Bytes that may be sent and not yet read before the sender must wait."""

    def __post_init__(self) -> None:
        lowest = {"buffer": 1}
        faults = []
        for item in fields(self):
            value = getattr(self, item.name)
            least = lowest.get(item.name, 0)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                faults.append(
                    f"link {item.name}: expected an integer of at least {least}, got {value!r}"
                )
        if faults:
            raise UserError(*faults)
