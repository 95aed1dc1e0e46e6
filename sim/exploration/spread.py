"""Searches in pieces: made here, or wherever workers are.

Of several subjects the one goes on first that came least far in virtual time. Pieces are pure and
are taken in by number, so that work that was lost is simply done again, and what was kept of an
earlier search is taken instead of being made.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from sim.errors import UserError
from sim.exploration.conclude import Extent, conclude
from sim.exploration.forest import Forest
from sim.exploration.inquiry import Inquiry
from sim.exploration.pieces import Came, Piece, Site, going
from sim.exploration.runs import BY_HAND, SOON
from sim.exploration.stability import FirstRun, kept_otherwise
from sim.exploration.tally import SoFar, Tally
from sim.exploration.told import key_of, told_of
from sim.exploration.verdict import Exploration
from sim.kernel.series import run_once
from sim.runs.subject import Subject
from sim.schedulers.fifo import Fifo

_AGAIN = 8
"""Of somebody's own code, every so many pieces that were kept one is made again."""
_TIME = "its time was up"
_LOOKS_S = 0.2
"""How often somebody is asked whether the time is up, while workers work."""


class Makers(Protocol):
    """Those who make pieces. One who makes them where it is asked returns futures that are done."""

    lost: tuple[type[Exception], ...]
    """What a piece raises that cannot be made, since its worker is lost each time."""

    def places(self) -> int:
        """Return how many pieces they take at a time now: one each, and one to do next."""

    def submit(
        self, forest: Forest, piece: Piece, time_is_up: Callable[[], bool]
    ) -> "Future[Came | None]":
        """Have a piece made. It comes to None if it was given up, as the time is up."""

    def taken(self, forest: Forest, piece: Piece, came: Came) -> None:
        """Take note that what came of a piece counts from now on."""


class Here:
    """This process makes them."""

    lost: tuple[type[Exception], ...] = ()

    def places(self) -> int:
        """Return 1: a piece is made at once."""
        return 1

    def submit(
        self, forest: Forest, piece: Piece, time_is_up: Callable[[], bool]
    ) -> "Future[Came | None]":
        """Make it now."""
        future: Future[Came | None] = Future()
        future.set_result(forest.site.make(piece, forest.seen.of(piece.variant), time_is_up))
        return future

    def taken(self, forest: Forest, piece: Piece, came: Came) -> None:
        """Take note that what came of a piece counts from now on."""
        forest.seen.learn(piece.number, piece.variant, came.seen)


class Log(Protocol):
    """What was kept of searches, so that they need not be made again."""

    def came_of(self, forest: Forest, piece: Piece) -> Came | None:
        """Return what came of a piece, None if that was not kept."""

    def keep(self, forest: Forest, piece: Piece, came: Came) -> None:
        """Keep what came of a piece."""

    def taken(self, forest: Forest, piece: Piece, came: Came) -> None:
        """Take note that what came of a piece counts from now on."""

    def conclude(self, forest: Forest, verdict: dict[str, Any]) -> None:
        """Keep what a search came to."""


class NoLog:
    """Nothing is kept."""

    def came_of(self, forest: Forest, piece: Piece) -> Came | None:
        """Return None."""
        return None

    def keep(self, forest: Forest, piece: Piece, came: Came) -> None:
        """Do nothing."""

    def taken(self, forest: Forest, piece: Piece, came: Came) -> None:
        """Do nothing."""

    def conclude(self, forest: Forest, verdict: dict[str, Any]) -> None:
        """Do nothing."""


def search_in_pieces(
    subjects: Sequence[Subject],
    inquiry: Inquiry,
    on_run: Callable[[Subject, SoFar], None],
    time_is_up: Callable[[Subject], bool] = lambda _: False,
    makers: Makers | None = None,
    log: Log | None = None,
) -> list[Exploration]:
    """Search the schedules of several subjects, the near future of all before the far one of any.

    inquiry: one that is divisible. on_run: called with a subject whenever more is known of it.
    time_is_up: asked with a subject before pieces of it are made. makers: who makes pieces; by
    default this process. log: where what came of pieces is kept. Raises UserError for what a
    subject cannot be asked.
    """
    assert inquiry.is_divisible, "others are not asked in pieces"
    begun = [_Begun(one, inquiry, partial(on_run, one)) for one in subjects]
    log = log or NoLog()
    drive = _Drive(begun, makers or Here(), log, time_is_up)
    try:
        drive.run()
    except KeyboardInterrupt:
        for one in begun:
            one.stop(BY_HAND)
    finally:
        for one in begun:
            one.close()
    found = [one.exploration() for one in begun]
    for one, came in zip(begun, found, strict=True):
        log.conclude(one.forest, {"verdict": str(came.verdict), "says": came.words()})
    return found


