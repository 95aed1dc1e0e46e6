"""The tests that are written from a log: they can be read, run, and say what they are of."""

import ast

import pytest

from sim.exploration.from_log import Wanted
from sim.logs.patterns import MECHANISMS
from sim.report.text.from_log import write_of_app, write_of_ours

LOG = ["app.log"]


def wanted(mechanism: str, pattern: str = "need-accept-first", own: str = "") -> Wanted:
    return Wanted(mechanism, 40, True, pattern, own)


def functions(text: str) -> list[str]:
    tree = ast.parse(text)
    return [one.name for one in tree.body if isinstance(one, ast.FunctionDef)]


def test_a_mechanism_of_a_shipped_scenario_is_a_test_of_that_labelled_analogous() -> None:
    written = write_of_ours(LOG, [wanted("blind spot", own="chat.py:33")])
    assert written.left == ()
    assert written.text.startswith('"""What app.log tells, in handlers of wsrace\'s')
    assert "ANALOGOUS" in written.text
    assert '@pytest.mark.wsrace("blind-spot", guard="pre-fix")\n' in written.text
    assert "need-accept-first, 40 records: proved by the text, raised at chat.py:33." in (
        written.text
    )
    assert functions(written.text) == ["test_blind_spot"]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_each_mechanism_has_an_analogous_test_or_is_told_to_have_none(mechanism: str) -> None:
    written = write_of_ours(LOG, [wanted(mechanism)])
    without = {"state change", "keepalive"}
    assert bool(written.text) == (mechanism not in without)
    assert len(written.left) == (mechanism in without)
    if written.text:
        assert len(functions(written.text)) == 1
        compile(written.text, "test_from_log.py", "exec")


def test_what_an_escaped_disconnect_is_has_to_be_a_failure() -> None:
    text = write_of_ours(LOG, [wanted("escaped disconnect", "escaped-disconnect")]).text
    assert 'fail_on=["escaped-disconnect"]' in text
    assert 'match="escaped-disconnect"' in text


@pytest.mark.parametrize("name", ['"""', "a\\b.log", "a\nb.log", "\x1b[31m", "é.log"])
def test_no_name_of_a_log_breaks_the_file(name: str) -> None:
    text = write_of_ours([name], [wanted("blind spot", own=name)]).text
    assert functions(text) == ["test_blind_spot"]
    assert "\x1b" not in text


def test_what_no_run_of_the_application_does_is_told_and_not_written() -> None:
    written = write_of_app("my:app", LOG, [wanted("blind spot")], [], "")
    assert written.text == ""
    assert written.left == (
        "blind spot: no run of my:app that was looked at does it; say what clients send: --client",
    )
