"""The fixture `wsrace_app`, in projects of their own, beside other plugins."""

import shutil
from pathlib import Path

import pytest

from sim.errors import UserError
from sim.testing import AppFailed, check
from tests.helpers.applications import FOLDER

pytest_plugins = ["pytester"]
TEST = """
import pytest


def test_the_careful_one(wsrace_app):
    checked = wsrace_app.check("plain:careful")
    assert checked.climbed.verdict == "race-free"


@pytest.mark.wsrace_app("guarded:app", path="/ws", clients="send:hi, close")
def test_the_race(wsrace_app):
    wsrace_app.check()


@pytest.mark.wsrace_app("guarded:app", path="/ws?guard=both-states", clients=["send:hi, close"])
class TestBoth:
    def test_it_holds(self, wsrace_app):
        wsrace_app.check()


def test_an_application_of_its_own_module(wsrace_app):
    from plain import careful

    wsrace_app.check(careful)


@pytest.mark.wsrace_app("plain:careful")
def test_without_the_fixture():
    pass


def test_a_slip(wsrace_app):
    wsrace_app.check("plain:careful", pth="/ws")
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    for name in ("plain.py", "guarded.py"):
        shutil.copy(FOLDER / name, pytester.path)
    return pytester


def test_the_fixture_checks_what_the_marker_or_the_test_names(project: pytest.Pytester) -> None:
    project.makepyfile(TEST)
    result = project.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, failed=2, errors=1)
    text = result.stdout.str()
    assert "escape [c1]: " in text
    assert "racy: 1 of 2 endings fail" in text
    assert "the marker wsrace_app does nothing without the fixture wsrace_app" in text
    assert "pth: no such option; there are: path, clients" in text


def test_a_failing_run_is_replayed_in_the_test_that_it_came_from(project: pytest.Pytester) -> None:
    project.makepyfile(TEST)
    first = project.runpytest_subprocess("-p", "no:cacheprovider", "-k", "the_race")
    again = next(line for line in first.stdout.lines if "wsrace replay wsr1." in line)
    token = again.split("wsrace replay ")[1].split()[0]
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "--wsrace-replay", token)
    assert "wsrace: replaying guarded:app" in result.stdout.str()
    assert "the replayed run fails:" in result.stdout.str()
    result.assert_outcomes(failed=2, skipped=3, deselected=1)


BESIDE = """
import asyncio

import pytest


@pytest.mark.{marker}
async def test_in_a_loop(wsrace_app):
    await asyncio.sleep(0)
    wsrace_app.check("plain:careful")


@pytest.mark.{marker}
async def test_of_their_own():
    await asyncio.sleep(0.01)


def test_beside_it(wsrace_app):
    wsrace_app.check("plain:careful", clients="send:a, close")


@pytest.mark.{marker}
async def test_after_it():
    await asyncio.wait_for(asyncio.sleep(0.01), timeout=5)


@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


@pytest.mark.parametrize(
    ("marker", "options"),
    [
        ("anyio", ("-p", "no:asyncio")),
        ("asyncio", ("--asyncio-mode=strict",)),
        ("asyncio", ("--asyncio-mode=auto",)),
    ],
)
def test_beside_other_plugins_a_check_is_made_in_their_loop_and_beside_it(
    project: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    marker: str,
    options: tuple[str, ...],
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS")
    project.makepyfile(BESIDE.format(marker=marker))
    result = project.runpytest_subprocess("-p", "no:cacheprovider", *options)
    result.assert_outcomes(passed=4)


def test_outside_of_pytest_a_function_does_the_same() -> None:
    checked = check("plain:careful", app_dir=str(FOLDER), clients="send:hi, close")
    assert checked.climbed.verdict == "race-free"
    with pytest.raises(AppFailed, match="racy: 1 of 2 endings fail"):
        check("guarded:app", app_dir=str(FOLDER), path="/ws", clients="send:hi, close")


def test_an_application_that_no_module_has_by_a_name_is_refused(tmp_path: Path) -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        return

    with pytest.raises(UserError, match="has this function by a name; say 'module:app'"):
        check(app, app_dir=str(tmp_path))


@pytest.mark.parametrize(
    ("option", "value", "fault"),
    [
        ("confirm", "abc", "confirm: expected int, got 'abc'"),
        ("seconds", "x", "seconds: expected int or float, got 'x'"),
        ("max_schedules", -1, "max_schedules: expected at least 1, got -1"),
        ("clients", 5, "clients: expected texts, got 5"),
        ("invariants", [5], "invariants: expected functions, or their names, got [5]"),
        ("late", "many", "late: expected int, got 'many'"),
        ("cache", 7, "cache: expected str, got 7"),
    ],
)
def test_an_option_of_another_kind_is_told_by_its_name(
    option: str, value: object, fault: str
) -> None:
    with pytest.raises(UserError) as raised:
        check("plain:careful", app_dir=str(FOLDER), **{option: value})
    assert fault in raised.value.faults
