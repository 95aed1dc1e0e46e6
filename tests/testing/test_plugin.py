"""The plugin, in pytest processes of its own: what it collects, says, keeps and repeats."""

from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sim.runs.keep import read_file
from sim.runs.replay import replay
from sim.testing.failure import file_name
from tests.helpers.written import MONITOR, QUIET, project

GUARDS = """
import pytest
from starlette.websockets import WebSocketState

FIXED = ["runtime=any-order", "window_ms=5", "injections.0.delay_ms=5"]


def careful(websocket):
    return websocket.application_state is WebSocketState.CONNECTED


def useless(websocket):
    return True


@pytest.mark.wsrace("server-close", settings=FIXED, guard=careful)
def test_careful(race):
    race.check()


@pytest.mark.wsrace("server-close", settings=FIXED, guard=useless)
def test_useless(race):
    race.check()


@pytest.mark.wsrace("server-close", settings=FIXED)
@pytest.mark.parametrize("guard", ["pre-fix", "catch"])
def test_any(race, guard):
    race.guard(guard).check()


def test_plain():
    pass
"""
EXPECTING = f"""{MONITOR}
[expect]
pre-fix = "all"
post-fix = "none"
raw = "racy"
catch = "race-free"
none = "some"

[expect.both-states]
"asyncio-3.11" = "none"
trio = "some"
"""
ALL = "wsrace_scenarios = races/*.toml"


def lines(result: pytest.RunResult, *wanted: str) -> None:
    """Every one of `wanted` is a line of the output, and no traceback of ours is."""
    for line in wanted:
        result.stdout.fnmatch_lines([line])
    for part in ("Traceback", "INTERNALERROR", "sim/testing/", "During handling"):
        result.stdout.no_fnmatch_line(f"*{part}*")
        result.stderr.no_fnmatch_line(f"*{part}*")


def properties(path: Path) -> dict[str, dict[str, str]]:
    """The properties of each test in a JUnit file."""
    return {
        str(case.get("name")): {
            str(one.get("name")): str(one.get("value")) for one in case.iter("property")
        }
        for case in ElementTree.parse(path).iter("testcase")
    }


# -- asked for nothing ---------------------------------------------------------------------------


