"""Drawn times: what a search that has to be complete makes of them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from sim.errors import UserError
from sim.exploration.inquiry import Inquiry
from sim.model.scenario import Scenario
from sim.model.times import Draw

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


def listed(draw: Draw) -> tuple[float, ...] | None:
    """Return the values that a draw can take if they are few, None if it is continuous."""
    if draw.grid is not None:
        start, stop, count = draw.grid
        return tuple(start + (stop - start) * i / (count - 1) for i in range(count))
    return draw.list


def settled_times(scenario: Scenario, inquiry: Inquiry) -> tuple[Scenario, ...]:
    """Return the scenario once for each combination of its listed times.

    Where the search makes the times of injections choices, they are no longer drawn. Raises
    UserError naming every drawn time that would be left to chance, or if there are too many.
    """
    values: dict[str, Sequence[float]] = {}
    faults = []
    for key, draw in drawn_times(scenario).items():
        found = (
            (0.0,) if inquiry.untimed and key.endswith((".delay_ms", ".time_ms")) else listed(draw)
        )
        if found is None:
            hint = "a number or a list"
            if not inquiry.untimed and key.startswith("injections."):
                hint += ", or --times all"
            faults.append(f"{key}: it is drawn; a search needs {hint}")
        else:
            values[key] = tuple(dict.fromkeys(found))
    if faults:
        raise UserError(*faults)
    combinations = list(product(*values.values()))
    if len(combinations) > MOST:
        raise UserError(f"{len(combinations)} combinations of listed times, more than {MOST}")
    return tuple(_with(scenario, dict(zip(values, one, strict=True))) for one in combinations)


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
