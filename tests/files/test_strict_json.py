"""JSON from a stranger: what two readers could read differently is refused in one line."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.files.strict_json import LARGEST, BadJson, read

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.floats(-1e15, 1e15) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_json_says_is_read_exactly(value: Any, ascii_only: bool) -> None:
    assert read(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    ("data", "line", "what"),
    [
        (b"", 1, "it is not JSON, or was cut"),
        (b'{"a": 1,\n"b": ', 2, "it is not JSON, or was cut"),
        (b"{'a': 1}", 1, "it is not JSON"),
        (b"[1] [2]", 1, "it is not JSON"),
        (b"\xef\xbb\xbf{}", 1, "byte order mark"),
        (b'\n\n["\xff"]', 3, "not UTF-8: byte 4"),
        ("[1]".encode("utf-16"), 1, "not UTF-8"),
        (b"[NaN]", None, "NaN is no number"),
        (b"[-Infinity]", None, "-Infinity is no number"),
        (b"[1e999]", None, "larger than 2**53: 1e999"),
        (b"[-1e17]", None, "larger than 2**53"),
        (b"[9007199254740993]", None, "larger than 2**53: 9007199254740993"),
        (b"[" + b"9" * 100_000 + b"]", None, "larger than 2**53: 99999999999999999999"),
        (b'{"a": 1, "a": 1}', None, "the key 'a' stands there twice"),
        (b'[{"\\u001b": {"b": 1, "\\u000a": 2, "\\n": 3}}]', None, r"the key '\n' stands there"),
        (b'["\\ud800"]', None, "half a surrogate pair"),
        (b'{"\\udfff": 1}', None, "half a surrogate pair"),
        (b"[" * 33 + b"]" * 33, None, "nested too deeply"),
        (b"[" * 1_000_000, None, "nested too deeply"),
        (b'{"a":' * 1_000_000, None, "nested too deeply"),
        (json.dumps(dict.fromkeys(map(str, range(1001)))).encode(), None, "more than 1000 keys"),
    ],
    ids=range(21),
)
def test_what_is_refused_is_said_in_one_line_with_its_place(
    data: bytes, line: int | None, what: str
) -> None:
    with pytest.raises(BadJson) as caught:
        read(data)
    assert what in str(caught.value)
    assert caught.value.line == line
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_the_largest_that_is_read() -> None:
    assert read(f"[{LARGEST}, -{LARGEST}, {LARGEST}.0]".encode()) == [LARGEST, -LARGEST, LARGEST]
    assert read(b"[" * 32 + b"]" * 32)
    assert len(read(json.dumps(dict.fromkeys(map(str, range(1000)))).encode())) == 1000


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    said = "read"
    try:
        found = read(data)
    except BadJson as error:
        said = str(error)
    else:
        assert found == json.loads(data)
    assert said
    assert said.isprintable()
