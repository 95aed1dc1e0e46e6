"""A diagnosis names what, were it otherwise, would give what was seen: classes and loss."""

from typing import Any

import pytest

import sim.conformance.diagnose as diagnosing
from sim.conformance.diagnose import UNEXPLAINED, diagnosis
from sim.conformance.judge import judge
from sim.conformance.predict import Prediction, predict
from sim.errors import NoAnswer
from sim.model.scenario import Scenario
from sim.model.switches import ServerProfile
from tests.helpers.arranged import LEGACY, TRIO, cell


def of(like: str = LEGACY, /, **columns: Any) -> str:
    return diagnosis(judge(cell(like, **columns)))


def test_a_switch_that_gives_what_was_seen_is_named_with_its_value() -> None:
    found = of("hypercorn-asyncio", outcomes={"clean_disconnect(1000)": 10})
    assert found == "switch keeps_close_code: with True the model gives it"


def test_a_switch_that_has_words_for_values_is_told_in_words() -> None:
    found = of(kind="client_close", point="proc1", wait="5ms")
    assert "switch send_closed: with silent the model gives it" in found


def test_every_timing_and_switch_that_gives_it_is_named() -> None:
    found = of(
        kind="disc_eaten", point="top", wait="5ms", outcomes={"clean_disconnect(1000)": 10}
    ).split("; ")
    assert "timing: with reaction_ms = 8 the model gives it" in found
    assert "timing: with message_ms = 30 the model gives it" not in found


def test_what_nothing_gives_is_said_to_be_unexplained() -> None:
    assert of(outcomes={"never heard of": 10}) == UNEXPLAINED


def test_of_a_cell_without_an_answer_the_reason_is_told() -> None:
    assert of(kind="flood") == "kind 'flood' is unknown"


def test_regression_a_loss_that_nothing_gives_is_not_explained_by_what_leaves_the_classes() -> None:
    """Every timing and nearly every switch gives the same class; none of them loses a message."""
    judged = judge(
        cell(
            kind="client_rst",
            point="gap",
            guard="both_nohop",
            queued=True,
            outcomes={"guard_break_final": 10},
            message_lost=10,
        )
    )
    assert (judged.agrees, judged.same_loss) == (True, False)
    assert diagnosis(judged) == UNEXPLAINED


def test_a_loss_is_explained_by_what_gives_the_class_and_the_loss() -> None:
    found = of(
        TRIO,
        kind="server_close",
        point="gap",
        guard="raw",
        queued=True,
        outcomes={"clean_disconnect(1000)": 10},
        message_lost=10,
    )
    assert "switch own_close_waits: with False the model gives it" in found


def test_regression_a_timing_or_switch_without_an_answer_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged = judge(cell("hypercorn-asyncio", outcomes={"clean_disconnect(1000)": 10}))

    def sometimes(scenario: Scenario, profile: ServerProfile | None = None) -> Prediction:
        if profile is None or not profile.keeps_close_code:
            raise NoAnswer("more than 3 schedules")
        return predict(scenario, profile)

    monkeypatch.setattr(diagnosing, "predict", sometimes)
    assert diagnosis(judged) == "switch keeps_close_code: with True the model gives it"
