"""Text for people: one line, no commands to a terminal, never endless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model.plain import fault, joined, printable


@given(st.text())
def test_any_text_becomes_one_printable_line_of_the_same_length(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
    assert all(one in (other, "?") for one, other in zip(shown, text, strict=True))


@pytest.mark.parametrize(("length", "shown"), [(1000, 1000), (1001, 1000), (10**7, 1000)])
def test_a_fault_is_cut_where_it_is_very_long(length: int, shown: int) -> None:
    assert len(fault("x" * length)) == shown
    assert fault("x" * length).endswith("..." if length > 1000 else "xxx")


def test_names_are_a_list_in_words() -> None:
    assert joined(["a"]) == "a"
    assert joined(iter(["a", "b"])) == "a and b"
    assert joined(["a", "b", "c"], "or") == "a, b or c"
