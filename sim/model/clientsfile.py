"""What the clients of an application do, as rows of a file: `wsrace check --client @FILE`."""

from typing import Annotated, Self

from pydantic import Field, WithJsonSchema, model_validator

from sim.errors import UserError
from sim.model.appscript import FORMS, Script, Step
from sim.model.scriptreader import parse_steps
from sim.model.times import Table

_STEP = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^({'|'.join(FORMS)})(:|$)",
            "description": "; ".join(f"{form}: {about}" for form, about in FORMS.values()),
        }
    ),
]


class ClientRow(Table):
    """One client."""

    path: str = ""
    """What it asks for; "" for the application's only route."""
    headers: Annotated[dict[str, str], Field(default_factory=dict)]
    """Headers of its handshake."""
    subprotocols: tuple[str, ...] = ()
    """Subprotocols that it offers."""
    steps: Annotated[tuple[_STEP, ...], Field(min_length=1)]
    """What it does, one step each; a comma has no meaning here."""

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.path and not self.path.startswith("/"):
            raise ValueError(f"path: expected a path that begins with /, got {self.path!r}")
        try:
            self.parsed()
        except UserError as error:
            raise ValueError(f"steps: {'; '.join(error.faults)}") from None
        return self

    def parsed(self) -> tuple[Step, ...]:
        """Return its steps. Raises UserError with one line for each that is wrong."""
        return parse_steps(self.steps)

    def script(self) -> Script:
        """Return what it does, as if it had been typed."""
        headers = tuple(self.headers.items())
        return Script(self.path, self.parsed(), headers, self.subprotocols).retyped()


class ClientsFile(Table):
    """Several clients, each in a table `[[clients]]`: one connection each."""

    clients: Annotated[tuple[ClientRow, ...], Field(min_length=1, max_length=100)]
