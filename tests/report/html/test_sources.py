"""Lines of source code by the places that a run names."""

import importlib
import sys
from pathlib import Path

import pytest

from sim.report.html.sources import AROUND, snippets


def test_a_place_gives_its_line_and_those_around_it() -> None:
    found = snippets(["sim.sut.loop:67"])["sim.sut.loop:67"]
    assert found.file == "sim/sut/loop.py"
    assert found.line.startswith("if guard.final is not None")
    assert found.first == 67 - AROUND
    assert len(found.lines) == 2 * AROUND + 1


def test_the_first_lines_of_a_file_have_fewer_before_them() -> None:
    found = snippets(["sim.sut.loop:1"])["sim.sut.loop:1"]
    assert (found.first, found.at) == (1, 1)
    assert found.line.startswith('"""')


def test_nothing_is_imported_and_what_has_no_text_has_no_lines() -> None:
    before = set(sys.modules)
    places = ["", "antigravity:1", "no.such:3", "sys:1", "sim.sut.loop:x", "sim.sut.loop:99999"]
    assert snippets(places) == {}
    assert set(sys.modules) == before


def test_the_file_of_a_package_is_its_init() -> None:
    assert snippets(["sim:1"])["sim:1"].file == "sim/__init__.py"


def test_what_was_edited_and_loaded_again_is_shown_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "edited_app.py"
    for text in ("first = 1", "second = 2  # and longer"):
        file.write_text(f"{text}\n")
        monkeypatch.delitem(sys.modules, "edited_app", raising=False)
        importlib.invalidate_caches()
        importlib.import_module("edited_app")
        assert snippets(["edited_app:1"])["edited_app:1"].line == text
