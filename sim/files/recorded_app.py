"""What tokens and files say of a run of somebody's application."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from sim.errors import UserError
from sim.model.app import AppCase, Bounds, ServerName
from sim.model.findings import Severities
from sim.model.scriptreader import parse
from sim.model.times import NotNegative, Table

Text = Annotated[str, Field(max_length=20_000)]
Name = Annotated[str, Field(pattern="^[^:]+:[^:]+$", max_length=300)]


class RecordedBounds(Table):
    """The bounds of a run, those that are not the usual ones; see `sim.model.app.Bounds`."""

    late: Annotated[int, Field(strict=True, ge=0, le=1000)] = Bounds().late
    stall_ms: NotNegative = Bounds().stall_ms
    grain_ms: NotNegative = Bounds().grain_ms
    latency_ms: NotNegative = Bounds().latency_ms
    until_ms: NotNegative = Bounds().until_ms
    gone_ms: NotNegative = Bounds().gone_ms
    partial: Annotated[int, Field(strict=True, ge=0, le=1000)] = Bounds().partial
    splits: Annotated[int, Field(strict=True, ge=0, le=1000)] = Bounds().splits
    start: Literal["request", "open"] = Bounds().start


assert set(RecordedBounds.model_fields) == {one.name for one in fields(Bounds)}


class RecordedApp(Table):
    """An application's run: what was asked for, and the versions that it was made with."""

    target: Name
    """"module:name"; nothing imports it unless a person names it, too."""
    app_dir: Text = "."
    factory: StrictBool = False
    code: tuple[Text, ...] = ()
    """Packages that are the user's besides the application's own."""
    server: ServerName = "websockets-sansio"
    lifespan: Literal["auto", "on", "off"] = "auto"
    root_path: Text = ""
    pings: StrictBool = False
    shutdown_at_ms: NotNegative | None = None
    grace_ms: NotNegative = 10_000.0
    invariants: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    """"module:function" each; nothing imports one unless a person names it, too."""
    at_end: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    clients: Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)]
    """The scripts, as they are typed."""
    paths: tuple[Text, ...]
    """What each client asks for."""
    bounds: RecordedBounds = RecordedBounds()
    fail_on: tuple[Text, ...] = ()
    allow: tuple[Text, ...] = ()
    versions: Annotated[dict[str, Text], Field(max_length=50)]
    source: Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")] | None = None
    """The beginning of the SHA-256 of the application's module."""

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        try:
            self.case()
            self.severities()
        except UserError as error:
            raise ValueError("; ".join(error.faults)) from None
        if len(self.paths) != len(self.clients):
            raise ValueError(f"paths: expected one for each of {len(self.clients)} clients")
        return self

    @classmethod
    def of(
        cls,
        case: AppCase,
        paths: tuple[str, ...],
        severities: Severities,
        versions: Mapping[str, str],
        source: str | None,
        app_dir: str,
        code: tuple[str, ...] = (),
    ) -> Self:
        """Return what is to be recorded of a case."""
        return cls(
            target=case.target,
            app_dir=app_dir,
            code=code,
            factory=case.factory,
            server=case.server,
            lifespan=case.lifespan,
            root_path=case.root_path,
            pings=case.pings,
            shutdown_at_ms=case.shutdown_at_ms,
            grace_ms=case.grace_ms,
            invariants=case.invariants,
            at_end=case.at_end,
            clients=tuple(one.typed for one in case.clients),
            paths=paths,
            bounds=RecordedBounds(**asdict(case.bounds)),
            fail_on=severities.fail_on,
            allow=severities.allow,
            versions=dict(versions),
            source=source,
        )

    def case(self) -> AppCase:
        """Return what was asked. Raises UserError for a script that is none."""
        return AppCase(
            target=self.target,
            clients=tuple(map(parse, self.clients)),
            server=self.server,
            bounds=Bounds(**self.bounds.model_dump()),
            factory=self.factory,
            lifespan=self.lifespan,
            root_path=self.root_path,
            pings=self.pings,
            shutdown_at_ms=self.shutdown_at_ms,
            grace_ms=self.grace_ms,
            invariants=self.invariants,
            at_end=self.at_end,
        )

    def severities(self) -> Severities:
        """Return what findings were made of. Raises UserError for one that does not exist."""
        return Severities(self.fail_on, self.allow)
