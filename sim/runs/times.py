"""The times of a scenario: those that are drawn, as a list, and those of injections, moved."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import ValidationError

from sim.errors import UserError
from sim.model.scenario import Scenario
from sim.model.times import Draw, require_number
from sim.runs.subject import Unit

MOST = 1000
"""Combinations of listed times that are searched, at most."""


def drawn_times(scenario: Scenario) -> dict[str, Draw]:
    """Return the times that a scenario draws, by their keys."""
    return {key: value for key, value in _times(scenario) if isinstance(value, Draw)}


def _times(scenario: Scenario) -> Iterator[tuple[str, object]]:
    yield "window_ms", scenario.window_ms
    for index, injection in enumerate(scenario.injections):
        for name in ("delay_ms", "hops", "time_ms"):
            yield f"injections.{index}.{name}", getattr(injection, name)
    for name in ("authentication_ms", "manager_ms", "services_ms"):
        yield f"setup.{name}", getattr(scenario.setup, name)


def usual_times(scenario: Scenario) -> str:
    """Return what "auto" means: "all" if times are drawn and not listed, else "fixed"."""
    return (
        "all" if any(draw.values() is None for draw in drawn_times(scenario).values()) else "fixed"
    )


def list_times(scenario: Scenario, untimed: bool) -> tuple[Scenario, ...]:
    """Return the scenario once for each combination of its listed times.

    untimed: the times of injections are choices of the search, and no longer drawn. Raises
    UserError naming every drawn time that would be left to chance, or if there are too many.
    """
    values: dict[str, Sequence[float]] = {}
    faults = []
    for key, draw in drawn_times(scenario).items():
        few = (0.0,) if untimed and key.endswith((".delay_ms", ".time_ms")) else draw.values()
        if few is None:
            hint = "a number or a list"
            if not untimed and key.startswith("injections."):
                hint += ", or --times all"
            faults.append(f"{key}: it is drawn; a search needs {hint}")
        else:
            values[key] = tuple(dict.fromkeys(few))
    if faults:
        raise UserError(*faults)
    combinations = list(product(*values.values()))
    if len(combinations) > MOST:
        raise UserError(f"{len(combinations)} combinations of listed times, more than {MOST}")
    return tuple(_with(scenario, dict(zip(values, row, strict=True))) for row in combinations)


def _with(scenario: Scenario, times: Mapping[str, float]) -> Scenario:
    if not times:
        return scenario
    data: dict[str, Any] = scenario.model_dump(exclude_unset=True)
    for key, value in times.items():
        table, *path = [int(part) if part.isdigit() else part for part in key.split(".")]
        if not path:
            data[str(table)] = value
            continue
        place = data[str(table)]
        if len(path) == 2:
            place = place[path[0]]
        place[path[-1]] = int(value) if path[-1] == "hops" else value
    return Scenario.model_validate(data)


@dataclass(frozen=True, slots=True)
class InjectionTime:
    """A key of one injection that says when it comes."""

    scenario: Scenario
    index: int
    key: str
    unit: Unit
    value: float

    @property
    def what(self) -> str:
        """What the injection does."""
        return self.scenario.injections[self.index].do

    def moved(self, value: float) -> Scenario | None:
        """Return the scenario with another value there, None if that cannot be."""
        injections = list(self.scenario.injections)
        number = int(value) if self.unit == "turns" else value
        injections[self.index] = injections[self.index].model_copy(update={self.key: number})
        try:
            return Scenario.model_validate({**self.scenario.model_dump(), "injections": injections})
        except ValidationError:
            return None


def injection_times(scenario: Scenario) -> Iterator[InjectionTime]:
    """Yield when each injection comes: its time, and where it has a probe its turns, too."""
    for index, injection in enumerate(scenario.injections):
        key = "delay_ms" if injection.at is not None else "time_ms"
        yield InjectionTime(scenario, index, key, "ms", require_number(getattr(injection, key)))
        if injection.at is not None:
            yield InjectionTime(scenario, index, "hops", "turns", require_number(injection.hops))
