"""The whole truth: the model against 3,878 cells of five real stacks."""

from sim.conformance.judge import judge_all
from sim.conformance.score import EXEMPT_KIND, not_covered, stacks, tally
from tests.helpers.arranged import STACKS
from tests.helpers.truth import TRUTH


def test_the_truth_is_whole() -> None:
    assert len(TRUTH) == 3878
    assert {cell.stack for cell in TRUTH} == set(STACKS)
    assert sum(cell.mixed for cell in TRUTH) == 43
    assert sum(cell.loss != "never" for cell in TRUTH) == 389
    for cell in TRUTH:
        assert sum(cell.outcomes.values()) >= 10
        wanted = STACKS[cell.stack]
        assert {name: getattr(cell, name) for name in wanted} == wanted


def test_the_model_agrees_with_what_real_servers_did() -> None:
    judged = judge_all(TRUTH)
    counts = tally(judged)
    assert counts.share is not None
    assert counts.share >= 0.995, [one.cell.label for one in judged if not one.agrees][:20]
    for name, group in stacks(judged).items():
        share = tally(group).share
        assert share is not None
        assert share >= 0.98, name
    assert counts.recall is not None
    assert counts.recall >= 0.99
    assert counts.precision is not None
    assert counts.precision >= 0.99
    assert counts.inside >= 0.9 * counts.mixed
    assert counts.mean_size is not None
    assert counts.mean_size <= 2.5
    assert counts.states_agreed >= 0.99 * counts.states
    (reason,) = not_covered(judged)
    assert EXEMPT_KIND in reason
    assert counts.covered == 3842
