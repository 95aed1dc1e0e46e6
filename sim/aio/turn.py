"""One turn of the loop: what the operating system shows it, and what its clock says then.

CPython's loop asks its selector once per turn (`BaseEventLoop._run_once`, asyncio/base_events.py).
Everything that a kernel leaves open is decided there: which bytes have come, how far the clock is,
in which order descriptors are told. Two things are decided elsewhere: whether a reset is here by
the time of a send (tcp.py) and where threads land (threads.py).

What is no choice, and why:

- Bytes for a descriptor whose readers are not registered: the kernel's buffer can be looked at only
  by select, by recv and by the error of a send. Every beginning that could have come before is
  still offered when somebody reads.
- Timers that are cancelled, and deadlines that are due together anyway.

The clock is seen at deadlines: of what lies between two of them nothing is known. A wait that a
timer ends may end up to a grain later, since epoll counts whole milliseconds and the kernel adds
slack; timers within the grain may come due in one turn or not.
"""

from collections.abc import Callable
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector, SelectorKey
from typing import Any

from sim.aio.names import BareLoop, due_of
from sim.aio.tcp import Port, Sent
from sim.aio.visits import Visits
from sim.aio.world import EndOfRun, World, to_ns
from sim.errors import LimitReached
from sim.model.record import LOOP, Ending
from sim.model.schedule import Kind


class Spins(LimitReached):
    """Callbacks are ready all the time, no time passes, and nothing comes from outside."""


def _too_many(turns: int) -> LimitReached:
    return LimitReached(f"more than {turns} turns; --until says for how long to look")


Events = list[tuple[SelectorKey, int]]
_SPINNING = 100
"""Turns without time after which something must happen: code that waits in `sleep(0)` for another
task, or for a timer, would else go round for ever."""


