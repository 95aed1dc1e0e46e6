"""Leads the real kernel through the turns of a run that was simulated.

CPython's loop, its transports and the application run as they always do. At each turn what the
simulated system did is done to the real one: clients write what arrived, time passes until as many
timers are due, and epoll is asked. What it answers must be the same set of descriptors; then it is
put into the order of the run, for real epoll tells them in any order. If it is not the same, or a
timer is due too soon, the turn could not be *placed*: that says nothing about the application.

Clocks are taken by name when this is imported: those of the module `time` are virtual in runs.
"""

import select
from collections import deque
from contextlib import suppress
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey
from time import monotonic_ns, sleep
from typing import Any

from sim.aio.names import due_of
from sim.aio.session import AppJob
from sim.aio.tape import Tape, Turn
from sim.aio.tcp import Port
from sim.aio.turn import Events, Selector, Spins
from sim.aio.world import EndOfRun, World
from sim.live.steered.port import Ends, NotDelivered, RealPort
from sim.model.record import Ending
from sim.model.schedule import Kind, Options

_SETTLE_NS = 50_000_000
"""How long epoll may take to say what it is to say: loopback takes microseconds."""
_QUIET_S = 0.02
"""How long nothing may happen where a run has come to stand still."""
_CLEAN_UP_S = 2.0
"""How long stopping the application may take, once the run is over."""


class RealWorld(World):
    """A world above the real kernel: events have the times of the run, clocks are real."""

    def __init__(self, job: AppJob, tape: Tape, last: int, limit_s: float) -> None:
        """Prepare. tape: what is to be done. last: after which turn to stop. limit_s: seconds."""
        super().__init__(job.scheduler, job.limits, job.bounds, keep=False)
        self.problem = ""
        """Why the run could not be led on, "" if it could."""
        self.last = last
        self.tape = tape
        self.limit_ns = round(limit_s * 1e9)
        self._answers = deque(tape.answers)
        self._prepared: list[Ends] = []
        self._began_ns = monotonic_ns()
        self._shown_ns: int | None = None

    def prepare(self, connections: int) -> None:
        """Open connections beforehand: within the run sockets are refused, as they always are."""
        self._prepared = [Ends() for _ in range(connections)]

    def _new_port(self, number: int, name: str) -> Port:
        """Take the next of the connections."""
        return RealPort(number, name, lambda: self.now_ns, self._prepared[len(self.ports)])

    def close(self) -> None:
        """Close all that was opened."""
        for ends in self._prepared:
            ends.client.close()
            ends.server.close()

    # -- time ----------------------------------------------------------------------------------

    def since_ns(self) -> int:
        """Return how long ago it began, in nanoseconds of the real clock."""
        return monotonic_ns() - self._began_ns

    def clock_ns(self) -> int:
        """Return the real time since it began, which the application's clocks show."""
        shown, self._shown_ns = self._shown_ns, None
        return self.since_ns() if shown is None else shown

    def show(self, then_ns: int) -> None:
        """Let the next who reads the clock see this time.

        That is the loop, which asks right after its selector for the time by which timers are due.
        """
        self._shown_ns = then_ns

    def wait_until(self, then_ns: int) -> None:
        """Let real time pass. Raises EndOfRun if that would take too long."""
        if then_ns > self.limit_ns:
            self.stop(f"it takes {then_ns / 1e9:.1f} s, more than is waited for")
        while (left := then_ns - self.since_ns()) > 0:
            sleep(max(left - 200_000, 0) / 1e9)

    def block(self, for_ns: int, where: str = "") -> None:
        """Hold everything up for so long, in fact."""
        self.wait_until(self.since_ns() + for_ns)
        super().block(for_ns, where)

    # -- what was decided ----------------------------------------------------------------------

    def ask(self, kind: Kind, options: Options, default: int, asker: str, running: int = -1) -> int:
        """Return what was picked when the simulated run asked for the same."""
        if self.problem or not self._answers or self._answers[0].asker != asker:
            return default  # it goes another way, which its history will tell
        return min(self._answers.popleft().picked, len(options) - 1)

    def stop(self, problem: str) -> None:
        """End the run, which cannot be led on. Raises EndOfRun."""
        self.problem = self.problem or problem
        raise EndOfRun(Ending.FAILED)


