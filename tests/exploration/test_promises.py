"""What somebody says of their application: invariants, and situations that must be met."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sim.aio.sometimes import sometimes
from sim.commands.cli import main
from sim.errors import UserError
from sim.exploration.verdict import Verdict
from sim.testing import AppFailed
from sim.testing import check as check_in_test
from tests.helpers.applications import FOLDER

BUY = ("--client", "/seats/a send:x, close", "--client", "/seats/b send:x, close")
CAREFUL = ("--client", "/careful/a send:x, close", "--client", "/careful/b send:x, close")
TWICE = "seats:no_seat_is_sold_twice"


def check(*asked: str) -> Result:
    return CliRunner().invoke(main, ["check", "seats:app", "--app-dir", str(FOLDER), *asked])


def document(*asked: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(check(*asked, "--json").stdout)
    return made


def test_nothing_fails_as_long_as_nothing_is_said() -> None:
    assert check(*BUY).exit_code == 0


def test_an_invariant_that_breaks_is_a_failure_with_what_it_said() -> None:
    done = check(*BUY, "--invariant", TWICE)
    assert done.exit_code == 1
    assert f"invariant: {TWICE}: 2 have bought one seat (seats.py:" in done.stdout
    assert "what must hold, as you said, does not" in done.stdout


def test_one_that_holds_in_every_schedule_is_race_free() -> None:
    assert check(*CAREFUL, "--invariant", TWICE).exit_code == 0


def test_one_for_the_end_is_looked_at_only_there() -> None:
    """Before anybody has bought, nobody has a seat."""
    assert check(*CAREFUL, "--at-end", "seats:somebody_has_one").exit_code == 0
    broken = check(*CAREFUL, "--invariant", "seats:somebody_has_one")
    assert broken.exit_code == 1
    assert "it returned False" in broken.stdout


def test_the_trace_says_when_it_broke_and_a_token_makes_it_again() -> None:
    said = document(*BUY, "--invariant", TWICE)
    token = said["failures"][0]["token"]
    named = ["--app", "seats:app", "--app-dir", str(FOLDER), "--invariant", TWICE]
    asked = ["replay", token, *named]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    assert re.search(rf"{TWICE}\s+broken\s+text=.2 have bought one seat", done.stdout)
    live = CliRunner().invoke(main, [*asked, "--live", "--trials", "3"])
    assert "confirmed 3 of 3" in live.stdout


def test_what_an_invariant_keeps_is_part_of_the_state_and_put_back() -> None:
    assert check(*CAREFUL, "--invariant", "seats:counts").exit_code == 0


def test_one_that_keeps_a_state_in_a_file_of_its_own_is_put_back_and_made_again_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "promised_in_a_file.py").write_text(
        "from seats import seats\nmost = [0]\n\n\ndef only_grows():\n"
        "    assert len(seats.sold) >= most[0]\n    most[0] = len(seats.sold)\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    done = check(*CAREFUL, "--invariant", "promised_in_a_file:only_grows")
    assert done.exit_code == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("seats:sells", "neither async"),
        ("seats", "expected MODULE:FUNCTION"),
        ("seats:nothing", "has no function 'nothing'"),
        ("nowhere_at_all:x", "ModuleNotFoundError"),
    ],
)
def test_a_name_that_is_none_is_told_before_anything_runs(name: str, fault: str) -> None:
    done = check(*BUY, "--invariant", name)
    assert done.exit_code == 2
    assert fault in done.output


def test_a_token_imports_an_invariant_only_if_a_person_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "promised_elsewhere.py").write_text(
        "from seats import seats\n\n\ndef fine():\n    assert seats.left >= 0\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    said = document(*BUY, "--invariant", "promised_elsewhere:fine")
    token = said["failures"][0]["token"]
    asked = ["replay", token, "--app", "seats:app", "--app-dir", str(FOLDER)]
    refused = CliRunner().invoke(main, asked)
    assert refused.exit_code == 2
    assert "--invariant promised_elsewhere:fine" in refused.output
    named = CliRunner().invoke(main, [*asked, "--invariant", "promised_elsewhere:fine"])
    assert named.exit_code == 0, named.output


# -- situations ------------------------------------------------------------------------------------


def test_a_situation_that_is_never_met_makes_it_no_answer() -> None:
    done = check(*CAREFUL, "--sometimes", "three buy")
    assert done.exit_code == 3
    assert "'three buy' was never met" in " ".join(done.stdout.split())


def test_one_that_is_met_is_told_and_the_answer_stays() -> None:
    name = "seats:no_seat_is_sold_twice_and_somebody_buys"
    done = check(*CAREFUL, "--invariant", name)
    assert done.exit_code == 0
    assert "sometimes 'sold out': met" in done.stdout


def test_one_that_the_code_names_counts_without_being_asked_for() -> None:
    """Nobody sends anything, so that nobody buys."""
    name = "seats:no_seat_is_sold_twice_and_somebody_buys"
    done = check("--client", "/careful/a close", "--invariant", name)
    assert done.exit_code == 3
    assert "'sold out' was never met" in " ".join(done.stdout.split())


def test_a_failure_stays_one_whatever_was_never_met() -> None:
    said = document(*BUY, "--invariant", TWICE, "--sometimes", "three buy")
    assert said["verdict"] == str(Verdict.RACY)
    assert said["situations"] == {"three buy": False}


def test_outside_of_runs_it_does_nothing() -> None:
    sometimes("whatever", False)


# -- in tests --------------------------------------------------------------------------------------


def test_a_test_gives_the_function_itself() -> None:
    check_in_test("seats:app", app_dir=str(FOLDER), clients="/careful/a send:x, close")
    promised = sys.modules["seats"].no_seat_is_sold_twice
    clients = ["/seats/a send:x, close", "/seats/b send:x, close"]
    with pytest.raises(AppFailed, match="2 have bought one seat"):
        check_in_test("seats:app", app_dir=str(FOLDER), clients=clients, invariants=promised)


def test_a_function_that_no_name_finds_is_refused() -> None:
    with pytest.raises(UserError, match="a function that its module has by this name"):
        check_in_test("seats:app", app_dir=str(FOLDER), clients="close", invariants=lambda: None)
