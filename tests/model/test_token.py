"""Tokens: short, exact, and harmless whatever they hold."""

import base64
import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import UserError
from sim.model.scenario import Scenario
from sim.model.schedule import Choice, Kind, Question
from sim.model.token import LONGEST, PREFIX, body_of, decode, encode, picks_of, scenario_of
from sim.model.token import _check as check

DIGEST = "0" * 63 + "f"
SCENARIO = Scenario.model_validate(
    {
        "name": "x",
        "mode": "factory",
        "window_ms": 3,
        "injections": [{"do": "server-close", "at": "validated", "delay_ms": 1.25}],
    }
)
SCHEDULE = (
    Choice(Question(Kind.STEP, ("a", "b")), 1),
    Choice(Question(Kind.STEP, ("a", "b")), 0),
    Choice(Question(Kind.VALUE, range(9), 4), 7),
)
TOKEN = encode(body_of(SCENARIO, SCHEDULE, DIGEST, "0.1.0"))


def forged(data: Any) -> str:
    packed = base64.urlsafe_b64encode(zlib.compress(json.dumps(data).encode())).decode().rstrip("=")
    return f"{PREFIX}.{packed}.{check(packed)}"


def test_a_token_gives_back_scenario_choices_and_digest() -> None:
    body = decode(TOKEN)
    assert scenario_of(body) == SCENARIO
    assert picks_of(body) == {0: 1, 2: 7}
    assert (body.choices, body.digest, body.wsrace) == (3, DIGEST, "0.1.0")


def test_a_token_is_short_and_can_be_pasted() -> None:
    assert len(TOKEN) <= LONGEST
    assert TOKEN.isascii()
    assert not set(TOKEN) & set(" '\"\\$`!&;|<>()")
    assert decode(f"  {TOKEN}\n") == decode(TOKEN)


def test_what_a_run_does_not_depend_on_is_not_in_its_token() -> None:
    told = SCENARIO.model_copy(update={"title": "t" * 500, "about": "a" * 500})
    assert encode(body_of(told, SCHEDULE, DIGEST, "0.1.0")) == TOKEN


def test_a_run_that_is_too_long_for_a_token_says_so() -> None:
    schedule = tuple(Choice(Question(Kind.VALUE, range(10**6)), i * 7919) for i in range(1, 400))
    with pytest.raises(UserError, match="write a file"):
        encode(body_of(SCENARIO, schedule, DIGEST, "0.1.0"))


@pytest.mark.parametrize(
    ("token", "fault"),
    [
        ("", "not a token of wsrace"),
        ("hello", "not a token of wsrace"),
        ("wsr2.abc.def", "made by another version (wsr2)"),
        (TOKEN[:-9], "it was cut or changed"),
        (TOKEN[:40], "it was cut or changed"),
        (TOKEN.replace("wsr1.", "wsr1.A"), "it was cut or changed"),
        (f"{PREFIX}.!!!.{check('!!!')}", "it cannot be read"),
        (forged([1, 2]), "it: "),
        (forged({}), "wsrace: Field required"),
        (forged({"wsrace": "1", "scenario": {}, "choices": -1, "digest": DIGEST}), "choices: "),
        (forged({"wsrace": "1", "scenario": {}, "choices": 0, "digest": "x"}), "digest: "),
        (
            forged({"wsrace": "1", "scenario": {"mod": 1}, "choices": 0, "digest": DIGEST}),
            "mod: Extra inputs",
        ),
        (forged({"wsrace": "1", "x": 1, "scenario": {}, "choices": 0, "digest": DIGEST}), "x: "),
    ],
)
def test_what_is_wrong_with_a_token_is_said(token: str, fault: str) -> None:
    with pytest.raises(UserError) as caught:
        decode(token)
    assert any(fault in line for line in caught.value.faults), caught.value.faults
    assert all(line.startswith("token: ") and "\n" not in line for line in caught.value.faults)


def test_a_token_that_unpacks_to_very_much_is_refused() -> None:
    packed = base64.urlsafe_b64encode(zlib.compress(b" " * (50 << 20))).decode().rstrip("=")
    with pytest.raises(UserError, match="more than 65536 bytes"):
        decode(f"{PREFIX}.{packed}.{check(packed)}")


@given(position=st.integers(0, len(TOKEN) - 1), replacement=st.characters())
@settings(max_examples=400)
def test_any_changed_character_is_noticed(position: int, replacement: str) -> None:
    changed = TOKEN[:position] + replacement + TOKEN[position + 1 :]
    if changed.strip() != TOKEN:
        with pytest.raises(UserError):
            decode(changed)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_forged_content_is_a_body_or_a_user_error(data: Any) -> None:
    with pytest.raises(UserError):
        decode(forged(data))


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_a_user_error(text: str) -> None:
    with pytest.raises(UserError):
        decode(text)
