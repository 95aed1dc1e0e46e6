"""What a test that fails says, and how to run its failure again."""

import hashlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sim.errors import UserError
from sim.exploration.counterexample import Counterexample
from sim.exploration.inquiry import Inquiry
from sim.exploration.verdict import Exploration
from sim.files.racefile import SUFFIX, RaceFile
from sim.model.plain import printable
from sim.model.schedule import Choice, Schedule, picks
from sim.runs.play import Record
from sim.runs.replay import file_of, token_of
from sim.testing.subject import Subject

_SHOWN = 12
"""So many choices are told one by one."""
_LONGEST_NAME = 120


class RaceFound(AssertionError):
    """A verdict is not what the test expects, or a run that was repeated fails.

    exploration: what was found; None for a single run. record: the failing run, if there is one.
    token, file: replay it elsewhere; "" and None where only the test itself can, with `picks`.
    """

    def __init__(
        self,
        text: str,
        exploration: Exploration | None = None,
        record: Record | None = None,
        token: str = "",
        file: RaceFile | None = None,
    ) -> None:
        super().__init__(text)
        self.exploration = exploration
        self.record = record
        self.token = token
        self.file = file

    @property
    def picks(self) -> list[int]:
        """The answers of the failing run's schedule, without the defaults at its end."""
        return [] if self.record is None else shortest(self.record.schedule)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a test stands.

    node: pytest's name of it, "" outside pytest. module: its module. folder: where it keeps the
    file of a failing run, None for nowhere.
    """

    node: str = ""
    module: str = "__main__"
    folder: Path | None = None

    @property
    def path(self) -> Path | None:
        """Where the race file of the test goes."""
        return None if self.folder is None else self.folder / file_name(self.node)


def search_failed(
    subject: Subject, found: Exploration, problem: str, failure: Record | None, place: Place
) -> RaceFound:
    """Return what a test says whose search came to something else than expected.

    problem: in words, what is wrong with the verdict. failure: the run to blame, if it is one.
    """
    rows = sorted(found.outcomes.items(), key=lambda row: (-row[1], row[0]))
    outcomes = ", ".join(f"{printable(label)} {count:,}" for label, count in rows)
    lines = [f"{subject.words()}: {found.words()}", problem, f"outcomes: {outcomes or 'none'}"]
    if failure is None:
        return RaceFound("\n".join(lines), found)
    example = subject.example(found)
    record = failure if example is None else example.record
    token = "" if example is None else example.token
    file = None if example is None else example.file()
    lines += [*_run(record, example), *_again(subject, found.inquiry, record, token, place)]
    return RaceFound("\n".join(lines), found, record, token, file)


def run_failed(subject: Subject, record: Record, inquiry: Inquiry, place: Place) -> RaceFound:
    """Return what a test says of which one run was made, and failed."""
    token, file = "", None
    if subject.portable:
        file = file_of(record, times=inquiry.times, property=inquiry.prop)
        try:
            token = token_of(record, times=inquiry.times, property=inquiry.prop)
        except UserError:
            token = ""  # too long
    lines = [f"{subject.words()}: this run fails", *_run(record, None)]
    lines += _again(subject, inquiry, record, token, place)
    return RaceFound("\n".join(lines), None, record, token, file)


def _run(record: Record, example: Counterexample | None) -> Iterator[str]:
    """Yield lines about a failing run: what came of it, why, where it left the natural order."""
    yield f"outcome: {printable(record.outcome.label)}"
    for finding in record.outcome.findings:
        if finding.text and (finding.failure or finding.kind == "message_lost"):
            yield printable(f"  {finding.connection or 'all'}: {finding.kind}: {finding.text}")
    if example is not None:
        yield f"why: {printable(example.explanation.sentence())}"
    deviating = [(index, one) for index, one in enumerate(record.schedule) if one.deviates]
    yield f"deviations: {len(deviating)} of {len(record.schedule)} choices are not the default"
    for index, choice in deviating[:_SHOWN]:
        yield printable(f"  choice {index}: {_deviation(choice)}")
    if len(deviating) > _SHOWN:
        yield f"  and {len(deviating) - _SHOWN} more"


def _deviation(choice: Choice) -> str:
    question = choice.question
    return f"{question.describe()}: {choice.option}, not {question.options[question.default]}"


def _again(
    subject: Subject, inquiry: Inquiry, record: Record, token: str, place: Place
) -> Iterator[str]:
    """Yield how to run a failing run again."""
    if not subject.portable:
        times = f", times={inquiry.times!r}"
        yield f"replay: race.check(picks={shortest(record.schedule)}{times})"
        return
    run = token
    if place.path is not None:
        yield f"file: {printable(str(place.path))}"
        run = token or shlex.quote(str(place.path))
    if not run:
        yield "replay: too long for a token; --wsrace-artifacts DIR keeps the run as a file"
        return
    guard = f" --guard {shlex.quote(subject.scenario.guard)}" if subject.own else ""
    if place.node:
        yield f"replay: pytest {shlex.quote(place.node)} --wsrace-replay {run}"
    yield f"{'    or' if place.node else 'replay'}: wsrace replay {run}{guard}"


def shortest(schedule: Schedule) -> list[int]:
    """Return the picks that a replay needs: after the last one it takes defaults anyway."""
    last = max((index for index, one in enumerate(schedule) if one.deviates), default=-1)
    return list(picks(schedule[: last + 1]))


def file_name(node: str) -> str:
    """Return what the race file of a test is called: its node's name, and a hash that is its own.

    node: pytest's name of the test, the same in every process.
    """
    digest = hashlib.sha256(node.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", node).strip("-.")[:_LONGEST_NAME]
    return f"{plain}-{digest}{SUFFIX}"