class _Begun:
    """The search for one subject: its forest, and the runs that others are compared to."""

    def __init__(self, subject: Subject, inquiry: Inquiry, on_run: Callable[[SoFar], None]) -> None:
        if why := subject.refuses(inquiry.prop):
            raise UserError(why)
        self.subject = subject
        self._inquiry = inquiry
        site = Site(subject, inquiry)
        self._first: list[FirstRun] = []
        tally = Tally(subject, inquiry, on_run)
        usual = []
        for number, job in enumerate(site.jobs):
            end = run_once(job.under(Fifo()))
            first = FirstRun(site.variants[number], end, elsewhere=number == 0)
            tally.unstable = tally.unstable or first.compare(run_once(job.under(Fifo())))
            self._first.append(first)
            usual.append(going(end))
        # it does not pay where little time is looked at; only classes can be put off
        deep = tuple(inquiry.way.reads_steps and job.limits.ticks > 4 * SOON for job in site.jobs)
        told = told_of(subject, inquiry)
        key = "" if told is None else key_of(told, subject.has_own_code)
        self.forest = Forest(subject, inquiry, site, tally, told, key, deep, tuple(usual))

    @property
    def depth(self) -> tuple[int, bool]:
        """How far it came in virtual time, and whether it fails: that others do is news sooner."""
        return self.forest.depth, self.forest.tally.failing > 0

    def stop(self, why: str) -> None:
        """Take note that it was stopped from outside, unless it had come to its end."""
        if not self.forest.is_over:
            self.forest.tally.stopped = why

    def close(self) -> None:
        """Compare once more, and want no more."""
        tally = self.forest.tally
        for number, first in enumerate(self._first):
            if not tally.unstable and self.forest.runs:
                again = run_once(self.forest.site.jobs[number].under(Fifo()))
                tally.unstable = first.compare(again) or first.elsewhere()
                tally.unseen = tally.unseen or first.unseen
            first.close()

    def exploration(self) -> Exploration:
        """Return the verdict, with its bounds."""
        forest, every = self.forest, len(self._first)
        forest.tally.leave(forest.finished)
        ended = forest.finished
        extent = Extent(forest.runs, every, every, ended, forest.paused, pruned=forest.pruned)
        return conclude(self.subject, self._inquiry, forest.tally, extent)


@dataclass(slots=True)
class _Drive:
    """Searches under way."""

    begun: list[_Begun]
    makers: Makers
    log: Log
    time_is_up: Callable[[Subject], bool]
    waiting: dict[int, deque[Piece]] = field(default_factory=dict)
    """For each search the pieces that nobody makes yet."""
    made: "dict[Future[Came | None], tuple[int, Piece]]" = field(default_factory=dict)
    """Those that somebody makes, each with the number of its search."""
    kept: dict[tuple[int, int], Came] = field(default_factory=dict)
    """What came of pieces before that are made again, to see whether they still come to that: by
    search and number."""

    def run(self) -> None:
        """Go on until all searches are over."""
        for number, _ in enumerate(self.begun):
            self.waiting[number] = deque()
        while self._advance():
            self._hand_out()
            self._take()

    def _advance(self) -> bool:
        """Let each search go as far as it can. Return whether one of them is not over."""
        going_on = False
        for number, one in enumerate(self.begun):
            forest = one.forest
            while True:
                pieces = forest.advance(partial(self._taken, forest))
                left = [piece for piece in pieces if not self._was_kept(number, piece)]
                self.waiting[number].extend(left)
                if len(left) == len(pieces):
                    break
            if forest.is_over:
                self.waiting[number].clear()
            going_on |= not forest.is_over
        return going_on

    def _taken(self, forest: Forest, piece: Piece, came: Came) -> None:
        self.makers.taken(forest, piece, came)
        self.log.taken(forest, piece, came)

    def _was_kept(self, number: int, piece: Piece) -> bool:
        """Take what came of a piece from the log. Return whether it need not be made."""
        one = self.begun[number]
        came = self.log.came_of(one.forest, piece)
        if came is None:
            return False
        if one.subject.has_own_code and piece.number % _AGAIN == 0:
            self.kept[number, piece.number] = came
            return False
        one.forest.came[piece.number] = came
        return True

    def _hand_out(self) -> None:
        """Give each maker something to do, and something to do next."""
        most = self.makers.places()
        while len(self.made) < most:
            able = [number for number, waiting in self.waiting.items() if waiting]
            if not able:
                return
            number = min(able, key=lambda one: self.begun[one].depth)
            one = self.begun[number]
            if self.time_is_up(one.subject):
                one.forest.tally.stopped = _TIME
                self.waiting[number].clear()
                continue
            piece = self.waiting[number].popleft()
            up = partial(self.time_is_up, one.subject)
            self.made[self.makers.submit(one.forest, piece, up)] = number, piece

    def _take(self) -> None:
        """Wait for pieces, and keep what came of those that are made."""
        if not self.made:
            return
        done, _ = wait(self.made, _LOOKS_S, FIRST_COMPLETED)
        if not done:
            for one in self.begun:
                if not one.forest.is_over and self.time_is_up(one.subject):
                    one.forest.tally.stopped = _TIME
        for future in done:
            number, piece = self.made.pop(future)
            one = self.begun[number]
            try:
                came = future.result()
            except self.makers.lost as error:
                what = f"the process that looked at a part of it was lost each time: {error}"
                one.forest.tally.stopped = one.forest.tally.stopped or what
                continue
            if came is None:
                one.forest.tally.stopped = one.forest.tally.stopped or _TIME
                continue
            before = self.kept.pop((number, piece.number), came)
            if before._replace(usual="") != came._replace(usual=""):
                one.forest.tally.unstable = kept_otherwise(one.subject)
                continue
            self.log.keep(one.forest, piece, came)
            one.forest.came[piece.number] = came
