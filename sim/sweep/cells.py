"""The cells of a sweep: each value of the axis, under each runtime and guard of a scenario."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sim.errors import UserError
from sim.model.results import Cell
from sim.model.scenario import Scenario
from sim.model.times import Draw


@dataclass(frozen=True, slots=True)
class Planned:
    """A cell and the scenario of its trials. `group`: cells whose trials share their luck."""

    cell: Cell
    scenario: Scenario
    group: tuple[str, str, float]


def plan(scenarios: Sequence[Scenario], guards: Sequence[str] = ()) -> tuple[Planned, ...]:
    """Return the cells of `scenarios` in order; guards: instead of those of the scenarios.

    Raises UserError for an axis that does not take one of its values, and for two scenarios of one
    name: they could not be told apart in the result.
    """
    counts = Counter(scenario.name for scenario in scenarios)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise UserError(*(f"scenario {name!r} is there twice: give one a label" for name in twice))
    return tuple(planned for scenario in scenarios for planned in _cells(scenario, guards))


def _cells(scenario: Scenario, guards: Sequence[str]) -> Iterator[Planned]:
    sweep = scenario.sweep
    for runtime in sweep.runtimes:
        for value in sweep.values:
            for guard in dict.fromkeys(guards or sweep.guards):
                variant = with_value(
                    scenario.model_copy(update={"runtime": runtime, "guard": guard}),
                    sweep.axis,
                    value,
                )
                cell = _cell(variant, float(value))
                yield Planned(cell, variant, (scenario.name, runtime, float(value)))


def _cell(scenario: Scenario, value: float) -> Cell:
    first = scenario.injections[0] if scenario.injections else None
    window, delay = scenario.window_ms, first.delay_ms if first else 0.0
    return Cell(
        mode=scenario.mode,
        shape=scenario.shape,
        injection=scenario.name,
        probe=(first.at or "") if first else "",
        runtime=scenario.runtime,
        server=scenario.server,
        counterfactual=scenario.counterfactual,
        guard=scenario.guard,
        axis=scenario.sweep.axis,
        value=value,
        unit=scenario.sweep.unit,
        window_ms=None if isinstance(window, Draw) or not scenario.has_window else window,
        offset_ms=None if isinstance(delay, Draw) else delay,
    )


def with_value(scenario: Scenario, axis: str, value: float) -> Scenario:
    """Return the scenario with the key `axis` ("a.b", "injections.0.delay_ms") set to `value`.

    Raises UserError if there is no such key or it does not take the value.
    """
    data = scenario.model_dump(exclude_defaults=True)
    place: Any = data
    *path, last = axis.split(".")
    try:
        for key in path:
            place = (
                place[int(key)] if isinstance(place, list | tuple) else place.setdefault(key, {})
            )
        place[last] = int(value) if float(value).is_integer() else value
        return Scenario.model_validate(data)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        reason = "no such key"
        if isinstance(error, ValidationError):
            reason = error.errors()[0]["msg"]
        where = f"scenario {scenario.name or '(unnamed)'}: sweep.axis"
        raise UserError(f"{where}: {axis} = {value:g}: {reason}") from None
