"""Validation plans: a deployment, who comes to it, and what must hold in which minutes."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from sim.errors import UserError
from sim.model.names import RuntimeName
from sim.model.scenario import Entry, Guard
from sim.model.scriptreader import parse
from sim.model.times import Table, Time

CriterionName = Literal[
    "connection_success",
    "race_errors",
    "other_errors",
    "chat_completion",
    "events_in_order",
    "sessions_with_loss",
    "overhead_us",
]
Leave = Literal["close", "fin", "drop", "rst"]
"""How a client of a running server leaves."""


class Bound(Table):
    """What a figure must be: at least or at most so much. Shares are between 0 and 1."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a criterion has either at_least or at_most")
        return self

    def holds(self, figure: float) -> bool:
        """Whether a figure is good enough."""
        if self.at_least is not None:
            return figure >= self.at_least
        assert self.at_most is not None
        return figure <= self.at_most


class Phase(Table):
    """Some minutes of the deployment. from_min, to_min: sessions that begin in between count."""

    name: str
    from_min: Annotated[float, Field(ge=0)] = 0
    to_min: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    criteria: Annotated[dict[CriterionName, Bound], Field(min_length=1)]

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.from_min >= self.to_min:
            raise ValueError(f"from_min must lie before to_min: {self.from_min}, {self.to_min}")
        return self


class Visit(Entry):
    """One kind of session, and how often it comes: a shipped scenario with keys of its own, or what
    a client does, or both.

    client: a script as for `wsrace check`; a running server is visited by it, not by the scenario's
    client. leave: how that client leaves, `leave_ms` after its last message, whatever its script is
    at. weight: relative to the other visits.
    """

    scenario: str = ""
    client: str = ""
    leave: Leave | None = None
    leave_ms: Time = 0
    weight: Annotated[float, Field(gt=0)] = 1

    @field_validator("client")
    @classmethod
    def _readable(cls, typed: str) -> str:
        if typed:
            try:
                parse(typed)
            except UserError as error:
                raise ValueError("; ".join(error.faults)) from None
        return typed

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.scenario and not self.client:
            raise ValueError("a visit has a scenario, or a client, or both")
        if self.set and not self.scenario:
            raise ValueError("set: it changes keys of a scenario, and there is none")
        if self.leave is None and "leave_ms" in self.model_fields_set:
            raise ValueError(f"leave_ms: it goes with leave, one of {', '.join(get_args(Leave))}")
        if self.leave is not None and not self.client:
            raise ValueError("leave: it goes with client; a scenario has injections")
        return self


class Deployment(Table):
    """What is deployed, and how many come.

    guard: may be replaced on the command line. clients: at the same time, each with one session
    after the other. ramp_ms: within which the first sessions begin. away_ms: between two sessions
    of a client. answer_ms: so long clients of a running server wait for an answer.
    """

    guard: Guard = "post-fix"
    runtime: RuntimeName = "asyncio-3.11"
    server: str = "uvicorn-websockets@0.35"
    clients: Annotated[int, Field(ge=1, le=10_000)] = 200
    ramp_ms: Annotated[float, Field(ge=0)] = 60_000
    away_ms: Time = 60_000
    answer_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30_000


class Plan(Table):
    """A plan. visits: who comes. phases: what must hold; the last one ends the deployment."""

    name: str = ""
    title: str = ""
    about: str = ""
    deployment: Deployment = Deployment()
    visits: Annotated[tuple[Visit, ...], Field(min_length=1)]
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]

    @property
    def minutes(self) -> float:
        """How long the deployment is watched."""
        return max(phase.to_min for phase in self.phases)
