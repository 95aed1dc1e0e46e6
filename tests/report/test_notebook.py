"""How things show themselves in a notebook."""

import asyncio
from functools import cache, lru_cache
from typing import Any

import pytest

import sim
from sim.exploration.check import Checked
from sim.exploration.counterexample import counterexample
from sim.report.notebook import PARTS, as_html, register
from sim.report.plots.pictures import figures
from tests.helpers.applications import FOLDER
from tests.helpers.made_reports import EVIL, evil, hop, timed
from tests.helpers.scenes import CLOSE, scene
from tests.report.plots.test_views import found

IPython = pytest.importorskip("IPython.core.formatters")


@cache
def checked() -> Checked:
    clients = ["/kicks send:a, wait", "/kicks close"]
    return sim.check_app("kicks:app", app_dir=str(FOLDER), clients=clients, start="open")


@lru_cache
def things() -> dict[str, Any]:
    explored = sim.explore(scene(CLOSE), sim.Inquiry())
    plan = sim.open_plan("issue-1061")
    small = plan.model_copy(
        update={"deployment": plan.deployment.model_copy(update={"clients": 2})}
    )
    sessions = sim.deploy(small, "catch", 0, 1)
    return {
        "Reproduction": found(),
        "Exploration": explored,
        "Counterexample": counterexample(explored),
        "Record": timed(),
        "ExactReproduction": sim.exact_reproduce(
            sim.Task("server-close", ("sweep.values=[0, 5]",), ("pre-fix",))
        ),
        "ExactRate": sim.exact_rate(timed().scenario),
        "Validation": sim.validated(small, "catch", sessions, None),
        "Checked": checked(),
    }


class Shell:
    """As much of an IPython shell as is needed."""

    def __init__(self) -> None:
        self.display_formatter = IPython.DisplayFormatter()


@pytest.fixture
def shell() -> Shell:
    made = Shell()
    sim.load_ipython_extension(made)
    return made


def test_there_is_a_form_for_each_of_these_and_no_other_is_needed() -> None:
    assert {kind.__name__ for kind in PARTS} == set(things())


@pytest.mark.parametrize("name", [kind.__name__ for kind in PARTS])
def test_each_is_shown_as_html_and_as_the_text_of_a_terminal(name: str, shell: Shell) -> None:
    shown, _ = shell.display_formatter.format(things()[name])
    assert shown["text/html"] == as_html(things()[name])
    assert "<p>" in shown["text/html"] or "<table>" in shown["text/html"]
    assert "object at 0x" not in shown["text/plain"]
    assert "\x1b" not in shown["text/plain"]
    assert len(shown["text/plain"].splitlines()) >= 1


def test_a_reproduction_shows_its_table_and_its_sentences(shell: Shell) -> None:
    shown, _ = shell.display_formatter.format(found())
    assert "<table>" in shown["text/html"]
    assert "With pre-fix" in shown["text/html"]


def test_a_reproduction_of_one_scenario_and_a_run_over_time_show_a_plot(shell: Shell) -> None:
    for thing, alt in ((found(), "server-close: Another task"), (timed(), "timed, pre-fix")):
        shown, _ = shell.display_formatter.format(thing)
        assert shown["text/html"].count('src="data:image/png;base64,') == 1
        assert f'<img alt="{alt}' in shown["text/html"]
        assert "base64" not in shown["text/plain"]
    assert "<img" not in as_html(hop())  # all of it happens at one time


def test_a_run_folds_its_events(shell: Shell) -> None:
    shown, _ = shell.display_formatter.format(hop())
    assert "<details>" in shown["text/html"]
    assert "need_accept_first" in shown["text/plain"]


def test_hostile_names_stay_text(shell: Shell) -> None:
    shown, _ = shell.display_formatter.format(evil())
    assert "<script" not in shown["text/html"]
    assert "<img src=x" not in shown["text/html"]
    assert EVIL not in shown["text/html"]


def test_a_run_of_an_application_is_shown_with_its_events(shell: Shell) -> None:
    """It was an AssertionError: only runs of scenarios had a heading for their pictures."""
    made = checked().climbed.cases[0].kept[0]
    shown, _ = shell.display_formatter.format(made)
    assert "kicks:app on uvicorn" in shown["text/html"]
    assert "client.opened" in shown["text/plain"]


def test_in_a_notebook_an_application_is_checked_though_a_loop_runs() -> None:
    async def cell() -> str:
        clients = "send:a, wait, close"
        found = sim.check_app("plain:careful", app_dir=str(FOLDER), clients=clients)
        return str(found.climbed.verdict)

    assert asyncio.run(cell()) == "race-free"


def test_a_figure_is_shown_as_the_same_png_twice(shell: Shell) -> None:
    one, two = (
        shell.display_formatter.format(figures(found())["rate-server-close"])[0]["image/png"]
        for _ in range(2)
    )
    assert one == two
    assert len(one) > 10_000


def test_another_thing_has_no_form() -> None:
    with pytest.raises(KeyError):
        as_html(3)
    assert callable(register)
