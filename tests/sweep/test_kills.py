"""Processes of a sweep are killed at any moment: gone on with, it comes to the same rows."""

from contextlib import closing
from pathlib import Path

import pytest

from sim.files.documents import REPRODUCED, STORE
from sim.store.results import ResultReader, Stored
from tests.helpers.kills import CAN_BE_FOUND, disturbed, undisturbed

pytestmark = pytest.mark.skipif(not CAN_BE_FOUND, reason="looks for processes in /proc")


def command(out: Path, runs: int) -> list[str]:
    guards = [part for one in ("pre-fix", "post-fix", "catch") for part in ("--guard", one)]
    asked = ["reproduce", "server-close", "--runs", str(runs), *guards, "--workers", "2"]
    return [*asked, "--json", "--out", str(out)]


def rows_in(out: Path) -> list[Stored]:
    with closing(ResultReader(out / STORE)) as reader:
        (sweep,) = reader.sweeps()
        assert reader.crashes(sweep) == []
        return list(reader.rows(sweep))


def check(folder: Path, runs: int, kills: int, longest_s: float) -> int:
    undisturbed(command(folder / "one", runs))
    killed = disturbed(command(folder / "other", runs), kills, longest_s)
    assert rows_in(folder / "other") == rows_in(folder / "one")
    one, other = ((folder / name / REPRODUCED).read_text() for name in ("one", "other"))
    assert one == other
    return killed


def test_three_kills_change_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, 50, 3, 1.2) == 3


@pytest.mark.slow
def test_fifty_kills_change_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, 2000, 50, 2.0) == 50
