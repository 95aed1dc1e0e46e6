"""Bytes of every kind: encodings, compression, and what is wrong with them."""

import codecs
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.logs.reading import CUT, DAMAGED, FOREIGN, Notes, blocks, mend_text
from tests.helpers.reading_logs import GOOD, NEED, cut, document, hits, hits_of, triage, unreadable

LOG = f"ordinary\n{NEED}\nordinary\n{GOOD}\n".encode()
FOUND = {"need-accept-first": 1, "established": 1}


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def test_blocks_have_one_size_however_the_bytes_arrive() -> None:
    for size in (1, 3, 100, 1000):
        found = list(blocks(cut(LOG, size), Notes(), 16))
        assert "".join(found).encode("latin-1") == LOG
        assert {len(block) for block in found[:-1]} == {16}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("chunk", [1, 3, 1 << 16])
def test_wide_encodings_are_read_and_said(encoding: str, chunk: int) -> None:
    log = LOG.decode().encode(encoding)
    assert hits_of(log, chunk=chunk) == FOUND
    (file,) = document(log, chunk=chunk)["files"]
    assert file["encoding"] == encoding
    assert file["lines"] == 4


def test_a_byte_order_mark_of_the_big_end_is_one_too() -> None:
    assert hits_of(codecs.BOM_UTF16_BE + LOG.decode().encode("utf-16-be")) == FOUND


def test_wide_bytes_that_are_cut_or_wrong_are_read_as_far_as_they_go() -> None:
    log = LOG.decode().encode("utf-16")
    assert hits_of(log[:-1]) == FOUND
    assert hits_of(log[:-2] + b"\x00\xd8" + log[-2:]) == FOUND


def test_latin_1_zero_bytes_and_utf_8_may_be_mixed() -> None:
    lines = [NEED.encode(), "é".encode("latin-1"), "é€".encode(), b"\0\0", b"\xff\xfe", b"\x80"]
    for line in lines:
        assert hits_of(b"\n".join([line + NEED.encode() + line, *lines])) == {
            "need-accept-first": 2
        }


def test_what_is_shown_is_mended_where_it_is_utf_8() -> None:
    assert mend_text("plain") == "plain"
    assert mend_text("é€ 漢".encode().decode("latin-1")) == "é€ 漢"
    assert mend_text("é") == "é"
    assert mend_text("漢") == "漢"
    text = f"{NEED} Zoë €".encode()
    (one,) = [one for one in document(text)["patterns"] if one["hits"]]
    assert one["example"]["text"].endswith("Zoë €")


def test_gzip_is_known_by_its_bytes_also_in_several_members() -> None:
    log = packed(LOG[:20]) + packed(LOG[20:]) + b"\0" * 9
    for chunk in (1, 5, 1 << 16):
        found = triage(log, chunk=chunk)
        assert hits(found) == FOUND
        assert not found.unreadable
        assert found.files[0].gzip
        assert found.size == len(LOG)


@pytest.mark.parametrize("end", [-1, -8, -9, -12])
def test_of_a_gzip_stream_that_is_cut_the_beginning_counts(end: int) -> None:
    whole = packed(LOG)
    found = triage(whole[:end])
    assert found.unreadable == {CUT: 1}
    assert found.lines > 0
    assert hits(found).items() <= FOUND.items()


def test_even_two_bytes_of_gzip_are_no_reason_to_fail() -> None:
    for end in range(12):
        assert not hits(triage(packed(LOG)[:end]))


def test_behind_damage_the_next_member_counts() -> None:
    middle = bytearray(packed(LOG * 50))
    middle[20:60] = b"\xff" * 40  # none of it can be unpacked from there on
    for chunk in (7, 1 << 16):
        found = triage(packed(LOG) + bytes(middle) + packed(LOG), chunk=chunk)
        assert found.unreadable == {DAMAGED: 1}
        assert hits(found)["need-accept-first"] >= 2


def test_a_checksum_that_is_wrong_is_damage_and_the_text_counts() -> None:
    whole = packed(LOG)
    found = triage(whole[:-8] + b"abcd" + whole[-4:])
    assert found.unreadable == {DAMAGED: 1}
    assert hits(found) == FOUND


def test_two_bytes_like_a_byte_order_mark_lose_nothing() -> None:
    assert hits_of(b"\xff\xfe" + LOG) == FOUND
    assert hits_of(b"\xfe\xff" + LOG) == FOUND


def test_bytes_behind_a_gzip_stream_are_said() -> None:
    found = triage(packed(LOG) + b"rubbish")
    assert found.unreadable == {FOREIGN: 1}
    assert hits(found) == FOUND


def test_a_bomb_is_unpacked_in_pieces() -> None:
    bomb = packed(zlib.compress(b"") + b"\0" * 30_000_000)
    found = triage(bomb)
    assert found.size > 30_000_000
    assert not hits(found)


@pytest.mark.parametrize("magic", [b"PK\x03\x04", b"BZh", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00"])
def test_other_archives_are_named(magic: bytes) -> None:
    (why,) = unreadable(magic + b"x" * 20)
    assert "only gzip is unpacked" in why


@given(st.binary(max_size=300), st.integers(1, 40), st.integers(1, 40))
def test_any_bytes_give_the_same_blocks_whatever_the_chunks(
    data: bytes, one: int, other: int
) -> None:
    for log in (data, packed(LOG)[:30] + data, codecs.BOM_UTF16_LE + data, data + packed(LOG)):
        notes = Notes(), Notes()
        found = [
            list(blocks(cut(log, size), note, 64))
            for size, note in zip((one, other), notes, strict=True)
        ]
        assert found[0] == found[1]
        assert notes[0] == notes[1]
