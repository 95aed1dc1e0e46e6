"""Templates: whatever a text is, it stays text, and all of it can be seen."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from markupsafe import Markup
from rich.table import Table

from sim.report.html.environment import LONGEST, inline, render, visible
from sim.report.html.grids import html_table
from tests.helpers.made_reports import EVIL


class Reader(HTMLParser):
    """Collects the elements and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text = ""
        self.feed(str(text))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def of(text: str) -> Markup:
    table = Table()
    table.add_column("a")
    table.add_row("row")
    return html_table(table, text)


@given(st.text(max_size=60))
def test_no_text_becomes_an_element(text: str) -> None:
    read = Reader(of(text))
    assert set(read.elements) <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    if text.isprintable() and text.strip():
        assert text in read.text


@given(st.text(max_size=200))
def test_what_is_shown_hides_nothing_and_turns_nothing_round(text: str) -> None:
    shown = visible(text).replace("\n", "")
    assert all(char.isprintable() or char.isspace() for char in shown)
    if text.isprintable():
        assert shown == text


def test_a_mark_of_direction_is_shown_by_its_number() -> None:
    assert visible("a\u202eb\x00") == "a‹U+202E›b‹U+0000›"


def test_a_long_text_loses_its_middle_and_says_how_much() -> None:
    shown = visible("a" * 5000 + "end")
    assert len(shown) < LONGEST + 60
    assert shown.endswith("end")
    assert "(3,003 characters left out)" in shown


def test_a_hostile_text_is_escaped_in_attributes_too() -> None:
    made = of(EVIL)
    assert "<script" not in made
    assert "<img" not in made
    assert "‹U+202E›" in made
    assert "‹U+001B›" in made


def test_a_name_that_a_template_lacks_is_an_error_not_a_gap() -> None:
    with pytest.raises(UndefinedError):
        render("table.html.j2")


def test_style_and_script_hold_nothing_that_would_end_their_element() -> None:
    assert "</" not in inline("style.css")
    assert "</" not in inline("script.js")
    assert "http" not in inline("style.css") + inline("script.js")