def test_it_does_nothing_until_it_is_asked_for(pytester: pytest.Pytester) -> None:
    look = (
        "import sys\n"
        "def test_look():\n"
        "    loaded = [name for name in sys.modules if name.startswith('sim.')]\n"
        "    assert sorted(loaded) == ['sim.testing', 'sim.testing.plugin']\n"
    )
    project(pytester, test_races=look, races__monitor=MONITOR, race__x="def test(): 1 / 0")
    result = pytester.runpytest_subprocess("-v", "--strict-markers", "--strict-config")
    result.assert_outcomes(passed=1)
    assert [path.name for path in pytester.path.rglob("*.json")] == []
    pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.wsrace(scen*"])


# -- scenario files ------------------------------------------------------------------------------


def test_a_scenario_file_is_a_test_for_each_guard_of_which_something_is_expected(
    pytester: pytest.Pytester,
) -> None:
    project(pytester, settings=ALL, races__monitor=EXPECTING)
    result = pytester.runpytest_subprocess("-v")
    result.assert_outcomes(passed=4, failed=3)
    lines(
        result,
        "races/monitor.toml::pre-fix PASSED (fails in every schedule at these times: *",
        "races/monitor.toml::post-fix FAILED*",
        "races/monitor.toml::raw FAILED*",
        "races/monitor.toml::catch PASSED (race-free: complete, * of * classes)*",
        "races/monitor.toml::none PASSED (racy, or fails in every schedule: 1 of 1 classes so far*",
        "races/monitor.toml::both-states?asyncio-3.11? PASSED (race-free: *",
        "races/monitor.toml::both-states?trio? FAILED*",
        "monitor, guard post-fix, runtime asyncio-3.11: fails in every schedule at these times: *",
        "expected: no run fails",
        "monitor, guard raw, runtime asyncio-3.11: race-free: complete, *",
        "monitor, guard both-states, runtime trio: race-free: *",
        "expected: some run fails",
        "replay: pytest races/monitor.toml::post-fix --wsrace-replay wsr1.*",
        "    or: wsrace replay wsr1.*",
    )


def test_without_expectations_the_guards_of_the_sweep_must_be_race_free(
    pytester: pytest.Pytester,
) -> None:
    sweep = f'{MONITOR}\n[sweep]\nguards = ["catch", "pre-fix"]'
    project(pytester, settings=ALL, races__monitor=sweep, races__other=MONITOR)
    result = pytester.runpytest_subprocess("-v", "races/monitor.toml")
    result.assert_outcomes(passed=1, failed=1)
    lines(result, "races/monitor.toml::catch PASSED*", "races/monitor.toml::pre-fix FAILED*")


def test_an_inconclusive_search_fails_with_its_bound(pytester: pytest.Pytester) -> None:
    expecting = f'{MONITOR}\n[expect]\ncatch = "none"'
    settings = f"{ALL}\nwsrace_times = all\nwsrace_max_schedules = 7\nwsrace_strategy = exhaustive"
    project(pytester, settings=settings, races__monitor=expecting)
    result = pytester.runpytest_subprocess("-v")
    result.assert_outcomes(failed=1)
    lines(
        result,
        "*inconclusive: 7 schedules without a failure (every schedule; every arrival *cut after 7*",
        "an inconclusive search is no pass: *",
    )


def test_a_batch_is_all_of_its_scenarios(pytester: pytest.Pytester) -> None:
    batch = (
        '[[include]]\nscenario = "wait-for-hop"\nlabel = "one"\n[[include]]\nscenario = "healthy"'
    )
    project(pytester, settings=ALL, races__both=batch)
    result = pytester.runpytest_subprocess("-v", "-k", "catch or both-states")
    result.assert_outcomes(passed=5, deselected=10)
    lines(
        result,
        "races/both.toml::one-both-states?asyncio-3.11? PASSED (racy*",
        "races/both.toml::one-both-states?asyncio-3.12? PASSED (race-free: *",
        "races/both.toml::healthy-catch PASSED (race-free: *",
    )


def test_all_files_are_collected_once_wherever_they_lie(pytester: pytest.Pytester) -> None:
    one = f'{MONITOR}\n[expect]\ncatch = "none"'
    settings = "testpaths = tests\nwsrace_scenarios =\n  ra*/*.toml\n  tests/**/*.toml\n  races/*"
    files = {"races__a": one, "tests__test_x": "def test_y(): pass"}
    project(pytester, settings=settings, **files)
    (pytester.path / "tests" / "deep").mkdir()
    (pytester.path / "tests" / "deep" / "b.toml").write_text(one)
    found = pytester.runpytest_subprocess("--collect-only", "-q")
    collected = [line for line in found.outlines if "::" in line]
    assert sorted(collected) == [
        "races/a.toml::catch",
        "tests/deep/b.toml::catch",
        "tests/test_x.py::test_y",
    ]
    only = pytester.runpytest_subprocess("--collect-only", "-q", "tests/test_x.py")
    assert [line for line in only.outlines if "::" in line] == ["tests/test_x.py::test_y"]


def test_every_fault_of_a_file_is_one_line(pytester: pytest.Pytester) -> None:
    own = f'{MONITOR}\n[expect]\n"unwanted:guard" = "none"'
    bad = "windw_ms = 3\nmode = 'mian'"
    project(pytester, settings=ALL, races__bad=bad, races__own=own, unwanted="raise SystemExit")
    result = pytester.runpytest_subprocess("--continue-on-collection-errors")
    result.assert_outcomes(errors=1, failed=1)
    lines(
        result,
        "*races/bad.toml:1: windw_ms: *",
        "*races/bad.toml:2: mode: *",
        "guard 'unwanted:guard': a file cannot bring in code of your own; write a test with *",
    )


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            "wsrace_scenarios = race/*.toml",
            "ERROR: wsrace_scenarios: 'race/*.toml' matches no file*",
        ),
        (
            f"{ALL}\nwsrace_max_schedules = many",
            "wsrace_max_schedules: expected a number, got 'many'",
        ),
        (f"{ALL}\nwsrace_strategy = luck", "strategy: 'luck' is unknown; allowed: dpor, *"),
        (f"{ALL}\nwsrace_times = now", "times: 'now' is unknown; allowed: fixed, all, auto"),
    ],
)
def test_a_wrong_setting_is_one_line(pytester: pytest.Pytester, settings: str, line: str) -> None:
    project(pytester, settings=settings, races__monitor=MONITOR)
    result = pytester.runpytest_subprocess("--maxfail=1")
    assert result.ret != 0
    (result.stderr if line.startswith("ERROR") else result.stdout).fnmatch_lines([line])
    lines(result)


