"""The pytest plugin. Loaded with every pytest, so it imports nothing until it is asked for."""

import glob
import os
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sim.files.recorded import Recorded
    from sim.testing.app import AppChecker
    from sim.testing.race import Race

MARKER = """wsrace(scenario, *, settings, runtime, guard, handler, factory, strategy, times, \
property, bound, max_schedules, seed, first, expect): what the fixture `race` looks for; see \
sim.testing."""
APP_MARKER = """wsrace_app(app, *, path, clients, message, server, fail_on, allow, seconds, ...): \
what the fixture `wsrace_app` checks; see sim.testing."""
FILES = pytest.StashKey[frozenset[Path]]()
REPLAY: "pytest.StashKey[Recorded]" = pytest.StashKey()
RACE: "pytest.StashKey[Race]" = pytest.StashKey()
APP: "pytest.StashKey[AppChecker]" = pytest.StashKey()
VERDICT, TOKEN = "wsrace_verdict", "wsrace_token"
"""Properties of a test in its report, and so in a JUnit file."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, all of them off."""
    group = parser.getgroup("wsrace", "races of WebSocket handlers")
    group.addoption(
        "--wsrace-replay",
        metavar="TOKEN|FILE",
        help="Run only the tests of this run's scenario and guard, each as that one run.",
    )
    group.addoption(
        "--wsrace-artifacts",
        metavar="DIR",
        help="Keep a .race.json file of each failing run in this folder.",
    )
    parser.addini("wsrace_scenarios", "Scenario files to run as tests (globs).", "linelist", [])
    parser.addini("wsrace_strategy", "How schedules are searched.", default="dpor")
    parser.addini("wsrace_times", "fixed, all, or auto: all if times are drawn.", default="auto")
    parser.addini("wsrace_max_schedules", "Schedules per search at most.", default="10000")
    parser.addini("wsrace_artifacts", "Folder for .race.json files of failing runs.", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, find the scenario files, read the run to replay."""
    config.addinivalue_line("markers", MARKER)
    config.addinivalue_line("markers", APP_MARKER)
    if patterns := config.getini("wsrace_scenarios"):
        files = _matching(config.rootpath, patterns)
        config.stash[FILES] = frozenset(files)
        if config.args_source is config.ArgsSource.TESTPATHS:  # everything was asked for
            folders = [Path(arg).resolve() for arg in config.args]
            config.args += [
                str(file) for file in files if not any(map(file.is_relative_to, folders))
            ]
    if run := config.getoption("--wsrace-replay"):
        from sim.testing.collecting import read_run

        config.stash[REPLAY] = read_run(run)


def _matching(root: Path, patterns: list[str]) -> list[Path]:
    """Return the files that match, sorted. Raises UsageError for a pattern without any."""
    found: set[Path] = set()
    for pattern in patterns:
        names = glob.glob(os.path.join(glob.escape(str(root)), pattern), recursive=True)
        files = {Path(name).resolve() for name in names if os.path.isfile(name)}
        if not files:
            raise pytest.UsageError(f"wsrace_scenarios: {pattern!r} matches no file in {root}")
        found |= files
    return sorted(found)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the scenario files that were asked for."""
    files = parent.config.stash.get(FILES, None)
    if files is None or file_path.resolve() not in files:
        return None
    from sim.testing.collecting import ScenarioFile

    return ScenarioFile.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave only the tests of the run to replay, if there is one."""
    recorded = config.stash.get(REPLAY, None)
    if recorded is None:
        return
    from sim.testing.collecting import may_answer

    answers = [(item, may_answer(item, recorded)) for item in items]
    config.hook.pytest_deselected(items=[item for item, wanted in answers if not wanted])
    items[:] = [item for item, wanted in answers if wanted]


@pytest.fixture
def race(request: pytest.FixtureRequest) -> "Race":
    """Return the race that the marker `wsrace` of the test describes."""
    from sim.testing.collecting import race_of

    made = request.node.stash[RACE] = race_of(request.node)
    return made


@pytest.fixture
def wsrace_app(request: pytest.FixtureRequest) -> "AppChecker":
    """Return what checks an application; the marker `wsrace_app` says which, and how."""
    from sim.testing.marked import app_checker_of

    made = request.node.stash[APP] = app_checker_of(request.node)
    return made


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a test that would check nothing."""
    for marker, fixture in (("wsrace", "race"), ("wsrace_app", "wsrace_app")):
        marked = any(mark.name == marker for mark in item.own_markers)
        if marked and fixture not in getattr(item, "fixturenames", ()):
            told = f"the marker {marker} does nothing without the fixture {fixture}"
            pytest.fail(told, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Say of a test that passes whether the run to replay was one of its own."""
    result = yield
    made = pyfuncitem.stash.get(RACE, None) or pyfuncitem.stash.get(APP, None)
    if REPLAY in pyfuncitem.config.stash and made is not None and not made.replayed:
        pytest.skip("the run to replay is none of this test")
    return result


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is replayed."""
    recorded = config.stash.get(REPLAY, None)
    if recorded is None:
        return None
    if recorded.app is not None:
        return f"wsrace: replaying {recorded.app.target}, {' | '.join(recorded.app.clients)}"
    from sim.runs.scenario import ScenarioSubject

    who = f", handler {recorded.handler}" if recorded.handler else ""
    return f"wsrace: replaying {ScenarioSubject(recorded.of_scenario()).words()}{who}"


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Show the verdict beside a test that passes, where pytest is verbose."""
    if report.when != "call" or not report.passed or hasattr(report, "wasxfail"):
        return None
    verdicts = [str(value) for key, value in report.user_properties if key == VERDICT]
    if not verdicts:
        return None
    return "passed", ".", f"PASSED ({'; '.join(one.partition(' (')[0] for one in verdicts)})"
