"""One search in pieces: which are to be made, and what is known once they were.

What is searched does not depend on who makes the pieces, on how many there are, or on who is done
first. Pieces have numbers. A piece is cut off as soon as that is possible with few enough others
under way, and what came of them is taken in by number; where both could be done, cutting
comes first. So whatever a piece is made of (its nodes, what was seen before) follows from what came
of earlier ones alone, and so does the moment at which the search has had enough: not only the
verdict of a search that came to its end is the same for any number of workers, but also the figures
of one that was cut.

Pieces that are under way do not know what the others meet, and meet it again: in searches of 2,000
to 4,000 runs with 256 of them under way a fifth to a quarter of all runs was made twice, with 64 up
to a fortieth. So few pieces may be under way at first, and later as many as are a sixteenth of all.
They are cut off from places that are far from each other, for neighbours meet the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sim.exploration.inquiry import Inquiry
from sim.exploration.judged import Candidate
from sim.exploration.pieces import RUNS, Came, Failing, Piece, PutOff, Site, WhatWasSeen
from sim.exploration.runs import SOON
from sim.exploration.stability import usual_went_otherwise
from sim.exploration.tally import Tally
from sim.runs.subject import Subject
from sim.schedulers.tree import ROOT, Node

LEAST_AHEAD, MOST_AHEAD = 4, 64
"""Pieces that may be under way: enough for two workers at first, in the end for dozens."""
_SHARE_AHEAD = 16
"""One piece more for each so many that were taken in."""
_NODES = 8
"""Nodes of a piece, at most: few are worth as many runs as a piece makes."""


@dataclass(slots=True)
class Forest:
    """What is known of the search for one subject, and what is left of it."""

    subject: Subject
    inquiry: Inquiry
    site: Site
    tally: Tally
    told: dict[str, Any] | None
    """What is searched and asked, as plain data; None if it is to be had only here."""
    key: str
    """A name for it; "" if it is to be had only here."""
    deep: tuple[bool, ...]
    """For each variant whether it deepens over virtual time."""
    usual: tuple[str, ...]
    """For each variant how its usual run goes."""
    open: list[tuple[int, Node]] = field(default_factory=list)
    """Nodes with their variants, the next one last."""
    put_off: list[tuple[int, Node]] = field(default_factory=list)
    seen: WhatWasSeen = field(default_factory=WhatWasSeen)
    """What pieces have met, if this process makes them; else those know it who make them."""
    runs: int = 0
    cut: int = 0
    """Pieces that were cut off."""
    taken: int = 0
    """Pieces that were taken in."""
    depth: int = 0
    """How often it went on to what lies further in virtual time."""
    pruned: int = 0
    finished: bool = False
    """Whether nothing is left."""
    paused: bool = False
    """Whether it had enough before."""
    came: dict[int, Came] = field(default_factory=dict)
    """What came of pieces that are not taken in yet."""
    _classes: set[tuple[int, str]] = field(default_factory=set)
    _under_way: dict[int, Piece] = field(default_factory=dict)
    _horizon: int = SOON

    def __post_init__(self) -> None:
        self.open = [(variant, ROOT) for variant in range(len(self.deep))][::-1]

    @property
    def is_over(self) -> bool:
        """Whether it is known all that is wanted, or can be."""
        left = self.open or self.put_off or self._under_way
        cut = self.runs >= self.inquiry.most and bool(left)
        return self.finished or self.paused or self.tally.enough or cut

    def advance(self, on_taken: Callable[[Piece, Came], None]) -> list[Piece]:
        """Go as far as is possible with what came so far. Return the pieces to be made for it.

        on_taken: called with each piece that is taken in.
        """
        pieces = []
        while not self.is_over:
            piece = self._next_piece() if len(self._under_way) < self._ahead else None
            if piece is not None:
                pieces.append(piece)
            elif self._under_way:
                came = self.came.pop(self.taken, None)
                if came is None:
                    break
                made = self._under_way.pop(self.taken)
                self._take_in(made, came)
                on_taken(made, came)
            else:
                self._look_further()
        return pieces

    @property
    def _ahead(self) -> int:
        """How many pieces may be under way."""
        return max(LEAST_AHEAD, min(MOST_AHEAD, self.taken // _SHARE_AHEAD))

    # -- cutting pieces off --------------------------------------------------------------------

    def _next_piece(self) -> Piece | None:
        """Cut a piece off; None if nothing is open, or if all runs are given away."""
        given = self.runs + sum(one.most for one in self._under_way.values())
        most = min(RUNS, self.inquiry.most - given)
        if not self.open or most < 1:
            return None
        place = len(self.open) - 1 - self.cut % self._ahead * len(self.open) // self._ahead
        variant, node = self.open.pop(place)
        nodes = [node]
        share = min(_NODES, len(self.open) // self._ahead)
        while len(nodes) < share and place and self.open[place - 1][0] == variant:
            place -= 1
            nodes.append(self.open.pop(place)[1])
        horizon = self._horizon if self.deep[variant] else None
        news = not self.tally.knows_both
        piece = Piece(self.cut, variant, tuple(nodes), most, horizon, self.taken, news)
        self._under_way[piece.number] = piece
        self.cut += 1
        return piece

    def _look_further(self) -> None:
        """Go on with what was put off: everything before is done."""
        if not self.put_off:
            self.finished = True
            return
        due = min(node.due for _, node in self.put_off)
        self.tally.reach(due)
        enough = self.inquiry.enough
        if enough is not None and self.runs >= enough and due >= self.inquiry.at_least:
            self.paused = True
            return
        self._horizon = max(due, 2 * due - 1)  # up to where the next ones of its kind are due
        self.open = [one for one in self.put_off if one[1].due <= self._horizon][::-1]
        self.put_off = [one for one in self.put_off if one[1].due > self._horizon]
        self.depth += 1

    # -- taking in what came of them -----------------------------------------------------------

    def _take_in(self, piece: Piece, came: Came) -> None:
        """Take in what came of a piece. Of a class that others have met, too, one run counts."""
        variant, tally = piece.variant, self.tally
        self.taken += 1
        self.runs += came.runs
        self.pruned += came.pruned
        if came.usual and came.usual != self.usual[variant]:
            tally.unstable = usual_went_otherwise(self.subject)
        tally.unstable = tally.unstable or came.unstable
        tally.variant = self.site.variants[variant]
        for met in came.met:
            if met.name:
                if (variant, met.name) in self._classes:
                    continue
                self._classes.add((variant, met.name))
            tally.count(came.judged[met.judged], met.points)
        if came.failing is not None:
            tally.keep(self._candidate(variant, came.failing))
        self.open += [(variant, node) for node in reversed(came.left)]
        for one in came.put_off:
            self._put_off(variant, one)
        tally.tell()

    def _candidate(self, variant: int, found: Failing) -> Candidate:
        site = self.site
        return Candidate(found.cost, found.label, lambda: site.again(variant, found))

    def _put_off(self, variant: int, one: PutOff) -> None:
        """Keep a run for later; if it tells what nobody knew yet, make it to its end now."""
        self.put_off.append((variant, one.node))
        if one.fails is not None and self.tally.is_first(one.fails):
            self.tally.anticipate(self.site.end_of(variant, one.node.picks))
