"""What every record of a run says, be it a token or a file."""

from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, StrictBool, model_validator

from sim.errors import UserError
from sim.files.recorded_app import RecordedApp
from sim.files.strict_json import LARGEST
from sim.model.scenario import Scenario
from sim.model.times import Table

Count = Annotated[int, Field(strict=True, ge=0, le=LARGEST)]
"""A number of things, or the index of one."""
Times = Literal["fixed", "all"]
"""Whether the outside world keeps its times, or may act at any moment."""
Source = Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")]
Sha = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
NO_ERROR = "no-error"
"""The property that a run is asked for unless somebody asks for another."""
_TOLD = ("title", "about", "sweep", "expect")
"""Keys of a scenario that its runs do not depend on."""


class Recorded(Table):
    """What tokens and files have in common."""

    wsrace: str
    """The version that made it."""
    fidelity: Literal["asgi", "wire"] = Field(
        "asgi", validation_alias=AliasChoices("fidelity", "rung")
    )
    """How much of the run was real; called `rung` by versions before 0.2."""
    scenario: Scenario | None = None
    """What was run, its times all drawn; None for an application's run."""
    app: RecordedApp | None = None
    """The application that was run; None for a scenario's."""
    handler: Annotated[str, Field(pattern="^[^:]+:[^:]+$", max_length=300)] | None = None
    """The handler of somebody's own, "module:name"; None for ours."""
    factory: StrictBool = False
    """Whether that makes the handler of each run."""
    times: Times = "fixed"
    """Which times were free."""
    property: Annotated[str, Field(min_length=1, max_length=200)] = NO_ERROR
    """What the run was asked for."""
    guard_source: Source | None = None
    """The beginning of the SHA-256 of the module of a guard of somebody's own."""
    handler_source: Source | None = None
    """The same of a handler's."""
    digest: Sha
    """Of the trace."""

    @model_validator(mode="after")
    def _drawn(self) -> Self:
        if (self.scenario is None) == (self.app is None):
            raise ValueError("scenario: expected either a scenario or an app")
        if self.scenario is not None and self.scenario != self.scenario.resolve():
            raise ValueError("scenario: its times must be numbers; in a run all of them are drawn")
        return self

    def of_scenario(self) -> Scenario:
        """Return the scenario that was run. Raises UserError if an application was."""
        if self.scenario is None:
            assert self.app is not None, "one of both was run"
            raise UserError(
                f"a run of the application {self.app.target}, not of a scenario; "
                f"wsrace replay --app {self.app.target} runs it"
            )
        return self.scenario


def plain_scenario(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as plain data, without defaults and without what no run depends on."""
    return scenario.model_dump(mode="json", exclude_defaults=True, exclude=set(_TOLD))
