from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import UserError
from sim.model.script import Action, Do, parse_script


def test_every_action_can_be_written() -> None:
    script = parse_script(
        [
            {"connect": ["chat"], "headers": {"x-user": "ada"}},
            {"send": "{malformed"},
            {"send_bytes": "00ff"},
            {"wait": 2},
            {"sleep": 0},
            "ping",
            "silent",
            {"close": 4001},
            "fin",
            "rst",
        ]
    )
    assert script[0] == Action(Do.CONNECT, None, ("chat",), (("x-user", "ada"),))
    assert {action.do for action in script} == set(Do)
    assert parse_script(["connect", "close"])[1].value == 1000


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("sned", "unknown action 'sned'; allowed: connect, send"),
        (7, "expected a name or a table with one action, got 7"),
        ({}, "expected a name or a table with one action, got {}"),
        ({"send": "a", "wait": 1}, "expected one action, got send, wait"),
        ({"send": 3}, "send: expected a string, got 3"),
        ({"send_bytes": "xy"}, "send_bytes: expected hexadecimal bytes, got 'xy'"),
        ({"wait": 0}, "wait: expected an integer of at least 1, got 0"),
        ({"wait": True}, "wait: expected an integer of at least 1, got True"),
        ({"sleep": -1}, "sleep: expected an integer of at least 0, got -1"),
        ({"close": 99}, "close: expected an integer from 1000 to 4999, got 99"),
        ({"fin": 1}, "fin: takes no value, got 1"),
        ({"connect": "chat"}, "connect: expected a list of subprotocols, got 'chat'"),
        ({"connect": [], "headers": 1}, "headers: expected a table of strings, got 1"),
        ("connect", "connect must be the first row"),
    ],
)
def test_a_malformed_row_gives_one_clear_line(row: Any, fault: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_script(["connect", row])
    (line,) = caught.value.faults
    assert line.startswith(f"client script, row 2: {fault}")


def test_all_malformed_rows_are_named_at_once() -> None:
    with pytest.raises(UserError) as caught:
        parse_script(["connect", "x", {"wait": 0}, "rst"])
    assert [line[:20] for line in caught.value.faults] == [
        "client script, row 2",
        "client script, row 3",
    ]


@pytest.mark.parametrize(("rows", "fault"), [([], "it is empty"), (["fin"], "connect is missing")])
def test_a_script_begins_with_connect(rows: Any, fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        parse_script(rows)


@given(
    st.lists(
        st.recursive(st.none() | st.integers() | st.text(), st.lists)
        | st.dictionaries(
            st.sampled_from([*Do, "headers", "x"]),
            st.none() | st.integers() | st.text() | st.lists(st.text()),
        )
    )
)
def test_any_rows_are_a_script_or_a_user_error(rows: list[Any]) -> None:
    with suppress(UserError):
        assert len(parse_script(rows)) == len(rows)
