"""Runs kept as tokens and as files, and run again.

A replay asks for the choices and the outcome that were recorded. The trace may differ: code that
was edited and still makes the same choices (one more log line, another name) replays its runs, and
is told so. Tokens of the first version hold no outcome; for them the trace must be the same.
"""

import hashlib
import inspect
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim import __version__
from sim.errors import Divergence, UserError
from sim.files.outside import content, write_whole
from sim.files.racefile import SUFFIX, RaceFile, asked, came, from_text, to_text
from sim.files.recorded import NO_ERROR, Recorded, Times, shown
from sim.files.token import TokenBody, body_of, decode, encode, picks_of
from sim.model.marks import unpack
from sim.model.outcome import Outcome
from sim.model.plain import fault
from sim.runs.play import Record, import_guard, play
from sim.runs.stage import Rung
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


def token_of(
    record: Record, rung: Rung = Rung.ASGI, times: Times = "fixed", property: str = NO_ERROR
) -> str:
    """Return the token of a run. Raises UserError if it is too long for one.

    times: whether the times were fixed or free. property: what the run was asked for.
    """
    body = body_of(
        record.scenario,
        record.schedule,
        record.digest,
        __version__,
        str(rung),
        record.outcome.label,
        times,
        property,
        guard_source(record.scenario.guard),
    )
    return encode(body)


def file_of(
    record: Record,
    rung: Rung = Rung.ASGI,
    times: Times = "fixed",
    property: str = NO_ERROR,
    counterexample: dict[str, Any] | None = None,
) -> RaceFile:
    """Return the race file of a run; counterexample: anything that explains it, as plain data."""
    return RaceFile.model_validate(
        {
            "wsrace": __version__,
            "rung": str(rung),
            "scenario": shown(record.scenario),
            "times": times,
            "property": property,
            "guard_source": guard_source(record.scenario.guard),
            "schedule": tuple(map(asked, record.schedule)),
            "outcome": came(record.outcome),
            "digest": record.digest,
            "counterexample": counterexample,
        }
    )


def write_file(path: str | Path, race: RaceFile) -> None:
    """Write a race file, whole or not at all.

    Raises UserError if it cannot be written, or could not be read again.
    """
    data = to_text(race).encode()
    from_text(data, str(path))
    write_whole(Path(path), data.decode())


def read_file(path: str | Path) -> RaceFile:
    """Return what a race file says. Raises UserError with one line for every fault."""
    return from_text(content(Path(path)), str(path))


def is_file(given: str) -> bool:
    """Whether what was typed means a file: a token has no separator, no ending and is no path."""
    separators = {os.sep, os.altsep or os.sep}
    return given.endswith(SUFFIX) or bool(separators & set(given)) or os.path.exists(given)


def replay(run: str | Recorded, guard: str | None = None) -> Record:
    """Run a token or a race file again; as `replayed`, for those who want the run alone."""
    return replayed(run, guard).record


def replayed(run: str | Recorded, guard: str | None = None) -> Replayed:
    """Run a token, what it says, or what a race file says again, choice for choice.

    guard: the "module:name" that a person allows to be imported, where the run names one. Raises
    UserError for a token that cannot be read, Divergence where the run goes otherwise.
    """
    recorded = decode(run) if isinstance(run, str) else run
    try:
        record = _run(recorded, guard)
        _compare(recorded, record)
    except Divergence as error:
        raise Divergence(fault("; ".join([str(error), *_hints(recorded, guard)]))) from None
    except UserError as error:
        raise UserError(*map(fault, error.faults)) from None
    return Replayed(record, recorded)


def guard_source(name: str) -> str | None:
    """Return the SHA-256 of the text of the module that the guard "module:name" came from.

    None for a guard of ours, and for a module without a text. Imports nothing.
    """
    module = sys.modules.get(name.partition(":")[0]) if ":" in name else None
    if module is None:
        return None
    try:
        return hashlib.sha256(inspect.getsource(module).encode()).hexdigest()
    except (OSError, TypeError):
        return None


def _run(recorded: Recorded, guard: str | None) -> Record:
    """Return the run with the recorded choices. Raises Divergence where they do not fit."""
    scenario = recorded.scenario
    if guard is not None and guard != scenario.guard:
        what = "file" if isinstance(recorded, RaceFile) else "token"
        raise Divergence(f"the {what}'s guard is {scenario.guard!r}, not {guard!r}")
    own = import_guard(guard) if guard is not None and ":" in guard else None
    scheduler = _scheduler(recorded)
    untimed = recorded.times == "all"
    record = play(scenario, scheduler, Rung(recorded.rung), own, untimed)
    if isinstance(record.end.error, Divergence):
        raise record.end.error
    scheduler.close()
    return record


def _scheduler(recorded: Recorded) -> Replay | Deviate:
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
        return recorded.outcome.describe(), came(outcome).describe()
    assert isinstance(recorded, TokenBody)
    return recorded.outcome, outcome.label


def _hints(recorded: Recorded, guard: str | None) -> list[str]:
    """Return what may explain a divergence."""
    hints = []
    if recorded.wsrace != __version__:
        hints.append(f"it was made by wsrace {recorded.wsrace}, this is {__version__}")
    source = guard_source(guard or "")
    if source and recorded.guard_source and not source.startswith(recorded.guard_source):
        hints.append(f"the module of guard {guard} was edited since")
    return hints
