"""What every record of a run says, be it a token or a file."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sim.files.strict_json import LARGEST
from sim.model.scenario import Scenario
from sim.model.times import Table

Count = Annotated[int, Field(strict=True, ge=0, le=LARGEST)]
"""A number of things, or the index of one."""
Times = Literal["fixed", "all"]
Sha = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
NO_ERROR = "no-error"
"""The property that a run is asked for unless somebody asks for another."""
_TOLD = ("title", "about", "sweep", "expect")
"""Keys of a scenario that its runs do not depend on."""


class Recorded(Table):
    """What tokens and files have in common.

    wsrace: the version that made it. scenario: what was run, its times all drawn. times, property:
    which times were free, and what the run was asked for. guard_source: the beginning of the
    SHA-256 of the module that a guard of somebody's own came from. digest: of the trace.
    """

    wsrace: str
    rung: Literal["asgi", "wire"] = "asgi"
    scenario: Scenario
    times: Times = "fixed"
    property: Annotated[str, Field(min_length=1, max_length=200)] = NO_ERROR
    guard_source: Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")] | None = None
    digest: Sha

    @model_validator(mode="after")
    def _drawn(self) -> Self:
        if self.scenario != self.scenario.resolve():
            raise ValueError("scenario: its times must be numbers; in a run all of them are drawn")
        return self


def shown(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as plain data, without defaults and without what no run depends on."""
    return scenario.model_dump(mode="json", exclude_defaults=True, exclude=set(_TOLD))
