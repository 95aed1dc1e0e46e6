"""What a test asks: names and options, as people write them, made into scenarios and inquiries."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from sim.errors import UserError
from sim.exploration.inquiry import TIMES, Inquiry
from sim.exploration.listed import drawn_times, listed
from sim.exploration.verdict import Exploration, Verdict
from sim.files.catalog import open_scenario
from sim.files.load import load_data
from sim.files.override import override
from sim.model.scenario import Batch, Expected, Scenario
from sim.runs.play import import_guard
from sim.sut.guards import GUARDS, Guard, own_guard

SEARCH = ("strategy", "times", "property", "bound", "max_schedules", "seed", "first")
"""Options of a search: the keys of an inquiry, with times = "auto" besides."""
OPTIONS = (*SEARCH, "expect")
EXPECTED: tuple[Expected, ...] = get_args(Expected)
NO_FAILURE: tuple[Expected, ...] = ("none", "race-free")
"""Expectations that a failing run breaks."""
_NUMBERS = ("bound", "max_schedules", "seed")


def scenario_for(
    given: str | Path | Scenario, settings: Sequence[str] = (), runtime: str | None = None
) -> Scenario:
    """Return the scenario that a test names.

    given: a name of the catalog, a TOML file, or a scenario. settings: as for
    `sim.files.override.override`. runtime: instead of the scenario's own. Raises UserError.
    """
    if isinstance(settings, str) or not all(isinstance(one, str) for one in settings):
        raise UserError(f"settings: expected a list of KEY=VALUE, got {settings!r}")
    changes = [*settings, *([] if runtime is None else [f"runtime={runtime}"])]
    if isinstance(given, Scenario):
        if not changes:
            return given
        data = given.model_dump(mode="json", exclude_defaults=True)
        opened = load_data(override({"name": "", **data}, changes), f"with {', '.join(changes)}")
    else:
        opened = open_scenario(str(given), changes)
    if isinstance(opened, Batch):
        names = ", ".join(entry.label or entry.scenario for entry in opened.include)
        raise UserError(f"{given}: it is a batch; ask for one of its scenarios: {names}")
    return opened


def guard_for(given: object, module: str) -> tuple[str, Guard | None]:
    """Return the name of a guard, and the guard itself unless it is one of ours.

    given: a name of ours, "module:name", a function of the WebSocket, or a Guard. module: where
    the test stands; a Guard is looked for there. Raises UserError.
    """
    if isinstance(given, str):
        return given, import_guard(given) if ":" in given else None
    if isinstance(given, Guard):
        if GUARDS.get(given.name) is given:
            return given.name, None
        name = f"{module}:{given.name or 'guard'}"
    elif callable(given):
        name = f"{given.__module__}:{getattr(given, '__qualname__', type(given).__qualname__)}"
    else:
        raise UserError(
            f"guard: expected a name, a function of the WebSocket or a Guard, got {given!r}"
        )
    return name, own_guard(name, given)


def importable(name: str, given: object) -> bool:
    """Whether `given` is what "module:name" stands for, so that a token can name it."""
    module, _, attribute = name.partition(":")
    return getattr(sys.modules.get(module), attribute, None) is given


def inquiry_for(scenario: Scenario, options: Mapping[str, Any]) -> Inquiry:
    """Return the inquiry that `options` ask for; None stands for the default.

    times: "auto", the default, is "all" if the scenario draws times that are not listed, else
    "fixed". Raises UserError with one line for every fault.
    """
    given = {key: value for key, value in options.items() if value is not None}
    faults = [
        f"{key}: unknown; allowed: {', '.join(OPTIONS)}" for key in given if key not in OPTIONS
    ]
    faults += [
        f"{key}: expected an integer, got {given[key]!r}"
        for key in _NUMBERS
        if key in given and type(given[key]) is not int
    ]
    times = given.get("times", "auto")
    if times not in (*TIMES, "auto"):
        faults.append(f"times: {times!r} is unknown; allowed: {', '.join(TIMES)}, auto")
    if given.get("expect", "none") not in EXPECTED:
        faults.append(f"expect: {given['expect']!r} is unknown; allowed: {', '.join(EXPECTED)}")
    if faults:
        raise UserError(*faults)
    search = {key: given[key] for key in SEARCH if key in given}
    if times == "auto":
        free = any(listed(draw) is None for draw in drawn_times(scenario).values())
        search["times"] = "all" if free else "fixed"
    if "property" in search:
        search["prop"] = search.pop("property")
    return Inquiry(**search)


def broken(found: Exploration, expected: str) -> str:
    """Return what is wrong with a verdict, "" if it is as expected.

    expected: one of EXPECTED. A search that was cut shows that some runs fail; it never shows that
    none or all do.
    """
    if found.verdict is Verdict.INCONCLUSIVE:
        return "an inconclusive search is no pass: raise max_schedules, or ask for less"
    racy = found.verdict is Verdict.RACY
    if expected in NO_FAILURE:
        return "expected: no run fails" if racy else ""
    if expected == "all":
        every = racy and found.complete and found.failing == found.looked
        return "" if every else "expected: every run fails, and every one was looked at"
    return "" if racy else "expected: some run fails"
