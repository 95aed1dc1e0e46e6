"""The arrangements of recorded cells, for measuring them anew on another stack."""

from collections.abc import Iterator
from typing import NamedTuple

from sim.model.profiles import closes_each
from sim.model.stacks import ServerStack

GUARDS = ("none", "pre", "post", "both", "both_nohop", "catch", "raw")
ORIGINAL = ("orig_pre", "orig_post")
BEFORE_ACCEPT = ("none", "pre", "post", "both", "catch")
PLACES: tuple[tuple[str, str, bool], ...] = (
    *(("top", wait, False) for wait in ("0", "1", "5ms")),
    ("top", "5ms", True),
    *(("gap", wait, queued) for wait in ("0", "1", "5ms") for queued in (False, True)),
    ("recv", "-", False),
    ("proc1", "0", False),
    ("proc1", "5ms", False),
    ("proc1", "5ms", True),
    ("procN", "0", False),
    ("procN", "5ms", False),
    ("sendfail", "-", False),
)
"""Point, wait, queued."""
KINDS = (
    "client_close",
    "client_rst",
    "client_eof",
    "server_close",
    "server_shutdown",
    "sm_closing",
)
EATEN = (("top", "5ms"), ("gap", "5ms"), ("proc1", "5ms"), ("procN", "5ms"), ("sendfail", "-"))
EARLY = ("client_rst", "client_eof", "server_close")
ALSO_ORIGINAL = frozenset(
    (kind, *place)
    for kind in ("client_close", "server_close", "sm_closing")
    for place in (
        ("gap", "1", False),
        ("gap", "5ms", False),
        ("recv", "-", False),
        ("proc1", "5ms", False),
        ("sendfail", "-", False),
    )
)
"""Where the original shape was measured too."""


class Arrangement(NamedTuple):
    """One cell but for its stack; the fields are the columns of recorded cells."""

    kind: str
    point: str
    wait: str
    guard: str
    queued: bool


BLIND_SPOT = Arrangement("client_close", "procN", "5ms", "post", False)
"""An end during send: post-fix reads client_state, and receive depends on application_state."""
HOP = Arrangement("server_close", "gap", "0", "both", False)
"""Another task closes in the turn that wait_for takes: both states were read before it."""
NAMED = {BLIND_SPOT: "the blind spot", HOP: "the hop of wait_for"}
"""What the question of issue #1061 is about: does the fix help, and when."""


def arrangements(stack: ServerStack) -> Iterator[Arrangement]:
    """Yield what is arranged on a stack.

    Left out is what it cannot do: hypercorn has no shutdown per connection, and under Trio the
    timeout is always in place.
    """
    guards = tuple(g for g in GUARDS if g != "both_nohop" or stack.loop != "trio")
    for kind in KINDS:
        if kind == "server_shutdown" and not closes_each(stack):
            continue
        for place in PLACES:
            original = ORIGINAL if (kind, *place) in ALSO_ORIGINAL else ()
            for guard in (*guards, *original):
                point, wait, queued = place
                yield Arrangement(kind, point, wait, guard, queued)
    for point, wait in EATEN:
        for guard in guards:
            yield Arrangement("disc_eaten", point, wait, guard, False)
    for kind in EARLY:
        for wait in ("0", "1", "5ms"):
            for guard in BEFORE_ACCEPT:
                yield Arrangement(kind, "preaccept", wait, guard, False)
    for point in ("noaccept", "connect_only"):
        for guard in BEFORE_ACCEPT:
            yield Arrangement("none", point, "-", guard, False)
