from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import UserError
from sim.files.override import overlay, override
from tests.helpers.documents import NESTED


@pytest.mark.parametrize(
    ("setting", "data"),
    [
        ("mode=factory", {"mode": "factory"}),
        ("mode = 'factory'", {"mode": "factory"}),
        ("title=", {"title": ""}),
        ("title=a=b", {"title": "a=b"}),
        ("title=1\nx = 2", {"title": "1\nx = 2"}),
        ("clients.messages=3", {"clients": {"messages": 3}}),
        ("handler.fast=false", {"handler": {"fast": False}}),
        ("sweep.values=[1,2]", {"sweep": {"values": [1, 2]}}),
        ("window_ms={uniform=[0,20]}", {"window_ms": {"uniform": [0, 20]}}),
        ("expect.'m:g'.\"asyncio-3.11\"=all", {"expect": {"m:g": {"asyncio-3.11": "all"}}}),
        ("expect.m:g=all", {"expect": {"m:g": "all"}}),
        ("title=" + "[" * 5000, {"title": "[" * 5000}),
        ("title=" + "9" * 5000, {"title": "9" * 5000}),
    ],
)
def test_a_setting_is_a_toml_value_or_a_string(setting: str, data: dict[str, Any]) -> None:
    assert override({}, [setting]) == data


def test_a_setting_reaches_into_lists_and_leaves_the_rest() -> None:
    data = {"injections": [{"do": "a", "delay_ms": 1}, {"do": "b"}], "sweep": {"values": (1, 2)}}
    changed = override(data, ["injections.1.delay_ms=5", "injections.0.do=c", "sweep.values.0=9"])
    assert changed["injections"] == [{"do": "c", "delay_ms": 1}, {"do": "b", "delay_ms": 5}]
    assert changed["sweep"] == {"values": [9, 2]}
    assert data["injections"] == [{"do": "a", "delay_ms": 1}, {"do": "b"}]


def test_later_settings_go_last() -> None:
    assert override({}, ["mode=a", "mode=b"]) == {"mode": "b"}


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("mode", "expected KEY=VALUE"),
        ("a b=1", "expected KEY=VALUE"),
        ("", "an empty or malformed key"),
        ("=3", "an empty or malformed key"),
        ("a..b=3", "an empty or malformed key"),
        ("injections.1.do=x", "injections is a list of 1, counted from 0; it has no element 1"),
        ("injections.-1=x", "injections is a list of 1, counted from 0; it has no element -1"),
        ("injections.x=x", "injections is a list of 1, counted from 0; it has no element x"),
        ("injections." + "9" * 5000 + "=x", "injections is a list of 1, counted from 0;"),
        ("name.first=x", "name is neither a table nor a list"),
        ("injections.0.do.x=1", "injections.0.do is neither a table nor a list"),
    ],
)
def test_a_setting_that_cannot_be_applied_is_named(setting: str, fault: str) -> None:
    data = {"name": "n", "injections": [{"do": "a"}]}
    with pytest.raises(UserError) as caught:
        override(data, [setting, "mode=factory", "bad"])
    first, second = caught.value.faults
    assert first.startswith(f"setting {setting!r}: {fault}")
    assert second == "setting 'bad': expected KEY=VALUE"


@given(
    st.dictionaries(st.sampled_from(["a", "b", "0"]), NESTED),
    st.lists(st.text() | st.from_regex(r"[ab01]([.][ab01x])?([.][01])?=.*", fullmatch=True)),
)
def test_any_settings_apply_or_are_a_user_error(data: dict[str, Any], changes: list[str]) -> None:
    with suppress(UserError):
        assert isinstance(override(data, changes), dict)


def test_tables_are_laid_over_tables_and_all_else_takes_its_place() -> None:
    data = {
        "window_ms": {"exponential": 5},
        "clients": {"count": 2, "messages": 1},
        "expect": {"pre-fix": "all", "catch": "none"},
        "injections": [{"do": "a"}, {"do": "b"}],
        "sweep": {"values": [1, 2]},
    }
    changes = {
        "window_ms": {"uniform": [0, 20]},
        "clients": {"messages": 3},
        "clients.code": 4000,
        "expect": {"pre-fix": {"trio": "some"}},
        "injections": {"1": {"delay_ms": 4}},
        "injections.0.hops": 2,
        "sweep": {"values": [7]},
        "setup": {"manager": "error"},
        "title": "t",
    }
    assert overlay(data, changes) == {
        "window_ms": {"uniform": [0, 20]},
        "clients": {"count": 2, "messages": 3, "code": 4000},
        "expect": {"pre-fix": {"trio": "some"}, "catch": "none"},
        "injections": [{"do": "a", "hops": 2}, {"do": "b", "delay_ms": 4}],
        "sweep": {"values": [7]},
        "setup": {"manager": "error"},
        "title": "t",
    }
    assert data["clients"] == {"count": 2, "messages": 1}


def test_changes_without_a_place_are_named() -> None:
    with pytest.raises(UserError) as caught:
        overlay({"injections": []}, {"a b": 1, "injections": {"0": {"do": "x"}}, "mode": "main"})
    assert caught.value.faults == (
        "key 'a b': an empty or malformed key",
        "key 'injections': this is a list of 0, counted from 0; it has no element 0",
    )
