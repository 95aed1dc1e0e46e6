import re
import time
import tomllib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim.files.faults import dotted
from sim.files.locate import Path, key_parts, line_of

DOCUMENT = '''\
# name = "in a comment"
name = "first"  # handler.poll_ms = 1
about = """
name = "in a string"
[handler]
[[injections]] \\"""
"""
raw = \'\'\'
[clients]
it''s \'\'\'
window_ms = {uniform = [0, 20], note = "} = ,"}
handler.poll_ms = 3
"quoted key".'and another' = 1
values = [
  1, # 2,
  "],[",
  [5,
   6],
  {do = "x", at = "}"},
  {at = "y"},
]

[clients]
count = 2
[ clients . "links" ]
delay_ms = 1.5
[[injections]]
do = "a"
[injections.more]
far = 1
[[injections]]
do = "b"
[[injections.inner]]
x = 1
[[injections.inner]]
x = 2
[expect]
"asyncio-3.11" = "all"
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 2),
        (("about",), 3),
        (("raw",), 8),
        (("window_ms",), 11),
        (("window_ms", "uniform"), 11),
        (("window_ms", "uniform", 1), 11),
        (("window_ms", "note"), 11),
        (("handler",), 12),
        (("handler", "poll_ms"), 12),
        (("quoted key", "and another"), 13),
        (("values",), 14),
        (("values", 0), 15),
        (("values", 1), 16),
        (("values", 2), 17),
        (("values", 2, 1), 18),
        (("values", 3, "do"), 19),
        (("values", 3, "at"), 19),
        (("values", 4), 20),
        (("values", 4, "at"), 20),
        (("clients",), 23),
        (("clients", "count"), 24),
        (("clients", "links"), 25),
        (("clients", "links", "delay_ms"), 26),
        (("injections",), 27),
        (("injections", 0), 27),
        (("injections", 0, "do"), 28),
        (("injections", 0, "more", "far"), 30),
        (("injections", 1), 31),
        (("injections", 1, "do"), 32),
        (("injections", 1, "inner"), 33),
        (("injections", 1, "inner", 1, "x"), 36),
        (("expect", "asyncio-3.11"), 38),
    ],
)
def test_every_key_is_found_where_it_stands(path: Path, line: int) -> None:
    assert line_of(DOCUMENT, path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("clients", "cuont"), 23),
        (("injections", 1, "at"), 31),
        (("injections", 7, "at"), 27),
        (("values", 9), 14),
        (("name", "deeper", 3), 2),
        (("nowhere", "at", "all"), 1),
        ((), 1),
    ],
)
def test_a_missing_key_is_placed_at_the_deepest_part_there_is(path: Path, line: int) -> None:
    assert line_of(DOCUMENT, path) == line


def test_the_document_of_these_tests_is_toml() -> None:
    assert set(tomllib.loads(DOCUMENT)) >= {"raw", "injections", "quoted key"}


def test_line_ends_of_windows_count_once() -> None:
    assert line_of("a = 1\r\n\r\n[b]\r\nc = 2\r\n", ("b", "c")) == 4


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[[",
        "[a",
        "]]]",
        "= 1",
        "a =",
        "a = {",
        "a = [{",
        '"',
        "'''",
        '"""\\',
        '"\\u"=1',
        "a..b=1",
    ],
)
def test_broken_text_gives_a_line(text: str) -> None:
    assert line_of(text, ("a", "b", 0)) == 1


@pytest.mark.parametrize(
    "text", ["[", "a=[", "a={b=", "a.", '"', "[[a]]\n", '"""a', "'a'.", "a=[1,"]
)
def test_large_texts_take_no_more_than_their_length(text: str) -> None:
    began = time.process_time()
    line_of(text * 40_000, ("b",))
    assert time.process_time() - began < 10


MARKS = st.lists(
    st.sampled_from([*"[]{}=.,\n\"'#\\ a0", '"""', "'''", "[[", "]]", "a = ", "[a]\n", "\r\n"])
).map("".join)
PATHS = st.lists(st.sampled_from(["a", "0", 0, 1, ""])).map(tuple)


@given(st.text() | MARKS, PATHS)
def test_any_text_gives_one_of_its_lines(text: str, path: Path) -> None:
    assert 1 <= line_of(text, path) <= text.count("\n") + 1


KEYS = st.sampled_from(["a", "b", "c-d", "e.f", 'q"', "", "ü"])
LEAVES = st.integers() | st.sampled_from(
    ['"a = 1"', "'[b]'", '"""\n[a]\nb = 2\n"""', "1.5", "[\n1]"]
)


def walk(value: Any, path: Path) -> list[tuple[Path, Any]]:
    """Return the path of every leaf of a table of tables."""
    if not isinstance(value, dict):
        return [(path, value)]
    return [leaf for key, inner in value.items() for leaf in walk(inner, (*path, key))]


@given(st.dictionaries(KEYS, LEAVES | st.dictionaries(KEYS, LEAVES, min_size=1)))
def test_every_key_of_a_generated_document_is_found(tables: dict[str, Any]) -> None:
    rows: list[str] = []
    for path, value in walk(tables, ()):
        rows += [f"# line {len(rows)}", f"{dotted(path)} = {value}"]
    text = "\n".join(rows)
    tomllib.loads(text)
    for path, value in walk(tables, ()):
        row = text.split("\n")[line_of(text, path) - 1]
        assert row == f"{dotted(path)} = {value}".split("\n")[0]


@given(st.lists(st.text(), min_size=1))
@example(["a.b", '"', "\\", "\n", "="])
def test_a_dotted_key_falls_into_the_parts_it_was_made_of(parts: list[str]) -> None:
    assert key_parts(f"{dotted(tuple(parts))}=1") == (tuple(parts), "=1")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a.b", ("a", "b")),
        (" a . b ", ("a", "b")),
        ("injections.0.do", ("injections", "0", "do")),
        ("expect.mine:guard", ("expect", "mine:guard")),
        ("expect.'a.b'", ("expect", "a.b")),
        (r'"\u0041\n"', ("A\n",)),
        (r'"\z"', (r"\z",)),
    ],
)
def test_dotted_keys_are_read_as_in_toml(text: str, parts: tuple[str, ...]) -> None:
    assert key_parts(text) == (parts, "")


@pytest.mark.parametrize("text", ["", " ", "=1", ".a", "a.", "a..b", '"a', "a.'"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape("an empty or malformed key")):
        key_parts(text)
