"""Pytest's items: scenario files as tests, and the race that a marker describes."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.errors import Divergence, UserError
from sim.exploration.verdict import Exploration
from sim.files.catalog import expand, open_scenario
from sim.files.racefile import SUFFIX
from sim.files.recorded import Recorded
from sim.files.token import decode
from sim.model.scenario import Batch, Scenario
from sim.runs.keep import read_file, write_file
from sim.runs.scenario import ScenarioSubject
from sim.testing.asked import is_run_of
from sim.testing.failure import Place, RaceFound
from sim.testing.plugin import REPLAY, TOKEN, VERDICT
from sim.testing.race import Race, Watch

_SECTION = "wsrace"


class ScenarioFile(pytest.File):
    """A scenario file: a test for every guard that it speaks of."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the tests. Raises CollectError with one line for every fault of the file."""
        try:
            options = defaults(self.config)
            opened = open_scenario(str(self.path))
            scenarios = expand(opened) if isinstance(opened, Batch) else (opened,)
        except UserError as error:
            raise self.CollectError(str(error)) from None
        for scenario in scenarios:
            prefix = f"{scenario.name}-" if isinstance(opened, Batch) else ""
            for guard, runtime, label in variants(scenario):
                one = scenario.model_copy(update={"guard": guard, "runtime": runtime})
                yield ScenarioItem.from_parent(
                    self, name=prefix + label, scenario=one, options=options
                )


def variants(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    """Yield guard, runtime and label of each test of a scenario.

    The guards are those of which something is expected, or else those of the sweep; the runtime is
    the scenario's own, or each of those of which something of its own is expected.
    """
    for guard in scenario.expect or scenario.sweep.guards:
        expected = scenario.expect.get(guard)
        if isinstance(expected, dict):
            for runtime in expected:
                yield guard, runtime, f"{guard}[{runtime}]"
        else:
            yield guard, scenario.runtime, guard


class ScenarioItem(pytest.Item):
    """A scenario under one guard, which passes if the verdict is as the file expects."""

    def __init__(self, *, scenario: Scenario, options: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scenario = scenario
        self._options = options

    def runtest(self) -> None:
        """Search the schedules, or make the run to replay. Raises RaceFound, UserError."""
        scenario = self.scenario
        if ":" in scenario.guard:
            file = self.nodeid.partition("::")[0]
            raise UserError(
                f"guard {scenario.guard!r}: a file cannot bring in code of your own; write a test "
                f"with @pytest.mark.wsrace({file!r}, guard={scenario.guard!r})"
            )
        expect = scenario.expected(scenario.guard, scenario.runtime)
        options = {**self._options, "expect": expect}
        place, watch = surroundings(self)
        Race(scenario, place=place, watch=watch, **options).check()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what went wrong, in words where it is ours to say."""
        if isinstance(excinfo.value, RaceFound | UserError | Divergence):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return file, line and name."""
        return self.path, None, self.name


def defaults(config: pytest.Config) -> dict[str, Any]:
    """Return the options that pytest's settings give. Raises UserError."""
    most = str(config.getini("wsrace_max_schedules")).strip()
    if most and not most.isdecimal():
        raise UserError(f"wsrace_max_schedules: expected a number, got {most!r}")
    return {
        "strategy": config.getini("wsrace_strategy"),
        "times": config.getini("wsrace_times"),
        "max_schedules": int(most) if most else None,
    }


def race_of(item: pytest.Item) -> Race:
    """Return the race that the markers of a test describe; nearer ones override others.

    Ends the test with one line for every fault.
    """
    try:
        place, watch = surroundings(item)
        return Race(place=place, watch=watch, **{**defaults(item.config), **_marked(item)})
    except UserError as error:
        fault = str(error)
    pytest.fail(fault, pytrace=False)


def _marked(item: pytest.Item) -> dict[str, Any]:
    """Return what the markers of a test say. Raises UserError."""
    said: dict[str, Any] = {}
    for mark in reversed(list(item.iter_markers("wsrace"))):
        if len(mark.args) > 1:
            raise UserError(f"marker wsrace: only the scenario goes without a name: {mark.args}")
        said |= {**dict(zip(("scenario",), mark.args, strict=False)), **mark.kwargs}
    given = said.get("scenario")
    if given is None:
        raise UserError('the fixture race needs the marker @pytest.mark.wsrace("SCENARIO")')
    if isinstance(given, str | Path) and str(given).endswith(".toml"):
        said["scenario"] = item.config.rootpath / given
    return said


def surroundings(item: pytest.Item) -> tuple[Place, Watch]:
    """Return where a test stands, and what is done with what it finds."""
    config = item.config
    root = config.invocation_params.dir
    folder = config.getoption("--wsrace-artifacts")
    if not folder:
        root, folder = config.rootpath, config.getini("wsrace_artifacts")
    module = getattr(getattr(item, "module", None), "__name__", "__main__")
    place = Place(item.nodeid, module, root / folder if folder else None)

    def found(verdict: Exploration) -> None:
        item.user_properties.append((VERDICT, verdict.words()))
        item.add_report_section("call", _SECTION, f"{verdict.words().partition(' (')[0]}\n")

    def failed(error: RaceFound) -> None:
        if error.token:
            item.user_properties.append((TOKEN, error.token))
        if place.path is None or error.file is None:
            return
        try:
            place.path.parent.mkdir(parents=True, exist_ok=True)
            write_file(place.path, error.file)
        except (OSError, UserError) as fault:
            item.add_report_section("call", _SECTION, f"no file was kept: {fault}\n")

    return place, Watch(config.stash.get(REPLAY, None), found, failed)


def read_run(given: str) -> Recorded:
    """Return the run of a token or a race file. Raises UsageError in one line."""
    try:
        return read_file(given) if _is_file(given) else decode(given)
    except UserError as error:
        raise pytest.UsageError(f"--wsrace-replay: {'; '.join(error.faults)}") from None


def _is_file(given: str) -> bool:
    return given.endswith(SUFFIX) or os.sep in given or os.path.exists(given)


def may_answer(item: pytest.Item, recorded: Recorded) -> bool:
    """Whether a recorded run may be one of a test's.

    A test whose marker names no guard may use any; it is skipped if it never makes the run.
    """
    if recorded.app is not None:
        return "wsrace_app" in getattr(item, "fixturenames", ())
    if isinstance(item, ScenarioItem):
        return is_run_of(ScenarioSubject(item.scenario), recorded)
    if "race" not in getattr(item, "fixturenames", ()):
        return False
    try:
        said = _marked(item)
        subject = Race(place=surroundings(item)[0], **said).subject
    except UserError:
        return False
    return is_run_of(subject, recorded, "guard" not in said)
