"""Why an application fails: the state that was tested, who wrote it, and what had been looked at.

The failing run is made again twice. The first time it is seen where the exception rose and which
attributes of which object were tested there; the second time all reads and writes of that class's
attributes are noted. Nothing is known of the classes: of Starlette's WebSocket no more than of
somebody's own.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import CodeType
from typing import TypeVar

from sim.aio.loop import SimLoop
from sim.aio.session import AppJob
from sim.aio.wakes import waking
from sim.hosting.condition import Condition, condition_of, is_plain, vars_of
from sim.hosting.findings import Served
from sim.hosting.member import Missing, missing_of, watching_members, who_reached
from sim.hosting.standing import Stand, stands_of, touches
from sim.hosting.target import Target
from sim.hosting.waits import SERVERS
from sim.hosting.watch import Access, watching
from sim.kernel.series import run_once
from sim.model.outcome import Finding
from sim.runs.app import AppSubject
from sim.runs.subject import Record
from sim.schedulers.replay import Replay


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one finding came about."""

    kind: str
    """The class of the object on whose state it depended."""
    state: str
    """The attribute that decided."""
    value: str
    """What was in it."""
    owner: str
    """The connection that the object belongs to, "" if that is not known."""
    where: str
    """The line that tested it, and raised."""
    writer: Access | None = None
    """Who had written it last, if anybody had in this run."""
    looked: tuple[Access, ...] = ()
    """What a line of the user's had read of the object last before."""
    written_after: bool = False
    """Whether it was written after what was read last."""
    private: bool = False
    """Whether it is the server's own affair, at which no line of the user's can look."""
    member: bool = False
    """Whether it is a container in which something was looked for; then the writer is who reached
    it last while that was in it."""
    walked: bool = False
    """Whether it was walked, and the writer is who reached it meanwhile and left it changed."""

    @property
    def overlooked(self) -> bool:
        """Whether what was read last is not what decided."""
        return bool(self.looked) and self.state not in {one.name for one in self.looked}

    def lines(self) -> Iterator[str]:
        """Yield it in words."""
        whose = f"{self.owner}'s " if self.owner else ""
        yield f"because {whose}{self.kind}.{self.state} was {self.value} ({self.where})"
        if self.member:
            yield f"  {self._removed()}"
            return
        if self.writer is None:
            yield "  no write of it was seen before"
        else:
            yield f"  written {_by(self.writer)}"
            if len(self.writer.woken) > 1:
                yield f"  woken by {' > '.join(self.writer.woken[:-1])}"
        if self.looked:
            yield f"  {self._read()}"
        elif not self.private:
            yield "  no line of yours was seen to look at this object before"

    def _removed(self) -> str:
        """Return who took out what was looked for."""
        if self.walked:
            assert self.writer is not None, "else nothing is said"
            return f"reached meanwhile {_by(self.writer)}"
        if self.writer is None:
            return "it had never been in it in this run"
        return f"it was in it until then, and was reached last {_by(self.writer)}"

    def _read(self) -> str:
        """Return what had been read last, and whether that could have helped."""
        last = self.looked[-1]
        read = " and ".join(dict.fromkeys(f"{one.name} {one.value}" for one in self.looked))
        but = ""
        if self.overlooked:
            but = f": it does not look at {self.state}"
        elif self.written_after:
            but = ", before that was written"
        return f"{last.own} `{last.source}` had read {read} in turn {last.turn}{but}"


def _by(writer: Access) -> str:
    """Return who wrote the state, or reached it, when, and from which lines."""
    whose = f" of {writer.connection}" if writer.connection else ""
    if writer.reads_bytes:
        who = f"as the server read from {writer.connection or 'a client'}"
    else:
        who = f"by {writer.task or 'a callback'}{whose}"
    own = f", called from {writer.own} `{writer.source}`" if writer.own else ""
    at = f"at {writer.ms:g} ms, turn {writer.turn}"
    return f"{who} {at} ({writer.where}){own}"


@dataclass(frozen=True, slots=True)
class Explained:
    """A failure, and why it came about."""

    finding: Finding
    reason: Reason | None
    """None where nothing can be told."""


_log = logging.getLogger(__name__)
_T = TypeVar("_T", Condition, Missing)


def reasons_of(made: Record) -> list[Explained]:
    """Return the failures of a run, each with why it came about.

    made: a run of an application.
    """
    failures: dict[tuple[str, str], Finding] = {}
    for one in made.outcome.findings:
        if one.failure:
            failures.setdefault((one.kind, one.text), one)
    return [Explained(one, reason_of(made, one)) for one in failures.values()]


@dataclass(frozen=True, slots=True)
class Watched:
    """The state that a run failed by: what `watching` needs to follow it."""

    kind: type
    names: frozenset[str]
    tests: CodeType


def watched_of(made: Record) -> Watched | None:
    """Return the state of which the reason of a run's failure speaks, None if there is none."""
    subject = made.subject
    assert isinstance(subject, AppSubject), "of an application"
    failures = [one for one in made.outcome.findings if one.failure]
    conditions = [_run(subject, made, one, condition_of)[0] for one in failures]
    found = [one for one in conditions if one is not None]
    for one in sorted(found, key=lambda one: _is_private(one.found)):
        names = frozenset(_states_of(one.found).union(one.names))
        return Watched(type(one.found), names, one.frame.f_code)
    return None


