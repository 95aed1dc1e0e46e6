"""Processes of a search are killed at any moment: gone on with, it comes to the same classes."""

import json
from pathlib import Path
from typing import Any

import pytest

from sim.files.documents import EXPLORED, STORE
from sim.store.searches import classes_in, searches_in
from tests.helpers.kills import CAN_BE_FOUND, disturbed, undisturbed

pytestmark = pytest.mark.skipif(not CAN_BE_FOUND, reason="looks for processes in /proc")


def command(out: Path, end_ms: int, *guards: str) -> list[str]:
    asked = ["explore", "blind-spot", "--count", "--set", f"end_ms={end_ms}", "--workers", "2"]
    named = [part for one in guards for part in ("--guard", one)]
    return [*asked, *named, "--json", "--out", str(out)]


def said_in(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / EXPLORED).read_text())
    for row in found["guards"]:
        del row["seconds"]
    return found


def check(folder: Path, end_ms: int, guards: list[str], kills: int, longest_s: float) -> int:
    undisturbed(command(folder / "one", end_ms, *guards))
    killed = disturbed(command(folder / "other", end_ms, *guards), kills, longest_s)
    one, other = (folder / name / STORE for name in ("one", "other"))
    assert classes_in(other) == classes_in(one)
    assert searches_in(other) == searches_in(one)
    assert said_in(folder / "other") == said_in(folder / "one")
    return killed


def test_two_kills_change_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, 2_000, ["catch"], 2, 2.5) == 2


@pytest.mark.slow
def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, 5_000, ["pre-fix", "catch"], 20, 8.0) == 20
