"""Pieces made by workers: text in, text out, whatever the worker is.

A worker keeps what pieces have seen, search by search, and is told what is new with each piece.
What it lacks, having come late, it asks for. Which pieces it has made itself is of no account: it
knows of them what everybody is told.
"""

import json
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import NamedTuple

from sim.exploration.forest import Forest
from sim.exploration.pieces import Came, Piece, Site, WhatWasSeen
from sim.exploration.told import (
    came_of,
    code,
    data_of,
    piece_of,
    seen_of,
    subject_of,
    told_seen,
)
from sim.workers.seam import OtherCodeError, Workers

_KEPT = 8
"""Searches that a worker knows at a time: guards that are searched side by side."""
_ONE = Lock()
"""A process runs one world at a time; a worker of a cluster may have several threads."""


class _Search(NamedTuple):
    """A search, as a worker knows it."""

    site: Site
    seen: WhatWasSeen


_searches: "OrderedDict[str, _Search]" = OrderedDict()


def make_piece(asked: str) -> str:
    """Make a piece, in whatever process: the seam between them is this name, and JSON.

    asked: [the code that asks, name of the search, what is searched, the piece, number of the
    first piece of which it is told what it has seen, and for each from there on its variant and
    that]. Returns what came of it, or the number of the first piece of which it has to be told.
    Raises OtherCodeError if other code would answer, UserError if code of somebody's own is not to
    be had.
    """
    theirs, key, told, data, first, seen = json.loads(asked)
    if theirs != code():
        raise OtherCodeError(f"a worker has {code()}; here is {theirs}")
    with _ONE:
        search = _searches.get(key)
        if search is None:
            search = _searches[key] = _Search(Site(*subject_of(told)), WhatWasSeen())
        _searches.move_to_end(key)
        while len(_searches) > _KEPT:
            _searches.popitem(last=False)
        if first > search.seen.pieces:
            return json.dumps(search.seen.pieces)
        for number, (variant, entries) in enumerate(seen, first):
            search.seen.learn(number, variant, seen_of(entries))
        piece = piece_of(data)
        came = search.site.make(piece, search.seen.of(piece.variant))
        assert came is not None, "nobody gives up here"
        return json.dumps(data_of(came))


class Elsewhere:
    """Workers make the pieces. They are told what the last pieces have seen with each piece."""

    def __init__(self, workers: Workers) -> None:
        """Prepare."""
        self._workers = workers
        self.lost = workers.lost
        self._seen: dict[str, list[str]] = {}
        """For each search what its pieces have seen, as text, by number."""

    def places(self) -> int:
        """Return how many pieces they take at a time now: one each, and one to do next."""
        return 2 * max(self._workers.count(), 1)

    def submit(
        self, forest: Forest, piece: Piece, time_is_up: Callable[[], bool]
    ) -> "Future[Came | None]":
        """Have a piece made: to its end, for it is short."""
        future: Future[Came | None] = Future()
        future.set_running_or_notify_cancel()
        last = self.places() + 2  # so many may have been made since a worker was told
        try:
            self._ask(forest, piece, max(0, piece.before - last), future)
        except self.lost as error:
            future.set_exception(error)
        return future

    def taken(self, forest: Forest, piece: Piece, came: Came) -> None:
        """Take note that what came of a piece counts from now on."""
        text = json.dumps([piece.variant, told_seen(came.seen)])
        told = self._seen.setdefault(forest.key, [])
        if piece.number == len(told):  # else it is asked again, and comes to the same
            told.append(text)

    def _ask(self, forest: Forest, piece: Piece, first: int, future: "Future[Came | None]") -> None:
        """Ask a worker, with what pieces have seen from a first one on."""
        head = json.dumps([code(), forest.key, forest.told, piece, first])
        seen = ", ".join(self._seen.get(forest.key, [])[first : piece.before])
        asked = f"{head[:-1]}, [{seen}]]"
        inner = self._workers.executor.submit(make_piece, asked)
        inner.add_done_callback(self._answered(forest, piece, future))

    def _answered(
        self, forest: Forest, piece: Piece, future: "Future[Came | None]"
    ) -> "Callable[[Future[str]], None]":
        def answered(inner: "Future[str]") -> None:
            try:
                data = json.loads(inner.result())
                if isinstance(data, int):
                    self._ask(forest, piece, data, future)
                else:
                    future.set_result(came_of(data))
            except BaseException as error:
                future.set_exception(error)

        return answered
