"""The three sentences of a reproduction say what its figures say, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model.names import GUARDS, RUNTIMES
from sim.report.text.reproduce import sentences
from tests.helpers.figures import Trial, summary


def told(*trials: Trial) -> tuple[str, str, str]:
    return sentences(summary(trials))


def runs(
    injection: str, guard: str, failing: str, lost: int = 0, runtime: str = "asyncio-3.11"
) -> list[Trial]:
    """Trials of one cell; failing: one letter per trial, "x" for a failure."""
    return [
        Trial(injection, runtime, guard, number, one == "x", number < lost)
        for number, one in enumerate(failing)
    ]


def test_nothing_fails() -> None:
    found = told(*runs("calm", "pre-fix", "...."), *runs("calm", "post-fix", "...."))
    assert found == (
        "With pre-fix none of 4 runs fails.",
        "The published fix changes nothing: nothing fails either way in calm.",
        "None of 8 runs fails, whatever the guard.",
    )


def test_only_pre_fix_is_there() -> None:
    found = told(*runs("a", "pre-fix", "x..."), *runs("b", "pre-fix", "...."))
    assert found == (
        "With pre-fix 1 of 8 runs fails: in a (25 %), never in b.",
        "There is no pair of pre-fix and post-fix to compare.",
        "No guard that was tried holds.",
    )


def test_without_pre_fix_all_guards_are_counted() -> None:
    found = told(*runs("a", "none", "xx.."), *runs("a", "catch", "...."))
    assert found[0] == "In all, 2 of 8 runs fail."
    assert found[2] == "Never failing: catch (0 of 4)."


def test_post_fix_is_the_same_everywhere() -> None:
    found = told(
        *runs("a", "pre-fix", "xx.."),
        *runs("a", "post-fix", "xx.."),
        *runs("b", "pre-fix", "x..."),
        *runs("b", "post-fix", "x..."),
    )
    assert found[0] == "With pre-fix 3 of 8 runs fail: in a (50 %) and b (25 %)."
    assert found[1] == (
        "The published fix changes nothing: the same trials fail with it and without it in a and b."
    )


def test_post_fix_prevents() -> None:
    found = told(
        *runs("a", "pre-fix", "xx.."),
        *runs("a", "post-fix", "...."),
        *runs("b", "pre-fix", "x..."),
        *runs("b", "post-fix", "x..."),
        *runs("calm", "pre-fix", "...."),
        *runs("calm", "post-fix", "...."),
    )
    assert found[1] == (
        "The published fix makes a difference in a (2 to 0 failures); the same trials fail with it "
        "and without it in b; nothing fails either way in calm."
    )


def test_as_many_failures_in_other_trials_are_not_the_same_trials() -> None:
    found = told(*runs("a", "pre-fix", "x..."), *runs("a", "post-fix", "...x"))
    assert found[1] == (
        "The published fix makes a difference in a (1 failure as before, but in other trials)."
    )


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (("....", 0), ("....", 3), "nothing fails either way, but 3 more runs lose a message"),
        (("x...", 0), ("x...", 1), "the same trials fail, but 1 more run loses a message"),
        (("xx..", 0), ("....", 2), "2 to 0 failures, but 2 more runs lose a message"),
        (("xx..", 2), ("....", 0), "2 to 0 failures, and 2 fewer runs lose a message"),
    ],
)
def test_post_fix_loses_messages(
    before: tuple[str, int], after: tuple[str, int], change: str
) -> None:
    found = told(*runs("a", "pre-fix", *before), *runs("a", "post-fix", *after))
    assert found[1] == f"The published fix makes a difference in a ({change})."


def test_a_guard_that_fails_on_one_runtime_only_is_named_with_it() -> None:
    found = told(
        *runs("a", "both-states", "x...", runtime="asyncio-3.11"),
        *runs("a", "both-states", "....", runtime="asyncio-3.12"),
        *runs("b", "both-states", "x...", runtime="asyncio-3.12"),
        *runs("b", "both-states", "x...", runtime="asyncio-3.11"),
        *runs("a", "catch", "....", runtime="asyncio-3.11"),
    )
    assert found[2] == (
        "Never failing: catch (0 of 4); both-states fails in a (only on asyncio-3.11) and b."
    )


def test_guards_that_fail_in_the_same_places_share_a_clause() -> None:
    found = told(*(one for guard in GUARDS for one in runs("a", guard, "x...")))
    assert found[2] == (
        "No guard that was tried holds; both-states, both-no-hop, catch and raw fail in a."
    )


def test_no_guard_is_not_taken_for_no_result() -> None:
    found = told(*runs("a", "none", "...."), *runs("a", "catch", "x..."))
    assert found[2] == 'Never failing: "none" (0 of 4); catch fails in a.'


def test_what_is_counterfactual_is_said() -> None:
    trials = [*runs("a", "pre-fix", "x..."), *runs("a", "pre-fix", "....", 0, "trio")]
    assert sentences(summary(trials, ["trio"]))[0] == (
        "With pre-fix 1 of 8 runs fails (4 of the 8 are counterfactual): in a (12 %)."
    )
    every = sentences(summary(trials, ["pre-fix"]))[0]
    assert "(all 8 are counterfactual)" in every


def test_a_rare_failure_is_not_rounded_to_none() -> None:
    found = told(*runs("a", "pre-fix", "x" + 400 * "."))
    assert found[0] == "With pre-fix 1 of 401 runs fails: in a (<1 %)."


TRIALS = st.lists(
    st.builds(
        Trial,
        injection=st.sampled_from(["a", "b", "", "x\ny [/]"]),
        runtime=st.sampled_from(RUNTIMES),
        guard=st.sampled_from([*GUARDS, "mine:guard"]),
        trial=st.integers(0, 5),
        failed=st.booleans(),
        lost=st.booleans(),
    ),
    max_size=30,
    unique_by=lambda one: one[:4],
)


@given(TRIALS)
def test_any_results_are_told_in_three_lines(trials: list[Trial]) -> None:
    found = told(*trials)
    assert len(found) == 3
    for sentence in found:
        assert sentence.endswith(".")
        assert sentence.isprintable()
        assert "  " not in sentence
        assert "in ." not in sentence
    whole = summary(trials)
    failing = {one.cell.guard for one in whole.results if one.failures}
    for guard in {one.cell.guard for one in whole.results} - failing - {"none"}:
        assert not failing or f"{guard} (0 of " in found[2]
    for guard in failing - {"none", "pre-fix", "post-fix"}:
        assert f"{guard} (0 of " not in found[2]
        assert guard in found[2]
