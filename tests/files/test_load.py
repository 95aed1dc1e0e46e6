from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim.errors import UserError
from sim.model.scenario import Batch, Injection
from sim.model.times import Draw
from tests.helpers.documents import INJECTION, SOURCE, faults, load, scenario


def test_a_scenario_is_read_with_its_tables() -> None:
    found = scenario(
        "mode = 'factory'\nwindow_ms = {uniform = [0, 20]}\n[clients]\nmessages = 3\n" + INJECTION
    )
    assert found.mode == "factory"
    assert found.window_ms == Draw(uniform=(0, 20))
    assert found.clients.messages == 3
    assert found.injections == (Injection(do="client-close", at="top"),)


def test_the_name_is_the_stem_of_the_source_unless_it_is_given() -> None:
    assert scenario("").name == "blind-spot"
    assert scenario("name = 'x'").name == "x"
    assert scenario("name = ''").name == ""
    assert load("", "C.toml").name == "C"


def test_a_document_that_includes_is_a_batch_whose_settings_are_not_checked() -> None:
    batch = load("[[include]]\nscenario = 'a'\n[include.set]\nbogus.key = 1", "all.toml")
    assert isinstance(batch, Batch)
    assert batch.name == "all"
    assert batch.include[0].set == {"bogus": {"key": 1}}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = 1\n= 3", ":2: Invalid statement (at line 2, column 1)"),
        ("a = 1\n\nb = \n", ":3: Invalid value (at line 3, column 5)"),
        ('a = """\n', ":1: "),
        ("a = " + "[" * 5000, ": nested too deeply"),
        ("a = " + "[" * 99 + "]" * 99, ": nested too deeply"),
        ("a = " + "9" * 5000, ": Exceeds the limit"),
    ],
)
def test_what_is_not_toml_is_named_with_its_line(text: str, fault: str) -> None:
    (line,) = faults(text)
    assert line.startswith(SOURCE + fault)


@given(st.text())
@example("[[include]]\n")
def test_any_text_is_a_scenario_or_a_user_error(text: str) -> None:
    with suppress(UserError):
        load(text, "here.toml")
