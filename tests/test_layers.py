"""The rules of sim/ARCHITECTURE.md about who may import what, held by reading the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SIM = ROOT / "sim"
LAYERS = {
    "__version__": -1,
    "errors": -1,
    "entropy": -1,
    "model": 0,
    "kernel": 1,
    "schedulers": 1,
    "stats": 1,
    "store": 1,
    "network": 2,
    "sut": 2,
    "server": 3,
    "client": 3,
    "runtimes": 3,
    "checkers": 3,
    "rungs": 4,
    "run": 4,
    "catalog": 4,
    "inject": 5,
    "playing": 6,
    "replaying": 7,
    "live": 7,
    "logs": 7,
    "exploration": 8,
    "sweep": 8,
    "conformance": 8,
    "validation": 8,
    "log_files": 8,
    "report": 9,
    "testing": 10,
    "replay_command": 10,
    "reproducing": 10,
    "exploring": 10,
    "listing": 10,
    "conforming": 10,
    "triage": 10,
    "validating": 10,
    "reporting": 10,
    "cli": 11,
    "__main__": 12,
}
CLOCK_MODULES = {"time", "datetime"}
MAY_READ_CLOCKS = ("live", "cli", "testing")
CHANCE_MODULES = {"random", "secrets", "uuid"}
FILES = sorted(SIM.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(SIM).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted names of modules that a file imports, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def in_sim(name: str) -> bool:
    return name.startswith("sim.")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_lower_layers_or_its_own(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        return
    for name in filter(in_sim, imports(path)):
        other = name.split(".")[1]
        assert other in LAYERS, f"{name} is in no layer"
        if other in (part, "errors"):
            continue
        assert LAYERS[other] < LAYERS[part], f"{part} must not import {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_clocks_chance_and_private_trio_stand_where_they_may(path: Path) -> None:
    part = part_of(path)
    for name in imports(path):
        first = name.split(".")[0]
        if first in CLOCK_MODULES:
            assert part in MAY_READ_CLOCKS, f"{path}: {name} reads a clock"
        assert first not in CHANCE_MODULES, f"{path}: {name} is chance; use sim.entropy"
        if name.startswith("trio._"):
            assert path == SIM / "kernel" / "trio_hook.py", f"{path}: {name} is private"
        assert first not in ("tests", "notebooks", "scenarios"), f"{path}: imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_matplotlib_is_imported_only_by_the_plots(path: Path) -> None:
    if path.parent != SIM / "report" / "plots":
        found = [name for name in imports(path) if name.split(".")[0] == "matplotlib"]
        assert not found, f"{path}: imports {found}; draw in sim/report/plots"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_fit_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            assert length <= 70, f"{path}: {node.name} has {length} lines"


def test_model_and_schedulers_load_neither_trio_nor_matplotlib() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in FILES
        if part_of(path) in ("model", "schedulers", "stats", "store", "errors", "entropy")
        and path.stem != "__init__"
    ]
    assert len(modules) > 8
    code = (
        "import sys, importlib\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "loaded = {'trio', 'matplotlib', 'asyncio'} & set(sys.modules)\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
