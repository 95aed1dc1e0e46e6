"""A handler of somebody's own is told like ours: in its lines, without what it does not have."""

import inspect
import json

import pytest

from sim.exploration.explain import with_lines
from sim.files.documents import ExploreDocument
from sim.report.html.again import again_explore
from sim.report.html.cases import Case, case
from sim.report.html.page import html_of
from sim.report.html.pages import exploration_page
from sim.report.notebook import as_html
from sim.report.plots.pictures import figures
from sim.report.plots.states import timeline_parts
from sim.report.trace.formats import FORMATS
from sim.report.trace.walk import moments_of
from tests.helpers import own_app
from tests.helpers.made_reports import page
from tests.helpers.own_app import failing

MODULE = own_app.__name__
STATES = ["client_state", "application_state"]


def line_of(text: str, function: object) -> str:
    """Return where a line of a handler stands, as "module:line"."""
    lines, first = inspect.getsourcelines(function)  # type: ignore[arg-type]
    return f"{MODULE}:{first + next(n for n, one in enumerate(lines) if text in one)}"


def shown(name: str = "echo") -> Case:
    return case(failing(name), "own")


def test_it_is_named_where_a_guard_would_be_and_nothing_of_ours_is_said_of_it() -> None:
    found = shown()
    assert found.about == f"own, handler {MODULE}:echo, asyncio-3.11, uvicorn-sansio@0.54"
    for text in (page(found), as_html(failing()), FORMATS["perfetto"].write(failing())):
        for ours in ("main mode", "report shape", "guard pre-fix", "state machine"):
            assert ours not in text


def test_its_states_are_those_of_the_websocket() -> None:
    found = shown()
    assert list(found.states) == [*STATES, "network"]
    for run in found.runs:
        assert {len(one.states) for one in run.walk.moments} == {3}
        assert [name for _, name in run.lanes.names][-3:] == [*STATES, "network"]
    lanes, _, spans = timeline_parts(failing())
    assert [lane.name for lane in lanes] == STATES
    assert spans == ()


def test_it_has_no_window_and_the_page_speaks_of_none() -> None:
    found = shown()
    assert not any(one.window for run in found.runs for one in run.walk.moments)
    assert "Shaded is the window" not in page(found)


@pytest.mark.parametrize(
    ("name", "function", "text"),
    [("echo", own_app.echo, "ws.send_text"), ("nursed", own_app.answer, "ws.receive_text")],
)
def test_what_a_library_does_for_it_is_told_with_its_own_line(
    name: str, function: object, text: str
) -> None:
    moments = moments_of(with_lines(failing(name)), "c1")
    line = line_of(text, function)
    uses = [one for one in moments if one.where == line and one.what.startswith("reads")]
    assert uses
    assert all(one.inside.startswith("starlette.websockets:") for one in uses)
    assert all(one.handler == line for one in uses)
    (raised,) = (one for one in moments if one.what.startswith("raised "))
    assert (raised.where, raised.inside) == (line, "")


def test_while_others_act_it_stands_at_its_own_line() -> None:
    moments = moments_of(with_lines(failing()), "c1")
    receives = line_of("ws.receive_text", own_app.echo)
    met = next(one for one in moments if one.what == "injected server-close")
    assert (met.where, met.handler) == ("", receives)


def test_its_source_stands_beside_every_line_of_its_own() -> None:
    found = shown()
    own = [one.where for run in found.runs for one in run.walk.moments if MODULE in one.where]
    assert own
    for where in own:
        assert found.sources[where].file == "tests/helpers/own_app.py"
    assert found.sources[line_of("receive_text", own_app.echo)].line == (
        "text = await ws.receive_text()"
    )


def test_what_its_injection_does_is_not_taken_for_its_own() -> None:
    moments = moments_of(with_lines(failing()), "c1")
    closes = [one for one in moments if one.task.endswith("server-close") and one.where]
    assert closes
    assert not any(MODULE in one.where for one in closes)


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_tells_it(form: str) -> None:
    assert "server-close" in FORMATS[form].write(failing())


def test_a_trace_for_perfetto_has_a_track_for_each_of_its_states_alone() -> None:
    rows = json.loads(FORMATS["perfetto"].write(failing()))["traceEvents"]
    names = {row["tid"]: row["args"]["name"] for row in rows if row["name"] == "thread_name"}
    slices = {names[row["tid"]] for row in rows if row["ph"] == "X"}
    assert slices == {f"c1 {state}" for state in STATES}


def test_a_run_in_which_all_happens_at_once_has_no_picture() -> None:
    assert list(figures(failing())) == []


# -- pages of an exploration -----------------------------------------------------------------------


def document(**row: object) -> ExploreDocument:
    handler = f"{MODULE}:echo"
    said = {
        "guard": handler, "handler": handler, "verdict": "racy", "complete": True, "says": "racy",
        "classes": 1, "schedules": 1, "failing": 1, "choices": 1, "deepest": 1, **row,
    }  # fmt: skip
    return ExploreDocument.model_validate(
        {
            "wsrace": "0", "scenario": "own", "seed": 0, "digest": "0" * 64, "strategy": "dpor",
            "times": "all", "property": "no-error", "source": "s.toml", "guards": [said],
        }
    )  # fmt: skip


def test_a_page_asks_which_handlers_hold_and_how_to_ask_again() -> None:
    made = html_of(exploration_page(document(verdict="inconclusive")))
    assert "own: which handlers hold, over all schedules" in made
    assert f"wsrace explore s.toml --handler {MODULE}:echo --strategy dpor" in made


def test_a_factory_is_asked_again_as_one() -> None:
    assert "--factory" not in again_explore(document())
    assert again_explore(document(factory=True)).count("--factory") == 1


def test_a_counterexample_that_may_not_run_says_which_option_allows_it() -> None:
    from sim.runs.keep import token_of

    token = token_of(failing())
    found = exploration_page(document(token=token, run=failing().digest))
    assert found.cases == []
    assert any(one.endswith("is run only with --handler.") for one in found.summary)
    allowed = exploration_page(document(token=token), guards=[f"{MODULE}:echo"])
    assert len(allowed.cases) == 1
    assert allowed.cases[0].again.endswith(f"--handler {MODULE}:echo")
