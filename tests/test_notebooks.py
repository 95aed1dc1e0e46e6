"""The notebooks: they run from a checkout, and show what they showed when they were kept."""

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed (the extra notebooks)")
pytest.importorskip("nbclient", reason="nbclient is not installed (the extra notebooks)")
pytest.importorskip("pandas", reason="pandas is not installed (the extra notebooks)")

import jupytext

from notebooks.regenerate import FOLDER, SOURCES, executed, joined
from sim.conformance.cells import read_cells
from tests.helpers.truth import TRUTH

LARGEST = 400_000
"""Bytes of a notebook."""
SMALLER = {
    "02_failure_rate_vs_window": ((", 200, ", ", 4, "), (", 100)", ", 4)"), (", 200)", ", 4)")),
    "04_choosing_a_guard": (
        ("TRIALS, SEED = 8, 0", "TRIALS, SEED = 1, 0"),
        ("in PLACES.items()", "in list(PLACES.items())[:2]"),
        (", 50, SEED", ", 5, SEED"),
        ("messages=1000, repeats=7", "messages=50, repeats=3"),
    ),
}
"""The two that take longest, with what is replaced to have them run in a few seconds."""
every = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
every_whole = pytest.mark.parametrize(
    "source",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.stem in SMALLER else [])
        for path in SOURCES
    ],
    ids=lambda path: path.stem,
)


def kept(source: Path) -> Any:
    return jupytext.read(source.with_suffix(".ipynb"))


def code_cells(book: Any) -> list[Any]:
    return [cell for cell in book.cells if cell.cell_type == "code"]


def varies(cell: Any) -> bool:
    return "varies" in cell.metadata.get("tags", ())


def texts(cell: Any) -> Iterator[str]:
    """What a cell printed, and our own objects as text.

    What other versions of pandas, matplotlib, zlib and Starlette give otherwise is left out:
    frames, figures, the letters of tokens and digests, numbers of lines.
    """
    for output in cell.outputs:
        data = output.get("data", {})
        text = output.get("text") or data.get("text/plain", "")
        if "image/png" not in data and 'class="dataframe"' not in data.get("text/html", ""):
            for own in (r"(\bwsr1)\.[\w.-]+", r"()\b[0-9a-f]{12,64}\b", r"(\b[\w.]+\.\w+):\d+"):
                text = re.sub(own, r"\1", text)
            yield " ".join(text.split())


def shown(book: Any) -> list[list[str]]:
    return [list(texts(cell)) for cell in code_cells(book) if not varies(cell)]


@every
def test_its_py_and_its_ipynb_have_the_same_cells(source: Path) -> None:
    told = [(cell.cell_type, cell.source, varies(cell)) for cell in jupytext.read(source).cells]
    assert told == [(cell.cell_type, cell.source, varies(cell)) for cell in kept(source).cells]


@every_whole
def test_it_runs_and_its_texts_are_those_that_are_kept(source: Path) -> None:
    assert shown(executed(source)) == shown(kept(source))


@pytest.mark.parametrize("stem", SMALLER)
def test_a_large_one_runs_with_less_to_do(stem: str, tmp_path: Path) -> None:
    (source,) = (path for path in SOURCES if path.stem == stem)
    text = source.read_text()
    for whole, less in SMALLER[stem]:
        text = text.replace(whole, less)
    smaller = tmp_path / source.name
    smaller.write_text(text)
    assert len(code_cells(executed(smaller))) == len(code_cells(kept(source)))


def test_what_was_printed_in_pieces_is_what_was_printed_in_one() -> None:
    def printed(text: str, name: str = "stdout") -> dict[str, str]:
        return {"output_type": "stream", "name": name, "text": text}

    shown = {"output_type": "display_data", "data": {"text/plain": "x"}}
    pieces = [
        printed("a\n"),
        printed("b"),
        printed("c\n"),
        shown,
        shown,
        printed("d"),
        printed("e"),
    ]
    before = deepcopy(pieces)
    assert joined(pieces) == [printed("a\nbc\n"), shown, shown, printed("de")]
    assert pieces == before
    others = [printed("a"), printed("b", "stderr"), printed("c")]
    assert joined(others) == others
    assert joined([]) == []


@every
def test_what_is_kept_was_printed_in_one_piece(source: Path) -> None:
    for cell in code_cells(kept(source)):
        assert joined(cell.outputs) == cell.outputs


@every
def test_every_cell_was_run_once_from_the_top(source: Path) -> None:
    counts = [cell.execution_count for cell in code_cells(kept(source))]
    assert counts == list(range(1, len(counts) + 1))


@every
def test_what_is_kept_holds_no_error_no_warning_and_no_path_or_time_of_a_machine(
    source: Path,
) -> None:
    book = kept(source)
    for cell in code_cells(book):
        for output in cell.outputs:
            assert output.output_type in ("stream", "execute_result", "display_data")
            assert output.get("name") != "stderr"
            for kind, text in {"": output.get("text", ""), **output.get("data", {})}.items():
                if kind != "image/png":
                    text = re.sub(r"base64,[\w+/=]+", "", text)
                    assert not re.search(r"Traceback|Warning:|(?<![\w<.])/\w+/|[A-Z]:\\", text)
    assert not re.search(r"iopub|\d{4}-\d\d-\d\dT", source.with_suffix(".ipynb").read_text())
    assert book.metadata.language_info == {"name": "python"}


@every
def test_it_is_small_and_says_how_to_run_it_again(source: Path) -> None:
    assert source.with_suffix(".ipynb").stat().st_size < LARGEST
    assert "## Run it again" in source.read_text()
    assert source.name in (FOLDER / "README.md").read_text()


def test_the_cells_are_all_that_varied_all_closes_in_the_gap_and_every_16th_of_the_others() -> None:
    def always(cell: Any) -> bool:
        gap = (cell.kind, cell.point, cell.queued) == ("server_close", "gap", False)
        return cell.mixed or gap

    others = {cell.label + cell.stack for cell in [c for c in TRUTH if not always(c)][::16]}
    wanted = [cell for cell in TRUTH if always(cell) or cell.label + cell.stack in others]
    assert list(read_cells(FOLDER / "cells.jsonl").cells) == wanted
