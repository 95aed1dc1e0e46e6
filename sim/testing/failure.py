"""What a test that fails says, and how to run its failure again."""

import hashlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sim.exploration.confirm import confirm
from sim.exploration.counterexample import Counterexample, counterexample
from sim.exploration.inquiry import Inquiry
from sim.exploration.verdict import Exploration
from sim.files.racefile import SUFFIX, RaceFile
from sim.kernel.lines import place_of
from sim.model.plain import printable
from sim.model.schedule import Choice, Schedule, picks
from sim.runs.keep import file_of, token_or_none
from sim.runs.subject import Record

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


def search_failed(found: Exploration, problem: str, blames_run: bool, place: Place) -> RaceFound:
    """Return what a test says whose search came to something else than expected.

    problem: in words, what is wrong with the verdict. blames_run: whether a failing run is what is
    wrong; it is told only after a new process has made it, too.
    """
    example = counterexample(found) if blames_run else None
    ((found, example),) = confirm([(found, example)])
    rows = sorted(found.outcomes.items(), key=lambda row: (-row[1], row[0]))
    outcomes = ", ".join(f"{printable(label)} {count:,}" for label, count in rows)
    lines = [f"{found.subject.words()}: {found.words()}"]
    if example is None:
        lines += [problem if not found.unstable else "", f"outcomes: {outcomes or 'none'}"]
        return RaceFound("\n".join(filter(None, lines)), found)
    lines += [problem, f"outcomes: {outcomes or 'none'}"]
    file = example.file() if found.subject.tellable else None
    lines += [*_run(example.record, example)]
    lines += [*_again(found.inquiry, example.record, example.token, place)]
    return RaceFound("\n".join(lines), found, example.record, example.token, file)


def run_failed(record: Record, inquiry: Inquiry, place: Place) -> RaceFound:
    """Return what a test says of which one run was made, and failed."""
    token, file = "", None
    if record.subject.tellable:
        file = file_of(record, inquiry.prop)
        token = token_or_none(record, inquiry.prop)
    lines = [f"{record.subject.words()}: this run fails", *_run(record, None)]
    lines += _again(inquiry, record, token, place)
    return RaceFound("\n".join(lines), None, record, token, file)


def _run(record: Record, example: Counterexample | None) -> Iterator[str]:
    """Yield lines about a failing run: what came of it, why, where it left the natural order."""
    yield f"outcome: {printable(record.outcome.label)}"
    for finding in record.outcome.findings:
        if finding.text:
            at = f" at {place_of(finding.where)}" if finding.where else ""
            who = finding.connection or "all"
            yield printable(f"  {who}: {finding.kind}{at}: {finding.text}")
    if example is not None:
        yield f"why: {printable(example.explanation.sentence(place_of))}"
        if example.unconfirmed:
            yield printable(f"not made again in a new process: {example.unconfirmed}")
    deviating = [(index, one) for index, one in enumerate(record.schedule) if one.deviates]
    yield f"deviations: {len(deviating)} of {len(record.schedule)} choices are not the default"
    for index, choice in deviating[:_SHOWN]:
        yield printable(f"  choice {index}: {_deviation(choice)}")
    if len(deviating) > _SHOWN:
        yield f"  and {len(deviating) - _SHOWN} more"


def _deviation(choice: Choice) -> str:
    question = choice.question
    return f"{question.describe()}: {choice.option}, not {question.options[question.default]}"


def _again(inquiry: Inquiry, record: Record, token: str, place: Place) -> Iterator[str]:
    """Yield how to run a failing run again."""
    subject = record.subject
    if not subject.tellable:
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
    option = "".join(f" {shlex.quote(part)}" for part in subject.options())
    if place.node:
        yield f"replay: pytest {shlex.quote(place.node)} --wsrace-replay {run}"
    yield f"{'    or' if place.node else 'replay'}: wsrace replay {run}{option}"


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
