"""What is promised to those who only read the README: names, examples, commands and the map."""

import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sim
from sim.commands.cli import main
from sim.conformance.cells import read_cells
from sim.conformance.judge import judge_all
from sim.files.catalog import open_plan
from sim.sweep.reproduce import Reproduction, Task, reproduce
from sim.sweep.summary import broken_expectations
from sim.validation.deployment import scenarios_of
from tests.test_layers import LAYERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
HEAVY = ("trio", "pydantic", "matplotlib", "starlette", "rich", "click")


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sim.__all__)
def test_every_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    one = getattr(sim, name)
    if inspect.isclass(one) or inspect.isfunction(one):
        assert one.__name__ == name
        about = inspect.getdoc(one)
        assert about
        assert not about.startswith(f"{name}("), "the docstring that a dataclass makes up"
    else:
        assert one


def test_no_public_name_is_hidden_by_a_module_of_the_same_name() -> None:
    """Importing `sim.play` made `sim.play` the module: no part may be called like a name."""
    parts = {path.stem for path in (ROOT / "sim").iterdir() if path.name != "__init__.py"}
    assert not parts & set(sim.__all__)


def test_all_of_them_come_with_a_star_and_nothing_else() -> None:
    space: dict[str, object] = {}
    exec("from sim import *", space)
    assert set(space) - {"__builtins__"} == set(sim.__all__)
    assert len(sim.__all__) == len(set(sim.__all__))


@pytest.mark.parametrize("name", ["nothing", "Scenari", "_PLACE", "__path", ""])
def test_an_unknown_name_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'sim' has no attribute '{name}'"):
        getattr(sim, name)
    assert not hasattr(sim, name)


def test_an_unknown_name_cannot_be_imported() -> None:
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from sim import nothing")


def test_import_sim_loads_nothing_heavy_until_a_name_is_asked_for() -> None:
    code = f"import sys, sim\nprint(sorted(set({HEAVY!r}) & set(sys.modules)))"
    assert python(code).strip() == "[]"
    later = python(code.replace("print", "sim.play\nprint"))
    assert "trio" in later
    assert "pydantic" in later


def test_the_version_is_that_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    assert f'\nversion = "{sim.__version__}"\n' in project


# -- the README ----------------------------------------------------------------------------------


def block(language: str, holding: str = "") -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return str(next(one for one in found if holding in one))


def commands() -> list[list[str]]:
    """The commands of the README's indented blocks, without their comments."""
    lines = re.findall(r"^ {4}(wsrace .*)$", README, re.MULTILINE)
    lines += re.findall(r"`(wsrace [a-z]+ [^`]*)`", README)
    return [shlex.split(line, comments=True)[1:] for line in lines]


def test_the_readme_shows_every_command() -> None:
    assert {one[0] for one in commands()} == set(main.commands)


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_every_command_of_the_readme_can_be_read(arguments: list[str]) -> None:
    with main.make_context("wsrace", list(arguments)) as context:
        name, command, rest = main.resolve_command(context, list(arguments))
        assert command is not None
        with command.make_context(name, rest, parent=context) as inner:
            assert inner.args == []


def test_a_command_that_the_readme_does_not_show_would_be_noticed() -> None:
    with main.make_context("wsrace", ["list"]) as context:
        _, command, rest = main.resolve_command(context, ["list", "--nosuch"])
        assert command is not None
        with pytest.raises(Exception, match="--nosuch"):
            command.make_context("list", rest, parent=context)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the scenario and the guard of the README in it."""
    (tmp_path / "mine.toml").write_text(block("toml"))
    code = block("python")
    name = code.splitlines()[0].removeprefix("# ")
    assert name == "my_guards.py"
    (tmp_path / name).write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("my_guards", None)
    yield tmp_path
    sys.modules.pop("my_guards", None)


def failures(found: Reproduction) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in found.summary.results:
        counts[one.cell.guard] = counts.get(one.cell.guard, 0) + one.failures
    return counts


def test_the_scenario_of_the_readme_runs_and_holds_what_it_expects(example: Path) -> None:
    found = reproduce(Task(str(example / "mine.toml"), trials=10))
    assert broken_expectations(found.scenarios, found.summary.results) == ()
    counts = failures(found)
    assert counts["pre-fix"] > counts["catch"] == 0
    assert found.scenarios[0].title == "A monitor closes slow connections"


def test_the_guard_of_the_readme_joins_and_holds(example: Path) -> None:
    guards = ("pre-fix", "my_guards:careful")
    counts = failures(reproduce(Task("server-close", guards=guards, trials=10)))
    assert set(counts) == set(guards)
    assert counts["pre-fix"] > counts["my_guards:careful"] == 0


def test_the_plan_of_the_readme_is_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(block("toml", "[[phases]]"))
    plan = open_plan(str(path))
    assert len(scenarios_of(plan, "catch")) == 2


def test_the_cell_of_the_readme_is_read_and_agrees(tmp_path: Path) -> None:
    path = tmp_path / "cells.jsonl"
    path.write_text(" ".join(block("json").split()))
    (one,) = judge_all(read_cells(path).cells)
    assert one.agrees


def test_what_the_readme_points_to_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    assert [one for one in targets if "://" not in one and not (ROOT / one).exists()] == []


# -- the map -------------------------------------------------------------------------------------


def layers() -> dict[str, int]:
    """The table of sim/ARCHITECTURE.md: part -> layer."""
    text = (ROOT / "sim" / "ARCHITECTURE.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", text, re.MULTILINE)
    return {
        part.rstrip("/"): int(layer)
        for layer, parts in rows
        for part in re.findall(r"`([\w/]+)`", parts)
    }


def parts() -> set[str]:
    files = {path.stem for path in (ROOT / "sim").glob("*.py")}
    folders = {path.parent.name for path in (ROOT / "sim").glob("*/__init__.py")}
    return {part for part in files | folders if not part.startswith("__")}


def test_the_map_names_every_part_and_nothing_that_is_not_there() -> None:
    assert set(layers()) == parts()


def test_the_map_says_of_every_part_the_layer_that_is_held() -> None:
    for part, layer in layers().items():
        assert layer == max(LAYERS[part], 0), part
