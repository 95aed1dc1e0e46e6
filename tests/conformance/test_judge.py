"""A cell against its prediction: what counts as agreement, and that anything can be judged."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim.conformance.judge as judging
from sim.conformance.arrange import ENVELOPE, GUARDS, KINDS, NO_EVENT, POINTS
from sim.conformance.cells import Cell
from sim.conformance.judge import Judged, judge, judge_all
from sim.conformance.predict import Predicted, Prediction
from sim.conformance.score import digest_of, tally
from sim.errors import NoAnswer
from sim.model.scenario import Scenario
from sim.model.schedule import picks
from sim.runs.play import play
from sim.runs.scenario import ScenarioSubject
from tests.helpers import arranged
from tests.helpers.arranged import LEGACY, STACKS, TRIO, cell

MADE = play(Scenario(end_ms=50))
RUN = Predicted(ScenarioSubject(MADE.scenario), picks(MADE.schedule), MADE.digest)


def prediction(*classes: str, losses: tuple[int, ...] = (0,), states: Any = ()) -> Prediction:
    return Prediction(dict.fromkeys(classes, RUN), frozenset(losses), frozenset(states))


@pytest.fixture
def foretell(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let every cell be predicted to have these classes."""

    def foretell(*classes: str, **values: Any) -> None:
        monkeypatch.setattr(judging, "predict", lambda scenario: prediction(*classes, **values))

    return foretell


@pytest.mark.parametrize(
    ("seen", "predicted", "agrees"),
    [
        ({"a": 10}, ["a"], True),
        ({"a": 10, "b": 0}, ["a"], True),
        ({"a": 10}, ["b"], False),
        ({"a": 10}, ["a", "b"], False),  # it never varied, so it must not be open
        ({"a": 5, "b": 5}, ["a", "b"], True),
        ({"a": 5, "b": 5}, ["a", "b", "c"], True),
        ({"a": 5, "b": 5}, ["a"], False),
        ({"a": 5, "b": 5}, ["a", "c"], False),
    ],
)
def test_unmixed_cells_agree_in_whole_and_mixed_ones_lie_inside(
    foretell: Any, seen: dict[str, int], predicted: list[str], agrees: bool
) -> None:
    foretell(*predicted)
    assert judge(cell(outcomes=seen)).agrees is agrees


@pytest.mark.parametrize("mixed", [True, False])
@pytest.mark.parametrize(
    ("lost", "losses", "same"),
    [
        (0, (0,), (True, True)),
        (10, (1,), (True, True)),
        (3, (0, 1), (True, True)),
        (0, (1,), (False, False)),
        (10, (0,), (False, False)),
        (3, (0,), (False, False)),
        (3, (1,), (False, False)),
        (0, (0, 1), (False, True)),  # unmixed, mixed
        (10, (0, 2), (False, True)),
    ],
)
def test_a_loss_is_the_same_or_for_a_mixed_cell_possible(
    foretell: Any, mixed: bool, lost: int, losses: tuple[int, ...], same: tuple[bool, bool]
) -> None:
    foretell("a", "b", losses=losses)
    outcomes = {"a": 5, "b": 5} if mixed else {"a": 10}
    assert judge(cell(outcomes=outcomes, message_lost=lost)).same_loss is same[mixed]


def test_states_that_were_seen_must_be_predicted(foretell: Any) -> None:
    foretell("a", states=[("C", "D"), ("D", "D")])
    assert judge(cell(detail=[["a", "", "C", "D", 10]])).same_states
    assert not judge(cell(detail=[["a", "", "C", "C", 10]])).same_states
    assert judge(cell(detail=[])).same_states


def test_only_a_cell_that_varied_under_asyncio_is_held_against_all_timings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Scenario] = []

    def count(scenario: Scenario) -> Prediction:
        asked.append(scenario)
        return prediction(f"class {len(asked)}")

    monkeypatch.setattr(judging, "predict", count)
    found = judge(cell(outcomes={"a": 5, "b": 5}))
    assert found.prediction is not None
    assert len(found.prediction.classes) == len(asked) == len(ENVELOPE)
    for one in (cell(), cell(TRIO), cell(TRIO, outcomes={"a": 5, "b": 5})):
        asked.clear()
        judge(one)
        assert len(asked) == 1


def test_cells_that_arrange_the_same_thing_are_simulated_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Scenario] = []

    def count(scenario: Scenario) -> Prediction:
        asked.append(scenario)
        return prediction("a")

    monkeypatch.setattr(judging, "predict", count)
    done: list[int] = []
    alike = [cell(), cell(python="3.10.1", lib="other", outcomes={"x": 1}, n=3)]
    others = [
        cell(queued=1), cell(wait="1"), cell(point="gap"), cell(guard="pre"),
        cell(kind="client_eof"), cell(server="uvicorn 0.54.0"), cell(starlette="0.35.0"),
        cell(python="3.12.0"), cell("uvicorn-wsproto"),
    ]  # fmt: skip
    assert len(judge_all([*alike, *others], done.append)) == 11
    assert len(asked) == 10
    assert done == list(range(1, 12))


