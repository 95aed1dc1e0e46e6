"""What a test asks: names and options, as people write them, made into scenarios and inquiries."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from sim.errors import UserError
from sim.exploration.inquiry import TIMES, Inquiry
from sim.exploration.verdict import Exploration, Verdict
from sim.files.catalog import open_scenario
from sim.files.load import load_data
from sim.files.override import override
from sim.files.recorded import Recorded
from sim.model.scenario import Batch, Expected, Scenario
from sim.runs.handler import HandlerSubject
from sim.runs.own import import_handler, is_importable, own_guard_of, own_handler
from sim.runs.scenario import ScenarioSubject
from sim.runs.times import usual_times
from sim.sut.guards import GUARDS, Guard, own_guard

T = TypeVar("T")
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
        return given, own_guard_of(given)
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


def with_guard(subject: ScenarioSubject, guard: object, module: str) -> ScenarioSubject:
    """Return our handler under another guard. module: where the test stands. Raises UserError."""
    name, own = guard_for(guard, module)
    if own is None:
        scenario = scenario_for(subject.scenario, [f"guard={name}"])
    else:
        scenario = subject.scenario.model_copy(update={"guard": name})
    tellable = own is None or isinstance(guard, str) or is_importable(name, guard)
    return ScenarioSubject(scenario, guard=own, tellable=tellable)


def with_handler(subject: ScenarioSubject, handler: object, factory: bool) -> HandlerSubject:
    """Return a handler of somebody's own in the same scenario. Raises UserError."""
    if isinstance(handler, str):
        own = import_handler(handler, factory)
    else:
        own = own_handler(handler, factory)
    return HandlerSubject(subject.scenario, tellable=own.importable, own=own)


def only_one(subjects: Sequence[T]) -> T:
    """Return the one subject there is. Raises UserError if listed times make several of it."""
    if len(subjects) > 1:
        raise UserError(f"{len(subjects)} combinations of listed times: choose one (settings)")
    return subjects[0]


def is_run_of(subject: ScenarioSubject, recorded: Recorded, any_guard: bool = False) -> bool:
    """Whether a recorded run is one of a subject: same scenario, runtime, and guard or handler."""
    ours, theirs = subject.scenario, recorded.of_scenario()
    keys = ("name", "runtime") if any_guard else ("name", "runtime", "guard")
    handler = subject.handler.name if subject.handler is not None else None
    return handler == recorded.handler and all(
        getattr(ours, key) == getattr(theirs, key) for key in keys
    )


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
        search["times"] = usual_times(scenario)
    if "property" in search:
        search["prop"] = search.pop("property")
    return Inquiry(**search)


def name_problem(found: Exploration, expected: str) -> str:
    """Return what is wrong with a verdict, "" if it is as expected.

    expected: one of EXPECTED. A search that was cut shows that some runs fail; it never shows that
    none or all do.
    """
    if found.verdict is Verdict.INCONCLUSIVE:
        if found.unstable:
            return "without a verdict there is no pass"
        return "an inconclusive search is no pass: raise max_schedules, or ask for less"
    racy = found.fails
    if expected in NO_FAILURE:
        return "expected: no run fails" if racy else ""
    if expected == "all":
        every = racy and found.complete and found.failing == found.looked
        return "" if every else "expected: every run fails, and every one was looked at"
    return "" if racy else "expected: some run fails"
