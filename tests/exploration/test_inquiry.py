"""What is asked of a search: bad values, words, and what counts as a failure."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import UserError
from sim.exploration.inquiry import MOST, SAMPLES, TIMES, Inquiry
from sim.model.outcome import Finding, Outcome
from sim.model.properties import PROPERTIES
from sim.model.schedule import Kind, Question
from sim.schedulers.strategies import STRATEGIES

BAD = {
    "strategy": ("magic", "strategy: 'magic' is unknown; allowed: " + ", ".join(STRATEGIES)),
    "times": ("some", "times: 'some' is unknown; allowed: " + ", ".join(TIMES)),
    "prop": ("no-fun", "property: 'no-fun' is unknown; allowed: " + ", ".join(PROPERTIES)),
    "bound": (-1, "bound: -1 is too small"),
    "max_schedules": (0, "max_schedules: must be at least 1, not 0"),
}


def asked(**values: object) -> Inquiry:
    return Inquiry(**cast(Any, values))


@given(st.sets(st.sampled_from(sorted(BAD)), min_size=1))
def test_every_bad_value_is_one_fault(names: set[str]) -> None:
    with pytest.raises(UserError) as caught:
        asked(**{name: BAD[name][0] for name in names})
    assert set(caught.value.faults) == {BAD[name][1] for name in names}
    assert len(caught.value.faults) == len(names)


def test_a_depth_of_zero_is_too_small_for_pct_alone() -> None:
    for strategy in STRATEGIES:
        if strategy == "pct":
            with pytest.raises(UserError, match="bound: 0 is too small"):
                Inquiry(strategy=strategy, bound=0)
        else:
            assert Inquiry(strategy=strategy, bound=0).bound == 0


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_scope_says_strategy_and_times(strategy: Any) -> None:
    fixed, free = (Inquiry(strategy, times, bound=7, seed=9).scope(31) for times in TIMES)
    assert fixed.endswith("; the scenario's times")
    assert free.endswith("; every arrival and injection time")
    assert fixed.partition("; ")[0] == free.partition("; ")[0]
    facts = {
        "dpor": ["every order", "class"],
        "exhaustive": ["every schedule"],
        "bounded": ["at most 7 preemptions"],
        "delays": ["at most 7 options"],
        "pct": ["PCT", "depth 7", "horizon 31", "seed 9", str(SAMPLES)],
        "uniform": ["uniformly", "seed 9", str(SAMPLES)],
    }
    assert all(fact in fixed for fact in facts[strategy])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_a_search_gives_up_after(strategy: Any) -> None:
    samples = strategy in ("pct", "uniform")
    assert Inquiry(strategy).way.draws is samples
    assert Inquiry(strategy).most == (SAMPLES if samples else MOST)
    assert Inquiry(strategy, max_schedules=5).most == 5


def drawn(inquiry: Inquiry) -> list[list[int]]:
    """What each scheduler of a sampling search answers to a row of questions."""
    search = inquiry.search(horizon=20, batches=True)
    answers = []
    while (scheduler := search.next_scheduler()) is not None:
        answers.append(
            [scheduler.choose(Question(Kind.STEP, ("a", "b", "c", "d"))) for _ in range(20)]
        )
        assert search.finished(())
    assert search.next_scheduler() is None
    return answers


@given(st.sampled_from(["pct", "uniform"]), st.integers(1, 12), st.integers(0, 1 << 64))
def test_a_sampling_search_draws_exactly_as_many_as_asked_and_the_same_for_the_same_seed(
    strategy: Any, most: int, seed: int
) -> None:
    answers = drawn(Inquiry(strategy, max_schedules=most, seed=seed))
    assert len(answers) == most
    assert answers == drawn(Inquiry(strategy, max_schedules=most, seed=seed))
    longer = drawn(Inquiry(strategy, max_schedules=most + 1, seed=seed))
    assert longer[:most] == answers


def test_another_seed_and_another_draw_answer_otherwise() -> None:
    first, second = drawn(Inquiry("uniform", max_schedules=2, seed=0))
    assert first != second
    assert drawn(Inquiry("uniform", max_schedules=2, seed=1)) != [first, second]


ERROR = (Finding("need_accept_first", failure=True),)


@pytest.mark.parametrize(
    ("prop", "outcome", "fails"),
    [
        ("no-error", Outcome(), False),
        ("no-error", Outcome(lost=3, turns=2), False),
        ("no-error", Outcome(findings=ERROR), True),
        ("no-loss", Outcome(findings=ERROR), False),
        ("no-loss", Outcome(lost=1), True),
        ("completes", Outcome(turns=2, complete=2), False),
        ("completes", Outcome(turns=2, complete=1), True),
        ("completes", Outcome(turns=2, complete=2, lost=1), False),
        ("completes", Outcome(findings=ERROR), True),
    ],
)
def test_each_property_has_its_own_failures(prop: Any, outcome: Outcome, fails: bool) -> None:
    assert Inquiry(prop=prop).fails(outcome) is fails