# -- the fixture and its marker ------------------------------------------------------------------


def test_markers_add_up_and_their_faults_are_single_lines(pytester: pytest.Pytester) -> None:
    tests = """
import pytest

pytestmark = pytest.mark.wsrace("healthy", guard="catch", settings=["clients.messages=1"])


def test_module(race):
    assert (race.scenario.name, race.scenario.guard) == ("healthy", "catch")


@pytest.mark.wsrace(guard="raw", runtime="trio", max_schedules=7)
class TestThem:
    def test_class(self, race):
        named = (race.scenario.guard, race.scenario.runtime, race.scenario.clients.messages)
        assert named == ("raw", "trio", 1)

    @pytest.mark.wsrace("races/monitor.toml", settings=[])
    def test_function(self, race):
        assert (race.scenario.name, race.scenario.guard) == ("monitor", "raw")
        assert race.explore().inquiry.max_schedules == 7


def test_without_a_race():
    pass


@pytest.mark.wsrace(nosuch=1, times="x")
def test_two_faults(race):
    pass


@pytest.mark.wsrace("healthy", "catch")
def test_unnamed(race):
    pass


@pytest.mark.wsrace("healthy")
def test_nothing_checked():
    pass


@pytest.mark.wsrace()
def test_late(race):
    race.guard("nosuch")
"""
    bare = "def test_bare(race): pass"
    project(pytester, test_races=tests, test_bare=bare, races__monitor=MONITOR)
    result = pytester.runpytest_subprocess("-v")
    result.assert_outcomes(passed=4, errors=4, failed=1)
    lines(
        result,
        "nosuch: unknown; allowed: strategy, *",
        "times: 'x' is unknown; *",
        "marker wsrace: only the scenario goes without a name: *",
        "the marker wsrace does nothing without the fixture race",
        'the fixture race needs the marker @pytest.mark.wsrace("SCENARIO")',
        "E *UserError: with guard=nosuch: guard: unknown guard 'nosuch'; *",
    )


def test_a_failure_shows_itself_and_leaves_token_verdict_and_file(
    pytester: pytest.Pytester,
) -> None:
    project(pytester, test_races=GUARDS)
    result = pytester.runpytest_subprocess("--junit-xml=x.xml", "--wsrace-artifacts", "kept/here")
    result.assert_outcomes(passed=3, failed=2)
    lines(
        result,
        "race = Race(server-close, guard test_races:useless, runtime any-order)",
        "E  *RaceFound: server-close, guard test_races:useless, runtime any-order: racy: *",
        "E *outcome: need_accept_first",
        "E *why: *",
        "E *replay: pytest test_races.py::test_useless --wsrace-replay wsr1.*",
        "E *or: wsrace replay wsr1.* --guard test_races:useless",
        "*Captured wsrace call*",
        "racy: 1 of * classes so far fail",
    )
    said = properties(pytester.path / "x.xml")
    assert said["test_careful"]["wsrace_verdict"].startswith("race-free: complete, ")
    assert "wsrace_token" not in said["test_careful"]
    assert said["test_plain"] == {}
    kept = pytester.path / "kept" / "here"
    nodes = {
        name: file_name(f"test_races.py::{name}") for name in ("test_useless", "test_any[pre-fix]")
    }
    assert {path.name for path in kept.iterdir()} == set(nodes.values())
    file = read_file(kept / nodes["test_any[pre-fix]"])
    again = replay(said["test_any[pre-fix]"]["wsrace_token"])
    assert again.digest == file.digest
    assert again.outcome.failed


def test_a_file_that_cannot_be_kept_hides_no_failure(pytester: pytest.Pytester) -> None:
    project(pytester, test_races=GUARDS, settings="wsrace_artifacts = pytest.ini/x")
    result = pytester.runpytest_subprocess("-k", "useless")
    result.assert_outcomes(failed=1, deselected=4)
    lines(result, "E *RaceFound: *", "no file was kept: *")


def test_a_race_that_is_known_is_an_expected_failure(pytester: pytest.Pytester) -> None:
    known = GUARDS.replace("@pytest.mark.wsrace(", "@pytest.mark.xfail\n@pytest.mark.wsrace(")
    project(pytester, test_races=known)
    result = pytester.runpytest_subprocess("-v")
    result.assert_outcomes(passed=1, xfailed=2, xpassed=2)
    lines(result, "test_races.py::test_careful XPASS*", "test_races.py::test_useless XFAIL*")


