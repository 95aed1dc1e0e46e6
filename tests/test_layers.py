"""The rules of sim/ARCHITECTURE.md about who may import what, held by reading the source."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SIM = ROOT / "sim"
LAYERS = {
    "__version__": -1,
    "errors": -1,
    "entropy": -1,
    "objects": -1,
    "workers": -1,
    "model": 0,
    "aio": 1,
    "files": 1,
    "kernel": 1,
    "schedulers": 1,
    "stats": 1,
    "store": 1,
    "network": 2,
    "peer": 2,
    "sut": 2,
    "hosting": 3,
    "server": 3,
    "client": 3,
    "runtimes": 3,
    "runs": 4,
    "live": 5,
    "logs": 5,
    "exploration": 6,
    "sweep": 6,
    "conformance": 6,
    "validation": 6,
    "report": 7,
    "testing": 8,
    "commands": 8,
    "__main__": 9,
}
CLOCKS = re.compile(r"time\.\w+|datetime\.(datetime|date)\.(now|utcnow|today)|os\.times")
"""What reads a clock, or waits for one: all of `time`, of `datetime` only where it looks."""
MAY_READ_CLOCKS = ("live", "commands", "testing")
CHANCE_MODULES = {"random", "secrets", "uuid"}
KNOW_CHANCE = ("sim/aio/dates.py", "sim/aio/entropy.py", "sim/aio/reach.py")
"""They replace the clock's time and chance in runs of applications, and put them back."""
PACES = "sim/sweep/batches.py"
"""It measures how long trials take, to cut them into batches; no row shows how they were cut."""
ON_TRIO = ("kernel", "network", "client", "server", "runtimes", "runs", "live")
"""Parts of worlds on Trio. Of `runs` the stage and the driver are; the rest makes use of them."""
ON_ASYNCIO = ("sim/aio/", "sim/peer/", "sim/hosting/")
"""Parts of runs on asyncio."""
SEAMS = ("lines", "names", "order", "series", "trace")
"""What of the kernel is not about Trio."""
BARE = ("model", "schedulers", "stats", "store", "errors", "entropy")
"""Parts that load neither Trio nor matplotlib."""
NOT_OURS = {"tests", "notebooks", "scenarios"}
"""What stands beside `sim` in a checkout and is not installed."""
MOST_LINES = 70
"""Lines of a function."""


@dataclass(frozen=True)
class Import:
    """A module that a file imports, or a name of one, wherever the import stands."""

    file: str
    line: int
    name: str

    @property
    def first(self) -> str:
        return self.name.split(".")[0]

    @property
    def part(self) -> str:
        """The part of `sim` that imports."""
        return self.file.split("/")[1].removesuffix(".py")

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: imports {self.name}"


@cache
def sources() -> dict[str, ast.Module]:
    """Every file of `sim`, parsed once: "sim/errors.py" -> its tree."""
    files = sorted(SIM.rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in files}


@cache
def imports() -> tuple[Import, ...]:
    return tuple(one for file, tree in sources().items() for one in imports_of(file, tree))


