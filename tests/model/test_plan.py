"""Validation plans: what they may say, and the shipped one."""

from pathlib import Path
from typing import Any

import pytest

from sim.errors import UserError
from sim.files.catalog import open_plan, plan_names
from sim.model.plan import Plan
from sim.model.scenario import Scenario
from sim.validation.deployment import scenarios_of


def faults(text: str, tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        open_plan(str(path))
    return tuple(fault.removeprefix(str(tmp_path)) for fault in caught.value.faults)


GOOD = """
[[visits]]
scenario = "healthy"
[[phases]]
name = "all"
to_min = 5
[phases.criteria]
race_errors = { at_most = 0 }
"""


def test_the_shipped_plan_is_the_reports_checklist() -> None:
    assert plan_names() == ("issue-1061", "strategy-1061")
    plan = open_plan("issue-1061")
    assert isinstance(plan, Plan)
    assert [(one.name, one.from_min, one.to_min) for one in plan.phases] == [
        ("immediate", 0, 5),
        ("short-term", 5, 30),
        ("medium-term", 30, 120),
    ]
    assert plan.deployment.clients == 200
    assert plan.minutes == 120
    assert all(isinstance(one, Scenario) for one in scenarios_of(plan, "catch"))


def test_the_shipped_strategy_takes_two_minutes_and_can_be_simulated() -> None:
    plan = open_plan("strategy-1061")
    assert (plan.minutes, plan.deployment.clients) == (2, 200)
    assert [one.name for one in plan.phases] == [
        "connectivity",
        "handshake",
        "exchange",
        "sustained under load",
        "no error pattern",
    ]
    assert len(scenarios_of(plan, "catch")) == len(plan.visits)


def test_a_file_is_opened_by_its_path_and_called_by_its_stem(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert open_plan(str(path)).name == "mine"


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(
        UserError, match=r"unknown plan 'issue-1062'; allowed: issue-1061, strategy-1061, or a file"
    ):
        open_plan("issue-1062")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("at_most = 0", "at_most = 0, at_least = 1", "either at_least or at_most"),
        ("{ at_most = 0 }", "{}", "either at_least or at_most"),
        ("race_errors", "race_error", "race_error"),
        ("to_min = 5", "to_min = 5\nfrom_min = 6", "from_min must lie before to_min"),
        ("to_min = 5", "to_min = -5", "to_min"),
        ('scenario = "healthy"', 'scenario = "healthy"\nweight = 0', "weight"),
        ('scenario = "healthy"', "weight = 1", "scenario"),
        ("[[visits]]", "[deployment]\nclients = 0\n[[visits]]", "clients"),
        ("[[visits]]", '[deployment]\nguard = "nosuch"\n[[visits]]', "nosuch"),
    ],
)
def test_a_fault_is_one_line_with_its_place(old: str, new: str, what: str, tmp_path: Path) -> None:
    found = faults(GOOD.replace(old, new), tmp_path)
    assert any(what in fault for fault in found)
    assert all(fault.startswith("/plan.toml:") and "\n" not in fault for fault in found)


@pytest.mark.parametrize("text", ["", "visits = []", "[[phases]]", "not toml", "\x00"])
def test_nonsense_is_clear_lines(text: str, tmp_path: Path) -> None:
    assert faults(text, tmp_path)


def test_the_defaults_are_those_of_the_issue() -> None:
    data: dict[str, Any] = {
        "visits": [{"scenario": "healthy"}],
        "phases": [{"name": "p", "to_min": 1, "criteria": {"race_errors": {"at_most": 0}}}],
    }
    where = Plan.model_validate(data).deployment
    assert (where.guard, where.runtime) == ("post-fix", "asyncio-3.11")
    assert where.server == "uvicorn-websockets@0.35"


# -- clients of one's own --------------------------------------------------------------------------


CLIENT = GOOD.replace('scenario = "healthy"', "client = 'send:hi, wait, close'")


def test_a_visit_may_be_a_client_of_ones_own_that_leaves_at_a_drawn_moment(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        CLIENT.replace("[[phases]]", 'leave = "rst"\nleave_ms = { uniform = [0, 5] }\n[[phases]]')
    )
    (visit,) = open_plan(str(path)).visits
    assert (visit.scenario, visit.client, visit.leave) == ("", "send:hi, wait, close", "rst")


@pytest.mark.parametrize(
    ("visit", "what"),
    [
        ("weight = 2", "a visit has a scenario, or a client, or both"),
        ("client = 'nonsense'", "unknown; allowed: send,"),
        ("client = 'send:a'\nset = { window_ms = 5 }", "set: it changes keys of a scenario"),
        ("client = 'send:a'\nleave_ms = 5", "leave_ms: it goes with leave, one of close, fin"),
        ('scenario = "healthy"\nleave = "rst"', "leave: it goes with client"),
        (
            "client = 'send:a'\nleave = \"run\"",
            "unknown value 'run'; allowed: close, fin, drop, rst",
        ),
    ],
)
def test_what_no_visit_can_be_is_a_line(tmp_path: Path, visit: str, what: str) -> None:
    (fault,) = faults(GOOD.replace('scenario = "healthy"', visit), tmp_path)
    assert what in fault


def test_a_client_alone_cannot_be_simulated_and_a_line_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(CLIENT)
    with pytest.raises(UserError) as caught:
        scenarios_of(open_plan(str(path)), "catch")
    assert caught.value.faults == (
        "mine: visits.0: it has a client and no scenario: it can be played against a server "
        "(--url), and not simulated",
    )
