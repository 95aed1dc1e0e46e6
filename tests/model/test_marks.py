"""Marks: the same everywhere, and another one for another question."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model.marks import mark, pack, unpack
from sim.model.schedule import Kind, Question

QUESTIONS = [
    Question(Kind.STEP, ("a", "b")),
    Question(Kind.VALUE, range(1, 1050), 4, "c1>server"),
    Question(Kind.ARRIVAL, ("競走", "(loop)"), 1),
]


def test_marks_of_known_questions_never_change() -> None:
    # tokens that people keep hold them: a change makes every kept token diverge
    assert [mark(question) for question in QUESTIONS] == [93, 239, 244]


def test_marks_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "from sim.model.marks import pack\nfrom tests.model.test_marks import QUESTIONS\n"
        "print(pack(QUESTIONS))"
    )
    for seed in ("0", "4711"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == pack(QUESTIONS)


@pytest.mark.parametrize(
    "other",
    [
        Question(Kind.CLOCK, ("a", "b")),
        Question(Kind.STEP, ("b", "a")),
        Question(Kind.STEP, ("a", "b", "c")),
        Question(Kind.STEP, ("a", "b"), 1),
        Question(Kind.STEP, ("a", "b"), 0, "asker"),
        Question(Kind.STEP, range(2)),
    ],
)
def test_another_question_has_another_mark(other: Question) -> None:
    assert mark(other) != mark(QUESTIONS[0])


def test_who_ran_last_is_no_part_of_a_mark() -> None:
    assert mark(QUESTIONS[0]._replace(running=1)) == mark(QUESTIONS[0])


def test_different_questions_share_a_mark_about_once_in_256() -> None:
    marks = [mark(Question(Kind.VALUE, range(count))) for count in range(2, 5122)]
    counts = [marks.count(value) for value in range(256)]
    assert sum(counts) == 5120
    assert max(counts) < 50
    assert min(counts) > 4


def test_a_huge_range_costs_nothing() -> None:
    assert 0 <= mark(Question(Kind.VALUE, range(1 << 53))) < 256


@given(st.lists(st.sampled_from(QUESTIONS)))
def test_packed_marks_come_back(questions: list[Question]) -> None:
    assert list(unpack(pack(questions))) == [mark(question) for question in questions]


@given(st.text())
def test_any_other_text_is_a_value_error(text: str) -> None:
    said = ""
    try:
        found = unpack(text)
    except ValueError as error:
        said = str(error)
    else:
        assert len(found) == len(text.rstrip("=")) * 6 // 8
    assert said in ("", "marks: expected base64")


@pytest.mark.parametrize("text", ["A", "競走", "a b", "AA==\n"])
def test_text_that_pack_never_writes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="marks: expected base64"):
        unpack(text)
