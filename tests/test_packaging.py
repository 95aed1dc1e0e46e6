"""What is built and installed: all of `sim` with its scenarios in it, and nothing beside it."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
from functools import partial
from pathlib import Path
from zipfile import ZipFile

import pytest

pytest.importorskip("hatchling", reason="hatchling is not installed (the extra test)")
pytest.importorskip("editables", reason="editables is not installed (the extra test)")

from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from sim import __version__
from sim.files import catalog

ROOT = Path(__file__).parent.parent
INFO = f"wsrace-{__version__}.dist-info"
WAYS = ("wheel", "sdist", "editable")


def wheel(folder: Path, version: str = "standard", root: Path = ROOT) -> Path:
    """Build a wheel, or that of an editable install, as installers do."""
    (built,) = WheelBuilder(str(root)).build(directory=str(folder), versions=[version])
    return Path(built)


def sdist(folder: Path) -> Path:
    (built,) = SdistBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return Path(built)


def names(built: Path) -> set[str]:
    """The files of a wheel, without those that describe it."""
    with ZipFile(built) as file:
        return {name for name in file.namelist() if not name.startswith(f"{INFO}/")}


def files(folder: str) -> list[str]:
    found = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    shown = [path.relative_to(ROOT).as_posix() for path in found]
    return [path for path in shown if "__pycache__" not in path]


# -- what is built -------------------------------------------------------------------------------


def test_the_wheel_holds_the_package_with_the_scenarios_in_it_and_nothing_else(
    tmp_path: Path,
) -> None:
    scenarios = [f"sim/{name}" for name in files("scenarios")]
    assert {"sim/scenarios/healthy.toml", "sim/scenarios/plans/issue-1061.toml"} <= set(scenarios)
    assert all(name.endswith(".toml") for name in scenarios)
    assert names(wheel(tmp_path)) == {*files("sim"), *scenarios}


def test_the_wheel_of_the_source_distribution_is_that_of_the_checkout(tmp_path: Path) -> None:
    with tarfile.open(sdist(tmp_path)) as file:
        file.extractall(tmp_path, filter="data")
    again = wheel(tmp_path / "again", root=tmp_path / f"wsrace-{__version__}")
    with ZipFile(wheel(tmp_path)) as first, ZipFile(again) as second:
        assert second.namelist() == first.namelist()
        assert all(second.read(name) == first.read(name) for name in first.namelist())


def test_an_editable_install_points_to_the_checkout_and_copies_nothing(tmp_path: Path) -> None:
    built = wheel(tmp_path, "editable")
    (pointer,) = names(built)
    assert pointer.endswith(".pth")
    with ZipFile(built) as file:
        assert file.read(pointer).decode().split("\n") == [str(ROOT)]


def test_the_metadata_tell_the_licence_the_authors_the_pythons_and_that_it_is_typed(
    tmp_path: Path,
) -> None:
    with ZipFile(wheel(tmp_path)) as file:
        rows = file.read(f"{INFO}/METADATA").decode().splitlines()
        licence = file.read(f"{INFO}/licenses/LICENSE").decode()
    assert licence == (ROOT / "LICENSE").read_text()
    assert "Copyright (c) 2026 The wsrace authors" in licence
    assert "Author: The wsrace authors" in rows
    assert "License-Expression: MIT" in rows
    assert "Classifier: Typing :: Typed" in rows
    pythons = re.findall(r"Python :: (3\.\d+)", "\n".join(rows))
    assert pythons == ["3.11", "3.12", "3.13"]


# -- what is installed ---------------------------------------------------------------------------


def ran(*command: str | Path, cwd: Path) -> str:
    """Run a command that is to know nothing of this checkout."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(way: str, python: Path, folder: Path) -> None:
    """Install into another environment, which sees what this one has; so nothing is fetched."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    # What is installed here is neither to count as installed there nor to be uninstalled.
    command += ["--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"]
    if way == "editable":
        ran(*command, "--editable", ROOT, cwd=folder)
    else:
        ran(*command, (wheel if way == "wheel" else sdist)(folder), cwd=folder)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_installed_in_any_way_the_commands_find_the_scenarios_from_another_folder(
    way: str, tmp_path: Path
) -> None:
    pytest.importorskip("pip", reason="pip is not installed")
    home, elsewhere = tmp_path / "venv", tmp_path / "elsewhere"
    elsewhere.mkdir()
    venv.create(home, symlinks=os.name != "nt")
    where = partial(sysconfig.get_path, scheme="venv", vars={"base": str(home)})
    site, scripts = Path(where("purelib")), Path(where("scripts"))
    # A .pth file of a folder that one names is not read: this checkout is not on the path.
    needs = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    (site / "zz_needs.pth").write_text("\n".join(needs))
    before = set(site.iterdir())
    install(way, scripts / "python", tmp_path)

    new = {path.name for path in set(site.iterdir()) - before}
    pointer = {name for name in new if name.endswith(".pth")}
    assert len(pointer) == (way == "editable")
    assert new - pointer == ({INFO} if way == "editable" else {INFO, "sim"})
    run = partial(ran, cwd=elsewhere)
    came = run(scripts / "python", "-c", "import sim; print(sim.__file__)").strip()
    assert Path(came).parent == (ROOT if way == "editable" else site) / "sim"
    listed = run(scripts / "wsrace", "list")
    assert all(f"\n  {name} " in listed for name in catalog.names())
    told = run(scripts / "wsrace", "explore", "setup-race", "--max-schedules", "5")
    assert "fails in every schedule" in told
    plan = "import sim; print(sim.open_plan('issue-1061').deployment.clients)"
    assert run(scripts / "python", "-c", plan) == "200\n"