class Selector(BaseSelector):
    """What asyncio asks for ready descriptors. It never waits: it decides what has happened."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.visits = Visits(world)
        self._keys: dict[Any, SelectorKey] = {}
        self._loop: BareLoop | None = None
        self._busy = 0
        """Turns since time moved, or something came."""
        self.before_turn: Callable[[], None] = lambda: None
        """Called before each turn."""
        self.landing: Callable[[bool], bool] = lambda must: False
        """Lets a thread land while nothing is ready; returns whether one did."""
        self.threads_out: Callable[[], int] = lambda: 0
        """How many threads have not landed yet."""

    def serve(self, loop: BareLoop) -> None:
        """Serve a loop."""
        self._loop = loop

    def forgive(self) -> None:
        """Count anew how long nothing has happened."""
        self._busy = 0

    # -- what a selector is --------------------------------------------------------------------

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        """Watch a descriptor."""
        key = SelectorKey(fileobj, self._number(fileobj), events, data)
        self._keys[key.fd] = key
        return key

    def unregister(self, fileobj: Any) -> SelectorKey:
        """Watch it no more."""
        return self._keys.pop(self._number(fileobj))

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        """Watch it for something else; it keeps its place."""
        return self.register(fileobj, events, data)

    def get_map(self) -> Any:
        """Return what is watched."""
        return self._keys

    def get_key(self, fileobj: Any) -> SelectorKey:
        """Return how a descriptor is watched. Raises KeyError if it is not."""
        return self._keys[self._number(fileobj)]

    def close(self) -> None:
        """Watch nothing."""
        self._keys.clear()

    @staticmethod
    def _number(fileobj: Any) -> int:
        return fileobj if isinstance(fileobj, int) else int(fileobj.fileno())

    # -- one turn ------------------------------------------------------------------------------

    def select(self, timeout: float | None = None) -> Events:
        """Return what the kernel tells the loop in this turn. Raises EndOfRun."""
        world = self._world
        world.turns += 1
        if world.turns > world.limits.steps:
            raise EndOfRun(Ending.STEP_LIMIT, _too_many(world.limits.steps))
        busy = timeout == 0
        self.before_turn()
        self.visits.show(busy, self._busy, self._chooses)
        before = world.now_ns, len(world.events)
        if busy or self._ready():
            self._pass_by()
        else:
            self._wait()
        moved = (world.now_ns, len(world.events)) != before
        self._busy = 0 if moved or not busy else self._busy + 1
        return self._in_order(self._ready())

    def _chooses(self) -> bool:
        """Whether something is going to be a choice in this turn."""
        late = self._world.late_left > 0
        dying = any(unit.what is Sent.RST for port in self._world.ports for unit in port.under_way)
        return (
            bool(self._visible())
            or dying  # a send may meet it
            or (late and any(due > self._world.now_ns for due in self._deadlines()))
            or bool(self.threads_out())
        )

    def _pass_by(self) -> None:
        """Something is ready already: what else has come meanwhile, and how late is it?"""
        world = self._world
        if self._busy >= _SPINNING:
            self._go_on()
            return
        if world.late_left > 0:
            self._be_late([due for due in self._deadlines() if due > world.now_ns])
        world.move_to(world.now_ns)
        self._arrivals(must=False)

    def _be_late(self, deadlines: list[int]) -> None:
        """Decide whether the clock is at a deadline to come already."""
        world = self._world
        latest = world.now_ns + to_ns(world.bounds.stall_ms)
        within = [due for due in deadlines if due <= latest]
        options = ("now", *(f"deadline {number}" for number in range(len(within))))
        picked = world.ask(Kind.CLOCK, options, 0, "busy")
        if picked:
            world.late_left -= 1
            self._move(within[picked - 1], late=True)

    def _wait(self) -> None:
        """Nothing is ready: what ends the wait? Raises EndOfRun if nothing ever does."""
        world = self._world
        while True:
            world.move_to(world.now_ns)
            if self._loop is not None and self._loop.ready_queue:
                return  # what the outside did has called the loop
            visible = self._visible()
            dues = self._ends_of_wait(visible)
            options: list[tuple[str, int | None]] = [("now", None)] if visible else []
            alarm = world.next_alarm()
            limit = self._latest(visible)
            if alarm is not None and (not dues or alarm.due_ns <= dues[0][0]):
                if limit is None or alarm.due_ns <= limit:
                    options.append((f"{alarm.name} acts", alarm.due_ns))
                dues = []
            options += [(label, due) for due, label in dues]
            if self.threads_out() and self.landing(not options):
                return
            if not options:
                raise EndOfRun(Ending.DEADLOCK)
            picked = world.ask(Kind.CLOCK, tuple(label for label, _ in options), 0, "idle")
            label, due = options[picked]
            if due is None:
                self._arrivals(must=True)
                return
            if label.endswith(" acts"):
                world.move_to(due)
                if self.threads_out() and self.landing(False):
                    return
                continue
            world.late_left -= label.startswith("late ")
            self._move(due, late=label.startswith("late "))
            self._arrivals(must=False)
            return

    def _ends_of_wait(self, visible: list[Port]) -> list[tuple[int, str]]:
        """Return the deadlines that may end a wait; those beyond the grain make it a late one."""
        world = self._world
        limit = self._latest(visible)
        deadlines = [due for due in self._deadlines() if limit is None or due <= limit]
        if not deadlines:
            return []
        first = max(deadlines[0], world.now_ns)
        free, latest = first + to_ns(world.bounds.grain_ms), first + to_ns(world.bounds.stall_ms)
        found = []
        for number, due in enumerate(deadlines):
            if number == 0 or due <= free:
                found.append((max(due, world.now_ns), f"deadline {number}"))
            elif world.late_left > 0 and due <= latest:
                found.append((due, f"late deadline {number}"))
        return found

    def _go_on(self) -> None:
        """Something must happen, though callbacks are ready all the time. Raises EndOfRun."""
        world = self._world
        visible = self._visible()
        if visible:
            self._arrivals(must=True)
            return
        deadlines = [due for due in self._deadlines() if due > world.now_ns]
        alarm = world.next_alarm()
        if alarm is not None:
            deadlines.append(alarm.due_ns)
        if not deadlines:
            raise EndOfRun(Ending.DEADLOCK, Spins("it goes round without end"))
        self._move(min(deadlines), late=False)

    # -- the clock -----------------------------------------------------------------------------

    def _deadlines(self) -> list[int]:
        """Return when timers are due, each time once, in order."""
        assert self._loop is not None, "a selector serves a loop"
        return sorted({World.ns_of(due_of(timer)) for timer in self._loop.timers()})

    def _latest(self, visible: list[Port]) -> int | None:
        """Return when what is under way must have come; None if nothing is."""
        if not visible:
            return None
        sent = min(port.under_way[0].sent_ns for port in visible)
        return sent + to_ns(self._world.bounds.latency_ms)

    def _move(self, due_ns: int, late: bool) -> None:
        world = self._world
        if late:
            by_ns = due_ns - world.now_ns
            world.event("late", "(clock)", by_us=by_ns // 1000)
        world.move_to(due_ns)

    # -- what has come -------------------------------------------------------------------------

    def _visible(self) -> list[Port]:
        """Return the ports of which something is under way, and looked for."""
        return [port for port in self._world.ports if port.under_way and self.reads(port)]

    def reads(self, port: Port) -> bool:
        """Whether what comes on a connection is looked for."""
        key = self._keys.get(port.descriptor)
        return not port.closed and key is not None and bool(key.events & EVENT_READ)

    def _arrivals(self, must: bool) -> None:
        """Decide what of each connection arrives. must: something has to."""
        world = self._world
        visible = self._visible()
        came = False
        for number, port in enumerate(visible):
            forced = must and not came and number == len(visible) - 1
            options = (LOOP, port.name)
            least = sum(map(world.is_overdue, port.under_way))
            comes = least or forced or world.ask(Kind.ARRIVAL, options, int(must), "net") == 1
            if comes:
                self._arrive(port, max(least, 1))
                came = True

    def _arrive(self, port: Port, least: int) -> tuple[int, bool]:
        """Let what is under way on a connection arrive, or the first of it. least: how many.

        Returns how many units did, and whether the last of them is one half of one.
        """
        world, most = self._world, len(port.under_way)
        picked = world.ask(Kind.VALUE, range(least, most + 1), most - least, port.name)
        count = least + picked
        is_cut = self._cuts(port, count - 1)
        what = [unit.what.value for unit in list(port.under_way)[:count]]
        if is_cut:
            port.cut(count - 1)
            what[-1] = "half a frame"
        world.event("arrived", "(net)", connection=port.name, what=",".join(what))
        port.arrive(count)
        return count, is_cut

    def _cuts(self, port: Port, index: int) -> bool:
        """Decide whether only half of a unit arrives now."""
        world, unit = self._world, port.under_way[index]
        if not world.splits_left or len(unit.data) < 2 or world.is_overdue(unit):
            return False
        cuts = world.ask(Kind.VALUE, ("whole", "half"), 0, f"{port.name}:split") == 1
        world.splits_left -= cuts
        return cuts

    # -- what is ready -------------------------------------------------------------------------

    def _ready(self) -> list[tuple[Port, SelectorKey, int]]:
        """Return what is ready, in the order in which descriptors were opened."""
        found = []
        for port in self._world.ports:
            key = self._keys.get(port.descriptor)
            if key is None or port.closed:
                continue
            mask = EVENT_READ | EVENT_WRITE if port.dead else EVENT_WRITE
            mask |= EVENT_READ if port.readable else 0
            if mask & key.events:
                found.append((port, key, mask & key.events))
        return found

    def _in_order(self, ready: list[tuple[Port, SelectorKey, int]]) -> Events:
        """Return them in the order in which the kernel tells them."""
        ordered: Events = []
        while ready:
            names = tuple(port.name for port, _, _ in ready)
            _, key, mask = ready.pop(self._world.ask(Kind.STEP, names, 0, "epoll"))
            ordered.append((key, mask))
        return ordered
