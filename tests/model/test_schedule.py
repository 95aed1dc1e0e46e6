import pytest

from sim.errors import BadSchedule
from sim.model.schedule import Chooser, Kind, Question, check_picks, picks
from sim.schedulers.fifo import Fifo


class Stubborn:
    def __init__(self, pick: int) -> None:
        self.pick = pick

    def choose(self, question: Question) -> int:
        return self.pick


def test_a_single_option_is_no_choice() -> None:
    chooser = Chooser(Stubborn(9))
    assert chooser.ask(Kind.STEP, ["only"]) == 0
    assert chooser.schedule() == ()


def test_answers_are_recorded_with_their_question() -> None:
    chooser = Chooser(Stubborn(1))
    chooser.ask(Kind.VALUE, range(3), default=2, asker="link")
    (choice,) = chooser.schedule()
    assert choice.option == 1
    assert choice.deviates
    assert choice.question == Question(Kind.VALUE, range(3), 2, "link")
    assert picks(chooser.schedule()) == (1,)


@pytest.mark.parametrize("pick", [-1, 2, 100])
def test_an_answer_outside_the_options_is_an_error_not_a_clamp(pick: int) -> None:
    chooser = Chooser(Stubborn(pick))
    with pytest.raises(BadSchedule, match=rf"choice 0: pick {pick} is outside 0\.\.1"):
        chooser.ask(Kind.STEP, ("a", "b"))
    assert chooser.schedule() == ()


def test_no_options_is_an_error() -> None:
    with pytest.raises(ValueError, match="without options"):
        Chooser(Fifo()).ask(Kind.STEP, ())


def test_bad_picks_are_all_named_at_once() -> None:
    with pytest.raises(BadSchedule) as caught:
        check_picks([0, -1, "2", True, 3])
    assert len(caught.value.faults) == 3
    assert caught.value.faults[0] == "pick 1: expected an integer of at least 0, got -1"


def test_long_questions_are_described_shortly() -> None:
    text = Question(Kind.VALUE, range(1000), asker="link").describe()
    assert text == "value choice by link among [0, 1, 2, 3, 4, 5, 6, 7, ... (1000 in all)]"
