"""Lines and JSON of every shape: nothing raises, nothing is lost, what is broken is counted."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.logs.patterns import PATTERNS
from sim.logs.scanning import BROKEN, CUT, TOO_DEEP, TOO_LONG
from tests.helpers.reading_logs import (
    FORMS,
    GOOD,
    NEED,
    WARNING,
    document,
    entry,
    hits,
    hits_of,
    triage,
    unreadable,
    written_as,
)

ONE = {"need-accept-first": 1}
TWO = {"need-accept-first": 2}
OBJECT = json.dumps(entry(NEED))
OTHER = json.dumps(entry("ordinary"))

# -- shapes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_the_same_messages_in_every_form_are_the_same_hits(form: str) -> None:
    messages = [NEED, GOOD, "é ordinary €", WARNING, NEED, "x" * 5000]
    expected = {"need-accept-first": 2, "established": 1, "state-changed": 1}
    for chunk in (1, 7, 1 << 16):
        found = triage(written_as(form, messages), chunk=chunk)
        assert hits(found) == expected
        assert not found.unreadable
        assert found.entries == (1 if form == "wrapped" else 6)
        assert found.counts.timeless == 0


@pytest.mark.parametrize(
    ("log", "entries"),
    [
        (f"{OBJECT}\n{OBJECT}\n", 2),
        (f"{OBJECT}\r\n{OBJECT}\r\n", 2),
        (f"{OBJECT}{OBJECT}", 2),
        (f"[{OBJECT},{OBJECT}]", 2),
        (f"[{OBJECT}][{OBJECT}]", 2),
        (f"[\n{OBJECT}\n]\n[\n{OBJECT}\n]\n", 2),
        (f"[[{OBJECT}], [{OBJECT}]]", 2),
        (f"\ufeff[{OBJECT}]\n\ufeff[{OBJECT}]", 2),
        (f"  \n\n [ \n , {OBJECT} ,, \n\n {OBJECT}", 2),
        (f"{OBJECT}\nplain {NEED}\n", 2),
        (f"plain {NEED}\n[{OBJECT}]", 2),
        (f"{OBJECT} plain {NEED}\n{OTHER}", 2),
        (f"2025-09-14 {NEED}\r\n\r\n{NEED}", 2),
        (f'["{NEED}",\n"{NEED}"]\n', 2),
        (f"[INFO] {NEED}\n[{{not json}}] {NEED}", 1),
    ],
)
def test_objects_and_lines_may_be_mixed(log: str, entries: int) -> None:
    for block in (7, 64, 1 << 16):
        found = triage(log.encode(), block=block)
        assert hits(found) == TWO
        assert found.entries == entries


def test_lines_and_entries_are_counted_without_empty_ones() -> None:
    log = b"a\n\n  \nb\n[\n]\n,\n\r\nc"
    for block in (1, 2, 3, 100):
        found = triage(log, block=block)
        assert (found.lines, found.entries) == (9, 3)
    assert (triage(b"").lines, triage(b"\n").lines, triage(b"a\nb").lines) == (0, 1, 2)


def test_an_example_says_the_line_it_stands_in() -> None:
    filler = "ordinary\n" * 40
    pretty = json.dumps([entry("ordinary"), entry(GOOD)], indent=1)
    log = f"{filler}{NEED}\n{pretty}\n{WARNING}\n"
    for block in (5, 100, 1 << 16):
        rows = {
            one["name"]: one["example"] for one in document(log.encode(), block=block)["patterns"]
        }
        assert rows["need-accept-first"] == {"file": "log", "line": 41, "text": NEED}
        assert rows["established"] == {"file": "log", "line": 47, "text": GOOD}
        assert rows["state-changed"]["line"] == 52


def test_a_plain_character_that_json_writes_as_an_escape_is_one() -> None:
    log = '{"message": "WebSocket. \\u004eeed to \\u0063all \\u0022accept\\u0022 first"}'
    assert hits_of(log.encode()) == ONE
    assert hits_of(rb"{'message': 'caf\u00e9'}") == {}


def test_a_key_is_no_text() -> None:
    assert hits_of(json.dumps({NEED: 1}).encode()) == {}


# -- what is broken --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "{'message': 'a'}",
        '{"message" "a"}',
        '{"message": "a}',
        '{"message": "a\\q"}',
        '{"message": "a\tb"}',
        '{"message": nul}',
        '{"message": [1, 2}',
        '{"n": ' + "9" * 5000 + "}",
        '{"message": "a",}',
    ],
)
@pytest.mark.parametrize("between", ["\n", ",\n", ", ", "},\n{"])
def test_what_is_broken_is_counted_and_the_rest_is_not_lost(broken: str, between: str) -> None:
    log = f"[{OBJECT}{between}{broken}{between}{OBJECT}{between}{OTHER}]"
    for block in (9, 1 << 16):
        found = triage(log.encode(), block=block)
        assert hits(found) == TWO
        assert found.unreadable[BROKEN] >= 1


@pytest.mark.parametrize(
    "broken", [f"{{'message': '{NEED}'}}", f'{{"m": "{NEED}"}}', f'{{"m": "{NEED}']
)
def test_the_text_of_a_broken_object_is_looked_at_too(broken: str) -> None:
    for log in (broken, f"[{OTHER}, {broken}]", f"{OTHER}\n{broken}\n{OTHER}"):
        found = triage(log.encode())
        assert hits(found) == ONE
        assert sum(found.unreadable.values()) == 1


@pytest.mark.parametrize("word", ["error", "crit", "E 260301 10:00:00 app:1"])
def test_a_severity_in_brackets_behind_an_object_is_no_bracket_of_an_array(word: str) -> None:
    found = triage(f'{{"a": 1}}, [{word}] it failed\n'.encode())
    assert found.counts.unknown == 1


def test_an_array_that_is_cut_counts_up_to_there() -> None:
    whole = json.dumps([entry(NEED), entry(NEED)])
    assert unreadable(whole[:-1].encode()) == {}
    found = triage(whole[:-9].encode())
    assert found.unreadable == {CUT: 1}
    assert hits(found) == TWO
    assert hits_of(whole[: len(OBJECT) + 9].encode()) == ONE


def test_what_is_too_long_is_counted_and_looked_at_in_pieces() -> None:
    long = json.dumps({"message": "x" * 5000})
    log = f"[{OBJECT}, {long}, {OBJECT}]\n{OBJECT}\n".encode()
    for block in (100, 1000):
        found = triage(log, block=block, longest=2000)
        assert found.unreadable == {TOO_LONG: 1}
        assert hits(found) == {"need-accept-first": 3}


def test_a_wrapper_that_is_too_long_gives_its_entries_all_the_same() -> None:
    log = json.dumps({"entries": [entry(NEED) for _ in range(100)]}).encode()
    assert hits_of(log) == {"need-accept-first": 100}
    found = triage(log, block=500, longest=2000)
    assert found.unreadable == {TOO_LONG: 1}
    assert hits(found)["need-accept-first"] >= 99


def test_a_line_that_is_too_long_is_looked_at_in_pieces() -> None:
    log = f"{'x' * 5000}{NEED}{'y' * 5000}{NEED}\n{NEED}\n".encode()
    assert hits_of(log) == {"need-accept-first": 2}
    for block in (100, 1000):
        found = triage(log, block=block, longest=2000)
        assert hits(found) == {"need-accept-first": 3}
        assert found.lines == 2


@pytest.mark.parametrize("deep", ['{"a":' * 100_000, '{"a":[' * 50_000, "[" * 200_000 + "{" * 9])
def test_deep_nesting_ends_in_a_count(deep: str) -> None:
    found = triage(f"{deep}\n{OBJECT}\n".encode())
    assert hits(found) == ONE
    assert sum(found.unreadable.values()) >= 1


def test_nesting_that_json_cannot_follow_is_said() -> None:
    deep = '{"a":' + "[" * 200_000 + "]" * 200_000 + "}"
    log = f"{deep}\n{OBJECT}\n".encode()
    assert hits_of(log) == ONE
    assert unreadable(log).get(TOO_DEEP) == 1
    assert sys.getrecursionlimit() < 200_000


@pytest.mark.parametrize(
    "piece",
    [
        '{"s":[{},' * 400 + "X}, ",
        '{"s":[{},',
        "},{",
        "{'a",
        '{"',
        "\n",
        "[",
        "{\n",
        '{"a":1}',
        "\\u00",
        "Need to call ",
        '"},{"',
    ],
)
def test_what_repeats_a_great_many_times_takes_no_longer_than_it_should(piece: str) -> None:
    """Some of these would be tried anew at every brace, to the end: the test would never end."""
    found = triage((piece * (300_000 // len(piece))).encode() + f"\n{NEED}\n".encode())
    assert hits(found) == ONE


# -- any bytes -------------------------------------------------------------------------------------

PARTS = st.sampled_from(
    [
        "{", "}", "[", "]", ",", ":", '"', "\\", "\n", "\r\n", " ", "1", "null", "é", "\0",
        '"message"', "},{", "}, {", "\\u00", NEED, WARNING, OBJECT, OTHER, GOOD,
        *(text for pattern in PATTERNS for text in pattern.texts[:1]),
    ]
)  # fmt: skip
LOGS = st.lists(PARTS, max_size=30).map(lambda parts: "".join(parts).encode()) | st.binary()


def comparable(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key not in ("wsrace", "schema")}


@settings(max_examples=300, deadline=None)
@given(LOGS, st.integers(1, 50), st.integers(1, 400))
def test_any_bytes_are_counted_the_same_wherever_they_are_cut(
    log: bytes, chunk: int, block: int
) -> None:
    whole = comparable(document(log))
    assert comparable(document(log, chunk=chunk)) == whole
    assert comparable(document(log, block=block)) == whole
    small = {"block": block, "longest": 60}
    assert comparable(document(log, chunk=chunk, **small)) == comparable(document(log, **small))


MESSAGES = st.lists(
    st.sampled_from([text for pattern in PATTERNS for text in pattern.texts])
    | st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(MESSAGES, st.integers(1, 300))
def test_any_messages_in_every_form_are_the_same_hits(messages: list[str], block: int) -> None:
    expected = hits_of(written_as("text", messages))
    for form in FORMS[1:]:
        found = triage(written_as(form, messages), block=block)
        assert hits(found) == expected
        assert not found.unreadable


@settings(max_examples=100, deadline=None)
@given(st.lists(PARTS, max_size=12).map("".join), st.sampled_from(["\n", "\n\n", "\r\n"]))
def test_a_line_and_an_object_behind_anything_are_found(before: str, between: str) -> None:
    """Whatever stands before, what stands in lines of its own is not lost."""
    log = f"{before}{between}{NEED}\n{OBJECT}\n"
    alone = hits_of(before.encode()).get("need-accept-first", 0)
    assert hits_of(log.encode())["need-accept-first"] >= 1
    assert hits_of(log.encode())["need-accept-first"] >= alone
