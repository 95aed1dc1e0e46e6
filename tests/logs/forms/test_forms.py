"""Logs in the forms in which programs write them, each made by who made the form up."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.commands.logs import Request, run
from sim.logs.times import NOTHING
from tests.logs.forms.errors import ONLY, stream
from tests.logs.forms.every import FORMS, TRANSCRIBED
from tests.logs.forms.expected import expected, expected_totals, told, totals, triage
from tests.logs.forms.form import Form

EACH = pytest.mark.parametrize("form", [*FORMS, *TRANSCRIBED], ids=lambda form: form.name)
FEW, SOME, MANY = 12, 40, 1000
Logs = Callable[[Form], Path]
"""Returns the log of a form; skips a test where its library or its program is not installed."""
ROOT = Path(__file__).parents[3]


def made(folder: Path, errors: int, kinds: str = "all") -> Logs:
    """Write the logs of all forms, in one process: what it changes stays there."""
    names = [form.name for form in (*FORMS, *TRANSCRIBED) if not form.missing]
    subprocess.run(
        [sys.executable, "-m", "tests.logs.forms.make", str(folder), str(errors), kinds, *names],
        check=True,
        cwd=ROOT,
        env=_surroundings(),
    )

    def log(form: Form) -> Path:
        if form.missing:
            pytest.skip(f"not installed: {', '.join(form.missing)}")
        failed = folder / f"{form.name}.failed"
        assert not failed.exists(), failed.read_text()
        return folder / form.name

    return log


def _surroundings() -> dict[str, str]:
    """What a log would depend on besides: width, colours and language of a terminal, and zone."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    return kept | {"TZ": "UTC", "LC_ALL": "C.UTF-8", "COLUMNS": "80"}


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    return made(tmp_path_factory.mktemp("few"), FEW)


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    return made(tmp_path_factory.mktemp("some"), SOME)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    return made(tmp_path_factory.mktemp("many"), MANY)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    return made(tmp_path_factory.mktemp("quiet"), FEW, "quiet")


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    return made(tmp_path_factory.mktemp("unknown"), FEW, "unknown")


def test_at_least_25_forms_are_read_and_transcribed_ones_are_apart() -> None:
    names = [form.name for form in (*FORMS, *TRANSCRIBED)]
    assert len(set(names)) == len(names)
    assert len(FORMS) >= 25


@EACH
def test_each_error_is_one_record_with_its_pattern_time_severity_and_mechanism(
    form: Form, few: Logs
) -> None:
    assert list(told(form, few(form))) == expected(form, list(stream(FEW)))


@EACH
def test_a_time_without_a_day_or_a_year_is_not_known_unless_somebody_says_it(
    form: Form, few: Logs
) -> None:
    events = list(stream(FEW))
    assert list(told(form, few(form), NOTHING)) == expected(form, events, NOTHING)
    assert all(one.second is None for one in expected(form, events, NOTHING)) == (
        form.says != "time"
    )


@EACH
def test_the_same_errors_give_the_same_totals_and_verdict(form: Form, some: Logs) -> None:
    assert totals(triage(some(form))) == expected_totals(form, list(stream(SOME)))
    assert run(Request([str(some(form))], as_json=True)) == 1


@pytest.mark.slow
@EACH
def test_a_thousand_errors_give_the_same_totals_and_verdict(form: Form, many: Logs) -> None:
    assert totals(triage(many(form))) == expected_totals(form, list(stream(MANY)))
    assert run(Request([str(many(form))], as_json=True)) == 1


@EACH
def test_a_quiet_log_is_an_all_clear(form: Form, quiet: Logs) -> None:
    assert run(Request([str(quiet(form))], as_json=True)) == 0


@EACH
def test_errors_that_nobody_knows_are_no_all_clear(form: Form, unknown: Logs) -> None:
    found = triage(unknown(form))
    wanted = expected_totals(form, list(stream(FEW, ONLY["unknown"])))
    assert (totals(found).unknown, totals(found).hits) == (wanted.unknown, wanted.hits)
    assert run(Request([str(unknown(form))], as_json=True)) == (1 if form.always else 3)
