"""Clients that come to a running server, are away, and come again: all in one loop of Trio.

Who comes when, as what, and where what it does is placed follows from the seed, by the same draws
as in a simulated deployment; the times are real ones.
"""

import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import trio

from sim.entropy import SPAN, draws, seed_for
from sim.errors import NoAnswer
from sim.live.visiting.address import Address
from sim.live.visiting.gate import PATIENCE_S, Gate
from sim.live.visiting.knock import knock
from sim.live.visiting.seen import PUT_OFF, Seen, Visited
from sim.live.visiting.session import Due, Session
from sim.live.visiting.wire import Route
from sim.model.times import Time, draw_number
from sim.model.visiting import Part

_TELL_S: Final = 0.5
_BUSY: Final = frozenset({429, 503})
"""Answers by which a server asks to be left in peace."""
OnMoment = Callable[[float], None]
"""Called with seconds since the visits began, when they have come."""
OnProgress = Callable[[float, int, int], None]
"""Called with seconds since the visits began, connections that are open, sessions that are over."""


@dataclass(frozen=True, slots=True)
class Visits:
    """What is played."""

    address: Address
    parts: tuple[Part, ...]
    clients: int
    """At the same time, each with one session after the other."""
    ramp_s: float
    """Within which the first sessions begin."""
    away_ms: Time
    """Between two sessions of a client."""
    seconds: float
    """Sessions begin for so long; those that still go on then end by a close."""
    rate: float
    """New connections in a second, at most."""
    answer_s: float
    """So long a client waits for an answer."""
    seed: int
    moments: tuple[float, ...] = ()
    """Seconds at which somebody wants to be told, ascending."""


def visit(visits: Visits, on_moment: OnMoment, on_progress: OnProgress) -> Visited:
    """Play visits; return what was seen, also if Ctrl-C ended them.

    Raises NoAnswer in one line if the first connection, which is alone, finds no WebSocket there.
    """
    return trio.run(_Crowd(visits, on_moment, on_progress).run)


class _Crowd:
    """All clients of a run."""

    def __init__(self, visits: Visits, on_moment: OnMoment, on_progress: OnProgress) -> None:
        self._visits = visits
        self._on_moment = on_moment
        self._on_progress = on_progress
        self._gate = Gate(visits.rate)
        self._weights = list(accumulate(part.weight for part in visits.parts))
        self._ending = trio.Event()
        self._open: set[Session] = set()
        self._seen: list[Seen] = []
        self._route: Route
        self._began = self._played_s = 0.0
        self._stopped = False
        self._gave_up = ""

    async def run(self) -> Visited:
        """Play all of it."""
        no_answer: NoAnswer | None = None
        async with trio.open_nursery() as helpers:
            await helpers.start(self._listen, helpers.cancel_scope)
            try:
                self._route = await knock(self._visits.address, self._visits.parts)
                await self._play(helpers)
            except NoAnswer as error:
                no_answer = error
            helpers.cancel_scope.cancel()
        if no_answer is None and not self._began:
            no_answer = NoAnswer("stopped before anything was played")
        if no_answer is not None:
            raise no_answer
        gate, played_s = self._gate, self._played_s
        return Visited(tuple(self._seen), played_s, gate.pauses, self._stopped, self._gave_up)

    async def _play(self, helpers: trio.Nursery) -> None:
        self._began = trio.current_time()
        helpers.start_soon(self._time)
        helpers.start_soon(self._tell)
        async with trio.open_nursery() as clients:
            for client in range(self._visits.clients):
                clients.start_soon(self._come_and_go, client)

    # -- beside the clients --------------------------------------------------------------------

    async def _listen(
        self, everything: trio.CancelScope, task_status: trio.TaskStatus[None]
    ) -> None:
        """End at Ctrl-C: by closing all connections, at a second one by dropping them."""
        if threading.current_thread() is not threading.main_thread():
            task_status.started()  # no signal comes here
            return
        with trio.open_signal_receiver(signal.SIGINT) as signals:
            task_status.started()
            async for _ in signals:
                if self._stopped or not self._began:
                    everything.cancel()
                self._stopped = True
                self._end()

    async def _time(self) -> None:
        for moment in self._visits.moments:
            if moment < self._visits.seconds:
                await trio.sleep_until(self._began + moment)
                self._on_moment(moment)
        await trio.sleep_until(self._began + self._visits.seconds)
        self._end()

    async def _tell(self) -> None:
        while True:
            self._on_progress(self._now(), len(self._open), len(self._seen))
            await trio.sleep(_TELL_S)

    def _now(self) -> float:
        return trio.current_time() - self._began

    def _end(self) -> None:
        """Let nobody come any more, and everybody leave."""
        if not self._ending.is_set():
            self._played_s = min(self._now(), self._visits.seconds)
            self._ending.set()
            for session in self._open:
                session.leave_now()

    # -- a client ------------------------------------------------------------------------------

    async def _come_and_go(self, client: int) -> None:
        seed, number = self._visits.seed, 0
        away_s = self._visits.ramp_s * next(draws("arrival", seed, client)) / SPAN
        while await self._pause(away_s) and await self._pause(self._gate.reserve(self._now())):
            await self._one_session(client, number)
            drawn = draw_number(self._visits.away_ms, seed, "away", client, number)
            away_s, number = drawn / 1000, number + 1

    async def _pause(self, seconds: float) -> bool:
        """Wait; return whether one may go on behind it."""
        with trio.move_on_after(seconds):
            await self._ending.wait()
        return not self._ending.is_set()

    async def _one_session(self, client: int, number: int) -> None:
        part, now_s = self._drawn(client, number), self._now()
        if not self._gate.admits(now_s):
            self._seen.append(Seen(part.visit, now_s, refused=PUT_OFF))
            self._look_for_hope()
            return
        due = self._due(part, client, number)
        session = Session(self._route, part, due, self._visits.answer_s, self._gate.accept)
        self._open.add(session)
        try:
            seen = await session.play(now_s)
        finally:
            self._open.discard(session)
        self._seen.append(seen)
        self._learn(seen)

    def _learn(self, seen: Seen) -> None:
        if seen.refused and (not seen.status or seen.status in _BUSY):
            self._gate.refuse(self._now())
            self._look_for_hope()
        elif seen.refused:
            self._gate.accept()  # it is there, and does not like what was asked
        elif not seen.opened:
            self._gate.forget()

    def _look_for_hope(self) -> None:
        if self._gate.is_hopeless(self._now()) and not self._ending.is_set():
            self._gave_up = f"the server took nobody for {PATIENCE_S:g} s"
            self._end()

    def _drawn(self, client: int, number: int) -> Part:
        """Return which kind of session this one is."""
        at = next(draws("visit", self._visits.seed, client, number)) / SPAN * self._weights[-1]
        return next(
            (one for one, upto in zip(self._visits.parts, self._weights, strict=True) if at < upto),
            self._visits.parts[0],
        )

    def _due(self, part: Part, client: int, number: int) -> Sequence[Due]:
        """Return what is placed, at the moments that this session draws."""
        key = seed_for(self._visits.seed, "session", client, number)
        return [
            Due(one.after, draw_number(one.delay_ms, key, index, "delay") / 1000, one.steps)
            for index, one in enumerate(part.placed)
        ]