# -- one run again -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["token", "file"])
def test_one_run_is_made_again_where_it_came_from(pytester: pytest.Pytester, form: str) -> None:
    settings = f"{ALL}\nwsrace_artifacts = kept"
    project(pytester, test_races=GUARDS, settings=settings, races__monitor=EXPECTING)
    pytester.runpytest_subprocess("--junit-xml=x.xml")
    said = properties(pytester.path / "x.xml")
    for name, node, skipped in (
        ("test_useless", "test_races.py::test_useless", 2),
        ("post-fix", "races/monitor.toml::post-fix", 0),
        ("test_any[pre-fix]", "test_races.py::test_any[pre-fix]", 1),
    ):
        run = said[name]["wsrace_token"] if form == "token" else f"kept/{file_name(node)}"
        result = pytester.runpytest_subprocess("-v", "--wsrace-replay", run)
        result.assert_outcomes(failed=1, skipped=skipped, deselected=11 - skipped)
        lines(result, "wsrace: replaying *", "*: this run fails", "*outcome: need_accept_first")
        assert any(line.startswith(f"{node} FAILED") for line in result.outlines)


def test_a_replay_passes_when_the_guard_was_mended(pytester: pytest.Pytester) -> None:
    wide = GUARDS.replace("any-order", "asyncio-3.11").replace("window_ms=5", "window_ms=20")
    project(pytester, test_races=wide)
    pytester.runpytest_subprocess("--junit-xml=x.xml", "-k", "useless")
    token = properties(pytester.path / "x.xml")["test_useless"]["wsrace_token"]
    project(pytester, test_races=wide.replace("return True", "return careful(websocket)"))
    result = pytester.runpytest_subprocess("-v", "--wsrace-replay", token)
    result.assert_outcomes(passed=1, skipped=2, deselected=2)


@pytest.mark.parametrize(
    ("run", "line"),
    [
        ("wsr1.abc.00000000", "ERROR: --wsrace-replay: token: it was cut or changed: *"),
        ("wsr9.abc.00000000", "ERROR: --wsrace-replay: token: made by another version (wsr9)*"),
        ("nonsense", "ERROR: --wsrace-replay: token: not a token of wsrace; *"),
        ("no/file", "ERROR: --wsrace-replay: no/file: there is no such file"),
        ("x.race.json", "ERROR: --wsrace-replay: x.race.json: there is no such file"),
        ("pytest.ini", "ERROR: --wsrace-replay: pytest.ini:*"),
    ],
)
def test_a_run_that_cannot_be_read_stops_pytest_in_one_line(
    pytester: pytest.Pytester, run: str, line: str
) -> None:
    project(pytester, test_races=GUARDS)
    result = pytester.runpytest_subprocess("--wsrace-replay", run)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([line])
    assert len([one for one in result.errlines if one]) == 1
    lines(result)


# -- side by side --------------------------------------------------------------------------------


@pytest.mark.skipif(find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_two_processes_find_and_keep_the_same(pytester: pytest.Pytester) -> None:
    settings = f"{ALL}\ntestpaths = test_races.py"
    project(pytester, test_races=GUARDS, settings=settings, races__monitor=EXPECTING)
    found = {}
    for folder, options in (("one", []), ("two", ["-n", "2"])):
        arguments = ["--junit-xml=x.xml", "--wsrace-artifacts", folder, *options]
        result = pytester.runpytest_subprocess("-v", *arguments)
        result.assert_outcomes(passed=7, failed=5)
        files = {path.name: path.read_bytes() for path in (pytester.path / folder).iterdir()}
        found[folder] = (files, properties(pytester.path / "x.xml"))
        lines(result, "*PASSED (race-free: complete, * of * classes)*")
    assert found["one"] == found["two"]
    assert len(found["one"][0]) == 3


# -- Hypothesis ----------------------------------------------------------------------------------


def test_a_failing_example_names_the_deviations(pytester: pytest.Pytester) -> None:
    tests = """
from hypothesis import given
from sim import open_scenario
from sim.runs.play import play
from sim.testing.strategies import schedulers

SCENARIO = open_scenario(
    "server-close", ["runtime=any-order", "window_ms=5", "injections.0.delay_ms=5"]
)


@given(schedulers())
def test_no_schedule_fails(scheduler):
    assert not play(SCENARIO, scheduler).outcome.failed
"""
    project(pytester, test_drawn=tests, conftest=QUIET)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*scheduler=Deviating({2: 1}),"])
