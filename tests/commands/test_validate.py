"""The command `validate`: documents, exit statuses, and input of every kind."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sim import __version__
from sim.commands.cli import main
from sim.report.text.validate import SCHEMA

PLAN = """
title = "a small plan"
[deployment]
clients = 6
ramp_ms = 20000
away_ms = 15000
[[visits]]
scenario = "healthy"
[[visits]]
scenario = "blind-spot"
[[visits]]
scenario = "state-change"
[visits.set]
window_ms = 12
[[phases]]
name = "all"
to_min = 4
[phases.criteria]
connection_success = { at_least = 0.99 }
race_errors = { at_most = 0 }
sessions_with_loss = { at_most = 1000 }
"""


def wsrace(*arguments: object) -> Result:
    done = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    assert "Traceback" not in done.output
    return done


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(PLAN)
    return path


def document(plan: Path, guard: str, *more: object) -> dict[str, Any]:
    done = wsrace("validate", plan, "--guard", guard, "--workers", 1, "--json", *more)
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    assert done.exit_code == (0 if found["go"] else 1)
    return found


def test_catch_is_go_and_the_guards_of_the_issue_are_no_go_for_a_reason(plan: Path) -> None:
    assert document(plan, "catch")["go"] is True
    for guard in ("pre-fix", "post-fix"):
        found = document(plan, guard)
        assert found["go"] is False
        (failing,) = [one for one in found["criteria"] if one["passes"] is False]
        assert failing["criterion"] == "race_errors"
        reason = found["reasons"][0]
        assert reason["text"].startswith("blind-spot (blind-spot): ")
        assert "depends on application_state" in reason["why"]
        assert wsrace("replay", reason["token"]).exit_code == 0


def test_the_figures_of_the_two_guards_differ_where_the_state_changes(plan: Path) -> None:
    def losses(guard: str) -> float:
        rows = document(plan, guard)["criteria"]
        return next(
            float(one["figure"]) for one in rows if one["criterion"] == "sessions_with_loss"
        )

    assert losses("pre-fix") == 0
    assert losses("post-fix") > 0


def test_the_document_has_the_common_keys_and_repeats_byte_for_byte(plan: Path) -> None:
    found = document(plan, "pre-fix", "--seed", 3)
    assert (found["schema"], found["wsrace"], found["seed"]) == (SCHEMA, __version__, 3)
    assert found == document(plan, "pre-fix", "--seed", 3)
    assert found["digest"] != document(plan, "pre-fix", "--seed", 4)["digest"]
    assert found["plan"] == "small"


def test_people_get_a_table_a_decision_a_reason_and_a_token(plan: Path) -> None:
    done = wsrace("validate", plan, "--guard", "post-fix", "--workers", 1)
    assert done.exit_code == 1
    assert "a small plan: guard post-fix, 6 clients, 4 minutes" in done.stdout
    assert "no-go: post-fix fails race errors" in done.stdout
    assert "the guard looks at other state than the one it is to protect" in done.stdout
    assert "\nwsrace replay wsr1." in done.stdout


def test_the_overhead_is_measured_only_if_the_plan_asks_for_it(
    plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.commands.validate

    def never(*_: object) -> object:
        raise AssertionError("measured")

    monkeypatch.setattr(sim.commands.validate, "guard_costs", never)
    document(plan, "catch")
    plan.write_text(PLAN + "overhead_us = { at_most = 50 }\n")
    with pytest.raises(AssertionError, match="measured"):
        document(plan, "catch")


def test_a_plan_that_asks_for_the_overhead_gets_it(plan: Path) -> None:
    plan.write_text(PLAN + "overhead_us = { at_most = 1_000_000 }\n")
    rows = document(plan, "catch")["criteria"]
    assert isinstance(rows[-1]["figure"], float)
    assert rows[-1]["passes"] is True


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("nosuch",), "unknown plan 'nosuch'"),
        (("nosuch.toml",), "cannot be read"),
        (("--guard", "nosuch"), "--guard: unknown guard 'nosuch'"),
        (("--guard", "no.such:guard"), "cannot import"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments: tuple[str, ...], what: str) -> None:
    done = wsrace("validate", *arguments)
    assert done.exit_code == 2
    assert what in done.stderr
    assert done.stdout == ""
