"""The names of `sim` and `sim.testing` as tools see them: type checkers, help and completion."""

import ast
import pydoc
import re
import rlcompleter
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import pytest

import sim
import sim.testing

ROOT = Path(__file__).parent.parent
DOORS = {"sim": sim, "sim.testing": sim.testing}
SLIPS = ("sim.ply", "sim.testing.Rcae", "sim.testing.rce", "sim.Any", "sim.importlib")
every = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


def static_imports(door: ModuleType) -> dict[str, str]:
    """The imports that only type checkers read: name -> module."""
    assert door.__file__ is not None
    tree = ast.parse(Path(door.__file__).read_text())
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    (checked,) = [node.body for node in blocks if ast.unparse(node.test) == "TYPE_CHECKING"]
    found = {}
    for node in checked:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            assert alias.asname is None
            assert alias.name not in found, f"{alias.name} is imported twice"
            found[alias.name] = str(node.module)
    return found


@every
def test_type_checkers_are_told_the_very_places_that_names_come_from(door: ModuleType) -> None:
    assert static_imports(door) == door._PLACES


@every
def test_the_list_of_public_names_is_that_of_the_places(door: ModuleType) -> None:
    assert set(door.__all__) - {"__version__"} == set(door._PLACES)


@every
def test_dir_shows_every_public_name_and_no_tool_of_the_module(door: ModuleType) -> None:
    name = door.__name__
    code = (
        f"import sys\nbefore = set(sys.modules)\nimport {name}\nprint(*dir({name}))\n"
        "print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    shown, loaded = (set(line.split()) for line in done.stdout.splitlines())
    hook = {"load_ipython_extension"} if door is sim else set()
    assert {name for name in shown - {"testing"} if name[0] != "_"} == set(door._PLACES) | hook
    assert set(door.__all__) <= shown
    assert not loaded & {"typing", "trio", "pydantic", "matplotlib", "starlette", "hypothesis"}


@every
def test_help_tells_every_public_name(door: ModuleType) -> None:
    told = pydoc.plain(pydoc.render_doc(door))
    for name in set(door.__all__) - {"__version__"}:
        assert re.search(rf"^    (class )?{name}\b", told, re.MULTILINE), name


def test_a_prompt_completes_the_names() -> None:
    completer = rlcompleter.Completer({"sim": sim})
    assert completer.complete("sim.open_sc", 0) == "sim.open_scenario("
    assert completer.complete("sim.testing.RaceF", 0) == "sim.testing.RaceFound("


def test_python_itself_offers_the_name_that_was_meant() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sim; sim.ply"], capture_output=True, text=True, cwd=ROOT
    )
    assert "module 'sim' has no attribute 'ply'. Did you mean: 'play'?" in done.stderr


def by_module(name: str) -> str:
    return "from {0[0]} import {0[2]}".format(name.rpartition("."))


@cache
def checked() -> dict[str, list[str]]:
    """What `mypy --strict` says of each line of a program that uses every name, and of slips."""
    names = [f"{where}.{name}" for where, door in DOORS.items() for name in door.__all__]
    lines = ["import sim, sim.testing", *(f"reveal_type({name})" for name in names)]
    lines += [by_module(name) for name in names]
    lines += [*SLIPS, *map(by_module, SLIPS)]
    with TemporaryDirectory() as folder:
        (Path(folder) / "program.py").write_text("\n".join(lines) + "\n")
        # The configuration of this project: so the cache of a check of the project is good here.
        command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "pyproject.toml"]
        done = subprocess.run(
            [*command, "--no-error-summary", f"{folder}/program.py"],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
    assert not done.stderr, done.stderr
    said: dict[str, list[str]] = {line: [] for line in lines}
    for row in done.stdout.splitlines():
        found = re.search(r"program\.py:(\d+): (.*)", row)
        assert found, row
        said[lines[int(found[1]) - 1]].append(found[2])
    return said


def test_strict_mypy_knows_the_type_of_every_public_name() -> None:
    told = {line: said for line, said in checked().items() if line.startswith("reveal_type")}
    assert len(told) == sum(len(door.__all__) for door in DOORS.values())
    for line, said in told.items():
        assert len(said) == 1, line
        assert said[0].startswith("note: Revealed type is "), line
        assert '"Any"' not in said[0], line
    assert "-> sim.runs.subject.Record" in told["reveal_type(sim.play)"][0]
    assert "-> sim.model.scenario.Scenario" in told["reveal_type(sim.Scenario)"][0]
    assert "-> sim.testing.race.Race" in told["reveal_type(sim.testing.Race)"][0]


def test_strict_mypy_lets_every_public_name_be_imported() -> None:
    for where, door in DOORS.items():
        for name in door.__all__:
            assert checked()[by_module(f"{where}.{name}")] == []


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_an_error_for_strict_mypy(slip: str) -> None:
    for line in (slip, by_module(slip)):
        (said,) = checked()[line]
        assert re.match(r"error: Module.* has no attribute ", said), said
