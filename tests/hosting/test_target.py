"""Finding the application that a person named: one clear line for every way in which it fails."""

import asyncio.streams
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn.config

from sim.errors import UserError
from sim.hosting.target import load


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


APP = "async def app(scope, receive, send):\n    pass\n"


def test_an_application_is_found_below_the_folder_and_knows_its_own_code(folder: Path) -> None:
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").write_text("from .state import carts\n")
    (folder / "shop" / "state.py").write_text("carts = {}\n")
    (folder / "shop" / "web.py").write_text(f"import helper_beside\nfrom . import carts\n{APP}")
    (folder / "helper_beside.py").write_text("x = []\n")
    (folder / "unrelated.py").write_text("y = []\n")
    target = load("shop.web:app", str(folder))
    __import__("unrelated")
    assert set(target.modules()) == {"shop", "shop.state", "shop.web", "helper_beside"}
    assert target.is_own(str(folder / "helper_beside.py"))
    assert not target.is_own(pytest.__file__)
    assert target.place(str(folder / "shop" / "web.py"), 3) == "shop/web.py:3"


def test_code_names_a_package_of_ones_own_that_lies_elsewhere(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "ourlib.py").write_text("kept = []\n")
    (folder / "uses.py").write_text(f"import ourlib\n{APP}")
    sys.path.insert(0, str(elsewhere))
    assert "ourlib" not in load("uses:app", str(folder)).modules()
    assert "ourlib" in load("uses:app", str(folder), code=("ourlib",)).modules()


def test_an_application_of_this_tool_is_no_part_of_it() -> None:
    """Else all of the tool's own state would be put back after each run."""
    target = load("sim.sut.analogous:escaped_disconnect")
    assert set(target.modules()) == {"sim.sut.analogous"}
    assert not target.is_own(sys.modules["sim.hosting.target"].__file__ or "")


FAULTS = {
    "app": "expected MODULE:APP",
    "nowhere_at_all:app": "no module 'nowhere_at_all' in ",
    "good:missing": "'good' has no 'missing'; it has: web",
    "good:number": "expected an ASGI application, got int; it has: web",
    "good:make": "takes no scope; if it makes the application: --factory",
    "bad_import:app": "raises LookupError: no such thing at bad_import.py:2 when it is imported",
    "bad_env:app": "raises KeyError: 'WSRACE_NEVER_SET' at bad_env.py:2 when it is imported; a "
    "variable of the environment? --env-file sets them",
    "bad_needs:app": "raises ModuleNotFoundError: No module named 'not_installed_anywhere'",
    "bad_exit:app": "ends the program when it is imported",
    "bad_syntax:app": "raises SyntaxError",
}
FILES = {
    "good": "from starlette.applications import Starlette\nweb = Starlette()\nnumber = 3\n"
    "def make():\n    return web\n",
    "bad_import": "\nraise LookupError('no such thing')\n",
    "bad_env": "import os\nos.environ['WSRACE_NEVER_SET']\n",
    "bad_needs": "import not_installed_anywhere\n",
    "bad_exit": "raise SystemExit(3)\n",
    "bad_syntax": "def app(:\n",
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_loaded_gets_one_line_that_says_why(folder: Path, name: str) -> None:
    for module, code in FILES.items():
        (folder / f"{module}.py").write_text(code)
    with pytest.raises(UserError) as raised:
        load(name, str(folder))
    assert len(raised.value.faults) == 1
    assert raised.value.faults[0].startswith(f"app {name!r}: ")
    assert FAULTS[name] in raised.value.faults[0]


def test_a_folder_that_is_none_is_said() -> None:
    with pytest.raises(UserError, match="app-dir '/no/such/folder': no such folder"):
        load("a:b", "/no/such/folder")


def test_places_are_told_from_where_their_package_lies(folder: Path) -> None:
    """A path of somebody's machine stood in the reason of a failure, for a line of asyncio's."""
    (folder / "mine.py").write_text(APP)
    target = load("mine:app", str(folder), False)
    assert target.place(str(folder / "mine.py"), 1) == "mine.py:1"
    assert target.place(asyncio.streams.__file__, 7) == "asyncio/streams.py:7"
    assert target.place(uvicorn.config.__file__, 7) == "uvicorn/config.py:7"
