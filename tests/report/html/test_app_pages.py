"""Pages of applications: the reason, the run beside one that passes, lanes, source lines."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.commands.cli import main
from sim.errors import UserError
from sim.exploration.case import CaseSearch
from sim.exploration.reason import watched_of
from sim.model.app import Bounds
from sim.report.html.app_cases import app_case
from sim.report.html.app_pages import app_run_page
from sim.report.html.cases import Case
from sim.report.html.page import html_of
from sim.report.trace.appwalk import lanes_of, walk_of
from sim.runs.keep import file_of
from sim.runs.replay import Allowed
from sim.runs.subject import Record
from tests.helpers.applications import FOLDER, subject, told

GUARDED = Allowed(app="guarded:app", app_dir=str(FOLDER))


@cache
def blind() -> Record:
    found = CaseSearch(subject("guarded:app", "/ws send:hi, close"), lambda _: None).run()
    return next(iter(found.failing.values()))


@cache
def shown() -> Case:
    return app_case(file_of(blind()), GUARDED, "The blind spot", "failure-1.race.json")


def test_the_failing_run_stands_beside_one_that_passes() -> None:
    failing, passing = shown().runs
    assert (failing.failed, passing.failed) == (True, False)
    assert failing.outcome == blind().outcome.label
    assert shown().parting is not None
    assert shown().again == "wsrace replay failure-1.race.json --app guarded:app"


def test_lanes_are_connections_tasks_the_system_watched_states_and_the_clock() -> None:
    names = [name for _, name in shown().runs[0].lanes.names]
    assert {"the system", "c1 handler", "c1 client"} <= set(names)
    assert shown().states == ("c1 connection", "c1 client_state", "c1 application_state", "clock")
    assert names[-4:] == list(shown().states)


def test_reads_and_writes_of_the_state_are_moments_with_the_users_line() -> None:
    moments = shown().runs[0].walk.moments
    what = [(one.task, one.what, one.where.partition(":")[0], one.inside[:10]) for one in moments]
    lost = "writes c1 application_state CONNECTED > DISCONNECTED"
    assert ("c1 handler", lost, "guarded.py", "starlette/") in what
    assert ("c1 handler", "reads c1 client_state CONNECTED", "guarded.py", "") in what
    assert ("the system", "data, data of c1 comes", "", "") in what


def test_between_the_last_look_and_the_failure_it_is_shaded() -> None:
    moments = shown().runs[0].walk.moments
    inside = [one for one in moments if one.window]
    assert inside
    assert inside[0].what == "reads c1 client_state CONNECTED"
    assert shown().runs[0].lanes.windows


def test_the_users_source_stands_there_and_the_reason_is_the_one_of_the_command() -> None:
    text = html_of(app_run_page(file_of(blind()), GUARDED, "failure-1.race.json"))
    sources = json.loads(re.findall(r'<script[^>]*id="sources"[^>]*>(.*?)</script>', text)[0])
    assert any("return websocket.client_state == CONNECTED" in str(one) for one in sources.values())
    assert "it does not look at application_state" in text
    assert str(FOLDER) not in text


def test_the_same_source_gives_the_same_bytes() -> None:
    once, again = (html_of(app_run_page(file_of(blind()), GUARDED)) for _ in range(2))
    assert once == again


def test_a_run_that_passes_stands_alone() -> None:
    made = file_of(told(subject("plain:careful", "send:a, close")))
    one = app_case(made, Allowed(app="plain:careful", app_dir=str(FOLDER)), "It")
    assert len(one.runs) == 1
    assert one.why == ""


def test_an_application_is_imported_only_if_it_is_named() -> None:
    with pytest.raises(UserError, match="--app guarded:app"):
        app_run_page(file_of(blind()), Allowed())


def test_what_never_changes_has_no_lane() -> None:
    walk = walk_of(blind(), watched_of(blind()))
    assert len(walk.lanes) >= len(lanes_of([walk]))
    assert "clock" in lanes_of([walk])


def test_two_clients_and_a_hang_have_pages_too() -> None:
    clients = ("/transfer/there send:a, wait, close", "/transfer/back send:a, wait, close")
    one = subject("unseen:app", *clients, bounds=Bounds(start="open"))
    found = next(iter(CaseSearch(one, lambda _: None).run().failing.values()))
    made = app_case(file_of(found), Allowed(app="unseen:app", app_dir=str(FOLDER)), "It")
    assert any("it is held by the handler of c2" in line for line in made.reasons)


# -- the command -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checked") / "found"
    asked = ["guarded:app", "--app-dir", str(FOLDER), "--path", "/ws", "--out", str(folder)]
    assert CliRunner().invoke(main, ["check", *asked]).exit_code == 1
    return folder


def report(*asked: str) -> Result:
    return CliRunner().invoke(main, ["report", *asked])


APP = ("--app", "guarded:app", "--app-dir", str(FOLDER))


def test_a_folder_of_check_becomes_a_page(checked: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    done = report(str(checked), "-o", str(out), *APP)
    assert done.exit_code == 0, done.output
    text = out.read_text(encoding="utf-8")
    for part in ("guarded:app: racy", "What was asked", "one connection", "Bounds: ", "Why:"):
        assert part in text


def test_without_the_name_of_the_application_no_run_is_shown(checked: Path) -> None:
    done = report(str(checked), "-o", "-")
    assert done.exit_code == 0
    assert "only with --app guarded:app" in done.stdout
    assert "Why:" not in done.stdout


def test_one_file_and_what_check_printed_become_pages(checked: Path) -> None:
    assert "Why:" in report(str(checked / "failure-1.race.json"), "-o", "-", *APP).stdout
    assert "What was asked" in report(str(checked / "check.json"), "-o", "-").stdout


def test_a_document_that_is_none_is_told_with_its_faults(checked: Path, tmp_path: Path) -> None:
    said = json.loads((checked / "check.json").read_text())
    (tmp_path / "check.json").write_text(json.dumps(said | {"verdict": "fine", "rungs": 3}))
    done = report(str(tmp_path / "check.json"), "-o", "-")
    assert done.exit_code == 2
    assert "verdict" in done.output
    assert "rungs" in done.output
