"""What was found as frames: a row for each thing, and clear words for what has none."""

import pytest

from sim.conformance.judge import judge_all
from sim.errors import UserError
from sim.exploration.inquiry import Inquiry
from sim.exploration.search import explore
from sim.files.catalog import open_scenario
from sim.live.overhead import guard_costs
from sim.model.scenario import Scenario
from sim.report.dataframes import frame
from sim.runs.play import play
from sim.sut.guards import GUARDS
from sim.sweep.reproduce import Task, reproduce
from sim.validation.criteria import validated
from sim.validation.deployment import deploy
from tests.helpers.plans import small
from tests.helpers.truth import TRUTH

pytest.importorskip("pandas", reason="pandas is not installed (the extra frames)")


def hop(guard: str) -> Scenario:
    """A close in wait_for's turn, in the first round."""
    settings = (f"guard={guard}", "injections.0.hops=0", "clients.messages=0", "window_hops=0")
    found = open_scenario("wait-for-hop", (*settings, "injections.0.nth=1"))
    assert isinstance(found, Scenario)
    return found


def test_a_reproduction_has_a_row_per_cell_and_can_be_made_a_grid() -> None:
    found = reproduce(Task("server-close", guards=("pre-fix", "catch"), trials=3))
    table = frame(found)
    assert len(table) == len(found.summary.results)
    assert {"guard", "runtime", "value", "rate", "low", "high", "closed_form"} <= set(table.columns)
    assert len(table.set_index(["guard", "runtime", "value"]).index.unique()) == len(table)
    assert frame(found.summary.results).equals(table)


def test_the_pairs_of_a_reproduction_have_a_row_each() -> None:
    found = reproduce(Task("server-close", guards=("pre-fix", "post-fix"), trials=3))
    table = frame(found.summary.pairs)
    assert len(table) == len(found.summary.pairs) > 0
    assert list(table.columns)[:2] == ["mode", "shape"]
    assert list(table["difference"]) == [one.difference for one in found.summary.pairs]


def test_explorations_have_a_row_per_guard() -> None:
    found = [explore(hop(guard), Inquiry()) for guard in ("both-states", "catch")]
    table = frame(found)
    assert list(table["guard"]) == ["both-states", "catch"]
    assert list(table["verdict"]) == ["fails in every schedule", "race-free"]


def test_a_record_has_a_row_per_event() -> None:
    record = play(hop("both-states"))
    table = frame(record)
    assert len(table) == len(record.events)
    assert list(table.columns)[:3] == ["ms", "task", "kind"]


def test_a_validation_its_sessions_costs_and_cells_have_rows() -> None:
    plan = small()
    sessions = deploy(plan, "pre-fix")
    assert len(frame(sessions)) == len(sessions)
    criteria = frame(validated(plan, "pre-fix", sessions, None))
    assert list(criteria["passes"]) == [True, False, True]
    costs = frame(guard_costs(messages=5, repeats=1))
    assert list(costs["guard"]) == list(GUARDS)
    cells = frame(judge_all(TRUTH[:5]))
    assert cells["agrees"].all()
    assert cells["seen"].tolist() == cells["predicted"].tolist()


def test_nothing_at_all_is_an_empty_frame() -> None:
    assert len(frame([])) == 0


@pytest.mark.parametrize("found", [None, 5, "text", [1], object()])
def test_what_has_no_frame_is_said(found: object) -> None:
    with pytest.raises(UserError, match="cannot be made a frame"):
        frame(found)