def imports_of(file: str, tree: ast.Module) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(file, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield Import(file, node.lineno, module)
            yield from (Import(file, node.lineno, f"{module}.{one.name}") for one in node.names)


def broken(rule: Callable[[Import], bool]) -> list[str]:
    """The imports that a rule does not allow, one line each."""
    return [str(one) for one in imports() if not rule(one)]


def may_import(one: Import) -> bool:
    if one.first != "sim" or one.name == "sim" or one.part == "__init__":
        return one.first != ""  # no relative import
    other = one.name.split(".")[1]
    return other in (one.part, "errors") or LAYERS.get(other, 99) < LAYERS[one.part]


def test_every_file_is_looked_at_and_every_part_has_a_layer() -> None:
    assert len(sources()) > 200
    assert len(imports()) > 2000
    assert {one.part for one in imports()} - {"__init__"} <= set(LAYERS)


def test_a_module_imports_only_lower_layers_or_its_own() -> None:
    assert broken(may_import) == []


def mentions_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield what of imported modules is named: line, and the name from the module on."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                module = alias.name if alias.asname else alias.name.partition(".")[0]
                known[alias.asname or module] = module
        elif isinstance(node, ast.ImportFrom):
            known |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            first, *rest = ast.unparse(node).split(".")
            if first in known:
                yield node.lineno, ".".join([known[first], *rest])


def clocks_of(tree: ast.Module) -> list[str]:
    return [f"{line}: {name}" for line, name in mentions_of(tree) if CLOCKS.fullmatch(name)]


def test_only_who_may_reads_a_clock() -> None:
    found = {
        file: clocks
        for file, tree in sources().items()
        if file.split("/")[1].removesuffix(".py") not in MAY_READ_CLOCKS
        and file not in (*KNOW_CHANCE, PACES)
        and (clocks := clocks_of(tree))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("code", "reads"),
    [
        ("import time\ntime.time()", True),
        ("import time as t\nwait(timer=t.monotonic)", True),
        ("from time import perf_counter_ns as now\nnow()", True),
        ("def f():\n    import time\n    time.sleep(1)", True),
        ("from datetime import datetime, UTC\ndatetime.now(UTC)", True),
        ("import datetime as dt\ndt.date.today()", True),
        ("import datetime\ndatetime.datetime.utcnow()", True),
        ("import os\nos.times()", True),
        ("from datetime import date\ndate(1970, 1, 1).toordinal()", False),
        ("import calendar\ncalendar.timegm((1970, 1, 1, 0, 0, 0))", False),
        ("def f(world):\n    return world.now()", False),
    ],
)
def test_a_look_at_a_clock_would_be_noticed(code: str, reads: bool) -> None:
    assert bool(clocks_of(ast.parse(code))) is reads


def test_chance_comes_only_from_entropy() -> None:
    allowed = broken(lambda one: one.first not in CHANCE_MODULES or one.file in KNOW_CHANCE)
    assert allowed == []


def test_private_names_of_trio_stand_in_one_file() -> None:
    hook = "sim/kernel/trio_hook.py"
    assert broken(lambda one: not one.name.startswith("trio._") or one.file == hook) == []


def test_private_names_of_asyncio_stand_in_one_file() -> None:
    """Those that the engine for applications overrides, or looks at."""
    private = re.compile(
        r"_(ready|scheduled|when|callback|args|context|fut_waiter|must_cancel|"
        r"log_traceback|callbacks|make_self_pipe|make_socket_transport)"
    )
    found = [
        f"{file}:{node.lineno}: {node.attr}"
        for file, tree in sources().items()
        if file.startswith(ON_ASYNCIO) and file != "sim/aio/names.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and private.fullmatch(node.attr)
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
    ]
    assert found == []


def test_the_engine_for_applications_and_a_check_by_a_test_load_no_trio() -> None:
    parts = ("aio", "peer", "hosting")
    modules = [
        file.removesuffix(".py").replace("/", ".")
        for file in sources()
        if file.split("/")[1] in parts and not file.endswith("__init__.py")
    ]
    code = (
        "import sys, importlib\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "from sim.commands.cli import main\n"
        "from sim.testing.marked import app_checker_of\n"
        "from sim.testing import check\n"
        "check('tests.helpers.apps.plain:careful', clients='send:hi, close')\n"
        "sys.exit('loaded trio' if 'trio' in sys.modules else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr


def test_only_an_engine_and_what_runs_in_it_knows_trio() -> None:
    """Whoever searches, judges, keeps or tells runs must not care which engine made them."""
    measures = "sim/commands/measuring.py"  # a bare run is its unit
    assert (
        broken(lambda one: one.first != "trio" or one.part in ON_TRIO or one.file == measures) == []
    )


def test_above_the_runs_nothing_knows_more_of_an_engine_than_its_seams() -> None:
    def may(one: Import) -> bool:
        above = one.part in LAYERS and LAYERS[one.part] > LAYERS["runs"] and one.part != "live"
        module = one.name.removeprefix("sim.kernel.").split(".")[0]
        return not above or not one.name.startswith("sim.kernel.") or module in SEAMS

    assert broken(may) == []


def test_no_two_files_import_each_other_in_a_circle() -> None:
    """Imports that only type checkers follow, or that wait for a call, make none."""
    modules = {file.removesuffix(".py").replace("/", "."): file for file in sources()}
    needs = {
        name: {one for one in _imported_at_once(sources()[file]) if one in modules}
        for name, file in modules.items()
    }
    while free := [name for name, others in needs.items() if not others & set(needs)]:
        for name in free:
            del needs[name]
    assert not needs, f"in a circle, or above one: {sorted(needs)}"


def _imported_at_once(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            one = ast.Module(body=[node], type_ignores=[])
            yield from (found.name for found in imports_of("", one))


def test_nothing_is_imported_that_is_not_installed() -> None:
    assert broken(lambda one: one.first not in NOT_OURS) == []


def test_matplotlib_is_imported_only_by_the_plots() -> None:
    plots = "sim/report/plots/"
    assert broken(lambda one: one.first != "matplotlib" or one.file.startswith(plots)) == []


def test_the_folders_of_the_tests_are_those_of_the_package_and_five_of_their_own() -> None:
    tests, package = (
        {path.parent.relative_to(root).as_posix() for path in root.rglob("*.py")}
        for root in (ROOT / "tests", SIM)
    )
    assert tests - package == {"benchmarks", "helpers", "helpers/apps", "logs/forms", "regressions"}


def test_every_helper_of_the_tests_stands_in_their_list() -> None:
    helpers = ROOT / "tests" / "helpers"
    listed = re.findall(r"(?m)^\| `(\w+\.py)` \| \S", (helpers / "README.md").read_text())
    assert listed == sorted(path.name for path in helpers.glob("[!_]*.py"))


def test_functions_fit_a_screen() -> None:
    long = []
    for file, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                lines = node.end_lineno - node.lineno + 1
                if lines > MOST_LINES:
                    long.append(f"{file}:{node.lineno}: {node.name} has {lines} lines")
    assert long == []


@pytest.mark.parametrize(
    ("file", "code", "allowed"),
    [
        ("sim/model/x.py", "from sim.kernel import world", False),
        ("sim/model/x.py", "import sim.kernel.world", False),
        ("sim/model/x.py", "def f():\n    from sim.commands.cli import main", False),
        ("sim/model/x.py", "from sim.nowhere import x", False),
        ("sim/model/x.py", "from .times import x", False),
        ("sim/model/x.py", "from . import times", False),
        ("sim/model/x.py", "from sim.model import times", True),
        ("sim/model/x.py", "from sim.errors import UserError", True),
        ("sim/model/x.py", "from sim import __version__", True),
        ("sim/commands/cli.py", "import sim.kernel.world", True),
        ("sim/__init__.py", "from sim.commands.cli import main", True),
        ("sim/model/x.py", "import json", True),
    ],
)
def test_a_broken_layer_would_be_noticed(file: str, code: str, allowed: bool) -> None:
    assert all(map(may_import, imports_of(file, ast.parse(code)))) == allowed


def test_model_and_schedulers_load_neither_trio_nor_matplotlib() -> None:
    modules = [
        file.removesuffix(".py").replace("/", ".")
        for file in sources()
        if file.split("/")[1].removesuffix(".py") in BARE and not file.endswith("__init__.py")
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
