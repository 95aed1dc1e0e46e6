"""Runs kept as tokens and as files, and run again.

A replay asks for the choices and the outcome that were recorded. The trace may differ: code that
was edited and still makes the same choices (one more log line, another name) replays its runs, and
is told so. Tokens of the first version hold no outcome; for them the trace must be the same.
"""

from dataclasses import dataclass

from sim import __version__
from sim.errors import Divergence, UserError
from sim.files.racefile import RaceFile, row_of_outcome
from sim.files.recorded import Recorded
from sim.files.token import TokenBody, decode, picks_of
from sim.model.marks import unpack
from sim.model.outcome import Outcome
from sim.model.plain import fault
from sim.runs.handler import HandlerSubject
from sim.runs.own import handler_allowed, import_guard
from sim.runs.play import make
from sim.runs.scenario import ScenarioSubject
from sim.runs.source import source_of
from sim.runs.stage import Fidelity
from sim.runs.subject import Record, Subject
from sim.schedulers.replay import Deviate, Replay


@dataclass(frozen=True, slots=True)
class Replayed:
    """A run that was run again. recorded: what the token or the file said of it."""

    record: Record
    recorded: Recorded

    @property
    def recorded_digest(self) -> str:
        """The digest of the trace when it was recorded."""
        return self.recorded.digest

    @property
    def same_trace(self) -> bool:
        """Whether it was the same run event for event, and not only in choices and outcome."""
        return self.record.digest == self.recorded.digest


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a person allows to be imported, "module:name" each; None for nothing."""

    guard: str | None = None
    handler: str | None = None
    app: str | None = None
    app_dir: str | None = None
    """Where the application lies; None for where it lay when the run was recorded."""
    promises: tuple[str, ...] = ()
    """Functions that must hold, "module:function" each."""


NOTHING = Allowed()


def replay(run: str | Recorded, guard: str | None = None, handler: str | None = None) -> Record:
    """Run a token or a race file again; as `replayed`, for those who want the run alone."""
    return replayed(run, Allowed(guard, handler)).record


def replayed(run: str | Recorded, allowed: Allowed = NOTHING) -> Replayed:
    """Run a token, what it says, or what a race file says again, choice for choice.

    allowed: what may be imported, where the run names something. Raises UserError for a token that
    cannot be read, Divergence where the run goes otherwise.
    """
    recorded = decode(run) if isinstance(run, str) else run
    try:
        record = repeat(recorded, subject_of(recorded, allowed))
        _compare(recorded, record)
    except Divergence as error:
        hints = _hints(recorded, allowed)
        raise Divergence(fault("; ".join([str(error), *hints]))) from None
    except UserError as error:
        raise UserError(*map(fault, error.faults)) from None
    return Replayed(record, recorded)


def subject_of(recorded: Recorded, allowed: Allowed = NOTHING) -> Subject:
    """Return what a recorded run was one of.

    allowed: what may be imported. Raises Divergence if that is not what the run names, UserError if
    what it names was not allowed or cannot be imported.
    """
    what = "file" if isinstance(recorded, RaceFile) else "token"
    if recorded.app is not None:
        from sim.runs.app import app_allowed  # it needs a server, which not everybody installs

        return app_allowed(recorded.app, allowed.app, allowed.app_dir, allowed.promises)
    if allowed.app is not None:
        raise Divergence(f"the {what} is of a scenario, not of the application {allowed.app!r}")
    scenario, guard, handler = recorded.of_scenario(), allowed.guard, allowed.handler
    if guard is not None and guard != scenario.guard:
        raise Divergence(f"the {what}'s guard is {scenario.guard!r}, not {guard!r}")
    if handler is not None and handler != recorded.handler:
        named = "has no handler of its own" if recorded.handler is None else repr(recorded.handler)
        raise Divergence(f"the {what}'s handler is another one: it {named}, not {handler!r}")
    fidelity, untimed = Fidelity(recorded.fidelity), recorded.times == "all"
    if recorded.handler is not None:
        own = handler_allowed(recorded.handler, handler, recorded.factory)
        return HandlerSubject(scenario, fidelity, untimed=untimed, own=own)
    own_guard = import_guard(guard) if guard is not None and ":" in guard else None
    return ScenarioSubject(scenario, fidelity, own_guard, untimed)


def repeat(recorded: Recorded, subject: Subject) -> Record:
    """Make the choices of a recorded run again, whatever comes of them.

    Raises Divergence where they do not fit.
    """
    scheduler = scheduler_of(recorded)
    record = make(subject, scheduler)
    scheduler.close()
    return record


def scheduler_of(recorded: Recorded) -> Replay | Deviate:
    """Return what makes the choices of a recorded run."""
    if isinstance(recorded, RaceFile):
        return Replay(recorded.choices())
    assert isinstance(recorded, TokenBody)
    marks = None if recorded.marks is None else unpack(recorded.marks)
    return Deviate(picks_of(recorded), recorded.choices, marks)


def _compare(recorded: Recorded, record: Record) -> None:
    """Raise Divergence if not the recorded thing came of the run."""
    expected, met = _outcomes(recorded, record.outcome)
    if expected is None:
        if record.digest != recorded.digest:
            raise Divergence(
                f"the trace differs: expected digest {recorded.digest[:12]}, "
                f"met {record.digest[:12]}"
            )
    elif expected != met:
        raise Divergence(f"the outcome differs: expected {expected}, met {met}")


def _outcomes(recorded: Recorded, outcome: Outcome) -> tuple[str | None, str]:
    """Return the recorded outcome and the one met, as far as the former tells."""
    if isinstance(recorded, RaceFile):
        return recorded.outcome.describe(), row_of_outcome(outcome).describe()
    assert isinstance(recorded, TokenBody)
    return recorded.outcome, outcome.label


def _hints(recorded: Recorded, allowed: Allowed) -> list[str]:
    """Return what may explain a divergence."""
    hints = []
    if recorded.wsrace != __version__:
        hints.append(f"it was made by wsrace {recorded.wsrace}, this is {__version__}")
    for what, name, kept in (
        ("guard", allowed.guard, recorded.guard_source),
        ("handler", allowed.handler, recorded.handler_source),
        ("app", allowed.app, recorded.app.source if recorded.app is not None else None),
    ):
        source = source_of(name or "")
        if source and kept and not source.startswith(kept):
            hints.append(f"the module of {what} {name} was edited since")
    return hints
