"""Figures and bounds: what counts where, what is not known, and go or no-go."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from sim.model.plan import Bound, CriterionName, Phase
from sim.report.text.validate import decision_lines, shown, validation_table
from sim.validation.criteria import (
    FIGURES,
    UNITS,
    Judgement,
    Overhead,
    is_race,
    judged,
    validated,
)
from sim.validation.deployment import Session, deploy
from tests.helpers.plans import small

FINE = Session(0, 0, 0.5, 0, True, "clean_disconnect(1000)", False, 0, 4, 4, 0, 1000.0)
RACE = replace(FINE, label="need_accept_first", failed=True, complete=3)
OTHER = replace(FINE, label="never_ready", failed=True, opened=False, turns=0, complete=0)
LOSS = replace(FINE, label="guard_break_final", lost=1)
PHASE = Phase.model_validate(
    {"name": "p", "to_min": 1, "criteria": {"race_errors": {"at_most": 0}}}
)


def figure(name: Any, *sessions: Session, **bound: float) -> Judgement:
    return judged(PHASE, name, Bound(**(bound or {"at_most": 0})), sessions, None)


@pytest.mark.parametrize(
    ("name", "expected", "of"),
    [
        ("connection_success", 3 / 4, 4),
        ("race_errors", 1, 4),
        ("other_errors", 1, 4),
        ("chat_completion", 11 / 12, 12),
        ("events_in_order", 1, 12),
        ("sessions_with_loss", 1, 4),
    ],
)
def test_each_figure_counts_what_it_says(name: str, expected: float, of: int) -> None:
    found = figure(name, FINE, RACE, OTHER, LOSS)
    assert found.figure == pytest.approx(expected)
    assert found.of == of


def test_turns_out_of_order_lower_the_share_of_turns_in_order() -> None:
    assert figure("events_in_order", replace(FINE, disordered=1)).figure == 3 / 4


def test_only_sessions_that_begin_in_the_phase_count() -> None:
    late, early = replace(RACE, began_min=1.0), replace(RACE, began_min=0.0)
    assert figure("race_errors", late, early).figure == 1


def test_a_share_of_nothing_is_not_known_and_neither_passes_nor_fails() -> None:
    found = figure("chat_completion", OTHER, at_least=0.9)
    assert found.figure is None
    assert found.passes is None
    assert shown(found) == "-"


def test_what_catch_swallowed_is_no_race_error() -> None:
    assert is_race("need_accept_first")
    assert not is_race("caught:need_accept_first")


@pytest.mark.parametrize(
    ("bound", "value", "holds"),
    [
        ({"at_least": 0.99}, 0.99, True),
        ({"at_least": 0.99}, 0.98, False),
        ({"at_most": 0.0}, 0.0, True),
        ({"at_most": 0.0}, 1.0, False),
    ],
)
def test_a_bound_includes_its_figure(bound: dict[str, float], value: float, holds: bool) -> None:
    assert Bound(**bound).holds(value) is holds


def test_every_criterion_has_a_unit_and_a_figure() -> None:
    assert set(UNITS) == set(get_args(CriterionName)) == {*FIGURES, "overhead_us"}


def test_the_overhead_is_what_was_measured() -> None:
    found = judged(PHASE, "overhead_us", Bound(at_most=50), [], Overhead(1.25, 1.0, 2.0))
    assert (found.figure, found.passes, found.below) == (1.25, True, None)
    assert shown(found) == "1.25"
    assert judged(PHASE, "overhead_us", Bound(at_most=50), [], None).passes is None


def test_an_overhead_that_cannot_be_told_from_nothing_is_below_something() -> None:
    found = judged(PHASE, "overhead_us", Bound(at_most=50), [], Overhead(-0.01, -0.25, 0.125))
    assert (found.passes, found.below) == (True, 0.25)
    assert shown(found) == "below ±250 ns"


def test_an_overhead_that_was_measured_too_roughly_for_its_bound_is_not_known() -> None:
    found = judged(PHASE, "overhead_us", Bound(at_most=2), [], Overhead(1.25, 1.0, 2.5))
    assert (found.figure, found.passes) == (None, None)
    assert found.why == "it lies between 1.000 and 2.500 us"


def test_a_plan_is_a_go_only_if_nothing_fails_and_the_reasons_name_the_sessions() -> None:
    plan = small()
    good = validated(plan, "catch", deploy(plan, "catch"), None)
    assert good.go
    assert good.reasons == ()
    assert next(decision_lines(good, lambda reason: "")).startswith("go: catch passes")
    bad = validated(plan, "pre-fix", deploy(plan, "pre-fix"), None)
    assert not bad.go
    told = list(decision_lines(bad, lambda reason: "because"))
    assert told[0] == "no-go: pre-fix fails race errors"
    assert any("closed while answering (blind-spot)" in line for line in told)
    assert "    because" in told
    assert all(reason.first is not None for reason in bad.reasons)


def test_the_table_has_a_row_for_every_criterion() -> None:
    plan = small()
    found = validated(plan, "catch", deploy(plan, "catch"), Overhead(2.0, 1.0, 3.0))
    assert validation_table(found).row_count == 3
