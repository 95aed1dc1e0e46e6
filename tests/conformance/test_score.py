"""Counts over judged cells: every cell counts once, and what has no answer counts against."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.conformance.judge import Judged
from sim.conformance.score import (
    EXEMPT_KIND,
    Tally,
    by_kind,
    digest_of,
    not_covered,
    stack_of,
    stacks,
    tally,
)
from tests.conformance.test_judge import prediction
from tests.helpers.arranged import cell


def judged(
    *predicted: str,
    agrees: bool = True,
    same_loss: bool = True,
    same_states: bool = True,
    losses: tuple[int, ...] = (0,),
    **columns: Any,
) -> Judged:
    """Return a cell with such a prediction, none without classes."""
    told = prediction(*predicted, losses=losses) if predicted else None
    why = "" if predicted else f"kind {columns.get('kind')!r} is unknown"
    return Judged(cell(**columns), told, agrees, same_loss, same_states, why)


MIXED: dict[str, Any] = {"outcomes": {"a": 5, "b": 5}}
MISSED = judged(agrees=False, same_loss=False, same_states=False, kind="flood")
EXEMPT = judged(agrees=False, same_loss=False, same_states=False, kind=EXEMPT_KIND)


def test_nothing_has_no_shares() -> None:
    counts = tally([])
    assert counts == Tally()
    assert counts.share is counts.mean_size is counts.recall is counts.precision is None


def test_the_share_is_over_all_unmixed_cells() -> None:
    counts = tally([judged("a"), judged("b", agrees=False), judged("c"), MISSED])
    assert (counts.cells, counts.covered, counts.unmixed, counts.agreed) == (4, 3, 4, 2)
    assert counts.share == 0.5


def test_a_cell_without_an_answer_counts_against_unless_its_kind_is_exempt() -> None:
    assert tally([judged("a"), EXEMPT]).share == 1
    assert tally([EXEMPT]).share is None
    assert tally([judged("a", agrees=False, kind=EXEMPT_KIND)]).share == 0  # it has an answer
    assert tally([MISSED]).share == 0


def test_mixed_cells_are_counted_apart_with_the_size_of_what_is_predicted() -> None:
    counts = tally(
        [judged("a", "b", **MIXED), judged("a", "b", "c", agrees=False, **MIXED), judged("a")]
    )
    assert (counts.mixed, counts.inside, counts.predicted) == (2, 1, 5)
    assert counts.mean_size == 2.5
    assert (counts.unmixed, counts.share) == (1, 1)
    assert tally([judged(agrees=False, **MIXED)]).inside == 0


def test_recall_and_precision_count_the_cells_that_lose_as_often_as_predicted() -> None:
    lost: dict[str, Any] = {"message_lost": 10}
    counts = tally(
        [
            judged("a", losses=(1,), **lost),
            judged("a", losses=(0, 1), same_loss=False, **lost),
            judged("a", losses=(0,), same_loss=False, **lost),
            judged("a", losses=(1,), same_loss=False),
            judged("a"),
        ]
    )
    assert (counts.losing, counts.foretold, counts.both_lose) == (3, 3, 1)
    assert (counts.recall, counts.precision) == (1 / 3, 1 / 3)


def test_states_count_where_they_are_known_and_foretold() -> None:
    known: dict[str, Any] = {"detail": [["a", "", "C", "D", 10]]}
    counts = tally(
        [
            judged("a", **known),
            judged("a", same_states=False, **known),
            judged("a"),
            judged(agrees=False, same_loss=False, same_states=False, **known),
        ]
    )
    assert (counts.states, counts.states_agreed) == (2, 1)


@given(
    st.lists(
        st.builds(
            lambda names, agrees, same, mixed, lost, losses: judged(
                *names,
                agrees=agrees and bool(names),
                same_loss=same and bool(names),
                losses=tuple(losses),
                message_lost=lost,
                **(MIXED if mixed else {}),
            ),
            st.lists(st.sampled_from("abc"), max_size=3, unique=True),
            *[st.booleans()] * 3,
            st.integers(0, 10),
            st.sets(st.integers(0, 2), min_size=1),
        ),
        max_size=12,
    )
)
def test_counts_never_contradict_each_other(many: list[Judged]) -> None:
    counts = tally(many)
    assert counts.cells == len(many) == counts.unmixed + counts.mixed
    assert counts.agreed <= counts.unmixed
    assert counts.inside <= counts.mixed
    assert counts.both_lose <= min(counts.losing, counts.foretold)
    assert counts.states_agreed <= counts.states <= counts.covered <= counts.cells
    for share in (counts.share, counts.recall, counts.precision):
        assert share is None or 0 <= share <= 1
    halves = [tally(many[::2]), tally(many[1::2])]
    assert counts.agreed == sum(half.agreed for half in halves)


def test_stacks_and_kinds_come_in_the_order_of_their_first_cell() -> None:
    cells = [judged("a", kind="b"), judged("a", lib=""), judged("a", kind="b"), judged("a")]
    first, second = stacks(cells).items()
    assert first[0].startswith("uvicorn-websockets: uvicorn 0.35.0 (websockets 15.0.1), Python")
    assert "uvicorn 0.35.0, Python 3.11.7, Starlette 0.47.3, asyncio" in second[0]
    assert [len(first[1]), len(second[1])] == [3, 1]
    assert [(kind, len(group)) for kind, group in by_kind(cells).items()] == [
        ("b", 2),
        ("client_close", 2),
    ]


def test_reasons_come_with_the_most_frequent_first() -> None:
    other = judged(agrees=False, kind="xx")
    assert not_covered([MISSED, judged("a"), other, MISSED]) == {
        "kind 'flood' is unknown": 2,
        "kind 'xx' is unknown": 1,
    }


@pytest.mark.parametrize("columns", [{"kind": "x"}, {"queued": True}, {"python": "3.12.0"}])
def test_the_digest_tells_cells_classes_and_runs_apart(columns: dict[str, Any]) -> None:
    one = digest_of([judged("a")])
    assert one == digest_of([judged("a", agrees=False, message_lost=7)])
    assert one != digest_of([judged("a", **columns)])
    assert one != digest_of([judged("b")])
    assert one != digest_of([judged("a"), judged("a")])
    assert stack_of(cell()) in stacks([judged("a")])
