"""What `sim.testing` offers, and what its plugin costs those who do not use it."""

import inspect
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import sim.testing

ROOT = Path(__file__).parent.parent.parent
HEAVY = (
    "trio",
    "pydantic",
    "matplotlib",
    "starlette",
    "hypothesis",
    "click",
    "sim.model",
    "asyncio",
)


@pytest.mark.parametrize("name", sim.testing.__all__)
def test_every_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    one = getattr(sim.testing, name)
    assert one.__name__ == name
    about = inspect.getdoc(one)
    assert about
    assert not about.startswith(f"{name}(")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'sim\.testing' has no attribute 'nothing'"):
        sim.testing.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_no_public_name_is_hidden_by_a_module_of_that_name() -> None:
    modules = {path.stem for path in (ROOT / "sim" / "testing").glob("*.py")}
    assert not modules & set(sim.testing.__all__)


def test_the_plugin_loads_nothing_heavy() -> None:
    code = f"import sys, sim.testing.plugin\nprint(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_pytest_is_told_of_the_plugin() -> None:
    (entry,) = [one for one in entry_points(group="pytest11") if one.name == "wsrace"]
    assert entry.value == "sim.testing.plugin"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"wsrace": "sim.testing.plugin"}
    assert {"hypothesis>=6.100", "pytest>=8"} == set(project["optional-dependencies"]["testing"])
