"""Runs in a given order: what is wanted is picked, and where it cannot be had, the default."""

from hypothesis import given
from hypothesis import strategies as st

from sim.model.record import Step
from sim.model.schedule import Choice, Kind, Question
from sim.schedulers.in_order import InOrder
from sim.schedulers.transitions import Transition


def moves(tasks: str) -> list[Transition]:
    found = []
    for task in tasks:
        one = Transition(task, -1, False)
        one.take(Step(task, 0, -1, ()))
        found.append(one)
    return found


def step(task: str) -> Step:
    return Step(task, 0, -1, ())


@given(st.text("abcd", min_size=1, max_size=12))
def test_the_next_in_order_is_picked_until_it_has_stepped(tasks: str) -> None:
    scheduler = InOrder(moves(tasks))
    question = Question(Kind.STEP, tuple("abcd"))
    for task in tasks:
        assert "abcd"[scheduler.choose(question)] == task
        scheduler.watch(step("x"))  # of no interest
        assert "abcd"[scheduler.choose(question)] == task
        scheduler.watch(step(task))
    assert scheduler.choose(Question(Kind.STEP, tuple("abcd"), default=2)) == 2


def test_what_is_not_to_be_had_is_the_default() -> None:
    scheduler = InOrder(moves("ab"))
    assert scheduler.choose(Question(Kind.STEP, ("b", "c"), default=1)) == 1
    scheduler.watch(step("c"))
    assert scheduler.choose(Question(Kind.ARRIVAL, ("b", "a"))) == 1


def test_a_transition_of_many_steps_is_crossed_off_step_by_step() -> None:
    one = Transition("(loop)", -1, False)
    for task in ("(loop)", "a", "b"):
        one.take(step(task))
    scheduler = InOrder([one])
    question = Question(Kind.STEP, ("b", "a", "(loop)"))
    for task in ("(loop)", "a", "b"):
        assert question.options[scheduler.choose(question)] == task
        scheduler.watch(step(task))


def test_each_asker_gets_its_own_answers_in_turn_as_far_as_they_fit() -> None:
    def question(asker: str) -> Question:
        return Question(Kind.VALUE, range(3), default=2, asker=asker)

    wide = Question(Kind.VALUE, range(10), asker="a")
    schedule = (
        Choice(question("a"), 1),
        Choice(question("b"), 0),
        Choice(Question(Kind.STEP, ("a", "b")), 1),
        Choice(wide, 9),
        Choice(question("a"), 0),
    )
    scheduler = InOrder(moves("a"), schedule)
    askers = ("b", "a", "a", "b", "a", "c", "a")
    assert [scheduler.choose(question(asker)) for asker in askers] == [0, 1, 2, 2, 0, 2, 2]
    assert scheduler.choose(Question(Kind.STEP, ("b", "a"))) == 1