def stands_in(made: Record) -> list[Stand]:
    """Return where every task stands at the end of a run that came to stand still.

    made: a run of an application. What was done to locks, events and queues is told with it.
    """
    subject = made.subject
    assert isinstance(subject, AppSubject), "of an application"
    found: list[Stand] = []
    with touches(subject.application.target) as noted:
        run_once(
            subject.job(
                Replay(made.schedule), lambda served: found.extend(stands_of(served, noted))
            )
        )
    return found


def reason_of(made: Record, finding: Finding) -> Reason | None:
    """Return why a finding of a run came about, None if nothing can be told.

    What rests on the value of a variable, on a message, or on an object of C cannot be told.
    """
    subject = made.subject
    assert isinstance(subject, AppSubject), "of an application"
    try:
        return _of_state(subject, made, finding) or _of_member(subject, made, finding)
    except Exception as error:  # somebody's own objects were looked at: no reason costs a verdict
        _log.warning("no reason could be told: %r", error)
        return None


def _of_state(subject: AppSubject, made: Record, finding: Finding) -> Reason | None:
    """Return which state decided, if one was tested."""
    condition, _ = _run(subject, made, finding, condition_of)
    if condition is None:
        return None
    target = subject.application.target
    names = _states_of(condition.found).union(condition.names)
    with watching(type(condition.found), names, target, condition.frame.f_code) as seen:
        again, owner = _run(subject, made, finding, condition_of, waking)
    if again is None:
        return None
    mine = [one for one in seen if one.found is again.found]
    return _reason(again, owner, mine, finding.connection, target)


def _of_member(subject: AppSubject, made: Record, finding: Finding) -> Reason | None:
    """Return what was looked for in a container and was not there, if something was."""
    missing, _ = _run(subject, made, finding, missing_of)
    if missing is None:
        return None
    target = subject.application.target
    with watching_members(missing, target) as seen:
        again, owner = _run(subject, made, finding, missing_of, waking)
    if again is None:
        return None
    was_missing, who = who_reached(again, seen)
    if not was_missing:
        return None
    return Reason(
        kind=type(again.found).__name__,
        state=again.name,
        value=again.words(),
        owner=owner,
        where=target.place(again.frame.f_code.co_filename, again.line),
        writer=who,
        member=True,
        walked=again.walked,
    )


def _run(
    subject: AppSubject,
    made: Record,
    finding: Finding,
    look: Callable[[BaseException], _T | None],
    system: Callable[[AppJob], SimLoop] | None = None,
) -> tuple[_T | None, str]:
    """Make a run again. Return what is seen of the exception of a finding, and whose it is.

    system: makes the loop; by default the usual one.
    """
    found: list[tuple[_T, str]] = []

    def inspect(served: Served) -> None:
        for one in served.found:
            told = (one.name, one.connection, one.text)
            if one.error is None or told != (finding.kind, finding.connection, finding.text):
                continue
            seen = look(one.error)
            if seen is not None:
                scope = vars_of(seen.found).get("scope")
                found.append((seen, served.observer.connection_of(scope)))

    job = subject.job(Replay(made.schedule), inspect)
    run_once(job if system is None else replace(job, system=system))
    return found[0] if found else (None, "")


def _reason(
    condition: Condition,
    owner: str,
    accesses: Sequence[Access],
    connection: str,
    target: Target,
) -> Reason | None:
    """Return what the noted reads and writes of one object say, None if its test was not seen.

    owner: whose the object is, "" if nobody knows. accesses: in their order; what came after the
    test does not count. connection: whose handler, or task, failed.
    """
    tests = [place for place, one in enumerate(accesses) if one.frame is condition.frame]
    if not tests:
        return None
    before = accesses[: tests[-1]]
    values = {accesses[place].name: accesses[place].value for place in tests}
    raw = {accesses[place].name: accesses[place].raw for place in tests}
    decided = condition.deciding({name: raw[name] for name in raw if name in condition.names})
    values = {name: value for name, value in values.items() if name in decided}
    if not values:
        return None
    writes = [one for one in before if one.changes and values.get(one.name) == one.value]
    writer = writes[-1] if writes else None
    state = writer.name if writer is not None else next(iter(values))
    reads = [one for one in before if not one.writes and one.frame is None]
    reads = [one for one in reads if one.connection == connection] or reads
    looked: tuple[Access, ...] = ()
    last = reads[-1] if reads else None
    if last is not None:
        looked = tuple(one for one in reads if (one.turn, one.own) == (last.turn, last.own))
    return Reason(
        kind=type(condition.found).__name__,
        state=state,
        value=values[state],
        owner=owner,
        where=target.place(condition.frame.f_code.co_filename, condition.line),
        writer=writer,
        looked=looked,
        written_after=bool(reads and writes) and _place(before, writes[-1]) > _place(before, last),
        private=_is_private(condition.found),
    )


def _place(accesses: Sequence[Access], wanted: Access | None) -> int:
    """Return where an access stands among others, by identity; -1 for none."""
    return next((at for at, one in enumerate(accesses) if one is wanted), -1)


def _is_private(found: object) -> bool:
    """Whether an object is the server's own affair."""
    return type(found).__module__.partition(".")[0] in SERVERS


def _states_of(found: object) -> set[str]:
    """Return the attributes of an object that are a state, and not the way to another object."""
    return {name for name, value in vars_of(found).items() if is_plain(value)}
