"""Race files: a whole run as JSON that people can read and compare, `NAME.race.json`.

A token keeps what differs from the defaults; a file keeps every question that was asked, one to a
line, so that a replay can say at which of them it went another way. Nothing in it depends on the
Python that wrote it, and reading one never runs or imports anything.
"""

import json
from typing import Annotated, Any, Self

from pydantic import Field, StrictBool, ValidationError, field_validator, model_validator

from sim.errors import UserError
from sim.files.faults import fault_lines
from sim.files.outside import parse_json
from sim.files.recorded import Count, Recorded, plain_scenario
from sim.files.strict_json import LARGEST
from sim.model.outcome import Outcome
from sim.model.plain import fault
from sim.model.schedule import Choice, Kind, Question, Schedule
from sim.model.times import Table

SCHEMA = "wsrace.race.1"
SUFFIX = ".race.json"
_LARGEST_REST = 256 << 10
"""So many bytes may the scenario and all short keys have together."""
_SHOWN = 20
"""So many faults are named: one slip in every choice is one slip."""


class Asked(Table):
    """One choice: its question and the index of the option that was taken.

    options: their names, or how many integers there were to choose from, counted from `first`.
    running: as in a Question.
    """

    kind: Kind
    options: Count | tuple[str, ...]
    first: Count = 0
    default: Count = 0
    asker: str = ""
    running: Annotated[int, Field(strict=True, ge=-1, le=LARGEST)] = -1
    picked: Count

    @field_validator("options", mode="before")
    @classmethod
    def _names(cls, given: object) -> object:
        if isinstance(given, list) and not all(isinstance(name, str) for name in given):
            raise ValueError("expected names, or one number")  # one fault, however many names
        return given

    @model_validator(mode="after")
    def _within(self) -> Self:
        count = self.options if isinstance(self.options, int) else len(self.options)
        if count < 2:
            raise ValueError(f"options: expected 2 or more, got {count}")
        for name in ("default", "running", "picked"):
            if getattr(self, name) >= count:
                raise ValueError(f"{name}: there are only {count} options")
        if self.first and not isinstance(self.options, int):
            raise ValueError("first: only where options is a number")
        return self

    def choice(self) -> Choice:
        """Return it as the kernel knows it."""
        named = self.options
        options = range(self.first, self.first + named) if isinstance(named, int) else named
        question = Question(self.kind, options, self.default, self.asker, self.running)
        return Choice(question, self.picked)


class Came(Table):
    """What came of the run: the outcome class of each connection, and what it lost."""

    classes: tuple[str, ...]
    failed: StrictBool
    lost: Count = 0

    def describe(self) -> str:
        """Return it in one line."""
        label = ", ".join(dict.fromkeys(self.classes)) or "nothing"
        return f"{label} ({'failed' if self.failed else 'not failed'}, {self.lost} lost)"


class RaceFile(Recorded):
    """What a file says. counterexample: anything that explains it, for people and programs."""

    schedule: tuple[Asked, ...] = ()
    outcome: Came
    counterexample: dict[str, Any] | None = None

    def choices(self) -> Schedule:
        """Return the choices of the run."""
        return tuple(row_of_choice.choice() for row_of_choice in self.schedule)


def row_of_choice(choice: Choice) -> Asked:
    """Return a choice in the form of a file. Raises ValueError for a range with another step."""
    said = {**choice.question._asdict(), "picked": choice.picked}
    options = choice.question.options
    if isinstance(options, range):
        if options.step != 1:
            raise ValueError(f"a race file has no form for {options}")
        said |= {"options": len(options), "first": options.start}
    return Asked.model_validate(said)


def row_of_outcome(outcome: Outcome) -> Came:
    """Return what a file says of an outcome."""
    return Came(classes=outcome.classes, failed=outcome.failed, lost=outcome.lost)


def to_text(race: RaceFile) -> str:
    """Return the text of a race file: sorted keys, one choice to a line, ASCII."""
    said = race.model_dump(exclude={"scenario", "app", "schedule"})
    if race.counterexample is None:
        del said["counterexample"]
    said["schema"] = SCHEMA
    if race.scenario is not None:
        said["scenario"] = plain_scenario(race.scenario)
    if race.app is not None:
        said["app"] = race.app.model_dump(mode="json", exclude_defaults=True)
    blocks = {key: json.dumps(value, indent=1, sort_keys=True) for key, value in said.items()}
    rows = [
        json.dumps(one.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
        for one in race.schedule
    ]
    blocks["schedule"] = "[\n " + ",\n ".join(rows) + "\n]" if rows else "[]"
    lines = [f'"{key}": {block}' for key, block in sorted(blocks.items())]
    return ("{\n" + ",\n".join(lines)).replace("\n", "\n ") + "\n}\n"


def from_text(data: bytes, source: str) -> RaceFile:
    """Return what a race file says.

    data: its bytes. source: what faults call it. Raises UserError with one line for every fault.
    """
    body = _body(parse_json(data, source), source)
    try:
        return RaceFile.model_validate(body)
    except ValidationError as error:
        faults = fault_lines(error, body, RaceFile, source, "")
        more = [f"{source}: and more"] if len(faults) > _SHOWN else []
        raise UserError(*map(fault, faults[:_SHOWN] + more)) from None


def _body(found: object, source: str) -> dict[str, Any]:
    """Return a document without its schema, ready to be checked as a whole.

    Raises UserError if it is that of something else. pydantic keeps two kilobytes for every fault,
    so what could have millions of them is kept small.
    """
    if not isinstance(found, dict):
        raise UserError(fault(f"{source}: expected an object with a key schema"))
    schema = found.pop("schema", None)
    if schema != SCHEMA:
        newer = isinstance(schema, str) and schema.startswith("wsrace.race.")
        what = "made by another version of wsrace" if newer else "not a race file"
        raise UserError(fault(f"{source}: schema: {what}; allowed: {SCHEMA}, got {schema!r}"))
    rest = {key: found[key] for key in found if key not in ("schedule", "counterexample")}
    if len(json.dumps(rest)) > _LARGEST_REST:
        what = "all but schedule and counterexample"
        raise UserError(fault(f"{source}: {what} is larger than {_LARGEST_REST >> 10} KiB"))
    return {**found, "schedule": _rows(found.get("schedule", []))}


def _rows(given: object) -> object:
    """Return the rows of a schedule, read; at too many faults it ends."""
    if not isinstance(given, list):
        return given
    rows: list[object] = []
    faults = 0
    for row in given:
        try:
            rows.append(Asked.model_validate(row))
        except ValidationError as error:
            rows.append(row)
            faults += error.error_count()
            if faults > _SHOWN:
                break
    return rows
