"""Strict replays: the same answers to the same questions, or a divergence that names the choice."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import Divergence
from sim.model.marks import mark
from sim.model.schedule import Chooser, Kind, Question, Schedule, Scheduler
from sim.schedulers.replay import Deviate, Replay
from sim.schedulers.uniform import Uniform

Ask = tuple[Kind, tuple[str, ...], int, str]
QUESTIONS: tuple[Ask, ...] = (
    (Kind.STEP, ("a", "b"), 0, ""),
    (Kind.ARRIVAL, ("x", "y", "z"), 2, "link"),
    (Kind.VALUE, ("p", "q"), 0, "link"),
)


def run(scheduler: Scheduler, questions: tuple[Ask, ...] = QUESTIONS) -> Schedule:
    chooser = Chooser(scheduler)
    for kind, options, default, asker in questions:
        chooser.ask(kind, options, default, asker)
    return chooser.schedule()


def deviate(schedule: Schedule, with_marks: bool = True) -> Deviate:
    deviations = {index: one.picked for index, one in enumerate(schedule) if one.deviates}
    marks = bytes(mark(one.question) for one in schedule) if with_marks else None
    return Deviate(deviations, len(schedule), marks)


FORMS: dict[str, Callable[[Schedule], Replay | Deviate]] = {
    "whole": Replay,
    "marks": deviate,
    "bare": lambda schedule: deviate(schedule, with_marks=False),
}


@pytest.mark.parametrize("form", FORMS)
@given(seed=st.integers(0, 1 << 32))
def test_every_form_gives_the_recorded_answers(form: str, seed: int) -> None:
    first = run(Uniform(seed))
    scheduler = FORMS[form](first)
    assert run(scheduler) == first
    scheduler.close()


@pytest.mark.parametrize("form", ["whole", "marks"])
@pytest.mark.parametrize("at", range(3))
def test_another_question_is_a_divergence_that_names_the_choice(form: str, at: int) -> None:
    scheduler = FORMS[form](run(Uniform(1)))
    kind, options, default, asker = QUESTIONS[at]
    other = (*QUESTIONS[:at], (kind, options, default, f"{asker}!"), *QUESTIONS[at + 1 :])
    met = Question(kind, options, default, f"{asker}!").describe()
    with pytest.raises(Divergence) as caught:
        run(scheduler, other)
    assert str(caught.value).startswith(f"choice {at}: expected ")
    assert met in str(caught.value)


@pytest.mark.parametrize("form", FORMS)
def test_a_question_too_many_is_a_divergence(form: str) -> None:
    scheduler = FORMS[form](run(Uniform(1)))
    with pytest.raises(Divergence, match="choice 3: expected the end of the run, met step choice"):
        run(scheduler, (*QUESTIONS, QUESTIONS[0]))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("whole", "choice 2: expected value choice by link among .*, met the end of the run"),
        ("marks", "expected 3 choices, met 2"),
        ("bare", "expected 3 choices, met 2"),
    ],
)
def test_a_question_too_few_is_a_divergence_when_the_run_is_over(form: str, said: str) -> None:
    scheduler = FORMS[form](run(Uniform(1)))
    run(scheduler, QUESTIONS[:2])
    with pytest.raises(Divergence, match=said):
        scheduler.close()


def test_a_pick_that_is_no_option_is_a_divergence_even_without_marks() -> None:
    scheduler = Deviate({1: 3}, 3)
    with pytest.raises(Divergence, match="choice 1: expected at least 4 options, met arrival"):
        run(scheduler)
