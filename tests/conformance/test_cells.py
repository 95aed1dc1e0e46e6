"""Files of cells are read line by line, and no line is passed over or believed unread."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.conformance.cells import COLUMNS, IGNORED, LONGEST_LINE, Cell, read_cells
from sim.errors import UserError
from tests.helpers.arranged import cell, row, written

WORDS = st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


def told(path: Path) -> str:
    """Return the one line of a file that cannot be used."""
    with pytest.raises(UserError) as caught:
        read_cells(path)
    (line,) = caught.value.faults
    assert line.isprintable()
    assert len(line) <= 1000
    return line


def test_a_cell_has_the_columns_of_its_line(tmp_path: Path) -> None:
    detail = [["hang", "", "CONNECTED", "DISCONNECTED", 10]]
    path = written(tmp_path / "t", row(queued=1, message_lost=3, detail=detail))
    file = read_cells(path)
    (found,) = file.cells
    assert file.unread == ()
    assert file.unknown == {}
    assert (found.python, found.starlette, found.server) == ("3.11.7", "0.47.3", "uvicorn 0.35.0")
    assert (found.kind, found.point, found.wait, found.guard) == (
        "client_close",
        "top",
        "0",
        "none",
    )
    assert found.queued is True
    assert found.outcomes == {"clean_disconnect(1000)": 10}
    assert found.states == {("CONNECTED", "DISCONNECTED")}
    assert found.label == "client_close at top, wait 0, guard none, a message queued"
    assert read_cells(str(path)) == file


def test_columns_that_were_left_out_are_false_zero_or_empty() -> None:
    data = row()
    for name in ("lib", "queued", "wait", "n"):
        del data[name]
    found = Cell.model_validate(data)
    assert (found.lib, found.queued, found.wait, found.n) == ("", False, "-", 1)
    assert (found.message_lost, found.detail, found.states) == (0, (), frozenset())


@pytest.mark.parametrize(
    ("lost", "loss"), [(0, "never"), (1, "some"), (9, "some"), (10, "always"), (11, "always")]
)
def test_a_loss_is_never_some_or_always_of_the_trials(lost: int, loss: str) -> None:
    assert cell(message_lost=lost).loss == loss


@pytest.mark.parametrize(
    ("outcomes", "mixed"), [({"a": 1}, False), ({"a": 1, "b": 0}, False), ({"a": 1, "b": 2}, True)]
)
def test_mixed_are_cells_with_several_classes_that_were_seen(
    outcomes: dict[str, int], mixed: bool
) -> None:
    found = cell(outcomes=outcomes)
    assert found.mixed is mixed
    assert found.seen == {name for name, count in outcomes.items() if count}


def test_rows_of_detail_that_are_too_short_tell_no_states() -> None:
    assert cell(detail=[[], ["a"], ["a", "b", "C"]]).states == frozenset()
    assert cell(detail=[["a", None, 3, {"x": 1}]]).states == {("3", "{'x': 1}")}


# -- lines that hold no cell -----------------------------------------------------------------------

BROKEN: dict[str, tuple[bytes, str]] = {
    "cut": (json.dumps(row()).encode()[:-20], "it is not JSON, or was cut"),
    "not UTF-8": (b'{"python": "\xff"}', "it is not UTF-8: byte 12"),
    "a byte order mark": (b"\xef\xbb\xbf" + json.dumps(row()).encode(), "byte order mark"),
    "UTF-16": (json.dumps(row()).encode("utf-16").replace(b"\n", b""), "not UTF-8"),
    "NaN": (json.dumps(row(n=float("nan"))).encode(), "NaN is no number"),
    "an infinity": (json.dumps(row(n=float("inf"))).encode(), "Infinity is no number"),
    "a key twice": (b'{"kind": "a", "kind": "b"}', "the key 'kind' stands there twice"),
    "an array": (b"[1]", "it is no JSON object"),
    "a number": (b"1", "it is no JSON object"),
    "two objects": (b"{} {}", "it is not JSON"),
    "an empty object": (b"{}", "python: field required"),
    "deep": (b"[" * 100_000, "nested too deeply"),
    "half a surrogate": (json.dumps(row(lib="\ud800")).encode(), "half a surrogate pair"),
    "no kind": (json.dumps({**row(), "kind": None}).encode(), "kind: input should be a valid"),
    "a kind that is a number": (json.dumps(row(kind=3)).encode(), "kind: input should be a valid"),
    "a long kind": (json.dumps(row(kind="k" * 101)).encode(), "kind: string should have at most"),
    "a list of guards": (json.dumps(row(guard=["none"])).encode(), "guard: input should be"),
    "queued perhaps": (json.dumps(row(queued="perhaps")).encode(), "queued: input should be"),
    "negative trials": (json.dumps(row(n=-1)).encode(), "n: input should be greater"),
    "no trials": (json.dumps(row(n=0)).encode(), "n: input should be greater"),
    "half a trial": (json.dumps(row(n=1.5)).encode(), "n: input should be a valid integer"),
    "very many trials": (json.dumps(row(n=10**10)).encode(), "n: input should be less"),
    "a negative loss": (json.dumps(row(message_lost=-1)).encode(), "message_lost: input should be"),
    "no outcomes": (json.dumps(row(outcomes={})).encode(), "outcomes: dictionary should have"),
    "a list of outcomes": (json.dumps(row(outcomes=["hang"])).encode(), "outcomes: input should"),
    "a negative outcome": (json.dumps(row(outcomes={"a": -1})).encode(), "outcomes.a: input"),
    "outcomes of zero": (json.dumps(row(outcomes={"a": 0, "b": 0})).encode(), "all are zero"),
    "many outcomes": (
        json.dumps(row(outcomes={f"o{i}": 1 for i in range(101)})).encode(),
        "outcomes: dictionary should have at most 100 items",
    ),
    "a long outcome": (
        json.dumps(row(outcomes={"o" * 5000: 1})).encode(),
        "string should have at most 100",
    ),
    "an outcome that a terminal obeys": (
        json.dumps(row(outcomes={"\x1b[31m": -1})).encode(),
        "outcomes.?[31m: input",
    ),
    "detail that is a text": (json.dumps(row(detail="hang")).encode(), "detail: input should be"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_line_that_holds_no_cell_is_kept_with_its_number_and_why(
    name: str, tmp_path: Path
) -> None:
    line, why = BROKEN[name]
    file = read_cells(written(tmp_path / "t", row(), "", line, row(wait="1")))
    assert [one.wait for one in file.cells] == ["0", "1"]
    (unread,) = file.unread
    assert unread.line == 3
    assert why in unread.why
    assert unread.why.isprintable()
    assert len(unread.why) <= 1000


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_without_any_cell_is_refused_with_the_first_reason(
    name: str, tmp_path: Path
) -> None:
    line, why = BROKEN[name]
    assert why in told(written(tmp_path / "t", b" ", line, b"[]"))
    assert "no line holds a cell; line 2: " in told(tmp_path / "t")


def test_blank_lines_and_a_missing_last_line_feed_are_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"\n \r\n" + json.dumps(row()).encode() + b"\r\n\t\n" + b"\n")
    assert len(read_cells(path).cells) == 1
    path.write_bytes(path.read_bytes() + json.dumps(row()).encode())
    file = read_cells(path)
    assert (len(file.cells), file.unread) == (2, ())


def test_a_line_that_was_cut_at_the_end_leaves_the_others(tmp_path: Path) -> None:
    line = json.dumps(row()).encode()
    for end in range(1, len(line)):
        file = read_cells(written(tmp_path / "t", line, line[:end]))
        assert len(file.cells) == 1, end
        assert [one.line for one in file.unread] == [2], end


def test_of_a_very_long_line_only_its_start_is_ever_held(tmp_path: Path) -> None:
    path = tmp_path / "t"
    line = json.dumps(row()).encode()
    with path.open("wb") as file:
        file.write(line + b"\n")
        for _ in range(40):
            file.write(b"x" * LONGEST_LINE)
        file.write(b"\n" + line)
    tracemalloc.start()
    try:
        found = read_cells(path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 6 * LONGEST_LINE
    assert len(found.cells) == 2
    (unread,) = found.unread
    assert (unread.line, unread.why) == (2, "it is longer than 1,000,000 bytes")


@pytest.mark.parametrize("beyond", [0, 1])
def test_the_longest_line_that_is_read(tmp_path: Path, beyond: int) -> None:
    line = json.dumps(row(outcomes={"a": 1})).encode()
    line = line[:-1] + b" " * (LONGEST_LINE - len(line) + beyond) + b"}"
    path = tmp_path / "t"
    path.write_bytes(json.dumps(row()).encode() + b"\n" + line)
    file = read_cells(path)
    assert (len(file.cells), len(file.unread)) == (2 - beyond, beyond)


# -- files that are none ---------------------------------------------------------------------------


def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    assert told(tmp_path / "missing").endswith("missing: cannot be read: No such file or directory")
    assert told(tmp_path).endswith("cannot be read: Is a directory")
    assert "cannot be read: embedded null byte" in told(Path("a\0b"))
    assert "?[31m: cannot be read" in told(tmp_path / "\x1b[31m")


@pytest.mark.parametrize("content", [b"", b"\n", b"  \n\t\n"])
def test_a_file_that_holds_nothing_is_said_to_be_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t"
    path.write_bytes(content)
    assert told(path).endswith("no line holds a cell; it is empty")


# -- columns ---------------------------------------------------------------------------------------


def test_unknown_columns_are_ignored_and_counted(tmp_path: Path) -> None:
    extra = {"new": 1, "\x1b[31m": [{}]}
    file = read_cells(written(tmp_path / "t", row(**extra), row(new=None), row()))
    assert len(file.cells) == 3
    assert file.unknown == {"new": 2, "\x1b[31m": 1}


def test_the_columns_of_the_truth_files_are_all_known(tmp_path: Path) -> None:
    assert not IGNORED & set(Cell.model_fields)
    data = {**row(), **dict.fromkeys(IGNORED, 0), "detail": [], "message_lost": 0}
    assert set(data) == COLUMNS
    assert read_cells(written(tmp_path / "t", data)).unknown == {}


# -- anything --------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-bytes"
    good = json.dumps(row()).encode()
    path.write_bytes(b"\n".join([good, *lines]))
    file = read_cells(path)
    blank = [line for one in lines for line in one.split(b"\n") if not line.strip()]
    in_all = sum(one.count(b"\n") + 1 for one in lines)
    assert len(file.cells) + len(file.unread) == 1 + in_all - len(blank)
    assert all(one.why.isprintable() for one in file.unread)


@given(st.dictionaries(st.sampled_from(sorted(COLUMNS)) | WORDS, VALUES, max_size=4))
def test_any_values_of_any_columns_are_a_cell_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, columns: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-values"
    path.write_text(f"{json.dumps(row())}\n{json.dumps({**row(), **columns})}")
    file = read_cells(path)
    assert len(file.cells) + len(file.unread) == 2
    for one in file.unread:
        assert one.why
        assert one.why.isprintable()
    for found in file.cells:
        assert found.seen
        assert found.label
        assert found.loss in ("never", "some", "always")
        assert all(len(pair) == 2 for pair in found.states)
