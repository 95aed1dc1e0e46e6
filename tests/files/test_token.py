"""Tokens: short, exact, and harmless whatever they hold."""

import base64
import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import UserError
from sim.files.recorded import plain_scenario
from sim.files.token import LONGEST, PREFIX, body_of, decode, encode, picks_of
from sim.files.token import _check as check
from sim.model.marks import unpack
from sim.model.scenario import Scenario
from sim.model.schedule import Choice, Kind, Question

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


def said(scenario: Scenario = SCENARIO, **more: Any) -> dict[str, Any]:
    """Return what tokens and files have in common."""
    return {"wsrace": "0.1.0", "scenario": plain_scenario(scenario), **more}


TOKEN = encode(body_of(said(), SCHEDULE, DIGEST))
OLD = (
    "wsr1.eNqlTu0KgzAMfJf87kpVxsBXERmhjVuGNtAWnYjvvnSwJ1h-3QeXuwP8U9hThr4zEGhlLCxR6TA404xmaM1tHNXiB-"
    "UCPbj_bgID2VPExAL9ARxf5H-VB2CtWHHmgIUC1Ekz7vdF3ca2V-WagkxppXTxs2SCU9ctEkj1CX2RtGss4lKFt8KNY5Dt-"
    "6Kz7lQhJ_TVdbaxDs4PxS5Kfg.a25ba0b3"
)
"""The same, as the first version wrote it: without marks and outcome."""


BODY = {"wsrace": "1", "scenario": {}, "choices": 3, "digest": DIGEST}


def forged(data: Any) -> str:
    packed = base64.urlsafe_b64encode(zlib.compress(json.dumps(data).encode())).decode().rstrip("=")
    return f"{PREFIX}.{packed}.{check(packed)}"


def test_a_token_gives_back_scenario_choices_and_digest() -> None:
    body = decode(TOKEN)
    assert body.scenario == SCENARIO
    assert picks_of(body) == {0: 1, 2: 7}
    assert (body.choices, body.digest, body.wsrace) == (3, DIGEST, "0.1.0")


def test_tokens_of_the_first_version_can_still_be_read() -> None:
    old = decode(OLD)
    assert (old.marks, old.outcome, old.guard_source) == (None, None, None)
    assert (old.times, old.property) == ("fixed", "no-error")
    assert old == decode(TOKEN).model_copy(update={"marks": None})


def test_a_token_tells_outcome_property_times_and_the_guards_source() -> None:
    more = {"outcome": "need_accept_first", "times": "all", "property": "agreement"}
    body = body_of(
        said(guard_source="ab" * 32, times="all", property="agreement"),
        SCHEDULE,
        DIGEST,
        more["outcome"],
    )
    again = decode(encode(body))
    assert again == body
    assert {name: getattr(again, name) for name in more} == more
    assert again.guard_source == "ab" * 8


def test_a_token_has_a_mark_for_every_choice() -> None:
    assert decode(TOKEN).marks is not None
    assert len(unpack(decode(TOKEN).marks or "")) == len(SCHEDULE)


def test_marks_are_left_out_where_they_make_the_token_too_long() -> None:
    for count, fits in ((300, True), (900, False)):
        schedule = tuple(Choice(Question(Kind.VALUE, range(i + 2)), 0) for i in range(count))
        token = encode(body_of(said(), schedule, DIGEST))
        assert len(token) <= LONGEST
        body = decode(token)
        assert (body.marks is not None) == fits
        assert body.choices == count


def test_a_token_is_short_and_can_be_pasted() -> None:
    assert len(TOKEN) <= LONGEST
    assert TOKEN.isascii()
    assert not set(TOKEN) & set(" '\"\\$`!&;|<>()")
    assert decode(f"  {TOKEN}\n") == decode(TOKEN)


def test_what_a_run_does_not_depend_on_is_not_in_its_token() -> None:
    told = SCENARIO.model_copy(update={"title": "t" * 500, "about": "a" * 500})
    assert encode(body_of(said(told), SCHEDULE, DIGEST)) == TOKEN


def test_a_run_that_is_too_long_for_a_token_says_so() -> None:
    schedule = tuple(Choice(Question(Kind.VALUE, range(10**6)), i * 7919) for i in range(1, 400))
    with pytest.raises(UserError, match="write a file"):
        encode(body_of(said(), schedule, DIGEST))


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
        (forged(BODY | {"choices": True}), "choices: Input should be a valid integer"),
        (forged(BODY | {"choices": "3"}), "choices: Input should be a valid integer"),
        (forged(BODY | {"choices": 10**16}), "larger than 2**53"),
        (forged(BODY | {"deviations": [[3, 1]]}), "deviations: expected rising indexes below 3"),
        (forged(BODY | {"deviations": [[1, 1], [0, 1]]}), "deviations: expected rising indexes"),
        (forged(BODY | {"deviations": [[1, 1], [1, 0]]}), "deviations: expected rising indexes"),
        (forged(BODY | {"deviations": [[1, -1]]}), "deviations.0.1: "),
        (forged(BODY | {"marks": "AAAA"[:3]}), "marks: expected one for each of 3 choices"),
        (forged(BODY | {"marks": "!"}), "marks: expected base64"),
        (forged(BODY | {"times": "none"}), "times: Input should be 'fixed' or 'all'"),
        (forged(BODY | {"property": ""}), "property: "),
        (forged(BODY | {"guard_source": "x"}), "guard_source: "),
        (forged(BODY | {"outcome": 1}), "outcome: "),
        (forged(BODY | {"scenario": {"window_ms": {"uniform": [0, 1]}}}), "its times must be numb"),
        (forged(BODY | {"\x1b[31m\n": 1}), "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_with_a_token_is_said(token: str, fault: str) -> None:
    with pytest.raises(UserError) as caught:
        decode(token)
    assert any(fault in line for line in caught.value.faults), caught.value.faults
    assert all(line.startswith("token: ") and line.isprintable() for line in caught.value.faults)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b'{"wsrace":"1","wsrace":"1"}', "stands there twice"),
        (b'{"wsrace":NaN}', "NaN is no number"),
        (b"[" * 60_000, "nested too deeply"),
        (b'{"wsrace":"\xff"}', "not UTF-8"),
        (b'{"wsrace":"\\ud800"}', "surrogate"),
        (b"", "it is not JSON, or was cut"),
    ],
)
def test_what_is_inside_is_read_as_strictly_as_a_file(text: bytes, fault: str) -> None:
    packed = base64.urlsafe_b64encode(zlib.compress(text)).decode().rstrip("=")
    with pytest.raises(UserError, match=f"token: it cannot be read: .*{fault}"):
        decode(f"{PREFIX}.{packed}.{check(packed)}")


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
