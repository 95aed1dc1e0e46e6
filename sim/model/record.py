"""What a run leaves behind: events, steps, the way it ended. Plain frozen values, no Trio."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from sim.model.schedule import Schedule

CLOCK = "clock"
"""The task name of the steps in which time moves or deadlines expire."""
LOOP = "(loop)"
"""The option of letting the loop go on instead of anything from outside, and the task name of the
steps in which it starts a batch."""
END = -(1 << 60)
"""The end of a run among what is due; see `Look`."""
TIME = "(time)"
"""The time, as a name of shared state."""
Value = str | int | bool | None
"""What may stand in an event: plain values, so that a trace never shows an address."""


class Event(NamedTuple):
    """One thing that happened: at which tick, in which task, of what kind, with which values."""

    tick: int
    task: str
    kind: str
    values: Mapping[str, Value]


class Access(NamedTuple):
    """One read or write of a named piece of shared state.

    where: the line of the code under test that made it, "module:line"; "" unless asked for.
    caller: the line of somebody's own code that led to it; "" if there is none. Where
    lines are asked for, an event stands among the accesses as a read of "event:KIND", and `events`
    is how many the trace had then, that one among them; else 0, and an access that is repeated
    within a step stands there once.
    """

    name: str
    write: bool
    where: str = ""
    events: int = 0
    caller: str = ""


class Look(NamedTuple):
    """Times that were compared with one another: what a run hangs on besides its choices."""

    tick: int
    """The time that the others were compared with: where the clock stood, or went to."""
    due: tuple[tuple[int, int], ...]
    """Whose time, and which. Numbers above 0 are timers and those below deadlines of Trio, in the
    order of making, END is where the run ends; 0 is what somebody asked for.
    """
    moved: bool
    """Whether the clock moved, to the first of these; else somebody asked whether it has come."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one task did between two scheduling points.

    task: its path, or "clock" for the step in which time moved or deadlines expired. tick: when.
    choice: index of the choice that picked it, -1 if it was the only candidate. ready: the tasks
    that could have stepped, in ready order. accesses: reads and writes in program order. woke,
    spawned: tasks made runnable or created. joined: the task that was waiting for this one to
    exit, "" if none; nursery: the one in which it ended. outside: whether the task belongs to the
    outside world. events: how many the trace had when it began.

    Where a runtime steps its tasks in batches, the start of each is a step of its own, by the task
    "(loop)"; the batch is what follows up to the next step from outside, of the clock or start.
    """

    task: str
    tick: int
    choice: int
    ready: tuple[str, ...]
    accesses: tuple[Access, ...] = ()
    woke: tuple[str, ...] = ()
    spawned: tuple[str, ...] = ()
    joined: str = ""
    nursery: str = ""
    outside: bool = False
    events: int = 0
    local: bool = False


class Happened(Protocol):
    """A step that is over, frozen or not yet: what searches look at."""

    @property
    def task(self) -> str:
        """See `Step`, as for all of these."""

    @property
    def choice(self) -> int:
        """The choice that picked it."""

    @property
    def outside(self) -> bool:
        """Whether its task belongs to the outside world."""

    @property
    def local(self) -> bool:
        """Whether it is of no account."""

    @property
    def accesses(self) -> Iterable[Access]:
        """What it read and wrote."""

    @property
    def woke(self) -> Sequence[str]:
        """Whom it woke."""

    @property
    def spawned(self) -> Sequence[str]:
        """Whom it created."""

    @property
    def joined(self) -> str:
        """Who waited for its task to exit."""

    @property
    def nursery(self) -> str:
        """Where its task ended."""


class Pending(NamedTuple):
    """What is about to happen where a choice of order is made.

    Two runs in which the same things happened in the same causal order go on alike from there if
    this is equal, too.
    """

    batch: tuple[str, ...]
    """What is left of the loop's batch; like the rest in order where the runtime has one."""
    loop: tuple[tuple[str, int], ...]
    """Who of the loop is ready besides, with why they were woken."""
    timers: tuple[tuple[int, int, tuple[str, ...]], ...]
    """Timers to come: tick, why they wake, and whom."""
    waiting: tuple[str, ...]
    """Who of the loop waits, in the order in which they began to."""
    local: str
    """Who of the outside would do nothing but take in what it does not wait for; "" if nobody."""


