"""What the documents show works as they show it."""

import inspect
from pathlib import Path

import pytest

import sim.testing
from tests.helpers.written import QUIET, fenced, indented, write

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
HEADINGS = ("## Plug in a guard", "## Use it in your tests", "## Read the pictures")


def section(heading: str) -> str:
    return README.partition(f"{heading}\n")[2].partition("\n## ")[0]


def test_the_files_of_the_docstring_are_a_project_that_passes(pytester: pytest.Pytester) -> None:
    files = indented(inspect.getdoc(sim.testing) or "")
    assert {"test_guard.py", "test_handler.py", "test_drawn.py", "pytest.ini"} < set(files)
    write(pytester.path, {"conftest.py": QUIET, **files})
    result = pytester.runpytest_subprocess("-v", "-W", "error")
    result.assert_outcomes(passed=11)
    result.stdout.fnmatch_lines(["races/monitor.toml::catch PASSED (race-free: complete, *"])


def test_the_files_of_the_readme_are_a_project_that_passes(pytester: pytest.Pytester) -> None:
    files = fenced(section(HEADINGS[0])) | fenced(section(HEADINGS[1]))
    assert set(files) == {"my_guards.py", "test_races.py"}
    write(pytester.path, files)
    result = pytester.runpytest_subprocess("-v", "-W", "error")
    result.assert_outcomes(passed=2)


def test_the_section_of_the_readme_stands_where_it_belongs_and_is_short() -> None:
    places = [README.index(f"\n{heading}\n") for heading in HEADINGS]
    assert places == sorted(places)
    assert len(section(HEADINGS[1]).splitlines()) < 40


@pytest.mark.parametrize("what", ["ini", "option"])
def test_every_setting_stands_in_the_docstring(what: str, request: pytest.FixtureRequest) -> None:
    doc = inspect.getdoc(sim.testing) or ""
    plugin = (ROOT / "sim" / "testing" / "plugin.py").read_text()
    start = {"ini": 'addini("', "option": '        "--'}[what]
    names = [part.split('"')[0] for part in plugin.split(start)[1:]]
    assert len(names) > 1
    for name in names:
        assert name in doc, name
