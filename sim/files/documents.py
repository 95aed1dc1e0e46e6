"""Documents that commands wrote, read again: as data, and checked like everything from outside."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from sim.errors import UserError
from sim.files.faults import fault_lines
from sim.files.outside import content, parse_json
from sim.files.recorded import Count, Sha, Times
from sim.model.plain import fault
from sim.model.scenario import Guard, Scenario
from sim.model.times import Table

REPRODUCE = "wsrace.reproduce.1"
EXPLORE = "wsrace.explore.1"
EXACT = "wsrace.exact.1"
CHECK = "wsrace.check.1"
REPRODUCED, EXPLORED, STORE = "results.json", "exploration.json", "results.sqlite"
CHECKED = "check.json"
COMPUTED = "exact.json"
"""What the files are called that the commands write into a folder."""


Word = Annotated[str, Field(pattern="^[a-z]+(-[a-z]+)*$", max_length=40)]
"""The name of a strategy or a property: which there are, those know who have them."""


class Said(Table):
    """Part of a document. Keys that a report does not need are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Document(Said):
    """What all of them say."""

    wsrace: str
    scenario: str
    seed: int
    digest: Sha


class SweepAsked(Said):
    """What `wsrace reproduce` was asked, as documents and files of results tell it."""

    wsrace: str
    scenario: str
    seed: int
    guards: tuple[Guard, ...] = ()
    settings: tuple[str, ...] = ()
    runs: Count | None = None
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1)]
    code: str = ""
    """The code and the libraries that the rows are of; only files of results say so."""


class ReproduceDocument(SweepAsked):
    """What it was asked, as far as it is needed to find its rows again, and their digest."""

    digest: Sha


class VerdictRow(Said):
    """What `wsrace explore` said of one guard. token: of its counterexample, None for none, or if
    it is too long for one; run: the digest of that run. factory: whether `handler` makes handlers.
    """

    guard: str
    handler: str | None = None
    factory: bool = False
    verdict: Literal["race-free", "racy", "fails in every schedule", "inconclusive"]
    complete: bool
    says: Annotated[str, Field(min_length=1)]
    because: str = ""
    classes: Count | None = None
    schedules: Count
    failing: Count
    points: Annotated[Count, Field(alias="choices")]
    deepest: Count
    counterfactual: bool = False
    seconds: float = 0.0
    token: str | None = None
    run: Sha | None = None


class ExploreDocument(Document):
    """What `wsrace explore` was asked, and found. source: the scenario as it was typed."""

    source: str = ""
    settings: tuple[str, ...] = ()
    strategy: Word
    times: Times
    property: Word
    bound: Count = 2
    max_schedules: Count | None = None
    guards: Annotated[tuple[VerdictRow, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [row.guard for row in self.guards]
        if len(set(names)) < len(names):
            raise ValueError("guards: a guard stands there twice")
        return self


class CheckedCase(Said):
    """What `wsrace check` found out about one case."""

    clients: tuple[str, ...]
    complete: bool
    schedules: Count
    states: Count
    endings: dict[str, Count]
    failing: tuple[str, ...]


class CheckedRung(Said):
    """The cases of one question."""

    asks: str
    cases: tuple[CheckedCase, ...]


class CheckDocument(Said):
    """What `wsrace check` was asked, and found. on: what the application ran on."""

    wsrace: str
    target: str
    verdict: Literal["race-free", "racy", "fails in every schedule", "inconclusive"]
    says: Annotated[str, Field(min_length=1)]
    on: str
    bounds: str
    notes: tuple[str, ...] = ()
    rungs: tuple[CheckedRung, ...]


KINDS: dict[str, type[Said]] = {
    REPRODUCE: ReproduceDocument,
    EXPLORE: ExploreDocument,
    CHECK: CheckDocument,
}


def sweep_asked(said: object, source: str) -> SweepAsked:
    """Return what a file of results says of a sweep. Raises UserError for what it cannot be."""
    body = said if isinstance(said, dict) else {}
    try:
        return SweepAsked.model_validate(body)
    except ValidationError as error:
        raise UserError(*map(fault, fault_lines(error, body, SweepAsked, source, "")[:5])) from None


def read_document(path: Path) -> Said:
    """Return what a document says. Raises UserError with one line for every fault."""
    source = str(path)
    return _checked(parse_json(content(path), source), source)


def _checked(found: object, source: str) -> Said:
    schema = found.get("schema") if isinstance(found, dict) else None
    kind = KINDS.get(schema) if isinstance(schema, str) else None
    if kind is None or not isinstance(found, dict):
        raise UserError(
            fault(f"{source}: schema: allowed: {', '.join(KINDS)}, got {str(schema)[:60]!r}")
        )
    body: dict[str, Any] = {key: found[key] for key in found if key in kind.model_fields}
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise UserError(*map(fault, fault_lines(error, body, kind, source, "")[:20])) from None