def test_a_prediction_that_was_kept_is_the_one_that_is_made_anew() -> None:
    cells = [cell(like, kind="client_rst", wait="5ms") for like in STACKS for _ in range(2)]
    together = judge_all(cells)
    assert digest_of(together) == digest_of([judge(one) for one in cells])


@pytest.mark.parametrize(
    "columns",
    [{"stack": "daphne"}, {"kind": "flood"}, {"wait": "soon"}, {"python": "2.7"}, {"guard": "x"}],
)
def test_what_is_not_covered_has_no_prediction_and_says_why(columns: dict[str, str]) -> None:
    found = judge(cell(**columns))
    assert found.prediction is None
    assert found.why
    assert (found.agrees, found.same_loss, found.same_states) == (False, False, False)


def test_a_search_without_an_end_is_not_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(scenario: Scenario) -> Prediction:
        raise NoAnswer("more than 3 schedules")

    monkeypatch.setattr(judging, "predict", never)
    assert judge(cell()) == Judged(cell(), None, why="more than 3 schedules")


# -- anything --------------------------------------------------------------------------------------

HOSTILE = st.text(max_size=30) | st.sampled_from(["\x1b[31m", "\0", "\u202e", "[/]", "../..", "🙂"])
PLAUSIBLE = {
    "python": st.sampled_from(["3.11.7", "3.12.1", "3.8", "3.14.0rc1"]),
    "starlette": st.sampled_from(["0.35.1", "0.47.3", "1.10.0"]),
    "kind": st.sampled_from([*KINDS, "none", "server_shutdown_full"]),
    "point": st.sampled_from([*POINTS, *NO_EVENT]),
    "wait": st.sampled_from(["-", "0", "1", "2", "5ms", "250ms"]),
    "guard": st.sampled_from([*GUARDS]),
    "queued": st.booleans(),
    "outcomes": st.dictionaries(
        st.sampled_from(["hang", "clean_disconnect(1000)", "need_accept_first"]),
        st.integers(0, 10),
        min_size=1,
    ),
    "message_lost": st.integers(0, 20),
    "detail": st.lists(st.lists(HOSTILE, max_size=5).map(tuple), max_size=3).map(tuple),
}
COLUMNS = [*arranged.NAMES, "kind", "point", "wait", "guard"]


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    """A plausible cell, some of whose columns are not."""
    values = {name: draw(drawn) for name, drawn in PLAUSIBLE.items()}
    one = cell(draw(st.sampled_from(sorted(STACKS))), **values)
    spoilt = draw(st.dictionaries(st.sampled_from(COLUMNS), HOSTILE, max_size=2))
    return one.model_copy(update=spoilt)


def brief(judged: Judged) -> tuple[object, ...]:
    """Return what is comparable of a judgement: its runs by their digests."""
    found = judged.prediction
    runs = {} if found is None else {name: run.digest for name, run in found.runs.items()}
    said = None if found is None else (found.losses, found.states)
    return (judged.cell, runs, said, judged.agrees, judged.same_loss, judged.why)


@settings(max_examples=150, deadline=None)
@given(cells())
def test_of_any_cell_comes_a_judgement_and_nothing_else(one: Cell) -> None:
    found = judge(one)
    assert isinstance(found, Judged)
    assert found.cell == one
    assert bool(found.why) is (found.prediction is None)
    if found.prediction is not None:
        assert found.prediction.classes
        assert found.prediction.loss in ("never", "some", "always")
    assert tally([found]).cells == 1
    assert brief(judge(one)) == brief(found)


@settings(max_examples=30, deadline=None)
@given(st.lists(cells(), max_size=5))
def test_judging_together_is_judging_one_by_one(many: list[Cell]) -> None:
    assert [brief(one) for one in judge_all(many)] == [brief(judge(one)) for one in many]


@pytest.mark.parametrize("queued", [False, True])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_at_every_point_has_an_answer_on_every_stack(
    kind: str, point: str, queued: bool
) -> None:
    """Also where nobody measured, such as a state change before the accept."""
    wait = "-" if point in ("recv", "sendfail") else "1"
    for like in STACKS:
        guards = ("both_nohop", "orig_post") if like == LEGACY else ("both_nohop",)
        for guard in guards:
            one = cell(like, kind=kind, point=point, wait=wait, guard=guard, queued=queued)
            assert judge(one).why == ""
