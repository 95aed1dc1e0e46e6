"""What a network link is like: frozen data, checked when it is made."""

from dataclasses import dataclass, fields

from sim.errors import UserError


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """One direction of a connection.

    delay: ticks from sending to arrival. jitter: up to so many ticks more, a value choice for each
    segment; order is kept. segment: bytes at most in one segment, 0 for no limit. buffer: bytes
    that may be sent and not yet read before the sender must wait. free: what has arrived when the
    reader looks is an arrival choice, whatever the delay; else the delays decide.
    Raises UserError naming every field that is out of range.
    """

    delay: int = 0
    jitter: int = 0
    segment: int = 0
    buffer: int = 65_536
    free: bool = False

    def __post_init__(self) -> None:
        lowest = {"buffer": 1}
        faults = []
        for item in fields(self):
            value = getattr(self, item.name)
            least = lowest.get(item.name, 0)
            if item.name == "free":
                if not isinstance(value, bool):
                    faults.append(f"link free: expected true or false, got {value!r}")
            elif not isinstance(value, int) or isinstance(value, bool) or value < least:
                faults.append(
                    f"link {item.name}: expected an integer of at least {least}, got {value!r}"
                )
        if faults:
            raise UserError(*faults)
