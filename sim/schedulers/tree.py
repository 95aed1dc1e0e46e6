"""The tree of choices that a search walks, cut where not all of it was tried.

A search may be made in pieces, in any order and anywhere: what is left of it are *open nodes*, and
what it must not look at twice is a table of what was *seen*. Both are plain data.

Why pieces may be done in any order. What a search cuts is covered by something it has met before,
or will have: each rule of covering in `sim.schedulers` is an induction over how much of a run is
left, and never over which piece was done first (see `sim.schedulers.caching`). So nothing is lost
as long as every open node is gone on from once, and what a piece has seen counts for others only
together with the nodes that it left open.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple, Protocol, runtime_checkable

from sim.errors import Divergence
from sim.model.schedule import Kind, Question, Search, parted

Sleeper = tuple[str, tuple[str, ...], tuple[str, ...]]
"""Who sleeps, and what its next step reads and writes."""
Visit = tuple[object, ...]
"""What a search has to say of something that it met; what it covers, the search knows."""


class Node(NamedTuple):
    """Where a search is to go on."""

    picks: tuple[int, ...] = ()
    """The answers on the way there."""
    todo: tuple[int, ...] = ()
    """Options of the next choice that are to be tried, in order; () for whatever comes."""
    sleep: tuple[Sleeper, ...] = ()
    """Who sleeps there."""
    met: str = ""
    """The questions on the way there, as `Way` names them; "" if nobody has met them."""
    steps: int = 0
    """For a run that was put off: how many steps it had made."""
    due: int = -1
    """For such a run: the tick to which its time would have moved; -1 for any other node."""


ROOT = Node()
"""Where a search begins."""


class Way:
    """Names the questions that were asked on the way somewhere."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=8)

    def add(self, question: Question) -> None:
        """Let a question be asked."""
        self._hash.update(repr(question).encode())

    @property
    def name(self) -> str:
        """What they are called so far."""
        return self._hash.hexdigest()

    def check(self, node: Node) -> None:
        """Raise Divergence if this is not the way to a node."""
        if node.met not in ("", self.name):
            raise Divergence(
                f"choice {len(node.picks)}: the choices before it are not those of the run that "
                "came there before; the run does not depend on its choices alone"
            )


def stopped_short(index: int, expected: Question | None) -> Divergence:
    """Return the error for a run that ended before a choice that an earlier one has met.

    expected: None if that was in another piece, which has not told what was asked.
    """
    return parted(index, expected or Question(Kind.STEP, ("what was asked before",)), None)


class Known:
    """What pieces have met. Large searches meet millions, so each entry is a number or a few."""

    _VISITS = 1 << 24
    """More different visits there never are: sets of tasks that sleep."""

    def __init__(self) -> None:
        self._entries: dict[bytes, int | tuple[int, ...]] = {}
        self._visits: list[Visit] = []
        self._numbers: dict[Visit, int] = {}

    def add(self, piece: int, key: bytes, visit: Visit) -> None:
        """Let a piece say something of what it has met. piece: its number."""
        number = self._numbers.get(visit)
        if number is None:
            number = self._numbers[visit] = len(self._visits)
            self._visits.append(visit)
        entry = piece * self._VISITS + number
        before = self._entries.get(key)
        if before is None:
            self._entries[key] = entry
        else:
            self._entries[key] = (*(before if isinstance(before, tuple) else (before,)), entry)

    def visits(self, key: bytes, before: int) -> list[Visit]:
        """Return what pieces with numbers below `before` have said of something."""
        found = self._entries.get(key)
        if found is None:
            return []
        entries = found if isinstance(found, tuple) else (found,)
        end = before * self._VISITS
        return [self._visits[entry % self._VISITS] for entry in entries if entry < end]


class Seen:
    """What was met before, by this piece of a search or by earlier ones."""

    def __init__(self, known: Known | None = None, before: int = 0) -> None:
        """Prepare. known: what pieces have met; those with numbers below `before` count."""
        self._known = known
        self._before = before
        self._own: dict[bytes, list[Visit]] = {}

    def visits(self, key: bytes) -> list[Visit]:
        """Return what was said of something, in the order in which it was said."""
        own = self._own.get(key, [])
        return own if self._known is None else self._known.visits(key, self._before) + own

    def add(self, key: bytes, visit: Visit) -> None:
        """Say something of it."""
        self._own.setdefault(key, []).append(visit)

    def new(self) -> Iterable[tuple[bytes, Visit]]:
        """Yield what this piece has met."""
        return ((key, visit) for key, visits in self._own.items() for visit in visits)


@runtime_checkable
class Divisible(Search, Protocol):
    """A search that can begin at open nodes, and leave some behind."""

    def enter(self, nodes: Iterable[Node]) -> None:
        """Go on from these nodes, and nowhere else. To be called before the first run."""

    def leave(self) -> list[Node]:
        """Return the nodes that are still open, in the order in which it would go on."""
