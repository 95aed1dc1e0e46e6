"""Processes of a search are killed at any moment: gone on with, it comes to the same classes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sim.files.documents import EXPLORED, STORE
from sim.store.searches import classes_in, searches_in
from tests.helpers.kills import CAN_BE_FOUND, disturbed, undisturbed

pytestmark = pytest.mark.skipif(not CAN_BE_FOUND, reason="looks for processes in /proc")


WHOLE = ("blind-spot", "--set", "end_ms=2000", "--guard", "catch")
"""A search that comes to its end."""
CUT = ("server-close", "--guard", "pre-fix", "--max-schedules", "20000")
"""One that is cut, at the same place whatever happens to it."""


def command(out: Path, asked: Sequence[str]) -> list[str]:
    return ["explore", *asked, "--count", "--workers", "2", "--json", "--out", str(out)]


def said_in(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / EXPLORED).read_text())
    for row in found["guards"]:
        del row["seconds"]
    return found


def check(folder: Path, asked: Sequence[str], kills: int, longest_s: float) -> int:
    undisturbed(command(folder / "one", asked))
    killed = disturbed(command(folder / "other", asked), kills, longest_s)
    one, other = (folder / name / STORE for name in ("one", "other"))
    assert classes_in(other) == classes_in(one)
    assert searches_in(other) == searches_in(one)
    assert said_in(folder / "other") == said_in(folder / "one")
    return killed


def test_two_kills_change_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, WHOLE, 2, 2.5) == 2


@pytest.mark.slow
def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, CUT, 20, 5.0) == 20
