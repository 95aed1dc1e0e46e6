"""Why a cell disagrees: which one thing of the model, were it otherwise, would give what was seen.

A disagreement says that a mechanism is wrong or missing. Each switch of the server profile is
turned, one at a time, and each timing of the envelope is tried; what then gives what was seen is
named. It is a place to look at in the server's source, and no proof.
"""

from collections.abc import Iterator
from dataclasses import fields, replace
from enum import StrEnum

from sim.conformance.arrange import ENVELOPE, USUAL, scenario_of
from sim.conformance.cells import Cell
from sim.conformance.judge import Judged, compare
from sim.conformance.predict import predict
from sim.conformance.stacks import setting_of
from sim.errors import NoAnswer
from sim.model.profiles import PROFILES, profile_named
from sim.model.scenario import Scenario
from sim.model.switches import ServerProfile

UNEXPLAINED = "neither timing nor any one switch of the profile gives what was seen"


def diagnosis(judged: Judged) -> str:
    """Return in one line what would have to be otherwise, or why the model has no answer."""
    if judged.prediction is None:
        return judged.why
    found = [*_timings(judged), *_switches(judged)]
    return "; ".join(found) if found else UNEXPLAINED


def _timings(judged: Judged) -> Iterator[str]:
    cell = judged.cell
    for timing in ENVELOPE[1:]:
        if _gives(cell, scenario_of(cell, timing=timing)):
            changed = [
                f"{field.name} = {getattr(timing, field.name):g}"
                for field in fields(timing)
                if getattr(timing, field.name) != getattr(USUAL, field.name)
            ]
            yield f"timing: with {', '.join(changed)} the model gives it"


def _switches(judged: Judged) -> Iterator[str]:
    cell = judged.cell
    scenario = scenario_of(cell)
    profile = profile_named(setting_of(cell).server)
    for name, value, other in _turned(profile):
        if _gives(cell, scenario, other):
            yield f"switch {name}: with {_shown(value)} the model gives it"


def _gives(cell: Cell, scenario: Scenario, profile: ServerProfile | None = None) -> bool:
    """Whether a scenario gives what was seen, and loses messages as often."""
    try:
        return all(compare(cell, predict(scenario, profile)))
    except NoAnswer:
        return False


def _turned(profile: ServerProfile) -> Iterator[tuple[str, object, ServerProfile]]:
    """Yield the profile with one switch set to a value that another profile has."""
    for field in fields(profile):
        if field.name == "name":
            continue
        now = getattr(profile, field.name)
        values = dict.fromkeys(getattr(other, field.name) for other in PROFILES.values())
        for value in values:
            if value != now:
                yield field.name, value, replace(profile, **{field.name: value})


def _shown(value: object) -> str:
    return str(value) if isinstance(value, StrEnum) else repr(value)
