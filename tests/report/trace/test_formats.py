"""The registry of forms: names for the command line, nothing loaded until a run is written."""

import subprocess
import sys

import pytest

from sim.report.trace.formats import FORMATS, Format, formats_in_words
from sim.runs.subject import Record
from tests.helpers.told_runs import hostile, played

HEAVY = ("trio", "pydantic", "starlette", "matplotlib", "jinja2")


@pytest.mark.parametrize("name", FORMATS)
def test_every_form_writes_lines(name: str) -> None:
    for record in (played("server-close"), hostile("\x1b[31m\u2028\n")):
        text = FORMATS[name].write(record)
        assert text.endswith("\n")
        assert "\x1b" not in text
        assert all(line.isprintable() for line in text.split("\n"))


def test_what_they_are_is_one_sentence() -> None:
    told = formats_in_words()
    assert told.startswith("A short telling, every event")
    assert told.endswith(", or the trace as JSON Lines.")
    assert all(one.about.lower() in told.lower() for one in FORMATS.values())


def test_a_new_form_is_a_function_of_a_record_and_a_line() -> None:
    assert Format(__name__, "digest_alone", False, "the digest").write(hostile("x")) == "digest\n"


def digest_alone(record: Record) -> str:
    return f"{record.digest}\n"


def test_the_command_line_knows_them_without_loading_what_writes_them() -> None:
    code = (
        "import sys, sim.commands.cli as cli\n"
        f"print(*cli.FORMATS, *({set(HEAVY)!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == list(FORMATS)