class RealSelector(Selector):
    """Asks the real epoll, at each turn, after it has done what the tape says."""

    def __init__(self, world: RealWorld) -> None:
        super().__init__(world)
        self._led = world
        self._epoll = select.epoll()
        self._over = False
        self._turn = 0
        self._cleaned_up_by = 0

    # -- what is watched -----------------------------------------------------------------------

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        """Watch a descriptor."""
        known = self._number(fileobj) in self._keys
        key = super().register(fileobj, events, data)
        (self._epoll.modify if known else self._epoll.register)(key.fd, _asked(events))
        return key

    def unregister(self, fileobj: Any) -> SelectorKey:
        """Watch it no more."""
        key = super().unregister(fileobj)
        with suppress(OSError):  # it is closed, as in selectors.EpollSelector
            self._epoll.unregister(key.fd)
        return key

    def close(self) -> None:
        """Watch nothing."""
        super().close()
        self._epoll.close()

    # -- one turn ------------------------------------------------------------------------------

    def select(self, timeout: float | None = None) -> Events:
        """Do what the tape says, and return what the kernel tells. Raises EndOfRun."""
        world = self._led
        world.turns += 1
        if self._over:
            return self._clean_up(timeout)
        self.before_turn()
        turns = world.tape.turns
        if self._turn >= min(len(turns), world.last + 1):
            self._over = True
            self._end()
        turn = turns[self._turn]
        self._turn += 1
        try:
            return self._take(turn)
        except NotDelivered as error:
            self._over = True
            world.stop(f"turn {self._turn}: {error}")
        except EndOfRun:
            self._over = True
            raise
        raise AssertionError("stopping raises")

    def _take(self, turn: Turn) -> Events:
        world = self._led
        if turn.acted_ns is not None:
            world.wait_until(turn.acted_ns)
        world.move_to(turn.now_ns)
        ports = {port.name: port for port in world.ports}
        for name, count, is_cut in turn.arrived:
            port = ports[name]
            if len(port.under_way) < count:
                world.stop(f"turn {self._turn}: {name} has not sent so much")
            if is_cut:
                port.cut(count - 1)
            port.arrive(count)
        for _ in range(turn.landed):
            if not self.threads_out():
                world.stop(f"turn {self._turn}: no thread is out")
            self.landing(True)
        due = self._wait_for_timers(turn.due)
        told = self._told(turn)
        self._see_that_no_more_is_due(turn.due, due)
        return told

    def _timers(self) -> list[int]:
        assert self._loop is not None
        return sorted(World.ns_of(due_of(timer)) for timer in self._loop.timers())

    def _wait_for_timers(self, count: int) -> list[int]:
        """Wait until so many timers are due. Return when all are."""
        due = self._timers()
        if count > len(due):
            self._led.stop(f"turn {self._turn}: {count} timers were due, {len(due)} are set")
        if count:
            self._led.wait_until(due[count - 1])
        return due

    def _see_that_no_more_is_due(self, count: int, due: list[int]) -> None:
        now = self._led.since_ns()
        if len(due) > count and due[count] <= now:
            late = (now - due[count]) / 1e6
            self._led.stop(
                f"turn {self._turn}: a timer was due {late:.1f} ms too soon: this machine is "
                "slower than the timers of the run are apart"
            )
        self._led.show(now)

    def _told(self, turn: Turn) -> Events:
        """Return what epoll tells, in the order of the run, once it is the same set."""
        wanted = dict(turn.ready)
        ends_ns = monotonic_ns() + _SETTLE_NS
        while (found := self._poll(0)) != wanted and monotonic_ns() < ends_ns:
            pass
        if found != wanted:
            self._led.stop(
                f"turn {self._turn}: ready are {_words(found)} instead of {_words(wanted)}"
            )
        keys = self._by_name()
        return [(keys[name], mask) for name, mask in turn.ready]

    def _by_name(self) -> dict[str, SelectorKey]:
        ports = [port for port in self._led.ports if isinstance(port, RealPort)]
        numbers = {port.number: port.name for port in ports}
        return {numbers[fd]: key for fd, key in self._keys.items() if fd in numbers}

    def _poll(self, timeout_s: float) -> dict[str, int]:
        """Return which connections epoll tells of, with the events, as `EpollSelector` does."""
        keys = self._by_name()
        numbers = {key.fd: name for name, key in keys.items()}
        found = {}
        for fd, event in self._epoll.poll(timeout_s, max(len(self._keys), 1)):
            mask = EVENT_WRITE if event & ~select.EPOLLIN else 0
            mask |= EVENT_READ if event & ~select.EPOLLOUT else 0
            if fd in numbers and mask & keys[numbers[fd]].events:
                found[numbers[fd]] = mask & keys[numbers[fd]].events
        return found

    # -- the end -------------------------------------------------------------------------------

    def _end(self) -> None:
        """End the run where the simulated one ended. Raises EndOfRun."""
        world, tape = self._led, self._led.tape
        assert tape.ending is not None, "a run that was kept has ended"
        cut = self._turn < len(tape.turns)
        if tape.ending is Ending.DEADLOCK and not tape.spins and not cut:
            assert self._loop is not None
            if self._loop.ready_queue or (found := self._poll(_QUIET_S)):
                who = "the loop" if self._loop.ready_queue else _words(found)
                world.stop(f"it stood still after {self._turn} turns, here {who} goes on")
        raise EndOfRun(tape.ending, Spins("it goes round without end") if tape.spins else None)

    def _clean_up(self, timeout: float | None) -> Events:
        """Let the application stop: nothing is led any more. Raises EndOfRun after a while."""
        now = monotonic_ns()
        self._cleaned_up_by = self._cleaned_up_by or now + round(_CLEAN_UP_S * 1e9)
        while self.threads_out():
            self.landing(True)
            timeout = 0
        left = (self._cleaned_up_by - now) / 1e9
        if left <= 0:
            raise EndOfRun(Ending.TIME_LIMIT)
        told = self._poll(min(_QUIET_S if timeout is None else timeout, left))
        if timeout is None and not told:
            raise EndOfRun(Ending.DEADLOCK)
        keys = self._by_name()
        return [(keys[name], mask) for name, mask in told.items()]


def _asked(events: int) -> int:
    asked = select.EPOLLIN if events & EVENT_READ else 0
    return asked | (select.EPOLLOUT if events & EVENT_WRITE else 0)


def _words(ready: dict[str, int]) -> str:
    """Return who is ready for what."""
    what = {EVENT_READ: "read", EVENT_WRITE: "write", EVENT_READ | EVENT_WRITE: "read and write"}
    return ", ".join(f"{name} to {what[mask]}" for name, mask in ready.items()) or "nobody"