class Ending(StrEnum):
    """The ways in which a world can end. Distinct, so that a cut run never looks like a pass."""

    COMPLETED = "completed"
    FAILED = "failed"
    """The program raised; `error` holds the exception."""
    DEADLOCK = "deadlock"
    STEP_LIMIT = "step_limit"
    TIME_LIMIT = "time_limit"
    REFUSED = "refused"
    """Something inside asked for a thread, a process, a socket, another event loop, or was not what
    it has to be to be judged."""
    DIVERGED = "diverged"
    """The scheduler could not answer a question, for example in a replay."""
    POSTPONED = "postponed"
    """Time would have moved beyond what is looked at for now (`Job.horizon`)."""
    REDUNDANT = "redundant"
    """The scheduler stopped it: whatever it would show was seen in another run."""

    @property
    def judged(self) -> bool:
        """Whether it says something about the code under test; any other one is no answer."""
        return self in (Ending.COMPLETED, Ending.DEADLOCK, Ending.TIME_LIMIT)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a world may use up.

    steps: scheduling steps; too few mean a loop that never blocks, or a limit set too low.
    ticks: virtual time, in ticks of 2**-20 s; reached when nothing else ends the run.
    grace: further steps for clean-up after a world is cancelled; beyond them it is stuck.
    """

    steps: int = 100_000
    ticks: int = 86_400 << 20
    grace: int = 10_000

    def __post_init__(self) -> None:
        for name in ("steps", "ticks", "grace"):
            if getattr(self, name) < 1:
                raise ValueError(f"limit {name} must be at least 1, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task that waits."""

    task: str
    """Its path; for a task of the outside world its name."""
    what: str
    """For what: "function (module:line)", innermost last; in words for the outside world, where ""
    means that it has nothing more to do."""
    where: str = ""
    """The innermost line of somebody's own code, "module:line"; "" if there is none."""


@dataclass(frozen=True, slots=True)
class End:
    """How one world ended.

    result: what the program returned. error: what was raised, or the reason for stopping it.
    tick, steps: where it stood then. due: where time would have moved to if it was postponed.
    met_end: whether more was due after its limit of time. waiting: on a deadlock, every task and
    what it waits for. stuck: it could not be ended after being cancelled. schedule, events,
    trace_steps: what was recorded; the last two are empty when recording is off, and so are
    `looks`. outside: what each client waits for. remarks: what judges need to know besides the
    trace, which the digest is of.
    """

    ending: Ending
    tick: int
    steps: int
    schedule: Schedule
    result: object = None
    error: BaseException | None = None
    waiting: tuple[Waiting, ...] = ()
    stuck: bool = False
    due: int = 0
    met_end: bool = False
    events: tuple[Event, ...] = ()
    trace_steps: tuple[Step, ...] = field(default=(), repr=False)
    outside: tuple[Waiting, ...] = ()
    remarks: tuple[Event, ...] = ()
    looks: tuple[Look, ...] = field(default=(), repr=False)


def silent_wakes(steps: Sequence[Step]) -> tuple[tuple[str, str], ...]:
    """Return who woke whom in a step that wrote nothing.

    Such a step hides an effect on shared state that nobody noted, so that no search which leaves
    out orders can be trusted with it. The end of a child may wake its parent; a step of the clock
    wakes whom it likes.
    """
    return tuple(
        (step.task, task)
        for step in steps
        if step.task != CLOCK and not any(access.write for access in step.accesses)
        for task in step.woke
        if task != step.joined
    )
