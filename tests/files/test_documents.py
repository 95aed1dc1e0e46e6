"""Documents that commands wrote, read again."""

import json
from pathlib import Path
from typing import Any

import pytest

from sim.errors import UserError
from sim.files.documents import ExploreDocument, ReproduceDocument, read_document

HEAD = {"wsrace": "0.1.0", "scenario": "a", "seed": 0, "digest": "0" * 64}
ROW = {
    "guard": "pre-fix", "verdict": "racy", "complete": True, "says": "racy", "schedules": 3,
    "failing": 1, "choices": 9, "deepest": 4, "another": [1],
}  # fmt: skip
EXPLORE: dict[str, Any] = {
    "schema": "wsrace.explore.1", **HEAD, "strategy": "dpor", "times": "fixed",
    "property": "no-error", "guards": [ROW],
}  # fmt: skip


def read(folder: Path, found: object) -> object:
    path = folder / "a.json"
    path.write_text(found if isinstance(found, str) else json.dumps(found))
    return read_document(path)


def faults(folder: Path, found: object) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        read(folder, found)
    assert all("\n" not in line and line.isprintable() for line in caught.value.faults)
    return tuple(caught.value.faults)


def test_the_schema_says_which_document_it_is_and_other_keys_are_left_alone(
    tmp_path: Path,
) -> None:
    found = read(tmp_path, EXPLORE)
    assert isinstance(found, ExploreDocument)
    assert (found.guards[0].points, found.guards[0].classes) == (9, None)
    given = {"schema": "wsrace.reproduce.1", **HEAD, "scenarios": [{"name": "a"}], "cells": []}
    again = read(tmp_path, given)
    assert isinstance(again, ReproduceDocument)
    assert again.scenarios[0].name == "a"


def test_every_fault_has_a_line_that_names_the_key(tmp_path: Path) -> None:
    bad = {**EXPLORE, "guards": [{**ROW, "verdict": "fine", "schedules": -1}], "digest": "x"}
    lines = faults(tmp_path, bad)
    assert len(lines) == 3
    for key in ("digest", "guards.0.verdict", "guards.0.schedules"):
        assert any(key in line for line in lines)


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "null", '{"schema": 3}', "{}"])
def test_what_is_no_document_of_ours_says_which_are_allowed(text: str, tmp_path: Path) -> None:
    (line,) = faults(tmp_path, text)
    assert "allowed: wsrace.reproduce.1, wsrace.explore.1" in line


def test_a_guard_stands_in_an_exploration_once(tmp_path: Path) -> None:
    (line,) = faults(tmp_path, {**EXPLORE, "guards": [ROW, ROW]})
    assert "a guard stands there twice" in line


def test_a_scenario_in_a_document_is_checked_like_one_in_a_file(tmp_path: Path) -> None:
    given = {"schema": "wsrace.reproduce.1", **HEAD, "scenarios": [{"mode": "other"}]}
    (line,) = faults(tmp_path, given)
    assert "scenarios.0.mode" in line


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        read_document(tmp_path / "none.json")
